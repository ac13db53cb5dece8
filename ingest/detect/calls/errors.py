"""Errors of an edge: how many calls fail, against what was usual of it.

Failed calls of a minute are compared with a binomial of the usual share, widened by how much that
share moves from minute to minute. A new edge is held against one error in a hundred.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from statistics import NormalDist, pvariance

from pydantic import Field

from ingest.detect.calls.edges import BUCKET, Looked, Minute, labels_of
from ingest.detect.calls.twice import confirmed
from ingest.detect.declared import Detector, Reads, Settings, Verdict
from kgraph.schema import Direction, State
from kgraph.schema.timestamps import moment_of

_PRIOR = 0.5, 50.0  # failed calls, calls
_NORMAL = NormalDist()
_SMALLEST, _LOUDEST = 1e-15, 8.0  # of a tail, and the score of what is less likely still


class Errors(Settings):
    """How many calls are enough, and which score is too much; between the two it is unknown."""

    calls: int = Field(default=10, ge=1)
    failed: int = Field(default=2, ge=1)
    abnormal: float = Field(default=3.0, gt=0)
    healthy: float = Field(default=2.0, gt=0)
    again: float = Field(default=1.0, gt=0)  # what the minute before must have had


def look(edges: Iterable[Looked], settings: Errors) -> Iterator[Verdict]:
    """Judge each edge that had enough calls; O(edges, failed calls)."""
    for looked in edges:
        now = looked.now
        if now.calls < settings.calls:
            continue
        failed, calls = _PRIOR
        failed += sum(minute.failed for minute in looked.usual)
        calls += sum(minute.calls for minute in looked.usual)
        share = failed / calls
        moves = _moves(looked.usual, share)

        def scored(minute: Minute, share: float = share, moves: float = moves) -> float:
            return _score(minute, share, moves)

        score = scored(now)
        enough = score >= settings.abnormal and now.failed >= settings.failed
        if enough and confirmed(looked, score, settings.again, scored):
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


def _moves(usual: Sequence[Minute], share: float) -> float:
    """Return by how much the share itself moves from minute to minute: a variance, >= 0."""
    if len(usual) < 2:
        return 0.0
    by_chance = sum(share * (1 - share) / minute.calls for minute in usual) / len(usual)
    return max(0.0, pvariance([m.failed / m.calls for m in usual], share) - by_chance)


def _score(minute: Minute, share: float, moves: float) -> float:
    """Return the z of so many failed calls or more: of the binomial tail, widened by `moves`."""
    calls, failed = minute.calls, minute.failed
    off = failed - calls * share
    if off <= 0:
        return 0.0
    spread = math.sqrt(calls * share * (1 - share) + moves * calls**2)
    wide = off / max(spread, 1e-9)
    tail = _tail(calls, failed, share)
    return min(wide, _LOUDEST if tail < _SMALLEST else -_NORMAL.inv_cdf(tail))


def _tail(calls: int, failed: int, share: float) -> float:
    """Return P(X >= failed) of a binomial; terms beyond the mean only fall, so few are added."""
    term = math.exp(
        math.lgamma(calls + 1)
        - math.lgamma(failed + 1)
        - math.lgamma(calls - failed + 1)
        + failed * math.log(share)
        + (calls - failed) * math.log1p(-share)
    )
    total, count = 0.0, failed
    while count <= calls and term > total * 1e-6:
        total += term
        term *= (calls - count) / (count + 1) * share / (1 - share)
        count += 1
    return min(total, 0.5)


DETECTOR = Detector(
    "call_errors", "failed calls of one service by another", Reads.CALLS, Errors, look
)
