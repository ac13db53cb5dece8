"""Calls by the minute, for each edge, and what was usual of it. Pure.

A minute that is over is summed up; detectors compare it with up to two hours of minutes before it
that were well. An edge that stays bad for longer is what is usual of it now.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from ingest.detect.declared import Labels
from kgraph.signals import Mapping as Entry

BUCKET = 60  # seconds
LATE = 15  # seconds that spans may come after the end of their minute
USUAL = 120  # minutes that are remembered of an edge
MOST_EDGES = 20_000
_JUDGED = 5  # minutes back from now that are still news
_KEPT = 2_000  # durations of one edge and minute; more say nothing more of its quantiles

Edge = tuple[str, str]  # caller, called

_KINDS = ("Service", "ServiceInstance", "Application", "LoadBalancer", "Database", "Queue")


def entry(signal: str) -> Entry:
    """Return what a verdict on an edge means: the signal, on who is called, seen by its caller."""
    return Entry(
        re.compile(".*"),
        kinds=_KINDS,
        signal=signal,
        name=("service",),
        caller=("caller",),
        place="calls",
    )


class Called(Protocol):
    """One call, as whoever reads spans has it."""

    @property
    def caller(self) -> str: ...
    @property
    def called(self) -> str: ...
    @property
    def at(self) -> float: ...
    @property
    def seconds(self) -> float: ...
    @property
    def failed(self) -> bool: ...


class Minute(NamedTuple):
    """What one edge did in one minute.

    Attributes:
        minute: counted from 1970.
        calls, failed: how many.
        middle, tail: the natural logarithm of the median and the 95th percentile, in seconds.
    """

    minute: int
    calls: int
    failed: int
    middle: float
    tail: float


@dataclass(frozen=True, slots=True)
class Looked:
    """The input of all detectors that read calls: an edge's last minute, and those before.

    Attributes:
        usual: minutes that were well, oldest first.
        before: the minute just before, well or not; None: it had no calls.
    """

    edge: Edge
    now: Minute
    usual: Sequence[Minute]
    before: Minute | None = None


@dataclass(slots=True)
class _Waiting:
    calls: int = 0
    failed: int = 0
    seconds: list[float] = field(default_factory=list)


@dataclass(slots=True)
class _Past:
    minutes: deque[Minute] = field(default_factory=lambda: deque(maxlen=USUAL))
    bad: deque[Minute] = field(default_factory=lambda: deque(maxlen=USUAL))
    last: Minute | None = None


@dataclass(slots=True)
class Memory:
    """What is remembered between two rounds of one source."""

    past: dict[Edge, _Past] = field(default_factory=dict)
    waiting: dict[int, dict[Edge, _Waiting]] = field(default_factory=dict)
    judged: int = 0

    def learn(self, looked: Looked, *, well: bool) -> None:
        """Remember a minute: what is not well is not usual, unless it stays so for two hours."""
        past = self.past[looked.edge]
        if well:
            past.minutes.append(looked.now)
            past.bad.clear()
            return
        past.bad.append(looked.now)
        if len(past.bad) == USUAL:
            past.minutes, past.bad = past.bad, deque(maxlen=USUAL)

    def document(self) -> dict[str, Any]:
        """Return what must be kept, as JSON has it; minutes that are not over are lost."""
        rows = [
            [*edge, [_short(m) for m in past.minutes], [_short(m) for m in past.bad]]
            for edge, past in self.past.items()
        ]
        return {"judged": self.judged, "edges": rows}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Memory:
        """Return the memory that a document was made of."""
        found = cls(judged=kept["judged"])
        for caller, called, minutes, bad in kept["edges"]:
            past = found.past[caller, called] = _Past()
            past.minutes.extend(Minute(*row) for row in minutes)
            past.bad.extend(Minute(*row) for row in bad)
        return found


def labels_of(edge: Edge) -> Labels:
    """Return the labels that name an edge."""
    caller, called = edge
    return {"service": called, "caller": caller}


def take(memory: Memory, calls: Iterable[Called], now: float) -> list[Looked]:
    """Take calls in; return each edge's minutes that are over, oldest first.

    Whoever has judged them tells `Memory.learn`. O(calls).

    Args:
        memory: changed in place.
        calls: in any order; those of minutes that were judged already are left out.
        now: seconds since 1970.
    """
    waiting, judged = memory.waiting, memory.judged
    for call in calls:
        minute = int(call.at // BUCKET)
        if minute <= judged:
            continue
        rows = waiting.setdefault(minute, {})
        edge = call.caller, call.called
        row = rows.get(edge)
        if row is None:
            row = rows[edge] = _Waiting()
        row.calls += 1
        row.failed += call.failed
        if len(row.seconds) < _KEPT:
            row.seconds.append(call.seconds)
    over = int((now - LATE) // BUCKET)
    found = []
    for minute in sorted(m for m in waiting if m < over):
        for edge, row in waiting.pop(minute).items():
            past = memory.past.setdefault(edge, _Past())
            if len(memory.past) > MOST_EDGES:
                del memory.past[next(iter(memory.past))]
            summed = _summed(minute, row)
            before, past.last = past.last, summed
            if before is not None and before.minute != minute - 1:
                before = None
            if over - minute > _JUDGED:
                past.minutes.append(summed)  # long ago: it only teaches
            else:
                found.append(Looked(edge, summed, tuple(past.minutes), before))
        memory.judged = max(memory.judged, minute)
    return found


def _summed(minute: int, row: _Waiting) -> Minute:
    ranked = sorted(row.seconds)
    middle = ranked[len(ranked) // 2]
    tail = ranked[min(len(ranked) - 1, math.ceil(0.95 * len(ranked)) - 1)]
    return Minute(minute, row.calls, row.failed, _log(middle), _log(tail))


def _log(seconds: float) -> float:
    return math.log(max(seconds, 1e-6))


def _short(minute: Minute) -> list[float]:
    return [*minute[:3], round(minute.middle, 4), round(minute.tail, 4)]
