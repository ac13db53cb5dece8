"""Rule 8: the same repair with the same outcome is not tried again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from kgraph.schema import Outcome, Plan, PlanStep, Risk
from remedies.guards.refusal import Refusal, Weight
from remedies.world import Past, World

MEMORY = timedelta(hours=24)
PAUSE = timedelta(seconds=20)  # after a plan that ended undone; twice as long after each more
A_PERSONS = 6  # in a row that ended undone: what is in the way is a person's
_DOUBLINGS = 13  # are more than a day
IN_A_ROW = 3  # tries in vain within a day, whatever has changed between them


def attempts(_plan: Plan, step: PlanStep, world: World) -> Refusal | None:
    """Refuse, of automation, what was tried on this entity and did not help.

    A plan that ended before it did anything may be begun again, but not at once and again: what
    was in the way for an hour may be for another one, and at last it is tried once a day. Once
    what was in the way has changed, it is another try; three in vain are enough in any case.
    """
    if step.risk is Risk.NONE:
        return None
    ended = world.undone
    if ended:
        pause = PAUSE * 2 ** min(len(ended) - 1, _DOUBLINGS)
        again = max(ended) + min(pause, MEMORY)
        if world.now < again:
            return Refusal("attempts", _undone(ended, again), Weight.AUTOMATION)
    tried = [row for row in world.past if (row.entity, row.action) == (step.entity, step.action)]
    newest = in_vain(tried, world.lifted.get(step.entity), world.now)
    if newest is None:
        return None
    came = newest.outcome.value.replace("_", " ")
    why = f"{step.action} was tried at {newest.at:%H:%M:%SZ} ({newest.plan}): {came}"
    return Refusal("attempts", why, Weight.AUTOMATION)


def _undone(ended: Sequence[datetime], again: datetime) -> str:
    said = f"it ended undone at {max(ended):%H:%M:%SZ}"
    if len(ended) < A_PERSONS:
        return f"{said}; not again before {again:%H:%M:%SZ}"
    often = f"{said}, {len(ended)} times in a row: a person has to see what is in the way"
    return f"{often}; not again before {again:%Y-%m-%d %H:%MZ}"


def in_vain(tries: Collection[Past], lifted: datetime | None, now: datetime) -> Past | None:
    """Return the newest try if it forbids another one.

    Args:
        tries: of one action on one entity.
        lifted: since when what was in the way has changed; None: it has not.
        now: the moment.
    """
    rows = sorted((row for row in tries if row.at > now - MEMORY), key=lambda row: row.at)
    if not rows or rows[-1].outcome is Outcome.HELPED:
        return None
    helped = [n for n, row in enumerate(rows) if row.outcome is Outcome.HELPED]
    in_a_row = rows[helped[-1] + 1 if helped else 0 :]
    again = lifted is not None and rows[-1].at <= lifted and len(in_a_row) < IN_A_ROW
    # What made it worse is never repeated, whatever has changed.
    worse = any(row.outcome is Outcome.MADE_WORSE for row in in_a_row)
    return None if again and not worse else rows[-1]
