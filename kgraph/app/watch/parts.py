"""Parts of what is wrong, and what is to be done about them."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum

from kgraph.app.incidents.placing import Kept
from kgraph.app.watch.questions import Ready

LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Urgency(IntEnum):
    """What comes first."""

    NEWS = 0
    TOUCHED = 1
    RENEWAL = 2


@dataclass(eq=False)
class Part:
    """Alarms that are explained together.

    Attributes:
        alarms: uids of alarming entities.
        ready: what is asked about them, where it has been read already.
        within: uids of all that it was weighed on; empty: not yet explained.
        full: uids of what is likely blamed: all that depends on it is looked at.
        asked: what was asked when it was last renewed, as one number; 0: another time.
        kept: as it was last explained.
        live: whether it still is one.
    """

    alarms: frozenset[str]
    ready: Ready | None = None
    within: frozenset[str] = frozenset()
    full: frozenset[str] = frozenset()
    asked: int = 0
    kept: tuple[Kept, ...] = ()
    asked_at: datetime = LONG_AGO
    live: bool = True


@dataclass(eq=False)
class Sorting:
    """Alarms of which nobody knows what they belong to."""

    alarms: frozenset[str]


class Due:
    """What is to be done; what was put in under one urgency comes in that order, but for news."""

    def __init__(self) -> None:
        self._heap: list[tuple[Urgency, int, Part | Sorting]] = []
        self._count = 0

    def __bool__(self) -> bool:
        """Tell whether anything is."""
        return bool(self._heap)

    def push(self, work: Part | Sorting, urgency: Urgency) -> None:
        """Put something in."""
        self._count += 1
        # Of what is new, the newest first: somebody is being paged for it.
        number = -self._count if urgency is Urgency.NEWS else self._count
        heapq.heappush(self._heap, (urgency, number, work))

    def pop(self) -> tuple[Urgency, Part | Sorting]:
        """Take out what comes first."""
        urgency, _, work = heapq.heappop(self._heap)
        return urgency, work
