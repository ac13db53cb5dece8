"""Threshold: a value beyond a limit that a person has set, for long enough."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from ingest.detect.declared import Detector, Reads, Settings, Verdict
from ingest.detect.metrics.block import Block, began, last
from kgraph.schema import Direction, State


class Threshold(Settings):
    """Exactly one of `above` and `below`.

    Attributes:
        above, below: the limit, in the unit of the series.
        for_seconds: how long it must have been beyond.
        scale: how far beyond the limit counts as one robust z; None: a tenth of the limit, or 1.
    """

    above: float | None = None
    below: float | None = None
    for_seconds: float = Field(default=0, ge=0)
    scale: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.above is None) == (self.below is None):
            raise ValueError("name one of `above` and `below`")
        return self

    @property
    def limit(self) -> float:
        """The limit, whichever way."""
        return self.above if self.above is not None else self.below or 0.0


_LEAST = 3.0  # the score of what is just beyond: a person has said that this matters


def look(block: Block, settings: Threshold) -> Iterator[Verdict]:
    """Judge every series that has a sample in the last two steps. O(n t)."""
    if not block.labels:
        return
    limit, up = settings.limit, settings.above is not None
    # A column without a sample is no end of trouble: scrapes are missed.
    now, column = last(block.values)
    missed = np.isnan(block.values)
    beyond = missed | (block.values > limit if up else block.values < limit)
    over = now > limit if up else now < limit
    first = np.argmin(missed, axis=1)
    start = np.clip(began(beyond), first, block.values.shape[1] - 1)
    lasted = block.times[np.maximum(column, 0)] - block.times[start]
    scale = settings.scale or abs(limit) / 10 or 1.0
    score = _LEAST + np.abs(now - limit) / scale
    fresh = column >= block.values.shape[1] - 2
    direction = Direction.UP if up else Direction.DOWN
    for row in np.flatnonzero(fresh).tolist():
        if over[row] and lasted[row] >= settings.for_seconds:
            yield Verdict(
                block.labels[row],
                State.ABNORMAL,
                float(score[row]),
                direction,
                block.moment(int(start[row])),
                f"{now[row]:.4g}, {'above' if up else 'below'} {limit:g}",
            )
        else:
            yield Verdict(block.labels[row], State.HEALTHY)


DETECTOR = Detector("threshold", "a value beyond a set limit", Reads.METRICS, Threshold, look)
