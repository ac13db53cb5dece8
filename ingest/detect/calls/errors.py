"""Errors of an edge: how many calls fail, against what was usual of it.

Failed calls of a minute are compared with a binomial of the usual share, widened by how much that
share moves from minute to minute. A new edge is held against one error in a hundred.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from statistics import pvariance

from pydantic import Field

from ingest.detect.calls.edges import BUCKET, Looked, labels_of
from ingest.detect.declared import Detector, Reads, Settings, Verdict
from kgraph.schema import Direction, State
from kgraph.schema.timestamps import moment_of

_PRIOR = 0.5, 50.0  # failed calls, calls


class Errors(Settings):
    """How many calls are enough, and which score is too much; between the two it is unknown."""

    calls: int = Field(default=10, ge=1)
    failed: int = Field(default=2, ge=1)
    abnormal: float = Field(default=3.0, gt=0)
    healthy: float = Field(default=2.0, gt=0)


def look(edges: Iterable[Looked], settings: Errors) -> Iterator[Verdict]:
    """Judge each edge that had enough calls; O(edges)."""
    for looked in edges:
        now = looked.now
        if now.calls < settings.calls:
            continue
        failed, calls = _PRIOR
        failed += sum(minute.failed for minute in looked.usual)
        calls += sum(minute.calls for minute in looked.usual)
        share = failed / calls
        shares = [minute.failed / minute.calls for minute in looked.usual]
        moves = pvariance(shares) if len(shares) > 1 else 0.0
        spread = math.sqrt(now.calls * share * (1 - share) + moves * now.calls**2)
        score = (now.failed - now.calls * share) / max(spread, 0.5)
        if score >= settings.abnormal and now.failed >= settings.failed:
            yield Verdict(
                labels_of(looked.edge),
                State.ABNORMAL,
                score,
                Direction.UP,
                moment_of(now.minute * BUCKET),
                f"{now.failed} of {now.calls} calls by {looked.edge[0]} failed in a minute,"
                f" {share:.1%} is usual",
            )
        elif score < settings.healthy:
            yield Verdict(labels_of(looked.edge), State.HEALTHY)


DETECTOR = Detector(
    "call_errors", "failed calls of one service by another", Reads.CALLS, Errors, look
)
