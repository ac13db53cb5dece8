"""Figures with intervals, out of what each of many answers was worth."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from kgraph.schema import Incident
from rca.evaluation.baselines import Baseline
from rca.evaluation.measures import (
    Bin,
    Shown,
    all_among,
    brier,
    calibration_error,
    place,
    precision_at,
    reliability,
    reported,
    shown,
)

ENGINE = "kgraph"
UNCALIBRATED = "uncalibrated"
SURE = 0.9
_RESAMPLED = 1_000
_SEED = 20_26


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


@dataclass(slots=True)
class Tally:
    """What each answer of one method was worth, in the order of the questions.

    Attributes:
        chances: whether its scores are probabilities.
        rows: name of the measure -> one value an incident.
        shown: the chances of each incident that count for calibration, with what came true.
        seconds: CPU seconds of each.
    """

    chances: bool
    rows: dict[str, list[float]] = field(default_factory=dict)
    shown: list[list[Shown]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def ask(
        self,
        rank: Baseline,
        incident: Incident,
        truth: Collection[str],
        candidates: Collection[str],
    ) -> None:
        """Put one question, and note how the answer was."""
        began = time.process_time()
        scores = dict(rank(incident))
        self.seconds.append(time.process_time() - began)
        at = place(truth, candidates, scores)
        self._add(**{f"AC@{k}": at.at(k) for k in (1, 3, 5)})
        self._add(**{"Avg@5": sum(at.at(k) for k in range(1, 6)) / 5, "MRR": at.reciprocal})
        self._add(**{"all@4": float(all_among(4, truth, scores))})
        if self.chances:
            told = reported(truth, scores)
            self._add(precision=told.precision, recall=told.recall, F1=told.f1)
            self._add(Brier=brier(truth, candidates, scores))
            self.shown.append(shown(truth, scores))

    def only(self, places: Sequence[int]) -> Tally:
        """Return the tally of some of the questions alone."""
        return Tally(
            self.chances,
            {name: [values[i] for i in places] for name, values in self.rows.items()},
            [self.shown[i] for i in places] if self.chances else [],
            [self.seconds[i] for i in places],
        )

    def _add(self, **values: float) -> None:
        for name, value in values.items():
            self.rows.setdefault(name, []).append(value)


def score(method: str, tally: Tally) -> Score:
    """Return the figures of at least one answer."""
    figures = {name: mean(values) for name, values in tally.rows.items()}
    bins: Sequence[Bin] = ()
    if tally.shown:
        told = [row for rows in tally.shown for row in rows]
        bins = reliability(told)
        figures["ECE"] = _pooled(tally.shown, lambda rows: calibration_error(reliability(rows)))
        figures["ECE by chance"] = _by_chance([chance for chance, _ in told])
        if precision_at(SURE, told) is not None:
            figures["precision@.9"] = _pooled(tally.shown, lambda rows: precision_at(SURE, rows))
    middle, late = np.percentile(tally.seconds, [50, 95]).tolist()
    return Score(method, figures, bins, (1000 * middle, 1000 * late))


def mean(values: Sequence[float]) -> Figure:
    """Return the mean over incidents with its interval; at least one value."""
    rows = np.asarray(values)
    picks = np.random.default_rng(_SEED).integers(0, len(rows), (_RESAMPLED, len(rows)))
    low, high = np.percentile(rows[picks].mean(axis=1), [5, 95]).tolist()
    return Figure(float(rows.mean()), low, high)


def _pooled(
    rows: Sequence[Sequence[Shown]], measure: Callable[[Sequence[Shown]], float | None]
) -> Figure:
    """Measure the chances of all incidents together; incidents are resampled whole."""

    def of(picked: Iterable[int]) -> float | None:
        return measure([row for i in picked for row in rows[i]])

    draws = np.random.default_rng(_SEED).integers(0, len(rows), (_RESAMPLED // 5, len(rows)))
    found = [value for picked in draws.tolist() if (value := of(picked)) is not None]
    whole = of(range(len(rows))) or 0.0
    low, high = np.percentile(found or [whole], [5, 95]).tolist()
    return Figure(whole, low, high)


def _by_chance(said: Sequence[float]) -> Figure:
    """Return the calibration error of these chances if each were exactly right.

    Few chances never come true in just their share, so that error is not zero; only what lies
    above the interval says that chances are wrong. Causes of an incident count as independent.
    """
    draws = np.random.default_rng(_SEED).random((_RESAMPLED // 5, len(said))) < np.asarray(said)
    found = [
        calibration_error(reliability(list(zip(said, came, strict=True))))
        for came in draws.tolist()
    ]
    low, high = np.percentile(found, [5, 95]).tolist()
    return Figure(float(np.mean(found)), low, high)
