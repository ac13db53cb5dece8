"""Shift: the level of a series changed at one moment within the window, and stayed.

A cumulative sum of what is above and below the median, clipped so that no outlier counts for more
than a few others; its largest excursion is where the level changed, and by the law of the Brownian
bridge how surely it did. How loud it is, says the robust z of the new level among the old.

Source: E. S. Page, Continuous Inspection Schemes (1954); for the bridge, A. Kolmogorov (1933).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from pydantic import Field

from ingest.detect.declared import Detector, Reads, Settings, Verdict
from ingest.detect.metrics.block import Block, Columns, Flags, Floats
from ingest.detect.metrics.robust import centre_and_spread, median
from kgraph.schema import Direction, State


class Shift(Settings):
    """What counts as another level.

    Attributes:
        z: robust z of the new level among the old, from which it is abnormal.
        direction: the ways that matter.
        least: samples that each side must have.
        floor: spread below which differences mean nothing, in the unit of the series.
        floor_share: and as a share of the old level.
    """

    z: float = Field(default=4, gt=0)
    direction: Literal["up", "down", "both"] = "both"
    least: int = Field(default=5, ge=3)
    floor: float = Field(default=0, ge=0)
    floor_share: float = Field(default=0.02, gt=0)


_CLIP = 3.0  # deviations beyond which farther is no more
_SURE = 1.63  # of |Brownian bridge|, passed once in a hundred times by chance
_TINY = 1e-12  # a spread of nothing must not divide by nothing
_LOUDEST = 1000.0


def look(block: Block, settings: Shift) -> Iterator[Verdict]:
    """Judge every series that has a sample now and enough of both sides. O(n t log t)."""
    if block.values.shape[1] < 2 * settings.least:
        return
    for part in block.parts():
        yield from _look(part, settings)


def _look(block: Block, settings: Shift) -> Iterator[Verdict]:
    values = block.values
    here = ~np.isnan(values)
    judged = here[:, -2:].any(axis=1) & (here.sum(axis=1) >= 2 * settings.least)
    split, sure = _split(values, here)
    columns = np.arange(values.shape[1])
    before = np.where(columns <= split[:, None], values, np.nan)
    after = np.where(columns > split[:, None], values, np.nan)
    centre, spread = centre_and_spread(before)
    level = median(after)
    spread = np.maximum(spread, np.maximum(settings.floor, settings.floor_share * np.abs(centre)))
    z = (level - centre) / np.maximum(spread, _TINY)
    both = (~np.isnan(before)).sum(axis=1) >= settings.least
    both &= (~np.isnan(after)).sum(axis=1) >= settings.least
    wrong = judged & both & sure & _matters(z, settings)
    for row in np.flatnonzero(judged).tolist():
        if not wrong[row]:
            yield Verdict(block.labels[row], State.HEALTHY)
            continue
        yield Verdict(
            block.labels[row],
            State.ABNORMAL,
            float(min(abs(z[row]), _LOUDEST)),
            Direction.UP if z[row] > 0 else Direction.DOWN,
            block.moment(min(int(split[row]) + 1, values.shape[1] - 1)),
            f"{level[row]:.4g}, {centre[row]:.4g} before",
        )


def _split(values: Floats, here: Flags) -> tuple[Columns, Flags]:
    """Return (n,) the last column of the old level, and whether chance is ruled out."""
    centre, spread = centre_and_spread(values)
    # Half of the samples alike make a MAD of nothing: then what differs at all counts fully.
    scale = np.where(spread > 0, spread, _TINY)
    with np.errstate(over="ignore", invalid="ignore"):
        z = np.clip((values - centre[:, None]) / scale[:, None], -_CLIP, _CLIP)
    z = np.where(here, z, 0.0)
    counted = np.maximum(here.sum(axis=1), 1)
    mean = z.sum(axis=1) / counted
    z = np.where(here, z - mean[:, None], 0.0)
    deviation = np.sqrt((z**2).sum(axis=1) / counted)
    walk = np.abs(np.cumsum(z, axis=1))
    column: Columns = np.argmax(walk, axis=1)
    most = walk[np.arange(len(walk)), column]
    size = np.where(deviation > 0, deviation, np.inf) * np.sqrt(counted)
    return column, most / size >= _SURE


def _matters(z: Floats, settings: Shift) -> Flags:
    size = {"up": z, "down": -z, "both": np.abs(z)}[settings.direction]
    found: Flags = size >= settings.z
    return found


DETECTOR = Detector("shift", "a level that changed and stayed", Reads.METRICS, Shift, look)
