"""Which suspects are worth a walk of their effects: the most that each could explain.

A walk costs what a fault hits; behind thirty alarms stand thousands of possible faults. Of each
the most that it could score is known without a walk:

    most = log prior + its own readings, exactly + the full weight of every alarm it could reach

What is healthy, a gate or an unlikely hop can only lower that. Suspects are walked in this order
until no other could come near the best one; then those that could add to the best explanation by
what it leaves unexplained.

The order is that of lazy greedy maximisation. Source: M. Minoux, Accelerated Greedy Algorithms for
Maximizing Submodular Set Functions (1978), doi:10.1007/BFb0006528.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import and_
from typing import NamedTuple

from kgraph.schema import Severity
from rca.compile import severity_of
from rca.goal import Goal
from rca.likelihood import TARGET_RATIO
from rca.messages import ENTITY_RHO, temper
from rca.priors import log_prior, log_prior_together
from rca.promise import Reach, Reaches, estimate, total
from rca.scene import Scene
from rca.storm import loudest


@dataclass(frozen=True, slots=True)
class Prospect:
    """A suspect before it is walked.

    Attributes:
        faults: (entity, mode), sorted; the faults of one exhausted redundancy group together.
        log_prior: log odds that it happens in the time of one incident.
    """

    faults: tuple[tuple[int, str], ...]
    log_prior: float


@dataclass(frozen=True)
class Symptoms:
    """The abnormal entities, and the most that each can say for a cause.

    Attributes:
        entities: in index order; bit i of a set stands for the i-th.
        nats: the most that the readings of each say.
    """

    entities: Sequence[int]
    nats: Sequence[float]

    @cached_property
    def place(self) -> Mapping[int, int]:
        """Entity -> its bit."""
        return {entity: i for i, entity in enumerate(self.entities)}

    def bit(self, entity: int) -> int:
        """Return the set of one entity, if it is a symptom."""
        place = self.place.get(entity)
        return 0 if place is None else 1 << place

    def bits(self, entities: Iterable[int]) -> int:
        """Return the set of those that are symptoms."""
        found = 0
        for entity in entities:
            if entity in self.place:
                found |= 1 << self.place[entity]
        return found


def symptoms_of(scene: Scene, abnormal: Sequence[int], goal: Goal | None) -> Symptoms:
    """Weigh the abnormal entities, and the one whose objective is breached."""
    entities = sorted({*abnormal, *([goal.entity] if goal else [])})
    breached = goal.entity if goal else None
    return Symptoms(entities, [_most(scene, each, each == breached) for each in entities])


def _most(scene: Scene, entity: int, breached: bool) -> float:  # noqa: FBT001
    own = math.log(TARGET_RATIO) if breached else 0.0
    return own + loudest(entity, scene.readings.get(entity, ()), scene.weights)


def prospects(
    scene: Scene, suspected: Sequence[int], groups: Sequence[tuple[int, ...]], goal: Goal | None
) -> Iterator[Prospect]:
    """Yield every single fault of the suspects, then every exhausted group."""
    for entity in suspected:
        kind = scene.topology.kinds[entity]
        for mode, rate in sorted(scene.rates(entity).items()):
            if goal is None or severity_of(kind, mode) is goal.severity:
                prior = log_prior(rate, changed=entity in scene.changed)
                yield Prospect(((entity, mode),), prior)
    for group in groups:
        prospect = _together(scene, group)
        if prospect is not None:
            yield prospect


def _together(scene: Scene, group: Sequence[int]) -> Prospect | None:
    faults = []
    rates = []
    for entity in group:
        kind = scene.topology.kinds[entity]
        hard = {
            mode: rate
            for mode, rate in scene.rates(entity).items()
            if severity_of(kind, mode) is Severity.HARD
        }
        if not hard:
            return None
        mode = max(hard, key=lambda m: (hard[m], m))
        faults.append((entity, mode))
        rates.append(hard[mode])
    return Prospect(tuple(sorted(faults)), log_prior_together(rates))


class Plain(NamedTuple):
    """What holds for every mode of an entity.

    Attributes:
        explains: as `Outlook.explains`.
        hard, gray: as `Outlook.promises`, by severity.
        pressing: modes for which it does not hold.
    """

    explains: int
    hard: float
    gray: float
    pressing: frozenset[str]


class Outlook:
    """What each prospect could explain, before it is walked."""

    def __init__(self, scene: Scene, suspected: Sequence[int], symptoms: Symptoms) -> None:
        """Find what lies downstream of which suspect."""
        self.scene = scene
        self.symptoms = symptoms
        self._totals: dict[int, float] = {}
        self._looks: dict[int, object] = {}  # equal where the same was seen of the same kind
        self._says: dict[tuple[object, str], float] = {}
        self.reaches = Reaches(scene, suspected, symptoms.place, scene.rank)

    def reach(self, prospect: Prospect) -> Reach:
        """Return what lies downstream of a prospect, itself included."""
        ((entity, mode), *others) = prospect.faults
        if not others and not self._presses(entity, mode):
            return self.reaches.get(entity) or Reach()
        parts = [
            self.reaches.get(entity, Reach()) if at == entity else self._pressed(at)
            for entity, mode in prospect.faults
            for at in (entity, *self._presses(entity, mode))
        ]
        found = reduce(Reach.joined, parts)
        if len(prospect.faults) > 1:  # what all of them lie upstream of, nothing protects any more
            behind = reduce(and_, (self.reaches[entity].alarms for entity, _ in prospect.faults))
            found = replace(found, alone=found.alone | behind)
        return found

    def _presses(self, entity: int, mode: str) -> list[int]:
        presses = self.scene.terrain.presses(entity)
        return [ahead.entity for ahead in presses if mode in ahead.effects]

    def _pressed(self, entity: int) -> Reach:
        return replace(self.reaches.get(entity, Reach()), well=(0, 0))

    def explains(self, prospect: Prospect, reach: Reach) -> int:
        """Return the symptoms that could follow from a prospect, those at fault left out."""
        return reach.alarms & ~self.symptoms.bits(entity for entity, _ in prospect.faults)

    def promises(self, prospect: Prospect, reach: Reach) -> float:
        """Return about what its effects say for a prospect, in nats."""
        entity, mode = prospect.faults[0]
        severity = severity_of(self.scene.topology.kinds[entity], mode)
        own = self.symptoms.bits(entity for entity, _ in prospect.faults)
        return estimate(reach, severity, self.total, own)

    def plain(self, entity: int) -> Plain:
        """Return what holds for each mode of an entity that hits nothing against the arrows."""
        reach, own = self.reaches.get(entity) or Reach(), self.symptoms.bit(entity)
        return Plain(
            reach.alarms & ~own,
            estimate(reach, Severity.HARD, self.total, own),
            estimate(reach, Severity.GRAY, self.total, own),
            frozenset(m for ahead in self.scene.terrain.presses(entity) for m in ahead.effects),
        )

    def total(self, bits: int) -> float:
        """Return what the symptoms in a set say together; the modes of one entity share them."""
        found = self._totals.get(bits)
        if found is None:
            found = self._totals[bits] = total(bits, self.symptoms.nats)
        return found

    def own(self, prospect: Prospect) -> float:
        """Return what the readings of the entities at fault say, in nats."""
        if len(prospect.faults) == 1:
            return self._said(*prospect.faults[0])
        return math.fsum(self._said(entity, mode) for entity, mode in prospect.faults)

    def _said(self, entity: int, mode: str) -> float:
        readings = self.scene.readings.get(entity)
        if not readings:
            return 0.0
        look = self._looks.get(entity)
        if look is None:
            weights = self.scene.weights
            look = self._looks[entity] = tuple(
                (reading.look, weights.get((entity, i), 1.0)) for i, reading in enumerate(readings)
            )
        found = self._says.get((look, mode))
        if found is None:
            nats = [
                self.scene.weights.get((entity, i), 1.0)
                * math.log1p(reading.at_cause(mode) * (reading.ratio - 1))
                for i, reading in enumerate(readings)
            ]
            found = self._says[(look, mode)] = temper(nats, ENTITY_RHO)
        return found
