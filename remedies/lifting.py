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
        well_since: since when the entity is seen well; None: it is not. Moments in which most is
            silent, and it as well, do not count.
        dark_since: since when such a moment lasts, if one does.
    """

    at: datetime
    blocked: frozenset[str] = frozenset()
    well_since: datetime | None = None
    dark_since: datetime | None = None


def lifting(doubt: Doubt, facts: Facts, uid: str, *, blind: bool = False) -> tuple[Doubt, str]:
    """Return what is known now, and why it may be tried again; empty: it may not.

    Only readings that are newer than the try count.

    Args:
        doubt: what was tried in vain.
        facts: what is observed.
        uid: the entity that was treated.
        blind: whether most is silent: then whoever is not heard of may be as well as before.
    """
    if facts.read_at <= doubt.at:
        return doubt, ""
    free = sorted(each for each in doubt.blocked if facts.sees_well(each))
    if free:
        return doubt, f"{free[0]}, which it stands on, is seen well now"
    if not facts.sees_well(uid):
        if doubt.well_since is None:
            return doubt, ""
        if blind and uid not in facts.ill:
            return replace(doubt, dark_since=doubt.dark_since or facts.read_at), ""
        return replace(doubt, well_since=None, dark_since=None), ""
    since = doubt.well_since or facts.read_at
    if doubt.dark_since is not None:
        since += facts.read_at - doubt.dark_since
    if facts.read_at - since >= WELL:
        return doubt, f"it was seen well for {WELL.total_seconds():g} s meanwhile"
    if (since, None) == (doubt.well_since, doubt.dark_since):
        return doubt, ""
    return replace(doubt, well_since=since, dark_since=None), ""
