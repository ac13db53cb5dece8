"""What an answer rests on: a minimal set of observations without which it would be another one.

Witnesses are taken away strongest first until the answer changes; then each is put back whose
absence was not needed. Found by asking again, never by adding up weights: what goes unseen also
changes how faults are followed.

Source of the minimisation: A. Zeller, R. Hildebrandt, Simplifying and Isolating Failure-Inducing
Input (2002), doi:10.1109/32.988498.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from kgraph.schema import Answer, Cause, Certificate, Fault, Incident, Observation
from kgraph.topology import build
from rca.engine import Verdict, verdict
from rca.rules.model import Model

MOST_RUNS, LEAST_RUNS = 48, 12
WORK = 2_400  # symptoms times runs: a storm is asked less often

Pair = tuple[str, str]  # entity, signal
Ask = Callable[[Incident], Verdict]


def certificate(incident: Incident, model: Model, answer: Answer) -> Certificate | None:
    """Return what the answer rests on; None where it blames nothing, or nothing would change it.

    Nor has an answer one that the inference would not have given without calibration.

    Args:
        incident: with its healthy rows spelled out (`expand_healthy`).
        model: the rules that the answer was made with.
        answer: to that incident.
    """
    blamed = _blamed(answer)
    if not blamed:
        return None
    topology = build(incident.entities, incident.relations)
    symptoms = sum(row.abnormal for row in incident.observations)
    most = max(LEAST_RUNS, min(MOST_RUNS, WORK // max(1, symptoms)))
    trials = _Trials(incident, blamed, lambda left: verdict(left, model, topology), most)
    if answer.calibration and trials.changes(()):
        return None  # the inference abstained, and calibration lifted that
    found = trials.shortest([*_witnesses(answer, blamed)])
    if found is None:
        return None
    kept, minimal = trials.minimal(found)
    told: dict[Pair, Observation] = {}
    for row in incident.observations:
        told.setdefault((row.entity, row.signal), row)
    return Certificate(
        tuple(told[pair] for pair in kept), trials.instead(kept), minimal, trials.runs
    )


def without(incident: Incident, pairs: Collection[Pair]) -> Incident:
    """Return the incident as if nobody had looked at some (entity, signal) pairs."""
    left = tuple(row for row in incident.observations if (row.entity, row.signal) not in pairs)
    return replace(incident, observations=left)


def _blamed(answer: Answer) -> frozenset[str]:
    best = next((row.members for row in answer.hypotheses if row.members), ())
    return frozenset() if answer.abstained else frozenset(fault.entity for fault in best)


def _witnesses(answer: Answer, blamed: Collection[str]) -> Mapping[Pair, float]:
    """Return what speaks for the winner over its strongest rival, heaviest first, in nats."""
    rivals = {fault.entity for fault in answer.runner_up.members} if answer.runner_up else set()
    weights: dict[Pair, float] = {}
    for cause in answer.causes:
        sign = 1 if cause.entity in blamed else -1 if cause.entity in rivals else 0
        for pair, nats in _heard(cause) if sign else ():
            weights[pair] = weights.get(pair, 0.0) + sign * nats
    speaks = sorted((-round(nats, 6), pair) for pair, nats in weights.items() if nats > 0)
    return {pair: -nats for nats, pair in speaks}


def _heard(cause: Cause) -> list[tuple[Pair, float]]:
    rows = (*cause.supporting, *cause.contradicting)
    return [((row.observation.entity, row.observation.signal), row.weight) for row in rows]


@dataclass
class _Trials:
    """Asking again and again with something left out, until `most` is spent."""

    incident: Incident
    blamed: frozenset[str]
    ask: Ask
    most: int
    runs: int = 0

    def __post_init__(self) -> None:
        self._known: dict[frozenset[Pair], Verdict] = {}

    @property
    def spent(self) -> bool:
        """Whether there is no more to ask with."""
        return self.runs >= self.most

    def changes(self, pairs: Sequence[Pair]) -> bool:
        """Tell whether something that is blamed is cleared when these go unseen."""
        return not self.blamed <= self._verdict(pairs).blamed

    def instead(self, pairs: Sequence[Pair]) -> tuple[Fault, ...]:
        """Return what is blamed when these go unseen."""
        found = self._verdict(pairs)
        return () if found.because else found.faults

    def _verdict(self, pairs: Sequence[Pair]) -> Verdict:
        gone = frozenset(pairs)
        if gone not in self._known:
            self.runs += 1
            self._known[gone] = self.ask(without(self.incident, gone))
        return self._known[gone]

    def shortest(self, ranked: Sequence[Pair]) -> list[Pair] | None:
        """Return the shortest prefix that changes the answer, by doubling and halving."""
        if not ranked:
            return None
        low, high = 0, 1  # `low` are too few
        while not self.changes(ranked[:high]):
            if high >= len(ranked):
                return None
            low, high = high, min(2 * high, len(ranked))
        while high - low > 1:
            middle = (low + high) // 2
            if self.changes(ranked[:middle]):
                high = middle
            else:
                low = middle
        return list(ranked[:high])

    def minimal(self, pairs: list[Pair]) -> tuple[list[Pair], bool]:
        """Put back what need not go; tell whether all of the rest was seen to be needed."""
        again = True
        while again:
            again = False
            for pair in reversed(pairs):
                left = [other for other in pairs if other != pair]
                if not left:
                    continue
                if self.spent and frozenset(left) not in self._known:
                    return pairs, False
                if self.changes(left):
                    pairs, again = left, True
        return pairs, True
