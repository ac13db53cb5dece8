"""Missing: a heartbeat that stopped, although what it comes from answers.

A series that was there at every look and is gone, while its scrape target is up: what it told of
is gone. Where the target itself is silent nothing is known, and nothing is said: it is told on its
Probe, by the source that reads targets.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydantic import Field

from ingest.detect.declared import Detector, Reads, Settings, Verdict
from ingest.detect.metrics.block import Block, last
from kgraph.schema import State


class Missing(Settings):
    """How regular it must have been.

    Attributes:
        gap_seconds: it must have been gone so long.
        presence: share of the window before that in which it was there, in (0, 1].
        least: looks at which it must have been there.
    """

    gap_seconds: float = Field(default=120, gt=0)
    presence: float = Field(default=0.9, gt=0, le=1)
    least: int = Field(default=10, ge=2)


_LOUDNESS = 3.0  # the score at the shortest gap that counts
_LOUDEST = 30.0


def look(block: Block, settings: Missing) -> Iterator[Verdict]:
    """Judge every series whose target is up. O(n t)."""
    if not block.labels or not block.step:
        return
    here = ~np.isnan(block.values)
    _, column = last(block.values)
    gap = (block.values.shape[1] - 1 - column) * block.step
    counted = here.sum(axis=1)
    first = np.argmax(here, axis=1)
    regular = counted >= settings.presence * (column - first + 1)
    judged = block.alive & (counted >= settings.least)
    gone = judged & regular & (gap >= settings.gap_seconds)
    present = judged & (column >= block.values.shape[1] - 2)
    for row in np.flatnonzero(gone | present).tolist():
        if gone[row]:
            yield Verdict(
                block.labels[row],
                State.ABNORMAL,
                float(min(_LOUDEST, _LOUDNESS * gap[row] / settings.gap_seconds)),
                None,
                block.moment(int(column[row])),
                f"gone for {gap[row]:.0f} s, while its target answers",
            )
        else:
            yield Verdict(block.labels[row], State.HEALTHY)


DETECTOR = Detector(
    "missing", "a series that is gone while its target answers", Reads.METRICS, Missing, look
)
