"""Trend: when will the series reach its limit, if it goes on as it does?

The slope is Theil and Sen's, the median of the slopes between all pairs of points: up to 29 % of
them may be anything, such as the hole that a clean-up leaves. It is a trend only if most pairs
agree on its sign. The quartiles of the slopes say how sure the date is.

Source: P. K. Sen, Estimates of the Regression Coefficient Based on Kendall's Tau (1968).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from pydantic import Field

from ingest.detect.declared import Detector, Reads, Settings, Verdict
from ingest.detect.metrics.block import Block, Floats
from ingest.detect.metrics.robust import median
from kgraph.schema import Direction, State


class Trend(Settings):
    """Where it must not get, and how soon that matters.

    Attributes:
        reaches: the limit, in the unit of the series.
        within_hours: a date farther away is no trouble yet.
        agreement: share of the pairs of points, less those that say the contrary, that must go
            its way (Kendall's tau), in (0, 1].
        least_seconds: the past must be so long.
    """

    reaches: float
    within_hours: float = Field(gt=0)
    agreement: float = Field(default=0.7, gt=0, le=1)
    least_seconds: float = Field(default=300, gt=0)


_POINTS = 24  # medians over so many equal parts of the window: 276 pairs a series
_LEAST_POINTS = 6
_HOUR = 3600.0
_LOUDNESS = 3.0  # the score at the horizon; twice as near is twice as loud
_LOUDEST = 30.0


def look(block: Block, settings: Trend) -> Iterator[Verdict]:
    """Judge every series with enough of a past that is not at its limit already. O(n p²)."""
    if block.values.shape[1] < 2:
        return
    for part in block.parts(1024):
        yield from _look(part, settings)


def _look(block: Block, settings: Trend) -> Iterator[Verdict]:
    at, level = _thinned(block)
    known = ~np.isnan(level)
    counted = known.sum(axis=1)
    first, final = np.argmax(known, axis=1), level.shape[1] - 1 - np.argmax(known[:, ::-1], axis=1)
    lasted = at[final] - at[first]
    recent = final == level.shape[1] - 1
    judged = recent & (counted >= _LEAST_POINTS) & (lasted >= settings.least_seconds)
    rows = np.flatnonzero(judged)
    if not len(rows):
        return
    end = float(block.times[-1])
    found = _slopes(at, level[rows], end)
    now = found.level
    room = settings.reaches - now
    with np.errstate(divide="ignore", invalid="ignore"):
        left = room / found.slope
        sooner, later = room / found.steep(room), room / found.flat(room)
    coming = (left > 0) & (left <= settings.within_hours * _HOUR) & (room != 0)
    coming &= found.agreement * np.sign(room) >= settings.agreement
    for i, row in enumerate(rows.tolist()):
        if not coming[i]:
            yield Verdict(block.labels[row], State.HEALTHY)
            continue
        score = min(_LOUDEST, _LOUDNESS * settings.within_hours * _HOUR / max(left[i], 1.0))
        between = f"{_span(sooner[i])} to {_span(later[i])}"
        yield Verdict(
            block.labels[row],
            State.ABNORMAL,
            float(score),
            Direction.UP if room[i] > 0 else Direction.DOWN,
            datetime.fromtimestamp(float(at[first[row]]), UTC),
            f"{now[i]:.4g} and will be {settings.reaches:g} in {_span(left[i])} ({between})",
            due=datetime.fromtimestamp(end + float(left[i]), UTC),
        )


@dataclass(frozen=True, eq=False)
class _Slopes:
    """(n,) each: the level now, slope a second, its quartiles, and agreement in [-1, 1]."""

    level: Floats
    slope: Floats
    low: Floats
    high: Floats
    agreement: Floats

    def steep(self, room: Floats) -> Floats:
        """Return the quartile that reaches the limit sooner."""
        return np.where(room > 0, self.high, self.low)

    def flat(self, room: Floats) -> Floats:
        """Return the quartile that reaches it later."""
        return np.where(room > 0, self.low, self.high)


def _slopes(at: Floats, level: Floats, end: float) -> _Slopes:
    """Return the lines of Theil and Sen through (n, p) levels at (p,) times, read off at `end`."""
    earlier, later = np.triu_indices(level.shape[1], 1)
    pairs = (level[:, later] - level[:, earlier]) / (at[later] - at[earlier])
    slope = median(pairs)
    counted = np.maximum((~np.isnan(pairs)).sum(axis=1), 1)
    agreement = np.nansum(np.sign(pairs), axis=1) / counted
    ordered = np.sort(pairs, axis=1)
    rows = np.arange(len(level))
    low, high = ordered[rows, counted // 4], ordered[rows, (3 * counted) // 4]
    now = median(level - slope[:, None] * (at - end))
    return _Slopes(now, slope, low, high, agreement)


def _thinned(block: Block) -> tuple[Floats, Floats]:
    """Return (p,) times and (n, p) medians of equal parts of the window; the last ends now."""
    columns = block.values.shape[1]
    width = max(1, -(-columns // _POINTS))
    start = columns % width
    times = block.times[start:].reshape(-1, width).mean(axis=1)
    if width == 1:
        return times, block.values
    n = len(block.labels)
    cut = block.values[:, start:].reshape(-1, width)
    # The middle of a part is where its median stands; the level now is read off the line.
    return times, median(cut).reshape(n, -1)


def _span(seconds: float) -> str:
    """Return a length of time for people; a slope the other way reaches nothing."""
    if not np.isfinite(seconds) or seconds < 0:
        return "never"
    for unit, least in (("d", 2 * 86400), ("h", 2 * _HOUR), ("min", 120)):
        if seconds >= least:
            return f"{seconds / {'d': 86400, 'h': _HOUR, 'min': 60}[unit]:.0f} {unit}"
    return f"{seconds:.0f} s"


DETECTOR = Detector(
    "trend", "a series on its way to a limit, and when it is there", Reads.METRICS, Trend, look
)
