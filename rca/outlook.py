"""What each prospect could explain and about how much, before it is walked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import NamedTuple

import numpy as np

from kgraph.schema import Severity
from kgraph.topology.walk import spans
from rca.compile import severity_of
from rca.messages import ENTITY_RHO, temper
from rca.promise import NOTHING, Reach, Reaches, estimates, total
from rca.prospects import Prospect, Prospects, Symptoms
from rca.region_edges import Floats, Ints
from rca.scene import Scene

_NO_MODES: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Views:
    """What is known of each of many prospects before a walk; in nats.

    Attributes:
        said: what the readings of the entities at fault say.
        own: its prior and, as coarse as the evidence is, the same.
        promises: that and about what its effects say.
        explains: which of `sets` holds the symptoms that it may explain.
    """

    said: Floats
    own: Floats
    promises: Floats
    explains: Ints
    sets: Sequence[int]


class _Sort(NamedTuple):
    """What is equal for the faults of entities that are equal and show the same.

    Attributes:
        said, own: as in `Views`.
        hard: whether a mode stops its entity.
        pressing: whether it hits something against the arrows.
    """

    said: list[float]
    own: list[float]
    hard: list[bool]
    pressing: list[bool]


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
        self._looks: dict[object, int] = {(): 0}  # equal where the same was seen of a kind
        self._says: dict[tuple[int, str], float] = {}
        self.reaches = Reaches(scene, suspected, symptoms.place)

    def views(self, prospects: Prospects) -> Views:
        """Return what is known of each: tens of thousands in a storm."""
        plain = [self.plain(entity) for entity in prospects.entities]
        sorts, which = self._sorts(prospects, plain)
        sizes = np.array([len(sort.said) for sort in sorts], np.int64)
        row = spans(np.concatenate(([0], np.cumsum(sizes))), which)
        of = np.repeat(np.arange(len(plain)), sizes[which])
        said = np.array([nats for sort in sorts for nats in sort.said], np.float64)[row]
        own = np.array([nats for sort in sorts for nats in sort.own], np.float64)[row]
        hard = np.array([each for sort in sorts for each in sort.hard], np.bool_)[row]
        pressing = np.array([each for sort in sorts for each in sort.pressing], np.bool_)[row]
        felt = np.array([(one.hard, one.gray) for one in plain], np.float64).reshape(-1, 2)
        promises = own + self.scene.coarse * np.where(hard, felt[of, 0], felt[of, 1])
        codes: dict[int, int] = {}
        explains = [codes.setdefault(one.explains, len(codes)) for one in plain]
        columns = said, own, promises, np.array(explains, np.int64)[of]
        unlike = [*np.flatnonzero(pressing).tolist(), *range(len(of), len(prospects))]
        rows = [self._view(prospects[i], codes) for i in unlike]
        return Views(*_with_rows(columns, unlike, rows, len(prospects)), list(codes))

    def _view(self, prospect: Prospect, codes: dict[int, int]) -> tuple[float, float, float, int]:
        """Return the row of one in `Views`; a set that is new gets a code."""
        reach, coarse = self.reach(prospect), self.scene.coarse
        bits, said = self.explains(prospect, reach), self.own(prospect)
        own = prospect.log_prior + coarse * said
        promises = own + coarse * self.promises(prospect, reach)
        return said, own, promises, codes.setdefault(bits, len(codes))

    def _sorts(self, prospects: Prospects, plain: Sequence[Plain]) -> tuple[list[_Sort], Ints]:
        """Return what is equal of many entities, and which of it holds for each."""
        known: dict[tuple[int, int, frozenset[str]], int] = {}
        sorts: list[_Sort] = []
        which = []
        told = zip(prospects.entities, prospects.modes, plain, strict=True)
        for entity, modes, one in told:
            look = self._look(entity)
            key = id(modes), look, one.pressing
            at = known.get(key)
            if at is None:
                at = known[key] = len(sorts)
                sorts.append(self._sort(entity, modes, look, one.pressing))
            which.append(at)
        return sorts, np.array(which, np.int64)

    def _sort(
        self,
        entity: int,
        modes: Sequence[tuple[str, float]],
        look: int,
        pressing: frozenset[str],
    ) -> _Sort:
        kind, coarse = self.scene.topology.kinds[entity], self.scene.coarse
        said = [self._says_of(entity, look, mode) for mode, _ in modes]
        return _Sort(
            said,
            [prior + coarse * nats for (_, prior), nats in zip(modes, said, strict=True)],
            [severity_of(kind, mode) is Severity.HARD for mode, _ in modes],
            [mode in pressing for mode, _ in modes],
        )

    def reach(self, prospect: Prospect) -> Reach:
        """Return what lies downstream of a prospect, itself included."""
        ((entity, mode), *others) = prospect.faults
        if not others and not self._presses(entity, mode):
            return self.reaches.get(entity, NOTHING)
        alarms, alone, unseen, hard, gray = 0, 0, 0, 0, 0
        for entity, mode in prospect.faults:
            reach = self.reaches.get(entity, NOTHING)
            hard |= reach.well[0]
            gray |= reach.well[1]
            for part in (
                reach,
                *(self.reaches.get(e, NOTHING) for e in self._presses(entity, mode)),
            ):
                alarms |= part.alarms
                alone |= part.alone
                unseen |= part.unseen
        if others:  # what all of them lie upstream of, nothing protects any more
            alone |= reduce(and_, (self.reaches[entity].alarms for entity, _ in prospect.faults))
        return Reach(alarms, alone, unseen, (hard, gray))

    def _presses(self, entity: int, mode: str) -> list[int]:
        presses = self.scene.terrain.presses(entity)
        return [ahead.entity for ahead in presses if mode in ahead.effects]

    def explains(self, prospect: Prospect, reach: Reach) -> int:
        """Return the symptoms that could follow from a prospect, those at fault left out."""
        return reach.alarms & ~self.symptoms.bits(entity for entity, _ in prospect.faults)

    def promises(self, prospect: Prospect, reach: Reach) -> float:
        """Return about what its effects say for a prospect, in nats."""
        entity, mode = prospect.faults[0]
        severity = severity_of(self.scene.topology.kinds[entity], mode)
        own = self.symptoms.bits(entity for entity, _ in prospect.faults)
        hard, gray = estimates(reach, self.total, own)
        return hard if severity is Severity.HARD else gray

    def plain(self, entity: int) -> Plain:
        """Return what holds for each mode of an entity that hits nothing against the arrows."""
        reach, own = self.reaches.get(entity, NOTHING), self.symptoms.bit(entity)
        presses = self.scene.terrain.presses(entity)
        hard, gray = estimates(reach, self.total, own)
        pressing = (
            frozenset(m for ahead in presses for m in ahead.effects) if presses else _NO_MODES
        )
        return Plain(reach.alarms & ~own, hard, gray, pressing)

    def total(self, bits: int) -> float:
        """Return what the symptoms in a set say together; the modes of one entity share them."""
        found = self._totals.get(bits)
        if found is None:
            found = self._totals[bits] = total(bits, self.symptoms.nats)
        return found

    def own(self, prospect: Prospect) -> float:
        """Return what the readings of the entities at fault say, in nats."""
        said = [
            self._says_of(entity, self._look(entity), mode) for entity, mode in prospect.faults
        ]
        return said[0] if len(said) == 1 else math.fsum(said)

    def _look(self, entity: int) -> int:
        """Return a number that is equal where the same was seen; 0: nothing."""
        readings = self.scene.readings.get(entity)
        if not readings:
            return 0
        weights = self.scene.weights
        look = tuple(
            [(reading.look, weights.get((entity, i), 1.0)) for i, reading in enumerate(readings)]
        )
        return self._looks.setdefault(look, len(self._looks))

    def _says_of(self, entity: int, look: int, mode: str) -> float:
        if not look:
            return 0.0
        found = self._says.get((look, mode))
        if found is None:
            weights = self.scene.weights
            nats = [
                weights.get((entity, i), 1.0)
                * math.log1p(reading.at_cause(mode) * (reading.ratio - 1))
                for i, reading in enumerate(self.scene.readings[entity])
            ]
            found = self._says[(look, mode)] = temper(nats, ENTITY_RHO)
        return found


def _with_rows(
    columns: tuple[Floats, Floats, Floats, Ints],
    places: Sequence[int],
    rows: Sequence[tuple[float, float, float, int]],
    many: int,
) -> tuple[Floats, Floats, Floats, Ints]:
    """Return columns of `many` rows, of which some are put in their places."""
    said, own, promises = (np.resize(column, many) for column in columns[:3])
    explains: Ints = np.resize(columns[3], many)
    for i, row in zip(places, rows, strict=True):
        said[i], own[i], promises[i], explains[i] = row
    return said, own, promises, explains
