"""Fitting the calibrator: penalised logistic regression, by iteratively reweighted least squares.

Source: P. McCullagh and J. A. Nelder, Generalized Linear Models (1989), 4.4; ridge as in S. le
Cessie and J. C. van Houwelingen (1992), doi:10.2307/2347628.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kgraph.schema import Answer, Incident
from rca.calibration.calibrator import (
    LISTED,
    MEASURES,
    SITUATION,
    Calibration,
    Slope,
    measures_of,
    situation_of,
)

# Of each measure in any situation: a lead always counts, whatever a few hundred incidents teach.
LEAST_SLOPES = MappingProxyType({"logOdds": 0.02, "ahead": 0.1, "stands": 0.02, "place": 0.02})
RIDGE = 1.0  # on what the situation does: what was seldom seen says little
FREE = 1e-2  # on the rest
_ROUNDS, _CLOSE, _STRIDE = 100, 1e-7, 5.0
_TURNS, _HELPS = 60, 1e-3  # of the active set
_OWN = 1 + len(SITUATION)  # coefficients that do not belong to a slope
_PART = 1 + 2 * len(SITUATION)  # coefficients of one slope

Numbers = NDArray[np.float64]
Places = NDArray[np.int_]


@dataclass(frozen=True, slots=True)
class Lesson:
    """An incident whose cause is known.

    Attributes:
        system: where it is from.
        weight: how much that system counts, however many incidents it has.
        rows: (k, p) what is known of its k likeliest causes.
        came: (k,) whether each was one, 0 or 1.
    """

    system: str
    rows: Numbers
    came: Numbers
    weight: float = 1.0


def lesson(
    system: str, incident: Incident, answer: Answer, truth: Collection[str], weight: float = 1.0
) -> Lesson | None:
    """Return what an answer teaches, or None where it names nobody.

    Args:
        system: where the incident is from.
        incident: what was asked.
        answer: not calibrated.
        truth: entities at fault.
        weight: how much the system counts beside others.
    """
    if not answer.causes:
        return None
    situation = situation_of(answer, incident)
    here = [situation[name] for name in SITUATION]
    level = [situation[name] * (sign or 1) for name, sign in SITUATION.items()]
    sloped = [1.0, *here, *(1.0 - value for value in here)]
    rows = []
    for measures in islice(measures_of(answer), LISTED):
        crossed = [measures[m] * value for m in MEASURES for value in sloped]
        rows.append([1.0, *level, *crossed])
    came = [float(cause.entity in truth) for cause in answer.causes[:LISTED]]
    return Lesson(system, np.array(rows), np.array(came), weight)


def fit(
    lessons: Sequence[Lesson], *, title: str, rules: str, how: Mapping[str, str]
) -> Calibration:
    """Fit a calibrator whose slopes are above zero in every situation.

    A slope is a sum of parts that are each zero or more: one that always counts, and two for each
    feature of the situation, which count as far as the feature is there and as far as it is not.

    Args:
        lessons: at least one with a cause that came true and one that did not.
        title: what it is fitted on.
        rules: version of the rules.
        how: what to tell of the fit.

    Raises:
        ValueError: nothing came true, or nothing did not.
    """
    came = np.concatenate([one.came for one in lessons]) if lessons else np.zeros(0)
    if not 0 < came.sum() < len(came):
        raise ValueError("causes that came true and others are needed, both")
    rows = np.vstack([one.rows for one in lessons])
    found = _bounded(rows, came, _weights(lessons))
    slopes = {name: _slope(part) for name, part in zip(MEASURES, _parts(found), strict=True)}
    own = found[:_OWN]
    level = [
        weight * (sign or 1) for weight, sign in zip(own[1:], SITUATION.values(), strict=True)
    ]
    return Calibration(title, rules, float(own[0]), _named(level), slopes, dict(how))


def _weights(lessons: Sequence[Lesson]) -> Numbers:
    """Weigh rows so that a system counts by its weight, an incident 1 on average."""
    counts: dict[str, int] = {}
    weights: dict[str, float] = {}
    for one in lessons:
        counts[one.system] = counts.get(one.system, 0) + 1
        weights[one.system] = one.weight
    share = len(lessons) / sum(weights.values())
    each = {name: share * weights[name] / count for name, count in counts.items()}
    return np.concatenate([np.full(len(one.came), each[one.system]) for one in lessons])


def _bounded(rows: Numbers, came: Numbers, weights: Numbers) -> Numbers:
    """Return the coefficients, (p,), parts of slopes zero or more.

    An active set: parts that come out below zero are left out, the furthest first; the one that
    would then help most is taken back, until none would.
    """
    size = rows.shape[1]
    firsts = [_OWN + i * _PART for i in range(len(MEASURES))]
    penalty, least = np.full(size, RIDGE), np.zeros(size)
    penalty[[0, *firsts]] = FREE
    least[firsts] = [LEAST_SLOPES[name] for name in MEASURES]
    whole = _Problem(rows, came, weights, penalty, rows @ least)
    free, found = _allowed(), np.zeros(size)
    for _ in range(_TURNS):
        found, kept = _feasible(whole, free, found)
        idle = np.isin(np.arange(size), np.setdiff1d(_allowed(), kept))
        helps = np.where(idle, _gradient(whole, found), 0.0)
        best = int(np.argmax(helps))
        if helps[best] <= _HELPS:
            break
        free = np.sort(np.append(kept, best))
    return found + least


def _feasible(whole: _Problem, free: Places, start: Numbers) -> tuple[Numbers, Places]:
    """Leave parts out until none is below zero; return the coefficients and who is left."""
    while True:
        problem = whole._replace(rows=whole.rows[:, free], penalty=whole.penalty[free])
        found = np.zeros(len(start))
        found[free] = _solve(problem, start[free])
        parts = np.where(_bounded_below()[free], found[free], 0.0)
        worst = float(parts.min())
        if worst >= 0:
            return found, free
        free = free[parts > worst / 2]


def _allowed() -> Places:
    """Return the places of coefficients that may be other than zero.

    What moves chances up alone adds to a slope where it is there, what moves them down alone where
    it is missing.
    """
    signs = np.array(list(SITUATION.values()))
    part = np.concatenate([[True], signs >= 0, signs <= 0])
    own = np.full(_OWN, fill_value=True)
    return np.flatnonzero(np.concatenate([own, *([part] * len(MEASURES))]))


def _bounded_below() -> NDArray[np.bool_]:
    """Tell of every coefficient whether it must be zero or more."""
    own = [False, *(sign != 0 for sign in SITUATION.values())]
    return np.array([*own, *([True] * _PART * len(MEASURES))])


def _gradient(problem: _Problem, found: Numbers) -> Numbers:
    chances = _chances(problem, found)
    slope: Numbers = problem.rows.T @ (problem.weights * (problem.came - chances))
    return slope - problem.penalty * found


def _chances(problem: _Problem, found: Numbers) -> Numbers:
    odds: Numbers = problem.rows @ found + problem.offset
    return 0.5 * (1 + np.tanh(odds / 2))


class _Problem(NamedTuple):
    rows: Numbers
    came: Numbers
    weights: Numbers
    penalty: Numbers
    offset: Numbers


def _solve(problem: _Problem, start: Numbers) -> Numbers:
    """Return the coefficients of greatest penalised likelihood, (p,)."""
    rows, found = problem.rows, start
    for _ in range(_ROUNDS):
        chances = _chances(problem, found)
        curvature = (rows * (problem.weights * chances * (1 - chances))[:, None]).T @ rows
        curvature += np.diag(problem.penalty)
        step = np.linalg.solve(curvature, _gradient(problem, found))
        size = float(np.abs(step).max())
        # A full step may overshoot where chances are near 0 or 1.
        found = found + step * min(1.0, _STRIDE / max(_CLOSE, size))
        if size < _CLOSE:
            break
    return found


def _parts(found: Numbers) -> list[Numbers]:
    return np.split(found[_OWN:], len(MEASURES))


def _slope(part: Numbers) -> Slope:
    there, missing = part[1:_OWN], part[_OWN:]
    return Slope(float(part[0] + missing.sum()), _named(there - missing))


def _named(values: Iterable[float]) -> dict[str, float]:
    return {name: float(value) for name, value in zip(SITUATION, values, strict=True)}
