"""Foreign clocks: how far one is off ours, and times by ours. Pure.

Who watches has one clock, ours, and all evidence is dated and ordered by it. What another machine
stamps is corrected where something tells how far its clock is off, and people are told. A minute
of error reorders cause and effect; a few seconds do not matter.

    what was written between two looks at it      the offset lies between (newest - now) and
                                                  (newest - the look before)
    an answer that says when it was given         the offset is that, less now
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

WORTH = timedelta(seconds=30)  # below it, an offset is left alone: nets and rounding
# Behind by more, and what is read is old, or of another time zone, rather than of a slow clock.
MOST_BEHIND = timedelta(minutes=30)
_NONE = timedelta(0)
_STEP = timedelta(seconds=10)
_UNITS = ((timedelta(days=1), "d"), (timedelta(hours=1), "h"))  # below two hours: seconds


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock that is not ours.

    Attributes:
        whose: in words, such as `host h1`.
        offset: how far it is ahead of ours; negative: behind.
    """

    whose: str
    offset: timedelta = _NONE

    @property
    def off(self) -> bool:
        """Whether it is off by so much that its times are corrected."""
        return abs(self.offset) >= WORTH

    def ours(self, at: datetime) -> datetime:
        """Return the moment by our clock."""
        return at - self.offset if self.off else at

    def seconds(self) -> float:
        """Return what is to be taken from its times, in seconds."""
        return self.offset.total_seconds() if self.off else 0.0

    def within(self, least: timedelta, most: timedelta | None = None) -> Clock:
        """Return the clock as these bounds allow it, as near as can be to what was held of it.

        Args:
            least: the offset is no less: nobody stamps what has yet to happen.
            most: it is no more; None: nothing tells.
        """
        held = self.offset
        if most is not None and held > most:
            # Behind: then it was stamped when it was read, rather than before we last looked.
            behind = most <= -WORTH
            held = (least if behind else most) if most >= -MOST_BEHIND else _NONE
        return replace(self, offset=max(held, least))

    def findings(self) -> tuple[str, ...]:
        """Say that it is off, for a person."""
        if not self.off:
            return ()
        ahead = "ahead of" if self.offset > _NONE else "behind"
        # In steps, so that a finding that stands is not told anew at each reading.
        off = round(abs(self.offset) / _STEP) * _STEP
        told = f"about {_span(off)} {ahead} ours"
        return (f"the clock of {self.whose} is {told}: its times are corrected; set it by NTP",)


def written(
    clock: Clock,
    times: Iterable[datetime],
    now: datetime,
    since: datetime | None = None,
    late: timedelta = _NONE,
) -> Clock:
    """Return a clock as what it has stamped shows it.

    Args:
        clock: what was held of it.
        times: what it has stamped, at least one.
        now: when that was read.
        since: when it was read before: all of it was written after that; None: nothing tells.
        late: how long it may take from the stamp to where it is read.
    """
    newest = max(times)
    most = None if since is None else newest - since + late
    return clock.within(newest - now, most)


def answered(whose: str, date: str, now: datetime) -> Clock:
    """Return a server's clock by the `Date` of its answer; one that says nothing is right.

    Source: RFC 9110, 6.6.1.
    """
    try:
        at = parsedate_to_datetime(date)
    except ValueError:
        return Clock(whose)
    return Clock(whose, at - now if at.tzinfo else _NONE)


def _span(off: timedelta) -> str:
    """Say how far a clock is off, in the unit in which one grasps it."""
    unit, name = next((row for row in _UNITS if off >= 2 * row[0]), (timedelta(seconds=1), "s"))
    return f"{off // unit} {name}"
