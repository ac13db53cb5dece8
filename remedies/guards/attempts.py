"""Rule 8: the same repair with the same outcome is not tried again."""

from __future__ import annotations

from datetime import timedelta

from kgraph.schema import Outcome, Plan, PlanStep, Risk
from remedies.guards.refusal import Refusal, Weight
from remedies.world import World

MEMORY = timedelta(hours=24)


def attempts(_plan: Plan, step: PlanStep, world: World) -> Refusal | None:
    """Refuse, of automation, what was tried on this entity and did not help."""
    if step.risk is Risk.NONE:
        return None
    since = world.now - MEMORY
    tried = [
        row
        for row in world.past
        if (row.entity, row.action) == (step.entity, step.action) and row.at > since
    ]
    newest = max(tried, key=lambda row: row.at, default=None)
    if newest is None or newest.outcome is Outcome.HELPED:
        return None
    came = newest.outcome.value.replace("_", " ")
    why = f"{step.action} was tried at {newest.at:%H:%M:%SZ} ({newest.plan}): {came}"
    return Refusal("attempts", why, Weight.AUTOMATION)
