"""Rule 12: a symptom that our own action brings is that action's, and not a new fault."""

from __future__ import annotations

from kgraph.schema import Plan, PlanStep, Risk
from remedies.guards.refusal import Refusal, Weight
from remedies.world import World


def attributed(plan: Plan, step: PlanStep, world: World) -> Refusal | None:
    """Make a plan wait whose every symptom began in the reach of what another one has done."""
    if step.risk is Risk.NONE or not plan.symptoms:
        return None
    for other in world.under_way:
        touched = world.touched.get(other.id, other.reach)
        if other.id == plan.id or plan.cause.entity not in touched:
            continue
        before = world.before.get(other.id)
        known = {uid for uid, _ in before or ()}
        if before is not None and not known & {plan.cause.entity, *(s[0] for s in plan.symptoms)}:
            why = f"it began while {other.id} was at work, in whose reach it is"
            return Refusal("attributed", why, Weight.LATER)
    return None
