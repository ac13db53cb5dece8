"""Deviation: a value unlike what the series was at the same hour of earlier days.

The measure is the robust z, (value - median) / (1.4826 MAD): neither the incident of last week nor
a scrape that went wrong moves median or MAD much, as they would mean and deviation. Where earlier
days are not known, the older part of the window stands for them.

Source: P. J. Rousseeuw and C. Croux, Alternatives to the Median Absolute Deviation (1993).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from pydantic import Field

from ingest.detect.declared import Detector, Reads, Settings, Verdict
from ingest.detect.metrics.block import Block, Flags, Floats, began
from ingest.detect.metrics.robust import centre_and_spread, median
from kgraph.schema import Direction, State


class Deviation(Settings):
    """What counts as far.

    Attributes:
        z: robust z from which a value is abnormal.
        direction: the ways that matter.
        points: the last so many are judged by their median, so that one sample proves nothing.
        least: samples that the past must have.
        floor: spread below which differences mean nothing, in the unit of the series.
        floor_share: and as a share of the usual value.
    """

    z: float = Field(default=6, gt=0)
    direction: Literal["up", "down", "both"] = "both"
    points: int = Field(default=3, ge=1)
    least: int = Field(default=20, ge=5)
    floor: float = Field(default=0, ge=0)
    floor_share: float = Field(default=0.02, gt=0)


_DAY_AT_LEAST = 12  # samples of earlier days, below which the window itself is taken


def look(block: Block, settings: Deviation) -> Iterator[Verdict]:
    """Judge every series that has a sample now and a past. O(n (t + b)), sorting aside."""
    if block.values.shape[1] <= settings.points:
        return
    for part in block.parts():
        yield from _look(part, settings)


def _look(block: Block, settings: Deviation) -> Iterator[Verdict]:
    recent = block.values[:, -settings.points :]
    centre, spread, known = _past(block, settings)
    spread = np.maximum(spread, np.maximum(settings.floor, settings.floor_share * np.abs(centre)))
    spread = np.maximum(spread, _TINY)
    level = median(recent)
    z = (level - centre) / spread
    judged = known & ~np.isnan(level) & ~np.isnan(recent[:, -2:]).all(axis=1)
    wrong = judged & _matters(z, settings)
    far = (block.values - centre[:, None]) / spread[:, None]
    start = began(_matters(far, settings) | np.isnan(far))
    for row in np.flatnonzero(judged).tolist():
        if not wrong[row]:
            yield Verdict(block.labels[row], State.HEALTHY)
            continue
        up = z[row] > 0
        since = min(int(start[row]), block.values.shape[1] - 1)
        yield Verdict(
            block.labels[row],
            State.ABNORMAL,
            float(min(abs(z[row]), _LOUDEST)),
            Direction.UP if up else Direction.DOWN,
            block.moment(since),
            f"{level[row]:.4g}, usually {centre[row]:.4g} ± {spread[row]:.2g}",
        )


_TINY = 1e-12  # a spread of nothing must not divide by nothing
_LOUDEST = 1000.0  # of what never moved before, any move is endlessly far


def _past(block: Block, settings: Deviation) -> tuple[Floats, Floats, Flags]:
    """Return centre, spread, and of which series both are known."""
    counted = (~np.isnan(block.usual)).sum(axis=1)
    by_days = counted >= max(settings.least, _DAY_AT_LEAST)
    older = block.values[:, : -settings.points]
    by_window = ~by_days & ((~np.isnan(older)).sum(axis=1) >= settings.least)
    centre, spread = np.full(len(by_days), np.nan), np.full(len(by_days), np.nan)
    for rows, past in ((by_days, block.usual), (by_window, older)):
        if rows.any():
            centre[rows], spread[rows] = centre_and_spread(past[rows])
    return centre, spread, by_days | by_window


def _matters(z: Floats, settings: Deviation) -> Flags:
    up: Flags = z >= settings.z
    down: Flags = z <= -settings.z
    match settings.direction:
        case "up":
            return up
        case "down":
            return down
        case "both":
            return up | down


DETECTOR = Detector(
    "deviation",
    "a value unlike what it was at the same hour of earlier days",
    Reads.METRICS,
    Deviation,
    look,
)
