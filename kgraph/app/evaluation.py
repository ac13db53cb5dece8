"""Measuring the engine on labelled incidents, next to simple baselines.

The truth is read here and given to the measures alone, after the answers are in.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kgraph.app.bundles import bundles
from kgraph.app.labels import Label, read_labels
from kgraph.schema import Incident, InputError
from rca import Model, investigate
from rca.baselines import BASELINES, Baseline
from rca.measures import (
    Bin,
    Shown,
    brier,
    calibration_error,
    place,
    reliability,
    reported,
    shown,
)

ENGINE = "kgraph"
_FORM = '{"id": …, "truth": [entity, …]}'
_RESAMPLED = 1_000
_SEED = 20_26


class _TruthRow(Label):
    candidates: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Labelled:
    """An incident with its answer kept apart."""

    incident: Incident
    truth: frozenset[str]
    candidates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over incidents with its 90 % bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Score:
    """What one method did on one set.

    Attributes:
        figures: name of the measure -> figure; chances are measured of the engine alone.
        bins: reliability of the chances; empty for baselines.
        cpu_ms: median and 95th percentile of CPU milliseconds an incident.
    """

    method: str
    figures: Mapping[str, Figure]
    bins: Sequence[Bin] = ()
    cpu_ms: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class SetScore:
    """All methods on one set."""

    name: str
    incidents: int
    scores: Sequence[Score]


@dataclass(slots=True)
class _Tally:
    rows: dict[str, list[float]] = field(default_factory=dict)
    shown: list[list[Shown]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def add(self, **values: float) -> None:
        for name, value in values.items():
            self.rows.setdefault(name, []).append(value)


def labelled(bundle: str, truth: str, at_most: int | None = None) -> list[Labelled]:
    """Join incidents with their labels.

    Raises:
        InputError: a row that is no label, an incident without one or one without an incident, a
            cause that is not in its incident.
    """
    labels = read_labels(Path(truth), _TruthRow, _FORM)
    found = []
    for incident in bundles(bundle):
        row = labels.pop(incident.id, None)
        if row is None:
            raise InputError(
                f"incident {incident.id!r} has no label",
                where=truth,
                mend=f"add a row, or leave the incident out of {bundle}",
            )
        found.append(_joined(incident, row, truth))
    if labels:
        raise InputError(
            f"{len(labels)} labels have no incident, the first is {next(iter(labels))!r}",
            where=truth,
            mend=f"add it to {bundle}, or delete the row",
        )
    return found[:at_most]


def _joined(incident: Incident, row: _TruthRow, where: str) -> Labelled:
    known = {entity.uid for entity in incident.entities}
    candidates = row.candidates or incident.candidates or tuple(sorted(known))
    for uid in row.truth:
        if uid not in candidates:
            raise InputError(
                f"{uid!r} is no candidate of incident {incident.id!r}",
                where=where,
                mend="spell it as in the bundle",
            )
    return Labelled(incident, frozenset(row.truth), candidates)


def methods_of(model: Model) -> Mapping[str, Baseline]:
    """Return every method by name, the engine first."""

    def engine(incident: Incident) -> Mapping[str, float]:
        return {cause.entity: cause.posterior for cause in investigate(incident, model).causes}

    return {ENGINE: engine, **BASELINES}


def evaluate(
    name: str,
    rows: Sequence[Labelled],
    methods: Mapping[str, Baseline],
    passing: Callable[[Iterable[Labelled]], Iterator[Labelled]] = iter,
) -> SetScore:
    """Let every method answer every incident, and measure.

    Args:
        name: of the set.
        rows: its incidents, at least one.
        methods: name -> method.
        passing: shows progress.
    """
    tallies = {method: _Tally() for method in methods}
    for row in passing(rows):
        for method, rank in methods.items():
            began = time.process_time()
            scores = dict(rank(row.incident))
            tallies[method].seconds.append(time.process_time() - began)
            _measure(tallies[method], row, scores, chances=method == ENGINE)
    return SetScore(name, len(rows), [_score(method, t) for method, t in tallies.items()])


def _measure(tally: _Tally, row: Labelled, scores: Mapping[str, float], *, chances: bool) -> None:
    at = place(row.truth, row.candidates, scores)
    tally.add(**{f"AC@{k}": at.at(k) for k in (1, 3, 5)})
    tally.add(**{"Avg@5": sum(at.at(k) for k in range(1, 6)) / 5, "MRR": at.reciprocal})
    if chances:
        told = reported(row.truth, scores)
        tally.add(precision=told.precision, recall=told.recall, F1=told.f1)
        tally.add(Brier=brier(row.truth, row.candidates, scores))
        tally.shown.append(shown(row.truth, scores))


def _score(method: str, tally: _Tally) -> Score:
    figures = {name: mean(values) for name, values in tally.rows.items()}
    bins: Sequence[Bin] = ()
    if tally.shown:
        bins = reliability([row for rows in tally.shown for row in rows])
        figures["ECE"] = _error(tally.shown)
    middle, late = np.percentile(tally.seconds, [50, 95]).tolist()
    return Score(method, figures, bins, (1000 * middle, 1000 * late))


def mean(values: Sequence[float]) -> Figure:
    """Return the mean over incidents with its interval; at least one value."""
    rows = np.asarray(values)
    picks = np.random.default_rng(_SEED).integers(0, len(rows), (_RESAMPLED, len(rows)))
    low, high = np.percentile(rows[picks].mean(axis=1), [5, 95]).tolist()
    return Figure(float(rows.mean()), low, high)


def _error(rows: Sequence[Sequence[Shown]]) -> Figure:
    def of(picked: Iterable[int]) -> float:
        return calibration_error(reliability([row for i in picked for row in rows[i]]))

    draws = np.random.default_rng(_SEED).integers(0, len(rows), (_RESAMPLED // 5, len(rows)))
    low, high = np.percentile([of(picked) for picked in draws.tolist()], [5, 95]).tolist()
    return Figure(of(range(len(rows))), low, high)


def mean_of(sets: Sequence[SetScore]) -> Mapping[str, Mapping[str, float]]:
    """Return method -> measure -> the plain mean over sets."""
    found: dict[str, dict[str, float]] = {}
    for score in sets[0].scores:
        same = [next(s for s in one.scores if s.method == score.method) for one in sets]
        found[score.method] = {
            name: sum(s.figures[name].value for s in same) / len(same) for name in score.figures
        }
    return found
