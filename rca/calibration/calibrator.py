"""How often what is said comes true: posteriors made into measured chances.

The posterior of the inference is right only as far as its model is. One small logistic model says
how often such a posterior came true in such a situation:

    log odds = bias + w · situation + sum over measures (slope + v · situation) * measure

A situation belongs to the incident: how large the storm is, whether an objective was breached,
how much of it is explained, whether evidence came over calls (`rca.evidence.softness`), and
whether all that is blamed depends on as much as its peers do: where the graph lacks a cause, what
hangs on it looks like one, or like several. A measure belongs to one cause and grows with its
posterior: its log odds, how far it is ahead of the best of the others, whether the best set has
room for it (behind a certain first fault, who is far behind may be a second fault, or another
explanation of the same), and how few are likelier, equals by half: where an objective was
breached, one cause is the rule. Every slope is above zero in every situation (`Slope.lowest`),
so within an incident the order of causes never changes.

Source: J. Platt, Probabilistic Outputs for Support Vector Machines (1999), here with features of
the situation; fitted by `rca.calibration.fit`.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

import numpy as np

from kgraph.schema import Answer, Cause, Fault, Hypothesis, Incident
from kgraph.schema.hypotheses import kept_in_order
from rca.answers.rivals import BLIND as MONITORING
from rca.answers.rivals import OUTSIDE as ELSEWHERE
from rca.calibration.rivals import groups, runner_up
from rca.engine import OUTSIDE
from rca.evaluation.measures import Bin
from rca.suspects.priors import recently_changed

# Feature -> which way it may move chances: 1 up, -1 down, 0 either. What is known of the direction
# need not be learned, and a few hundred incidents could teach the opposite by chance.
SITUATION: Mapping[str, int] = MappingProxyType(
    {
        "targeted": 0,
        "storm": -1,
        "crowd": -1,
        "calls": 0,
        "elsewhere": -1,
        "explained": 1,
        "contradicted": -1,
        "together": -1,
        "itself": 1,
        "single": -1,
        "lacks": -1,
    }
)
MEASURES = ("logOdds", "ahead", "stands", "place")
_LEAST = 1e-12  # a chance nearer to 0 or 1 is no better known
_GROWS = 10.0  # times, at most
_TOGETHER = 4  # further faults in the best set that count as 1
_LEVEL = 5.0  # nats beyond which log odds hardly grow
_ALONE = 5.0  # nats that a cause without any other is ahead
_EQUAL = 1e-6  # nats: who is nearer to another than this stands where that one does
_NEAR = 0.2  # nats: of two that are nearer, the likelier is not surely so
_WINDOW: Sequence[tuple[float, Literal["left", "right"]]] = ((-_NEAR, "left"), (_NEAR, "right"))
LISTED = 15  # causes of an incident that are learned from: the others are never near a chance
_STORM = 10.0  # log2 of so many alarming entities is as large as it gets

Values = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Slope:
    """How much one measure counts: `base`, and more or less by the situation."""

    base: float
    by: Values = field(default_factory=dict)

    @property
    def lowest(self) -> float:
        """The least that it can be in any situation."""
        return self.base + math.fsum(min(0.0, value) for value in self.by.values())

    def at(self, situation: Values) -> float:
        """Return the slope in a situation."""
        return self.base + math.fsum(v * situation[name] for name, v in self.by.items())


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fitted calibrator.

    Attributes:
        title: what it was fitted on, in words that follow "calibrated on".
        rules: version of the rules that it was fitted with.
        how: what was done to fit it: seeds, sizes, sets.
        bias: log odds where everything else is 0.
        situation: name of `SITUATION` -> weight, in nats.
        slopes: name of `MEASURES` -> slope.
        reliability: what it said of incidents that it was not fitted on, and what came true.
    """

    title: str
    rules: str
    bias: float
    situation: Values
    slopes: Mapping[str, Slope]
    how: Mapping[str, str] = field(default_factory=dict)
    reliability: Sequence[Bin] = ()

    def log_odds(self, situation: Values, measures: Values) -> float:
        """Return the log odds of one cause, in nats."""
        return (
            self.bias
            + math.fsum(weight * situation[name] for name, weight in self.situation.items())
            + math.fsum(s.at(situation) * measures[name] for name, s in self.slopes.items())
        )


