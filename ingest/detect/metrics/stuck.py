"""Stuck: a series that always moved stands still.

A counter of requests or packets, or a measurement that never had the same value twice: a hung
disk, a hung guest, a stopped switch, an exporter that shows what it read long ago. See
`kgraph.signals.stillness` for what is too long, and `ingest.libvirt.stillness` for the same rule
on libvirt's own counters, which are sampled every two seconds.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydantic import Field

from ingest.detect.declared import Detector, Reads, Settings, Verdict
from ingest.detect.metrics.block import Block
from kgraph.schema import Direction, State
from kgraph.signals.stillness import FACTOR, LEAST_MOVES, LOUDEST


class Stuck(Settings):
    """What makes a pause suspicious.

    Attributes:
        pause_seconds: it is never shorter.
        factor: times that it must be longer than the longest before it.
        moves: times that the series must have been seen moving within the window.
        directed: whether it is told as less than usual (a counter of traffic), or as a state.
    """

    pause_seconds: float = Field(default=60, gt=0)
    factor: float = Field(default=FACTOR, gt=1)
    moves: int = Field(default=LEAST_MOVES, ge=2)
    directed: bool = False


def look(block: Block, settings: Stuck) -> Iterator[Verdict]:
    """Judge every series that has a sample now and was seen moving often. O(n t)."""
    if block.values.shape[1] < 3:
        return
    values = _filled(block)
    here = ~np.isnan(block.values[:, -2:]).all(axis=1)
    moved = np.zeros(values.shape, bool)
    moved[:, 1:] = np.diff(values, axis=1) != 0
    moved[:, 1:] &= ~np.isnan(values[:, 1:]) & ~np.isnan(values[:, :-1])
    moves = moved.sum(axis=1)
    columns = np.arange(values.shape[1])
    # (n, t): the column of the last move up to here, and the pause that a move here has ended.
    latest = np.maximum.accumulate(np.where(moved, columns, -1), axis=1)
    before = np.concatenate([np.full((len(latest), 1), -1), latest[:, :-1]], axis=1)
    ended = np.where(moved & (before >= 0), columns - before, 0)
    longest = np.maximum(ended.max(axis=1), 1) * block.step
    pause = (columns[-1] - latest[:, -1]) * block.step
    judged = here & (moves >= settings.moves)
    still = judged & (pause >= settings.pause_seconds) & (pause > settings.factor * longest)
    for row in np.flatnonzero(judged).tolist():
        if still[row]:
            yield Verdict(
                block.labels[row],
                State.ABNORMAL,
                float(min(LOUDEST, pause[row] / longest[row])),
                Direction.DOWN if settings.directed else None,
                block.moment(int(latest[row, -1])),
                f"stands still for {pause[row]:.0f} s, never before for more than"
                f" {longest[row]:.0f} s",
            )
        elif pause[row] <= longest[row]:
            yield Verdict(block.labels[row], State.HEALTHY)


def _filled(block: Block) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return the values with gaps bridged by what was there before: a missed scrape is no move."""
    here = ~np.isnan(block.values)
    columns = np.arange(block.values.shape[1])
    source = np.maximum.accumulate(np.where(here, columns, 0), axis=1)
    filled: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = np.take_along_axis(
        block.values, source, axis=1
    )
    return filled


DETECTOR = Detector(
    "stuck", "a series that always moved and stands still", Reads.METRICS, Stuck, look
)
