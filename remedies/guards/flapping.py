"""Rule 8: what needs repair again and again is not repaired by itself any longer."""

from __future__ import annotations

from datetime import timedelta

from kgraph.schema import Plan, PlanStep, Risk
from remedies.guards.refusal import Refusal, Weight
from remedies.world import World

REPAIRS = 3
WITHIN = timedelta(hours=1)


def flapping(_plan: Plan, step: PlanStep, world: World) -> Refusal | None:
    """Refuse, of automation, the fourth repair of one entity within an hour."""
    if step.risk is Risk.NONE:
        return None
    since = world.now - WITHIN
    # Several steps of one plan on one entity are one repair.
    repairs = {
        (row.plan, row.at) for row in world.past if row.entity == step.entity and row.at > since
    }
    if len(repairs) < REPAIRS:
        return None
    why = f"repaired {len(repairs)} times within an hour: it is flapping"
    return Refusal("flapping", why, Weight.AUTOMATION)
