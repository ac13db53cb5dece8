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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, overload

import numpy as np

from kgraph.schema import Channel, Severity
from kgraph.topology.walk import spans
from rca.evidence.likelihood import TARGET_RATIO, Reading
from rca.region.edges import Floats, Ints
from rca.region.goal import Goal
from rca.region.scene import Scene
from rca.rules.compile import severity_of
from rca.suspects.priors import SILENT, log_prior, log_prior_together
from rca.suspects.regions import region_of


@dataclass(frozen=True, slots=True)
class Prospect:
    """A suspect before it is walked.

    Attributes:
        faults: (entity, mode), sorted; the faults of one exhausted redundancy group together.
        log_prior: log odds that it happens in the time of one incident.
        stops: of a group, whom it leaves without the last of what they need.
    """

    faults: tuple[tuple[int, str], ...]
    log_prior: float
    stops: tuple[int, ...] = ()


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
    return own + scene.loudest.get(entity, 0.0)


class Sort(NamedTuple):
    """A fault that many suspects may have.

    Attributes:
        rate: faults a year.
        log_prior: as in `Prospect`, of one alone.
    """

    kind: str
    mode: str
    rate: float
    log_prior: float


@dataclass(frozen=True)
class Prospects(Sequence[Prospect]):
    """Every single fault of the suspects, then every exhausted group; made where asked for.

    Attributes:
        entities: the suspects.
        sorts: of faults.
        start: (prospects + 1,) where the faults of each begin.
        suspect, sort: of each fault, its position in `entities` and which of `sorts` it is.
        log_prior: (prospects,) of each.
        stops: of each group, which come last.
    """

    entities: Sequence[int]
    sorts: Sequence[Sort]
    start: Ints
    suspect: Ints
    sort: Ints
    log_prior: Floats
    stops: Sequence[Sequence[int]]

    def __len__(self) -> int:
        """Return how many there are, groups included."""
        return len(self.log_prior)

    @property
    def singles(self) -> int:
        """How many there are of one fault."""
        return len(self) - len(self.stops)

    @property
    def of(self) -> Ints:
        """(faults,) the prospect of each."""
        return np.repeat(np.arange(len(self)), np.diff(self.start))

    @overload
    def __getitem__(self, which: int) -> Prospect: ...

    @overload
    def __getitem__(self, which: slice) -> list[Prospect]: ...

    def __getitem__(self, which: int | slice) -> Prospect | list[Prospect]:
        """Return one of them, or some."""
        if isinstance(which, slice):
            return [self[i] for i in range(*which.indices(len(self)))]
        at = slice(self.start[which], self.start[which + 1])
        rows = zip(self.suspect[at].tolist(), self.sort[at].tolist(), strict=True)
        faults = tuple((self.entities[suspect], self.sorts[sort].mode) for suspect, sort in rows)
        group = which - self.singles
        stops = tuple(self.stops[group]) if group >= 0 else ()
        return Prospect(faults, float(self.log_prior[which]), stops)


def prospects(
    scene: Scene,
    suspected: Sequence[int],
    groups: Mapping[tuple[int, ...], Sequence[int]],
    goal: Goal | None,
) -> Prospects:
    """Return every single fault of the suspects, then every exhausted group."""
    equal, which = _equals(scene, suspected, goal)
    faults = [(suspected[first], _sorts(scene, suspected[first])) for first in equal]
    asked = [[sort for sort in some if _asked(scene, each, sort, goal)] for each, some in faults]
    # A group stops whom it serves: where slowness was breached, it competes no more than others.
    worst = [_hardest(some) for some in asked]
    sorts = [sort for some in (*asked, *worst) for sort in some]
    start = np.cumsum([0, *map(len, asked), *map(len, worst)])
    begin, ends = start[:-1], start[: len(equal) + 1]
    single = spans(ends, which)
    members, stops, priors = _together(groups, suspected, which.tolist(), worst)
    together = np.array([place for group in members for place in group], np.int64)
    several = np.array([len(group) for group in members], np.int64)
    sizes = np.concatenate((np.ones(len(single), np.int64), several))
    suspect = np.concatenate(
        (np.repeat(np.arange(len(suspected)), np.diff(ends)[which]), together)
    )
    odds = np.concatenate((np.array([s.log_prior for s in sorts], np.float64)[single], priors))
    silent = _silent(scene, suspected, goal)[suspect]
    at_fault = np.bincount(np.repeat(np.arange(len(sizes)), sizes), silent, len(sizes))
    return Prospects(
        suspected,
        sorts,
        np.concatenate(([0], np.cumsum(sizes))),
        suspect,
        np.concatenate((single, begin[len(equal) + which[together]])),
        odds + math.log(SILENT) * at_fault,
        stops,
    )


