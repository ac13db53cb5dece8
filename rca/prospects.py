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
from dataclasses import dataclass
from functools import cached_property
from typing import overload

import numpy as np

from kgraph.schema import Severity
from rca.compile import severity_of
from rca.goal import Goal
from rca.likelihood import TARGET_RATIO
from rca.priors import log_prior, log_prior_together
from rca.region_edges import Floats, Ints
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
        nats: (entities,) the most that the readings of each say.
    """

    entities: Sequence[int]
    nats: Floats

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
    most = [_most(scene, each, each == breached) for each in entities]
    return Symptoms(entities, np.array(most, np.float64))


def _most(scene: Scene, entity: int, breached: bool) -> float:  # noqa: FBT001
    own = math.log(TARGET_RATIO) if breached else 0.0
    return own + loudest(entity, scene.readings.get(entity, ()), scene.weights)


class Prospects(Sequence[Prospect]):
    """Every single fault of the suspects, then every exhausted group; made where asked for.

    Attributes:
        entities: the suspects.
        modes: of each, (mode, log prior) of its faults; the same object where they are equal.
        groups: those of several faults.
        start: (entities + 1,) where the faults of each begin.
    """

    def __init__(
        self,
        entities: Sequence[int],
        modes: Sequence[Sequence[tuple[str, float]]],
        groups: Sequence[Prospect],
    ) -> None:
        """Take note of them."""
        self.entities, self.modes, self.groups = entities, modes, groups
        self.start: Ints = np.concatenate(([0], np.cumsum(np.array([*map(len, modes)], np.int64))))

    def __len__(self) -> int:
        """Return how many there are, groups included."""
        return int(self.start[-1]) + len(self.groups)

    @overload
    def __getitem__(self, which: int) -> Prospect: ...

    @overload
    def __getitem__(self, which: slice) -> list[Prospect]: ...

    def __getitem__(self, which: int | slice) -> Prospect | list[Prospect]:
        """Return one of them, or some."""
        if isinstance(which, slice):
            return [self[i] for i in range(*which.indices(len(self)))]
        single = int(self.start[-1])
        if which >= single:
            return self.groups[which - single]
        at = int(np.searchsorted(self.start, which, side="right")) - 1
        mode, prior = self.modes[at][which - int(self.start[at])]
        return Prospect(((self.entities[at], mode),), prior)

    def __iter__(self) -> Iterator[Prospect]:
        """Yield them in order."""
        for entity, modes in zip(self.entities, self.modes, strict=True):
            for mode, prior in modes:
                yield Prospect(((entity, mode),), prior)
        yield from self.groups


def prospects(
    scene: Scene, suspected: Sequence[int], groups: Sequence[tuple[int, ...]], goal: Goal | None
) -> Prospects:
    """Return every single fault of the suspects, then every exhausted group."""
    together = (_together(scene, group) for group in groups)
    return Prospects(
        suspected,
        _modes(scene, suspected, goal),
        [prospect for prospect in together if prospect is not None],
    )


def _modes(
    scene: Scene, suspected: Sequence[int], goal: Goal | None
) -> list[tuple[tuple[str, float], ...]]:
    """Return the faults of each suspect; those of most are those of their kind."""
    kinds, changed = scene.topology.kinds, scene.changed
    known: dict[
        tuple[str, bool, tuple[tuple[str, float], ...]], tuple[tuple[str, float], ...]
    ] = {}
    found = []
    for entity in suspected:
        kind = kinds[entity]
        key = kind, entity in changed, tuple(sorted(scene.rates(entity).items()))
        modes = known.get(key)
        if modes is None:
            modes = known[key] = tuple(
                (mode, log_prior(rate, changed=key[1]))
                for mode, rate in key[2]
                if goal is None or severity_of(kind, mode) is goal.severity
            )
        found.append(modes)
    return found


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