def calibrated(answer: Answer, incident: Incident, calibration: Calibration | None) -> Answer:
    """Return the same answer with measured chances.

    The order of causes and of sets of causes stays; no chance grows more than tenfold. What is
    lost or won by the leader is won or lost by "outside the graph" and "the monitoring failed" in
    proportion. What the chances of all causes together leave of certainty is at least the chance
    of "outside the graph", as P(any cause) is at most their sum. An abstention is lifted where the
    leader is ahead of both, and made where "outside the graph" is ahead of the leader and of
    "the monitoring failed".

    Args:
        answer: as the inference gave it.
        incident: what was asked, healthy evidence expanded.
        calibration: None: the answer stays as it is, and says that it is not calibrated.
    """
    if calibration is None or answer.calibration:
        return answer
    if not answer.causes:
        return replace(answer, calibration=calibration.title)
    odds = _log_odds(answer, incident, calibration)
    causes = tuple(_cause(cause, odd) for cause, odd in zip(answer.causes, odds, strict=True))
    before, now = answer.causes[0].posterior, causes[0].posterior
    left = min(1.0, (1 - now) / max(_LEAST, 1 - before))
    monitoring = answer.monitoring * left
    # Of those further down nothing was learned.
    rest = 1 - monitoring - math.fsum(cause.posterior for cause in causes[:LISTED])
    elsewhere = max(answer.elsewhere * left, rest)
    curve = _Curve([log_odds(cause.posterior) for cause in answer.causes], odds)
    because = _abstains(answer, now, elsewhere, monitoring)
    rival = runner_up(answer.runner_up, curve, left, abstained=answer.abstained)
    return replace(
        answer,
        causes=causes,
        hypotheses=tuple(_hypotheses(answer, curve, elsewhere, monitoring)),
        elsewhere=elsewhere,
        monitoring=monitoring,
        # Where chances have another winner than the inference, it competes with nobody.
        runner_up=rival if bool(because) is answer.abstained else None,
        ambiguous=groups(answer.ambiguous, answer.causes, causes),
        abstained_because=because,
        calibration=calibration.title,
    )


def _abstains(answer: Answer, leader: float, elsewhere: float, monitoring: float) -> str:
    if leader > max(elsewhere, monitoring):
        return ""
    return OUTSIDE if elsewhere > monitoring else answer.abstained_because


def situation_of(answer: Answer, incident: Incident) -> dict[str, float]:
    """Return what is known of the whole incident, each in [0, 1].

    Args:
        answer: with at least one cause; not calibrated.
        incident: what was asked.
    """
    alarms = [row for row in incident.observations if row.abnormal]
    loud, seen = {row.entity for row in alarms}, {row.entity for row in incident.observations}
    leader, best = answer.causes[0], _best(answer)
    members = {fault.entity for fault in best}
    blamed = [leader, *(cause for cause in answer.causes if cause.entity in members)]
    alarming = {(row.entity, row.signal) for row in alarms}
    pro = math.fsum(witness.weight for witness in leader.supporting)
    con = -math.fsum(witness.weight for witness in leader.contradicting)
    return {
        "targeted": float(incident.target is not None),
        "storm": min(1.0, math.log2(1 + len(loud)) / _STORM),
        "crowd": _share(len(loud), len(seen)),
        "calls": answer.calls,
        "elsewhere": answer.elsewhere,
        "explained": _share(len(alarming & _explained(answer, best)), len(alarming)),
        "contradicted": _share(con, pro + con),
        "together": min(1.0, (len(best) - 1) / _TOGETHER) if best else 0.0,
        "itself": float(leader.entity in loud),
        "single": 1 / max(1, leader.explains + (leader.entity in recently_changed(incident))),
        "lacks": max((c.lacks.share for c in blamed if c.lacks), default=0.0),
    }


def measures_of(answer: Answer) -> Iterator[dict[str, float]]:
    """Yield, for each cause of an answer, what grows with its posterior.

    That a cause is a member of the best set would not do: whoever is in many sets may be likelier
    than a member of the best one. So of n members the n likeliest stand, and their equals.

    Args:
        answer: with at least one cause, likeliest first; not calibrated.
    """
    odds = [log_odds(cause.posterior) for cause in answer.causes]
    members = len({fault.entity for fault in _best(answer)})
    last = odds[min(max(1, members), len(odds)) - 1]
    for place, (own, likelier) in enumerate(zip(odds, _likelier(odds), strict=True)):
        other = odds[0] if place else (odds[1] if len(odds) > 1 else own - _ALONE)
        yield {
            "logOdds": _levelled(own),
            "ahead": _squeezed(own - other),
            "stands": float(own >= last - _EQUAL),
            "place": -math.log1p(likelier),
        }


