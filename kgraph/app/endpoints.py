"""The configured ways to act, as the planner knows them."""

from __future__ import annotations

from kgraph.config import (
    Configuration,
    EndpointConfig,
    LibvirtEndpoint,
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
            return Endpoint(config.name, config.type, select, uri=config.uri)
        case SystemdEndpoint():
            return Endpoint(config.name, config.type, select, unit=config.unit)
        case WebhookEndpoint():
            return Endpoint(config.name, config.type, select)
