"""When what was tried in vain may be tried again: once what was in its way has changed. Pure.

Two things show that: something that the entity stands on, and that nobody saw well while it was
tried, is seen well now; or the entity itself has been seen well for a while, so that what is wrong
with it next is another fault. Both are seen, never inferred from silence or elapsed time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from remedies.world import Facts

WELL = timedelta(minutes=2)  # twice what most repairs of ours must hold to count as help


@dataclass(frozen=True, slots=True)
class Doubt:
    """A repair in vain of one entity.

    Attributes:
        at: when it was over, or when it was last allowed to be repeated.
        blocked: what the entity stands on and nobody saw well then.
        well_since: since when the entity is seen well; None: it is not.
    """

    at: datetime
    blocked: frozenset[str] = frozenset()
    well_since: datetime | None = None


def lifting(doubt: Doubt, facts: Facts, uid: str) -> tuple[Doubt, str]:
    """Return what is known now, and why it may be tried again; empty: it may not.

    Only readings that are newer than the try count.
    """
    if facts.read_at <= doubt.at:
        return doubt, ""
    free = sorted(each for each in doubt.blocked if facts.sees_well(each))
    if free:
        return doubt, f"{free[0]}, which it stands on, is seen well now"
    if not facts.sees_well(uid):
        return (doubt if doubt.well_since is None else replace(doubt, well_since=None)), ""
    since = doubt.well_since or facts.read_at
    if facts.read_at - since < WELL:
        return (doubt if doubt.well_since else replace(doubt, well_since=since)), ""
    return doubt, f"it was seen well for {WELL.total_seconds():g} s meanwhile"
