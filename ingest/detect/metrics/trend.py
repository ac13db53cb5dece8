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
from ingest.detect.metrics.block import Block, Flags, Floats
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
        reach: times the past that it rests on, farther than which no forecast goes.
    """

    reaches: float
    within_hours: float = Field(gt=0)
    agreement: float = Field(default=0.7, gt=0, le=1)
    least_seconds: float = Field(default=300, gt=0)
    reach: float = Field(default=3, gt=0)


_POINTS = 24  # medians over so many equal parts of the window: 276 pairs a series
_LEAST_POINTS = 6
_SHARES = (1, 3, 9)  # parts of the window that are looked at: all of it, its last third, ninth
_NEWS = 0.1  # of its range before, by which a series must be beyond it
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
    """Look at the window and at its last parts: what fills now may have been still for hours."""
    seen = [
        _forecast(block, columns, settings)
        for columns in (block.values.shape[1] // share for share in _SHARES)
        if columns >= _LEAST_POINTS
    ]
    if not seen:
        return
    judged = np.any([each.judged for each in seen], axis=0)
    left = np.array([each.left for each in seen])
    soonest = np.argmin(left, axis=0)
    for row in np.flatnonzero(judged).tolist():
        chosen = seen[int(soonest[row])]
        if np.isinf(chosen.left[row]):
            yield Verdict(block.labels[row], State.HEALTHY)
        else:
            yield _foreseen(block, row, chosen, settings)


def _foreseen(block: Block, row: int, chosen: _Forecast, settings: Trend) -> Verdict:
    left = float(chosen.left[row])
    score = min(_LOUDEST, _LOUDNESS * settings.within_hours * _HOUR / max(left, 1.0))
    between = f"{_span(chosen.sooner[row])} to {_span(chosen.later[row])}"
    told = f"{chosen.level[row]:.4g} and will be {settings.reaches:g} in {_span(left)}"
    return Verdict(
        block.labels[row],
        State.ABNORMAL,
        float(score),
        Direction.UP if chosen.level[row] < settings.reaches else Direction.DOWN,
        datetime.fromtimestamp(float(chosen.since[row]), UTC),
        f"{told} ({between})",
        due=datetime.fromtimestamp(float(block.times[-1]) + left, UTC),
    )


@dataclass(frozen=True, eq=False)
class _Forecast:
    """What the last part of a window says of where all series go.

    Attributes:
        judged: (n,) whether it could be judged.
        level: (n,) on the line, now.
        left: (n,) seconds until it is there; inf: it is not coming.
        sooner, later: (n,) the same by the quartiles of the slope.
        since: (n,) since when it is looked at, seconds since 1970.
    """

    judged: Flags
    level: Floats
    left: Floats
    sooner: Floats
    later: Floats
    since: Floats


def _forecast(block: Block, columns: int, settings: Trend) -> _Forecast:
    """Forecast all series by the last so many columns."""
    times, values = block.times[-columns:], block.values[:, -columns:]
    at, level = _thinned(times, values)
    known = ~np.isnan(level)
    first = np.argmax(known, axis=1)
    final = level.shape[1] - 1 - np.argmax(known[:, ::-1], axis=1)
    lasted = at[final] - at[first]
    judged = (final == level.shape[1] - 1) & (known.sum(axis=1) >= _LEAST_POINTS)
    judged &= lasted >= settings.least_seconds
    n = len(block.labels)
    far = np.full((4, n), np.inf)
    out = _Forecast(judged, far[0], far[1], far[2], far[3], at[first])
    rows = np.flatnonzero(judged)
    if not len(rows):
        return out
    found = _slopes(at, level[rows], float(times[-1]))
    room = settings.reaches - found.level
    with np.errstate(divide="ignore", invalid="ignore"):
        left = room / found.slope
        out.sooner[rows], out.later[rows] = room / found.steep(room), room / found.flat(room)
    farthest = np.minimum(settings.within_hours * _HOUR, settings.reach * lasted[rows])
    coming = (left > 0) & (left <= farthest)
    coming &= found.agreement * np.sign(room) >= settings.agreement
    coming &= _is_new(block.values[rows, :-columns], level[rows, -1], room > 0)
    out.level[rows] = found.level
    out.left[rows] = np.where(coming, left, np.inf)
    return out


def _is_new(older: Floats, level: Floats, up: Flags) -> Flags:
    """Tell where a series is now nearer to its limit than it was before.

    One that goes to and fro comes down steeply each time, and turns round where it always did.
    """
    if not older.shape[1]:
        return np.ones(len(level), bool)
    here = ~np.isnan(older)
    high = np.where(here, older, -np.inf).max(axis=1)
    low = np.where(here, older, np.inf).min(axis=1)
    beyond = np.where(up, level - high, low - level)
    found: Flags = ~here.any(axis=1) | (beyond > _NEWS * (high - low))
    return found


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


def _thinned(times: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Return (p,) times and (n, p) medians of equal parts of the window; the last ends now."""
    width = max(1, -(-values.shape[1] // _POINTS))
    start = values.shape[1] % width
    middles: Floats = times[start:].reshape(-1, width).mean(axis=1)
    if width == 1:
        return middles, values
    cut = values[:, start:].reshape(-1, width)
    # The middle of a part is where its median stands; the level now is read off the line.
    return middles, median(cut).reshape(len(values), -1)


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
