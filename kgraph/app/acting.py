"""The actuators of the configured endpoints. Made only where something may be acted on."""

from __future__ import annotations

from ingest import nbd
from ingest.libvirt.binding import Control, load_control
from kgraph.config import (
    Configuration,
    EndpointConfig,
    LibvirtEndpoint,
    LibvirtSource,
    SystemdEndpoint,
    WebhookEndpoint,
)
from remedies import LOG, NBD, Actuator, Actuators
from remedies.actuators.export_check import ExportCheck
from remedies.actuators.libvirt import LibvirtActuator
from remedies.actuators.notify import Notify, Token
from remedies.actuators.systemd import SystemdActuator


def actuators(configuration: Configuration) -> Actuators:
    """Make an actuator for each endpoint, by the endpoint's name.

    Raises:
        SourceError: a libvirt endpoint without libvirt's binding.
    """
    made: dict[str, Actuator] = {LOG.name: Notify(), NBD.name: ExportCheck(nbd.look)}
    for endpoint in configuration.settings.endpoints:
        made[endpoint.name] = _actuator(endpoint, configuration)
    return made


def _actuator(endpoint: EndpointConfig, configuration: Configuration) -> Actuator:
    match endpoint:
        case LibvirtEndpoint():
            return _libvirt(endpoint, configuration, load_control())
        case SystemdEndpoint():
            return SystemdActuator(endpoint.unit, endpoint.via)
        case WebhookEndpoint():
            file = configuration.resolve(endpoint.token_file) if endpoint.token_file else None
            return Notify(endpoint.url, Token(endpoint.token_env, file))


def _libvirt(
    endpoint: LibvirtEndpoint, configuration: Configuration, control: Control
) -> LibvirtActuator:
    """Let it act through its own connection, or else those of the configured sources."""
    sources = configuration.settings.sources
    hosts = tuple(source.uri for source in sources if isinstance(source, LibvirtSource))
    allowed = frozenset([endpoint.uri] if endpoint.uri else hosts)
    return LibvirtActuator(control, hosts, allowed)
