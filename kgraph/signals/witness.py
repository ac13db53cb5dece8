"""Who is an independent witness?

One alert may reach us twice: as Prometheus evaluates it, and as Alertmanager passes it on. Each
road keeps rows of its own, so that neither ends what the other says, but both are one witness.
"""

from __future__ import annotations

_RELAY = "alertmanager"
_ROADS = frozenset({_RELAY, "prometheus"})


def witness(detector: str) -> str:
    """Return the one name of a detector over all roads that its word may come by.

    `prometheus/GuestDown`, `prometheus@east/GuestDown` and `alertmanager/GuestDown` are
    `alert/GuestDown`; any other detector is itself.
    """
    road, slash, name = detector.partition("/")
    return f"alert/{name}" if slash and road.partition("@")[0] in _ROADS else detector


def relayed(detector: str) -> bool:
    """Tell whether an alert was passed on to us, not read where its rule is evaluated."""
    return detector.startswith(f"{_RELAY}/")
