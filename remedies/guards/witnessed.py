"""Rule 10: two independent witnesses before a host is fenced, and nobody who sees it alive."""

from __future__ import annotations

from kgraph.schema import Plan, PlanStep
from remedies.guards.refusal import Refusal
from remedies.world import World

WITNESSES = 2
_FENCE = "fence"


def witnessed(_plan: Plan, step: PlanStep, world: World) -> Refusal | None:
    """Refuse to fence a host that is silent for one vantage point alone, or alive for one."""
    if step.action != _FENCE or step.entity in world.off:
        return None
    watching = [row for row in world.facts.vantages if step.entity in row.watched]
    alive = [row.name for row in watching if step.entity not in row.silent]
    if alive:
        return Refusal("witnesses", f"{alive[0]} still hears it")
    if len(watching) < WITNESSES:
        said = f"only {watching[0].name}" if watching else "nobody"
        return Refusal("witnesses", f"{said} says that it is silent; {WITNESSES} must")
    return None