def _silent(scene: Scene, suspected: Sequence[int], goal: Goal | None) -> Floats:
    """Return (suspects,) 1 of which neither an alarm nor a change is told, else 0.

    All 0 where an objective was breached: those are asked about what no alarm's limit has caught.
    """
    if goal is not None:
        return np.zeros(len(suspected))
    return np.array([e not in scene.loudest and e not in scene.changed for e in suspected], float)


def _equals(scene: Scene, suspected: Sequence[int], goal: Goal | None) -> tuple[list[int], Ints]:
    """Return positions of suspects that differ in their faults, and of each which it is like.

    Where neither a condition nor what was learned of an entity counts, those of one kind are: all
    that may hurt others against the arrows in the same modes, and show as many of them.
    """
    region, compiled = region_of(scene, suspected), scene.compiled
    node = region.places(suspected)
    kind, pressing = region.kind[node], region.pressing[node]
    own = np.array([not compiled.alike(name) for name in region.kinds], np.bool_)
    fresh = np.array([scene.changed.get(entity, 0.0) for entity in suspected])
    ages, age = np.unique(fresh, return_inverse=True)
    loud = region.seen.ratios.take(node, axis=1) > 1
    loud = (loud << np.arange(region.width)[:, None]).sum(axis=0)
    sort = kind * len(ages) + age
    code = (sort << region.width | pressing) << region.width | pressing & loud
    named = [goal is not None and any(map(_names, scene.readings.get(e, ()))) for e in suspected]
    apart = own[kind] | ~region.within[node] | np.array(named, np.bool_)
    code[apart] = -1 - np.flatnonzero(apart)
    _, first, which = np.unique(code, return_index=True, return_inverse=True)
    return first.tolist(), which


def _sorts(scene: Scene, entity: int) -> list[Sort]:
    kind, fresh = scene.topology.kinds[entity], scene.changed.get(entity, 0.0)
    after = scene.compiled.after_change
    return [
        Sort(kind, mode, rate, log_prior(rate, 1 + (after(kind, mode) - 1) * fresh))
        for mode, rate in sorted(scene.rates(entity).items())
    ]


def _asked(scene: Scene, entity: int, sort: Sort, goal: Goal | None) -> bool:
    """Tell whether a fault may have breached the objective: in kind, or as an alarm says it is so.

    What is slow is mostly so from slowness. But who has stopped makes others wait, retry or do
    its work, and who is slow is given up: an alarm that names a mode is not passed over.
    """
    if goal is None or severity_of(sort.kind, sort.mode) in goal.severities:
        return True
    return any(
        _names(reading) and reading.bearing(sort.mode) == 1
        for reading in scene.readings.get(entity, ())
    )


def _names(reading: Reading) -> bool:
    """Tell whether an alarm says which mode it is."""
    named = reading.channel is Channel.MODE
    ruled = reading.channel is Channel.EVERY and bool(reading.sort.rules)
    return reading.observation.abnormal and (named or ruled)


def _hardest(sorts: Iterable[Sort]) -> list[Sort]:
    """Return the likeliest of those that stop their entity, if there is any."""
    hard = [sort for sort in sorts if severity_of(sort.kind, sort.mode) is Severity.HARD]
    return [max(hard, key=lambda sort: (sort.rate, sort.mode))] if hard else []


def _together(
    groups: Mapping[tuple[int, ...], Sequence[int]],
    suspected: Sequence[int],
    which: Sequence[int],
    worst: Sequence[Sequence[Sort]],
) -> tuple[list[list[int]], list[Sequence[int]], list[float]]:
    """Return of each group that can fail its members, whom it stops, and log odds that it does.

    Args:
        groups: members -> whom they stop.
        suspected: entities; members are told by their positions.
        which: of each suspect, whom it is like.
        worst: of those, how they likeliest stop, if they do.
    """
    place = {entity: i for i, entity in enumerate(suspected)}
    known: dict[tuple[int, ...], float] = {}  # equal members fail equally often
    rows = []
    for group, stops in groups.items():
        members = [place[entity] for entity in group]
        alike = tuple([which[member] for member in members])
        prior = known.get(alike)
        if prior is None:
            rates = [sort.rate for i in alike for sort in worst[i]]
            able = len(rates) == len(alike)
            prior = known[alike] = log_prior_together(rates) if able else -math.inf
        if prior > -math.inf:
            rows.append((members, stops, prior))
    return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]
