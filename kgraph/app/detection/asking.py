"""One pass over a Prometheus: every expression asked for, every detector let look. No store.

A Prometheus that is half dead makes a partial pass: what could not be asked has no verdict and is
named, and what was said of it before neither ends nor is renewed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from ingest.detect import Labels, Verdict
from ingest.detect.files import Rule, Series
from ingest.detect.metrics import Block
from ingest.prometheus.answers import read_clock
from ingest.prometheus.origin import Origin
from ingest.prometheus.ranges import Range, Span, fetch_range
from kgraph.schema import SourceError
from kgraph.web import Asker, Credentials, NoAnswerError, Service

PATIENCE = timedelta(seconds=50)  # for all questions of one pass
_DAY, _HOUR = 86_400.0, 3_600.0
_DAY_STEP = 300.0  # between two points of an earlier day
_GIVES_UP = 2  # silences in a row, after which a Prometheus is asked no more in this pass
Target = tuple[str, str]  # job, instance
_Key = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Looked:
    """What one rule has found.

    Attributes:
        series: how many it looked at.
        partial: why series may be lacking; then what is not found again does not end.
    """

    rule: Rule
    series: int
    verdicts: Sequence[Verdict]
    partial: str = ""


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass.

    Attributes:
        at: when, by our clock.
        skew: how far the clock of Prometheus is ahead; verdicts are dated by ours.
        failed: series -> why it could not be asked.
        blind: series left out because their target is silent.
    """

    at: datetime
    skew: timedelta
    looked: tuple[Looked, ...]
    failed: Mapping[str, str] = field(default_factory=dict)
    blind: int = 0

    @property
    def partial(self) -> bool:
        """Whether anything could not be asked, or only in part."""
        return bool(self.failed) or any(each.partial for each in self.looked)


@dataclass
class Asking:
    """Asks one Prometheus again and again; remembers earlier days for an hour.

    Attributes:
        origin: which Prometheus.
        series: what is looked at.
        patience: how long all questions of one pass may take together.
    """

    origin: Origin
    credentials: Credentials
    series: Sequence[Series]
    patience: timedelta = PATIENCE
    _days: dict[str, tuple[float, Mapping[_Key, int], npt.NDArray[np.float64]]] = field(
        default_factory=dict
    )

    def asked(self, at: datetime) -> Pass:
        """Make one pass.

        Raises:
            NoAnswerError: it answers nothing at all.
            SourceError: it refuses the simplest question; one line.
            ConfigurationError: the token is named but not there, or the address holds a password.
        """
        url = self.origin.url
        until = time.monotonic() + self.patience.total_seconds()
        with Service("Prometheus", url, self.credentials).asking() as ask:
            clock = read_clock(ask.get("/api/v1/query", {"query": "time()"}), url)
            up = fetch_range(ask, "up", _span(clock, timedelta(minutes=1), timedelta(minutes=1)))
            answers = _Answers(ask, clock, clock - at, _health(up), until)
            return self._through(answers, at)

    def _through(self, answers: _Answers, at: datetime) -> Pass:
        looked: list[Looked] = []
        failed: dict[str, str] = {}
        silences = 0
        for one in self.series:
            if silences >= _GIVES_UP or time.monotonic() > answers.until:
                failed[one.name] = "not asked: it answers too slowly, or not at all"
                continue
            try:
                looked += self._look(answers, one)
                silences = 0
            except NoAnswerError as error:
                silences += 1
                failed[one.name] = error.what
            except SourceError as error:
                failed[one.name] = error.what
        return Pass(at, answers.skew, tuple(looked), failed, answers.blind)

    def _look(self, answers: _Answers, series: Series) -> list[Looked]:
        found = fetch_range(answers.ask, series.query, answers.span(series))
        partial = "; ".join(found.warnings)
        block = answers.block(series, found, self._usual(answers, series, found.labels))
        return [
            Looked(
                rule,
                len(block.labels),
                tuple(rule.detector.look(block, rule.settings)),
                partial,
            )
            for rule in series.rules
        ]

    def _usual(
        self, answers: _Answers, series: Series, labels: Sequence[Labels]
    ) -> npt.NDArray[np.float64]:
        """Return (n, b) what the series were around this hour on earlier days."""
        if not series.days:
            return np.empty((len(labels), 0))
        hour = answers.clock.timestamp() // _HOUR
        known = self._days.get(series.name)
        if known is None or known[0] != hour:
            known = hour, *_earlier(answers, series)
            self._days[series.name] = known
        _, rows, values = known
        usual = np.full((len(labels), values.shape[1]), np.nan)
        places = np.array([rows.get(_key(each), -1) for each in labels], np.intp)
        usual[places >= 0] = values[places[places >= 0]]
        return usual


@dataclass
class _Answers:
    """What all questions of one pass share."""

    ask: Asker
    clock: datetime
    skew: timedelta
    health: Mapping[Target, bool]
    until: float
    blind: int = 0

    def span(self, series: Series) -> Span:
        return _span(self.clock, series.window, series.step)

    def block(self, series: Series, found: Range, usual: npt.NDArray[np.float64]) -> Block:
        """Return the series whose target does not keep silent; theirs is all that is left of it.

        A rate goes on for minutes after its last sample, and would judge what nobody sees.
        """
        health = [self.health.get(_target(each)) for each in found.labels]
        kept = np.array([one is not False for one in health], bool)
        self.blind += int((~kept).sum())
        return Block(
            [each for each, keep in zip(found.labels, kept.tolist(), strict=True) if keep],
            self.span(series).times - self.skew.total_seconds(),
            found.values[kept],
            usual[kept],
            np.array([one is True for one in health], bool)[kept],
        )


def _earlier(
    answers: _Answers, series: Series
) -> tuple[Mapping[_Key, int], npt.NDArray[np.float64]]:
    """Ask for the hour around this time on each earlier day."""
    end = answers.clock.timestamp() + _HOUR / 2
    around = Span(end - _HOUR, end, _DAY_STEP)
    rows: dict[_Key, int] = {}
    parts = []
    for day in range(1, series.days + 1):
        found = fetch_range(answers.ask, series.query, around.earlier(day * _DAY))
        places = [rows.setdefault(_key(each), len(rows)) for each in found.labels]
        parts.append((np.array(places, np.intp), found.values))
    width = len(around.times)
    values = np.full((len(rows), width * series.days), np.nan)
    for day, (at, seen) in enumerate(parts):
        values[at, day * width : (day + 1) * width] = seen
    return rows, values


def _span(clock: datetime, window: timedelta, step: timedelta) -> Span:
    """Return the window that ends now, whole steps long."""
    seconds = step.total_seconds()
    steps = max(1, round(window / step))
    end = clock.timestamp()
    return Span(end - steps * seconds, end, seconds)


def _health(up: Range) -> Mapping[Target, bool]:
    """Return target -> whether its last scrape was answered."""
    return {
        _target(labels): bool(values[~np.isnan(values)][-1:] > 0)
        for labels, values in zip(up.labels, up.values, strict=True)
        if not np.isnan(values).all()
    }


def _target(labels: Labels) -> Target:
    return labels.get("job", ""), labels.get("instance", "")


def _key(labels: Labels) -> _Key:
    return tuple(sorted(labels.items()))
