"""Medians of many rows with gaps. numpy's own `nanmedian` walks them one at a time."""

from __future__ import annotations

import numpy as np

from ingest.detect.metrics.block import Floats

_NORMAL = 1.4826  # makes the MAD of a normal distribution its standard deviation


def median(values: Floats) -> Floats:
    """Return (n,) the median of each row of (n, t), NaN left out; NaN where nothing is left.

    O(n t log t): NaN sorts last, so the middle of a row is found by how many samples it has.
    """
    if not values.shape[1]:
        return np.full(len(values), np.nan)
    ordered = np.sort(values, axis=1)
    counted = (~np.isnan(ordered)).sum(axis=1)
    rows = np.arange(len(values))
    low = ordered[rows, np.maximum(counted - 1, 0) // 2]
    high = ordered[rows, np.minimum(counted // 2, values.shape[1] - 1)]
    middle: Floats = (low + high) / 2
    return np.where(counted > 0, middle, np.nan)


def centre_and_spread(values: Floats) -> tuple[Floats, Floats]:
    """Return (n,) median and (n,) 1.4826 MAD of each row."""
    centre = median(values)
    return centre, _NORMAL * median(np.abs(values - centre[:, None]))