def _likelier(odds: Sequence[float]) -> list[float]:
    """Return how many others are likelier than each, where an equal is so by half.

    A posterior is no surer than `_NEAR`: by which of two copies a size is a little larger, the
    first would win what the second loses, if it were counted whole.

    Args:
        odds: log odds, falling.
    """
    rising = np.array(odds[::-1])
    before = np.concatenate(([0.0], np.cumsum(rising)))
    low, high = (np.searchsorted(rising, rising + d, side) for d, side in _WINDOW)
    near = high - low
    beyond = before[high] - before[low] - near * rising
    found = len(rising) - high + (near - 1) / 2 + beyond / (2 * _NEAR)
    falling: list[float] = np.maximum(found, 0.0)[::-1].tolist()
    return falling


def _best(answer: Answer) -> tuple[Fault, ...]:
    """Return the likeliest set of faults; empty where none is told."""
    return next((row.members for row in answer.hypotheses if row.members), ())


def log_odds(chance: float) -> float:
    """Return the log odds of a chance in [0, 1]; certainty is cut at 1e-12."""
    held = min(max(chance, _LEAST), 1 - _LEAST)
    return math.log(held) - math.log1p(-held)


def chance_of(odds: float) -> float:
    """Return the chance of log odds, in (0, 1)."""
    if odds < 0:
        return math.exp(odds) / (1 + math.exp(odds))
    return 1 / (1 + math.exp(-odds))


def _levelled(nats: float) -> float:
    """Return a rising function of nats in which ten and thirty are alike: neither is measured."""
    return _LEVEL * math.tanh(nats / _LEVEL)


def _squeezed(nats: float) -> float:
    """Return a rising function of nats in which ten and thirty still differ, by little."""
    return math.copysign(math.log1p(abs(nats)), nats)


def _log_odds(answer: Answer, incident: Incident, calibration: Calibration) -> list[float]:
    situation = situation_of(answer, incident)
    rows = zip(answer.causes, measures_of(answer), strict=True)
    return [
        min(calibration.log_odds(situation, row), _most(cause.posterior)) for cause, row in rows
    ]


def _most(chance: float) -> float:
    """Return what a chance grows to at most: what comes of the least ones nobody has measured."""
    return log_odds(_GROWS * chance)


def _cause(cause: Cause, odds: float) -> Cause:
    chance = chance_of(odds)
    scale = chance / cause.posterior if cause.posterior > 0 else 0.0
    modes = {mode: min(1.0, part * scale) for mode, part in cause.modes.items()}
    return replace(cause, posterior=chance, modes=modes, uncalibrated=log_odds(cause.posterior))


class _Curve:
    """The incident's map from log odds to calibrated ones, through its causes, rising.

    Between two causes it follows the levelled log odds, as the calibrator does: a straight line
    from a certain cause to an unlikely one would take nearly all from a set that is nearly sure.
    """

    def __init__(self, said: Sequence[float], true: Sequence[float]) -> None:
        points = sorted(set(zip(said, true, strict=True)))
        self._said = [x for x, _ in points]
        self._true = [y for _, y in points]

    def __call__(self, chance: float) -> float:
        at = log_odds(chance)
        place = bisect_left(self._said, at)
        if place == 0:
            return chance_of(self._true[0] + at - self._said[0])
        if place == len(self._said):
            return chance_of(self._true[-1])
        (x, y), (x2, y2) = ((self._said[i], self._true[i]) for i in (place - 1, place))
        low, high = _levelled(x), _levelled(x2)
        part = (_levelled(at) - low) / (high - low) if high > low else 1.0
        return chance_of(y + (y2 - y) * part)


def _hypotheses(
    answer: Answer, curve: _Curve, elsewhere: float, monitoring: float
) -> list[Hypothesis]:
    nobody = {ELSEWHERE: elsewhere, MONITORING: monitoring}
    rows = [
        replace(row, posterior=curve(row.posterior) if row.members else nobody[row.name])
        for row in answer.hypotheses
    ]
    return kept_in_order(rows)


def _explained(answer: Answer, best: Sequence[Fault]) -> set[tuple[str, str]]:
    """Return the (entity, signal) pairs that speak for any member of a set."""
    blamed = {fault.entity for fault in best}
    return {
        (witness.observation.entity, witness.observation.signal)
        for cause in answer.causes
        if cause.entity in blamed
        for witness in cause.supporting
    }


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
