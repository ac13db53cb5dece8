"""The configured ways to act, as the planner knows them."""

from __future__ import annotations

from kgraph.config import (
    AnsibleEndpoint,
    Configuration,
    EndpointConfig,
    HookEndpoint,
    LibvirtEndpoint,
    PowerEndpoint,
    SystemdEndpoint,
    WebhookEndpoint,
)
from remedies import LOG, NBD, Endpoint, Select


def endpoints(configuration: Configuration) -> tuple[Endpoint, ...]:
    """Return the configured endpoints in their order, then those that are always there."""
    configured = (_endpoint(each) for each in configuration.settings.endpoints)
    return (*configured, LOG, NBD)


def _endpoint(config: EndpointConfig) -> Endpoint:
    chosen = config.select
    select = Select(chosen.kind, chosen.name, chosen.label, chosen.source)
    match config:
        case LibvirtEndpoint():
            return Endpoint(
                config.name,
                config.type,
                select,
                uri=config.uri,
                moves=config.moves,
                defines=config.definitions is not None,
            )
        case SystemdEndpoint():
            return Endpoint(config.name, config.type, select, unit=config.unit)
        case HookEndpoint():
            return Endpoint(config.name, config.type, select, actions=frozenset(config.actions))
        case AnsibleEndpoint():
            return Endpoint(config.name, config.type, select, actions=frozenset(config.playbooks))
        case PowerEndpoint():
            return Endpoint(config.name, config.type, select, uri=config.uri)
        case WebhookEndpoint():
            return Endpoint(config.name, config.type, select)
