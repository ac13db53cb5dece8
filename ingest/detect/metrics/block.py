"""Series of one rule as arrays: what every detector of metrics looks at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from ingest.detect.declared import Labels

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Columns = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Block:
    """Series over one stretch of time, on one grid.

    Attributes:
        labels: (n,) of each series.
        times: (t,) float64, seconds since 1970, rising, one step apart, by the clock of who looks.
        values: (n, t) float64; NaN where there was no sample.
        usual: (n, b) float64: what the series were at the same hours of earlier days, in any
            order; b may be 0. NaN where there was no sample.
        alive: (n,) bool: whether what the series comes from is scraped well now; a series that
            ends while its target is silent is unknown, not missing.
    """

    labels: Sequence[Labels]
    times: Floats
    values: Floats
    usual: Floats
    alive: Flags

    @property
    def step(self) -> float:
        """Seconds between two points; 0 where there is one alone."""
        return float(self.times[1] - self.times[0]) if len(self.times) > 1 else 0.0

    def moment(self, column: int) -> datetime:
        """Return when a column was."""
        return datetime.fromtimestamp(float(self.times[column]), UTC)

    def parts(self, rows: int = 4096) -> Iterator[Block]:
        """Yield the block in pieces of so many series: sorting needs a copy of what it sorts."""
        for start in range(0, len(self.labels), rows):
            cut = slice(start, start + rows)
            yield replace(
                self,
                labels=self.labels[cut],
                values=self.values[cut],
                usual=self.usual[cut],
                alive=self.alive[cut],
            )


def block_of(
    labels: Sequence[Labels],
    times: Floats,
    values: Floats,
    usual: Floats | None = None,
    alive: Flags | None = None,
) -> Block:
    """Return a block; nothing is known of earlier days, and all are alive, unless told."""
    known = np.empty((len(labels), 0)) if usual is None else usual
    living = np.ones(len(labels), bool) if alive is None else alive
    return Block(labels, times, values, known, living)


def last(values: Floats) -> tuple[Floats, Columns]:
    """Return (n,) the last sample of each row and (n,) its column; NaN and -1 where none is."""
    here = ~np.isnan(values)
    column = np.where(here.any(axis=1), values.shape[1] - 1 - np.argmax(here[:, ::-1], axis=1), -1)
    return values[np.arange(len(values)), column], column


def began(wrong: Flags) -> Columns:
    """Return (n,) the column since which each row of (n, t) has been wrong without a break.

    A row whose last column is not wrong gets t, the number of columns.
    """
    right = ~wrong[:, ::-1]
    columns = wrong.shape[1]
    trailing: Columns = np.where(right.any(axis=1), np.argmax(right, axis=1), columns)
    start: Columns = np.subtract(columns, trailing)
    return start
