"""Rule 8: what needs repair again and again is not repaired by itself any longer."""

from __future__ import annotations

from datetime import timedelta

from kgraph.schema import Plan, PlanStep, Risk
from remedies.guards.refusal import Refusal, Weight
from remedies.world import World

REPAIRS = 3  # of one entity for one cause
IN_ALL = 6  # whatever the causes
WITHIN = timedelta(hours=1)


def flapping(plan: Plan, step: PlanStep, world: World) -> Refusal | None:
    """Refuse, of automation, the fourth repair of one entity for one cause within an hour.

    A guest that pauses since its export, its host and its pool failed one after the other is not
    what flaps; beyond `IN_ALL` that is no explanation any longer.
    """
    if step.risk is Risk.NONE:
        return None
    since = world.now - WITHIN
    # Several steps of one plan on one entity are one repair.
    lately = [row for row in world.past if row.entity == step.entity and row.at > since]
    repairs = {(row.plan, row.at): row.cause for row in lately}
    same = sum(cause == plan.cause.entity for cause in repairs.values())
    if same < REPAIRS and len(repairs) < IN_ALL:
        return None
    why = f"repaired {len(repairs)} times within an hour: it is flapping"
    return Refusal("flapping", why, Weight.AUTOMATION)
