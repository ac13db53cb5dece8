"""Rule 10: what libvirt runs is acted on by UUID, never by name."""

from __future__ import annotations

from kgraph.schema import Plan, PlanStep
from remedies.guards.refusal import Refusal
from remedies.world import World

_UUIDS = ("uuid", "network", "pool")


def identified(_plan: Plan, step: PlanStep, _world: World) -> Refusal | None:
    """Refuse an action on a guest, network or pool whose UUID is not in the plan."""
    if step.actuator != "libvirt" or any(step.parameters.get(name) for name in _UUIDS):
        return None
    return Refusal("uuid", f"the UUID of {step.title} is not known: names can be reused")
