"""Rule 10: guests are acted on by UUID, never by name."""

from __future__ import annotations

from kgraph.schema import Plan, PlanStep
from remedies.guards.refusal import Refusal
from remedies.world import World


def identified(_plan: Plan, step: PlanStep, _world: World) -> Refusal | None:
    """Refuse an action on a guest whose UUID is not in the plan."""
    if step.actuator != "libvirt" or step.parameters.get("uuid"):
        return None
    return Refusal("uuid", f"the UUID of {step.title} is not known: names can be reused")
