"""When so much opens at once that a receiver is told of many incidents in one message. Pure.

The first few are told one by one, and of each level only what is as bad or worse counts: warnings
do not keep a critical one back.
What comes then is gathered for a moment and told together, as by Alertmanager's groups; what is
worse than the last digest does not wait for the next one's turn.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from kgraph.incidents.notice import LEVELS, Notice
from kgraph.store import AHEAD

WHILE = timedelta(hours=1)  # in which `most` of a level are told one by one
GATHERED = timedelta(seconds=30)  # for what opens together
APART = timedelta(minutes=5)  # between two digests of one level


@dataclass
class Crowd:
    """What was told to a receiver lately, and what is to be told together.

    Attributes:
        most: incidents of one level, or worse, that are told one by one within an hour; 0: all.
        open: digest -> its incidents that are not closed yet.
        told_at: digest -> when it was last told.
    """

    most: int
    open: dict[str, set[str]] = field(default_factory=dict)
    told_at: dict[str, datetime] = field(default_factory=dict)
    _told: list[tuple[str, datetime]] = field(default_factory=list)  # level, and when
    # By incident, and since when it waits.
    _waiting: dict[str, tuple[Notice, datetime]] = field(default_factory=dict)
    _last: tuple[datetime, str] | None = None  # digest, or one too many, and its level

    def count(self, level: str, at: datetime) -> None:
        """Take note of an incident that was told by itself."""
        self._told.append((level, at))

    def admits(self, level: str, now: datetime) -> bool:
        """Tell whether one more of a level is told by itself."""
        told = self._told = [(row, at) for row, at in self._told if -AHEAD <= now - at < WHILE]
        as_bad = sum(LEVELS.index(row) >= LEVELS.index(level) for row, _ in told)
        return not self.most or as_bad < self.most

    def gather(self, found: Notice, now: datetime) -> None:
        """Keep one that is to be told with others."""
        _, since = self._waiting.get(found.incident, (found, now))
        self._waiting[found.incident] = (found, since)

    def forget(self, incident: str) -> None:
        """Keep one no longer: it is over, or told otherwise."""
        self._waiting.pop(incident, None)

    def ready(self, now: datetime) -> list[Notice]:
        """Return what is to be told together now, if its time has come."""
        if not self._waiting:
            return []
        rows = self._waiting.values()
        level = max((row.level for row, _ in rows), key=LEVELS.index)
        if now - min(since for row, since in rows if row.level == level) < GATHERED:
            return []
        if self._last is not None:
            at, before = self._last
            if now - at < APART and LEVELS.index(level) <= LEVELS.index(before):
                return []
        found, self._waiting = [row for row, _ in rows], {}
        self._last = (now, level)
        return found

    def opened(self, digest: str, incidents: Iterable[str], at: datetime) -> None:
        """Take note of a digest that goes on."""
        self.open[digest], self.told_at[digest] = set(incidents), at

    def reminded(self, seconds: float, now: datetime) -> list[str]:
        """Return the digests that were told so long ago, each once; none for 0.

        What a clock that was ahead has dated was so.
        """
        long_ago = now - timedelta(seconds=seconds)
        found = [
            id_ for id_, at in self.told_at.items() if seconds and not long_ago < at <= now + AHEAD
        ]
        self.told_at |= dict.fromkeys(found, now)
        return found

    def closed(self, incident: str) -> list[str]:
        """Take note that an incident is over for good; return the digests that are by that."""
        over = []
        for id_, left in list(self.open.items()):
            left.discard(incident)
            if not left:
                over.append(id_)
                del self.open[id_], self.told_at[id_]
        return over
