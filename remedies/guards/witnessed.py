"""Rule 10: two independent witnesses before a host is fenced, and nobody who sees it alive."""

from __future__ import annotations

from collections.abc import Sequence

from kgraph.schema import Plan, PlanStep
from remedies.actions import FENCE
from remedies.guards.refusal import Refusal, Weight
from remedies.world import Vantage, World

WITNESSES = 2


def witnessed(_plan: Plan, step: PlanStep, world: World) -> Refusal | None:
    """Refuse to fence a host that is silent for one vantage point alone, or alive for one."""
    if step.action != FENCE or step.entity in world.off:
        return None
    every = world.facts.vantages
    watching = [row for row in every if step.entity in row.watched]
    # Who hears nothing of most others still proves by what it hears that it is alive.
    alive = [row.name for row in watching if step.entity not in row.silent]
    if alive:
        return Refusal("witnesses", f"{alive[0]} still hears it")
    watching = [row for row in watching if not _blind(row, every)]
    if len(watching) < WITNESSES:
        said = f"only {watching[0].name}" if watching else "nobody"
        why = f"{said} says that it is silent; {WITNESSES} must"
        return Refusal("witnesses", why, Weight.MEANWHILE)
    return None


def _blind(row: Vantage, every: Sequence[Vantage]) -> bool:
    """Tell whether it hears nothing of most of what others hear: it is no witness of silence."""
    others = [other for other in every if other is not row]
    heard = {uid for other in others for uid in (other.watched - other.silent) & row.watched}
    return bool(heard) and len(row.silent & heard) > len(heard) / 2
