"""What fired in the past: the series `ALERTS`, asked of Prometheus or from a kept answer.

Prometheus writes a sample of `ALERTS` at every evaluation while an alert waits or fires, so that a
range query over it gives back when each alert began and ended, to within the step of the query.

Source: https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries and
https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Literal, Self

from ingest.prometheus.answers import LabelRow, Tolerant, data_of
from ingest.prometheus.reading import Labels
from kgraph.schema import SourceError
from kgraph.web import Credentials, Service

QUERY = 'ALERTS{alertstate="firing"}'
_POINTS = 10_000  # of one series in one answer; Prometheus refuses more than 11,000
_GAP = 1.5  # steps without a sample that end an alert
_DEFAULT_STEP = timedelta(minutes=1)
_MEND = f"keep the whole answer of /api/v1/query_range to {QUERY}"
_OWN = frozenset({"__name__", "alertstate"})


@dataclass(frozen=True, slots=True)
class Firing:
    """One alert from when it began until it ended.

    Attributes:
        labels: its labels, `alertname` among them.
        ended: None where it still fired at the end of the stretch.
    """

    labels: Labels
    began: datetime
    ended: datetime | None

    def fires(self, at: datetime) -> bool:
        """Tell whether it fires at a moment."""
        return self.began <= at and (self.ended is None or at < self.ended)


@dataclass(frozen=True, slots=True)
class Stretch:
    """What fired between two moments, oldest first; times are known to within `step`."""

    since: datetime
    until: datetime
    step: timedelta
    firings: tuple[Firing, ...]

    def cut(self, since: datetime | None, until: datetime | None) -> Self:
        """Return only what fires in a part of it; None: its own beginning, its own end.

        Of what lies outside of it nothing is known: a part reaches no further than it does.
        """
        begin, end = max(since or self.since, self.since), min(until or self.until, self.until)
        if begin > end:
            return replace(self, since=begin, until=begin, firings=())
        kept = tuple(
            replace(
                each,
                began=max(each.began, begin),
                ended=each.ended if each.ended and each.ended <= end else None,
            )
            for each in self.firings
            if each.began <= end and (each.ended is None or each.ended > begin)
        )
        return replace(self, since=begin, until=end, firings=kept)


class _Series(Tolerant):
    metric: LabelRow
    values: list[tuple[float, float]]


class _Matrix(Tolerant):
    resultType: Literal["matrix"]  # noqa: N815 - Prometheus's own spelling
    result: list[_Series]


def read_alerts(content: bytes, where: str, step: timedelta | None = None) -> Stretch:
    """Read a kept answer to a range query for `ALERTS`; alerts that only wait are left out.

    Args:
        content: the answer, as it came.
        where: the file, for messages.
        step: of the query; None: the shortest distance between two samples of a series.

    Raises:
        SourceError: no such answer, or one without any sample.
    """
    found = list(_series(content, where))
    times = sorted({at for _, values in found for at in values})
    if not times:
        raise SourceError("no alert fires in it", where=where, mend=_MEND)
    return _stretch(found, _moment(times[0], where), _moment(times[-1], where), step, where)


def fetch_alerts(
    url: str,
    since: datetime,
    until: datetime,
    step: timedelta,
    credentials: Credentials,
) -> Stretch:
    """Ask a Prometheus what fired between two moments, in as many questions as it takes.

    Raises:
        NoAnswerError: unreachable, broken off, or sick.
        SourceError: it refused, or answered nonsense; one line.
        ConfigurationError: the token is named but not there, or the address holds a password.
    """
    joined: dict[tuple[tuple[str, str], ...], list[float]] = {}
    with Service("Prometheus", url, credentials).asking() as ask:
        for start, end in _chunks(since, until, step):
            form = {
                "query": QUERY,
                "start": f"{start.timestamp():.3f}",
                "end": f"{end.timestamp():.3f}",
                "step": f"{step.total_seconds():g}",
            }
            for labels, values in _series(ask.post("/api/v1/query_range", form), url):
                joined.setdefault(tuple(sorted(labels.items())), []).extend(values)
    found = [(dict(labels), values) for labels, values in joined.items()]
    return _stretch(found, since, until, step, url)


def _chunks(
    since: datetime, until: datetime, step: timedelta
) -> Iterator[tuple[datetime, datetime]]:
    start = since
    while start <= until:
        end = min(until, start + (_POINTS - 1) * step)
        yield start, end
        start = end + step


def _series(content: bytes, where: str) -> Iterator[tuple[Labels, list[float]]]:
    for each in data_of(content, _Matrix, where, _MEND).result:
        if each.metric.get("alertstate", "firing") == "firing" and each.metric.get("alertname"):
            labels = {name: v for name, v in each.metric.items() if name not in _OWN}
            times = [at for at, value in each.values if value > 0]
            if odd := next((at for at in times if not isfinite(at)), None):
                raise SourceError(f"{odd} is no time", where=where, mend=_MEND)
            yield labels, times


def _stretch(
    found: Sequence[tuple[Mapping[str, str], Sequence[float]]],
    since: datetime,
    until: datetime,
    step: timedelta | None,
    where: str,
) -> Stretch:
    apart = step or _shortest(found)
    firings = [
        Firing(labels, _moment(first, where), _end(_moment(last, where), until, apart))
        for labels, values in found
        for first, last in _runs(sorted(values), apart.total_seconds() * _GAP)
    ]
    ordered = sorted(firings, key=lambda f: (f.began, sorted(f.labels.items())))
    return Stretch(since, until, apart, tuple(ordered))


def _shortest(found: Sequence[tuple[Mapping[str, str], Sequence[float]]]) -> timedelta:
    gaps = [
        later - earlier
        for _, values in found
        for earlier, later in zip(sorted(values), sorted(values)[1:], strict=False)
        if later > earlier
    ]
    return timedelta(seconds=min(gaps)) if gaps else _DEFAULT_STEP


def _runs(values: Sequence[float], most: float) -> Iterator[tuple[float, float]]:
    """Split samples where none came for longer than `most` seconds."""
    first = last = None
    for at in values:
        if first is None or last is None:
            first = at
        elif at - last > most:
            yield first, last
            first = at
        last = at
    if first is not None and last is not None:
        yield first, last


def _end(last: datetime, until: datetime, step: timedelta) -> datetime | None:
    return None if last + step > until else last + step


def _moment(seconds: float, where: str) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise SourceError(f"{seconds} is no time", where=where, mend=_MEND) from None
