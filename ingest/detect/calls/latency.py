"""Latency of an edge: its median and its tail against what was usual of it, on a log scale.

A robust z: the distance from the median of the minutes before, over 1.4826 times their median
absolute deviation; nothing is steadier than 15 %, no tail than 25 %.

Source: P. J. Rousseeuw, C. Croux, Alternatives to the Median Absolute Deviation (1993),
doi:10.1080/01621459.1993.10476408.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from pydantic import Field

from ingest.detect.calls.edges import BUCKET, Looked, Minute, labels_of
from ingest.detect.calls.twice import confirmed
from ingest.detect.declared import Detector, Reads, Settings, Verdict
from kgraph.schema import Direction, State
from kgraph.schema.timestamps import moment_of

_STEADIEST, _STEADIEST_TAIL = 0.15, 0.25  # of the logarithm: nothing varies less
_TAIL = 20  # calls from which on the 95th percentile is told from the maximum


class Latency(Settings):
    """When an edge is known, and which score is too much; between the two it is unknown."""

    minutes: int = Field(default=10, ge=3)
    calls: int = Field(default=10, ge=1)
    abnormal: float = Field(default=3.0, gt=0)
    healthy: float = Field(default=2.0, gt=0)


def look(edges: Iterable[Looked], settings: Latency) -> Iterator[Verdict]:
    """Judge each edge that had enough calls, now and before; O(edges)."""
    for looked in edges:
        now = looked.now
        if len(looked.usual) < settings.minutes or now.calls < settings.calls:
            continue
        middle = [minute.middle for minute in looked.usual]
        tail = [minute.tail for minute in looked.usual]

        def scored(
            minute: Minute, middle: list[float] = middle, tail: list[float] = tail
        ) -> float:
            score = _score(minute.middle, middle)
            return (
                max(score, _score(minute.tail, tail, _STEADIEST_TAIL))
                if minute.calls >= _TAIL
                else score
            )

        score = scored(now)
        since = moment_of(now.minute * BUCKET)
        if score >= settings.abnormal and confirmed(looked, score, settings.healthy, scored):
            told = (
                f"{looked.edge[0]} waits {_shown(now.middle)} for it (95th percentile"
                f" {_shown(now.tail)}), {_shown(median(middle))} is usual"
            )
            labels = labels_of(looked.edge)
            yield Verdict(labels, State.ABNORMAL, score, Direction.UP, since, told)
        elif score < settings.healthy:
            yield Verdict(labels_of(looked.edge), State.HEALTHY)


def _score(now: float, usual: Sequence[float], steadiest: float = _STEADIEST) -> float:
    centre = median(usual)
    spread = 1.4826 * median(abs(each - centre) for each in usual)
    return (now - centre) / max(spread, steadiest)


def _shown(log: float) -> str:
    seconds = math.exp(log)
    return f"{seconds:.2g} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"


DETECTOR = Detector(
    "call_latency", "slow calls of one service by another", Reads.CALLS, Latency, look
)
