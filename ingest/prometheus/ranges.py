"""Series over a stretch of time, as arrays: what detectors look at.

One answer may hold millions of samples, so it is read in one go and laid out on the grid of the
query; a sample that Prometheus did not have stays NaN.

Source: https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from ingest.prometheus.answers import LabelRow, Tolerant
from ingest.prometheus.reading import Labels
from kgraph.schema import SourceError
from kgraph.web import Asker

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time on a grid: `start`, `start + step`, …; seconds since 1970."""

    start: float
    end: float
    step: float

    @property
    def times(self) -> Floats:
        """(t,) the points of the grid."""
        points = int((self.end - self.start) / self.step + 1e-6) + 1
        times: Floats = self.start + self.step * np.arange(points, dtype=np.float64)
        return times

    def earlier(self, seconds: float) -> Span:
        """Return the same stretch so long before."""
        return Span(self.start - seconds, self.end - seconds, self.step)


@dataclass(frozen=True, eq=False)
class Range:
    """The answer to one range query.

    Attributes:
        labels: (n,) of each series.
        values: (n, t) float64 on the grid of the query; NaN where there is no sample.
        warnings: what Prometheus says is wrong with its own answer; then series may be lacking.
    """

    labels: Sequence[Labels]
    values: Floats
    warnings: tuple[str, ...] = ()


def fetch_range(ask: Asker, query: str, span: Span) -> Range:
    """Ask for an expression over a stretch of time.

    Raises:
        NoAnswerError: unreachable, broken off, or sick.
        SourceError: it refused, or answered nonsense; one line.
    """
    form = {
        "query": query,
        "start": f"{span.start:.3f}",
        "end": f"{span.end:.3f}",
        "step": f"{span.step:g}",
    }
    # Posted, since an expression may be longer than an address.
    return read_range(ask.post("/api/v1/query_range", form), span, ask.service.url)


class _Series(Tolerant):
    metric: LabelRow
    values: tuple[tuple[float, float], ...] = ()


class _Matrix(Tolerant):
    resultType: Literal["matrix"]  # noqa: N815 - Prometheus's own spelling
    result: list[_Series]


class _Answer(Tolerant):
    data: _Matrix
    warnings: tuple[str, ...] = ()


def read_range(content: bytes, span: Span, where: str) -> Range:
    """Read an answer of `/api/v1/query_range`. O(samples).

    Raises:
        SourceError: it is cut off, or none of Prometheus's.
    """
    try:
        answer = _Answer.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(ascii(part).strip("'") for part in first["loc"])
        what = f"no whole answer of Prometheus: {place + ': ' if place else ''}{first['msg']}"
        raise SourceError(what, where=where, mend="is this Prometheus, or a proxy?") from None
    rows = answer.data.result
    labels = tuple(row.metric for row in rows)
    return Range(labels, _laid_out(rows, span), answer.warnings)


def _laid_out(rows: Sequence[_Series], span: Span) -> Floats:
    columns = len(span.times)
    values = np.full((len(rows), columns), np.nan)
    samples = np.array([each for row in rows for each in row.values], float).reshape(-1, 2)
    row = np.repeat(np.arange(len(rows)), [len(each.values) for each in rows])
    # An answer of another grid than was asked for has no place on ours.
    at = np.rint((samples[:, 0] - span.start) / span.step)
    fits = (at >= 0) & (at < columns)
    values[row[fits], at[fits].astype(np.intp)] = samples[fits, 1]
    values[np.isinf(values)] = np.nan  # a division by nothing is no measurement
    return values
