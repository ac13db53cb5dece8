"""Rule 6: one shared cause is repaired, not its hundred victims."""

from __future__ import annotations

from kgraph.schema import Plan, PlanStep, Risk
from remedies.guards.refusal import Refusal, Weight
from remedies.world import World


def shared_cause(plan: Plan, step: PlanStep, world: World) -> Refusal | None:
    """Refuse to treat what another plan under way treats as cause or victim.

    Who began first goes on: of two that refused each other, neither would. Who has begun as well,
    and meets what the first one treats, waits until that is over: it would end half done. What
    only looks is in nobody's way once the first one has done all that it was to do.
    """
    for other in world.under_way:
        if other.id == plan.id:
            return None
        if step.risk is Risk.NONE and other.id in world.settling:
            continue
        # What another plan only looks at is not treated by it.
        acts = (row.entity for row in other.steps if row.risk is not Risk.NONE)
        treated = {other.cause.entity, *acts}
        if step.entity in treated:
            why = f"{other.id} repairs it: {other.title}"
            return Refusal("shared cause", why, Weight.MEANWHILE)
    return None
