"""The actuators of the configured endpoints. Made only where something may be acted on."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial

from ingest.exports import LOOKS
from ingest.libvirt.binding import Control, load_control
from kgraph.app.configured.catalogue import refuse_unknown_actions
from kgraph.config import (
    AnsibleEndpoint,
    Configuration,
    EndpointConfig,
    HookEndpoint,
    LibvirtEndpoint,
    LibvirtSource,
    PowerEndpoint,
    PowerMethod,
    SystemdEndpoint,
    WebhookEndpoint,
)
from kgraph.schema import ConfigurationError
from kgraph.web import Credentials
from remedies import LOG, NBD, Actuator, Actuators
from remedies.actuators.ansible import AnsibleActuator
from remedies.actuators.definitions import Definitions
from remedies.actuators.export_check import ExportCheck
from remedies.actuators.hook import HookActuator
from remedies.actuators.libvirt import LibvirtActuator
from remedies.actuators.libvirt_line import READING
from remedies.actuators.libvirt_moves import POLL
from remedies.actuators.notify import Notify
from remedies.actuators.power import Method, PowerActuator
from remedies.actuators.secrets import Secret
from remedies.actuators.systemd import SystemdActuator

_BETWEEN_READINGS = 1.0  # seconds: a controller that is switching says either for a moment


def actuators(configuration: Configuration) -> Actuators:
    """Make an actuator for each endpoint, by the endpoint's name.

    Raises:
        SourceError: a libvirt endpoint without libvirt's binding.
        ConfigurationError: an endpoint names a host that is not read, or an unknown action.
    """
    refuse_unknown_actions(_named(configuration.settings.endpoints), configuration)
    made: dict[str, Actuator] = {
        LOG.name: Notify(),
        NBD.name: ExportCheck(LOOKS),
    }
    for endpoint in configuration.settings.endpoints:
        made[endpoint.name] = _actuator(endpoint, configuration)
    return made


def _named(endpoints: Iterable[EndpointConfig]) -> dict[str, str]:
    """Return the actions that endpoints name, each with one that does."""
    return {
        action: f"endpoint {each.name}"
        for each in endpoints
        if isinstance(each, HookEndpoint | AnsibleEndpoint)
        for action in (each.actions if isinstance(each, HookEndpoint) else each.playbooks)
    }


def _actuator(endpoint: EndpointConfig, configuration: Configuration) -> Actuator:
    match endpoint:
        case LibvirtEndpoint():
            return _libvirt(endpoint, configuration, load_control())
        case SystemdEndpoint():
            return SystemdActuator(endpoint.unit, endpoint.via)
        case HookEndpoint():
            credentials = _credentials(endpoint, configuration)
            return HookActuator(endpoint.url, frozenset(endpoint.actions), credentials)
        case WebhookEndpoint():
            return Notify(endpoint.url, _credentials(endpoint, configuration))
        case AnsibleEndpoint():
            plays = {name: str(configuration.resolve(p)) for name, p in endpoint.playbooks.items()}
            inventory = configuration.resolve(endpoint.inventory) if endpoint.inventory else ""
            return AnsibleActuator(plays, str(inventory), endpoint.program)
        case PowerEndpoint():
            return _power(endpoint, configuration)


def _power(endpoint: PowerEndpoint, configuration: Configuration) -> PowerActuator:
    methods = [_method(each, configuration) for each in endpoint.methods]
    return PowerActuator(methods, rest=partial(time.sleep, _BETWEEN_READINGS))


def _credentials(endpoint: WebhookEndpoint, configuration: Configuration) -> Credentials:
    return Credentials(endpoint.token_env, configuration.given(endpoint.token_file))


def _method(config: PowerMethod, configuration: Configuration) -> Method:
    file = configuration.given(config.secret_file)
    secret = Secret(config.secret_env, file)
    return Method(config.agent, config.options, secret, config.secret_option)


def _libvirt(
    endpoint: LibvirtEndpoint, configuration: Configuration, control: Control
) -> LibvirtActuator:
    """Let it act through its own connection, or else those of the configured sources."""
    sources = configuration.settings.sources
    hosts = tuple(source.uri for source in sources if isinstance(source, LibvirtSource))
    allowed = frozenset([endpoint.uri] if endpoint.uri else hosts)
    _check_read(endpoint.among, hosts, f"endpoint {endpoint.name}: among")
    folder = endpoint.definitions
    kept = Definitions(configuration.resolve(folder)) if folder else None
    rest = partial(time.sleep, POLL)
    among = endpoint.among or hosts
    switches = _switches(configuration, hosts)
    return LibvirtActuator(control, among, allowed, kept, endpoint.routes, rest, switches)


def _switches(
    configuration: Configuration, hosts: Collection[str]
) -> Mapping[str, Callable[[], bool]]:
    """Return how to read, for a connection, whether the host behind it has no power."""
    found = {
        endpoint.uri: partial(_power(endpoint, configuration).off, READING)
        for endpoint in configuration.settings.endpoints
        if isinstance(endpoint, PowerEndpoint) and endpoint.uri
    }
    _check_read(found, hosts, "a power endpoint: uri")
    return found


def _check_read(uris: Iterable[str], hosts: Collection[str], where: str) -> None:
    unknown = sorted(set(uris) - set(hosts))
    if unknown:
        raise ConfigurationError(
            f"{unknown[0]} is no configured source, so nobody would ask it",
            where=where,
            mend="spell it as its [[sources]] entry does",
        )
