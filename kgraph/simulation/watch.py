"""Which signals the monitoring of a usual estate looks at, per kind."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# Kinds that are not named here are watched by nobody: their faults show only in what they hit.
WATCHED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "PowerFeed": ("tripped", "overloaded"),
        "Switch": ("unreachable", "errors", "latency"),
        "Network": ("latency",),
        "Host": ("unreachable", "down", "panic", "cpu", "memory", "saturation"),
        "Nic": ("down", "errors"),
        "Bond": ("degraded", "down"),
        "StorageArray": ("unreachable", "degraded"),
        "StorageController": ("down", "degraded"),
        "StoragePath": ("down", "latency"),
        "StorageExport": ("down", "latency"),
        "Disk": ("failed", "latency"),
        "StoragePool": ("full", "degraded", "latency"),
        "Volume": ("latency",),
        "VirtualMachine": (
            "down",
            "paused",
            "ioError",
            "panic",
            "unreachable",
            "cpu",
            "memory",
            "disk",
        ),
        "ServiceInstance": ("down", "errors", "latency", "cpu"),
        "Service": ("errors", "latency", "availability", "requests"),
        "LoadBalancer": ("down", "errors", "latency"),
        "Database": ("down", "errors", "latency", "full"),
        "Queue": ("down", "latency", "full"),
        "Application": ("availability", "latency"),
        "Probe": ("down",),
    }
)
