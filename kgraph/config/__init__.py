"""The configuration: what is read, from where, and which layer each value comes from."""

from kgraph.config.configuration import Configuration, listening
from kgraph.config.endpoints import (
    AnsibleEndpoint,
    EndpointConfig,
    HookEndpoint,
    LibvirtEndpoint,
    PowerEndpoint,
    PowerMethod,
    SystemdEndpoint,
    WebhookEndpoint,
)
from kgraph.config.layers import FILE_NAME, load
from kgraph.config.sections import StoreSettings
from kgraph.config.settings import Settings
from kgraph.config.sources import (
    AlertmanagerSource,
    CallsSource,
    ChangesSource,
    ChecksSource,
    LibvirtSource,
    LogsSource,
    NbdSource,
    NfsSource,
    PrometheusSource,
    SyntheticSource,
    TopologySource,
    source_entry,
    source_model,
)

__all__ = [
    "FILE_NAME",
    "AlertmanagerSource",
    "AnsibleEndpoint",
    "CallsSource",
    "ChangesSource",
    "ChecksSource",
    "Configuration",
    "EndpointConfig",
    "HookEndpoint",
    "LibvirtEndpoint",
    "LibvirtSource",
    "LogsSource",
    "NbdSource",
    "NfsSource",
    "PowerEndpoint",
    "PowerMethod",
    "PrometheusSource",
    "Settings",
    "StoreSettings",
    "SyntheticSource",
    "SystemdEndpoint",
    "TopologySource",
    "WebhookEndpoint",
    "listening",
    "load",
    "source_entry",
    "source_model",
]
