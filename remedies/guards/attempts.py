"""Rule 8: the same repair with the same outcome is not tried again."""

from __future__ import annotations

from datetime import timedelta

from kgraph.schema import Outcome, Plan, PlanStep, Risk
from remedies.guards.refusal import Refusal, Weight
from remedies.world import World

MEMORY = timedelta(hours=24)
PAUSE = timedelta(seconds=20)  # after a plan that ended undone; twice as long after each more
LONGEST = timedelta(minutes=15)


def attempts(plan: Plan, step: PlanStep, world: World) -> Refusal | None:
    """Refuse, of automation, what was tried on this entity and did not help.

    A plan that ended before it did anything may be begun again, but not at once and again.
    """
    if step.risk is Risk.NONE:
        return None
    ended = [at for name, at in world.undone if name == plan.id]
    if ended:
        pause = min(PAUSE * 2 ** (len(ended) - 1), LONGEST)
        if world.now - max(ended) < pause:
            again = max(ended) + pause
            why = f"it ended undone at {max(ended):%H:%M:%SZ}; not again before {again:%H:%M:%SZ}"
            return Refusal("attempts", why, Weight.AUTOMATION)
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
