"""Suspects with their signatures: the units of which explanations are made.

A unit is one fault, or the faults of one exhausted redundancy group together. Its signature says
for every reading how surely the unit would have brought it about.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import NamedTuple

from kgraph.schema import UNOBSERVED, Channel
from rca.accounts import accounted
from rca.effects import Spread
from rca.goal import Goal
from rca.likelihood import TARGET_RATIO, Reading
from rca.messages import Tree, grow, hit
from rca.priors import log_prior
from rca.prospects import Prospect
from rca.scene import Scene
from rca.signature import CUT, spread

CALL_THROUGH = 0.7  # how surely an alarming callee accounts for the alarm of its caller

BLINDED = 0.5  # P(a target looks unreachable | the monitoring failed), any share of them
BLIND_PER_YEAR = 1.0
SELF = 0.85  # P(the objective is breached | the target itself is at fault)

ReadingId = tuple[int, int]  # entity index, position among its readings


class Support(NamedTuple):
    """How a unit bears on one reading; a tuple, as every suspect has one for each.

    Attributes:
        chance: P(the entity is hit so that it shows | unit), in [0, 1].
        bears: the same, given that the entity is hit at all, in [chance, 1].
        ratio: the reading's likelihood ratio.
        soft: whether it is reached by calls only.
    """

    chance: float
    ratio: float
    soft: bool
    weight: float = 1.0
    bears: float = 1.0

    @property
    def given(self) -> float:
        """What this reading says of its entity being hit, in nats."""
        return self.weight * math.log1p(self.bears * (self.ratio - 1))

    @property
    def nats(self) -> float:
        """What this reading says of the unit: > 0 for it, < 0 against it."""
        return self.weight * math.log1p(self.chance * (self.ratio - 1))


class Sort(Enum):
    """How a reading counts for a unit."""

    FIRM = "firm"
    CALLED = "called"
    BESIDE = "beside"


@dataclass(frozen=True, eq=False)
class Unit:
    """One suspect.

    Attributes:
        faults: (entity, mode), sorted.
        log_prior: log odds that it happens in the time of one incident.
        support: what it says of every reading that it bears on.
        spread: what it does.
    """

    faults: tuple[tuple[int, str], ...]
    log_prior: float
    support: Mapping[ReadingId, Support]
    spread: Spread
    tree: Tree = ()
    hit: frozenset[int] = frozenset()  # entities in the tree
    coarse: float = 1.0  # see `rca.storm`
    memo: dict[object, float] = field(default_factory=dict, repr=False)  # of `rca.score`
    told: dict[object, Mapping[ReadingId, float]] = field(default_factory=dict, repr=False)

    @cached_property
    def alarms(self) -> Mapping[int, float]:
        """Entity -> nats of the alarms on it that the unit explains."""
        found: dict[int, float] = {}
        for (entity, _), row in self.support.items():
            if row.ratio > 1:
                found[entity] = found.get(entity, 0.0) + row.nats
        return found

    @cached_property
    def sorts(self) -> Mapping[ReadingId, Sort]:
        """Reading -> how it counts: up the tree, as a call, or beside the tree."""
        return {
            key: Sort.CALLED
            if row.soft
            else Sort.BESIDE
            if key[1] < 0 or key[0] not in self.hit
            else Sort.FIRM
            for key, row in self.support.items()
        }

    @cached_property
    def said(self) -> Mapping[ReadingId, float]:
        """Reading -> what it says in nats: of its entity where it counts up the tree, else of this."""
        sorts = self.sorts
        return {
            key: row.given if sorts[key] is Sort.FIRM else row.nats
            for key, row in self.support.items()
        }

    def firm(self, said: Mapping[ReadingId, float]) -> Mapping[int, Sequence[float]]:
        """Return entity -> nats of its readings, for those in the tree."""
        found: dict[int, list[float]] = {}
        for key, sort in self.sorts.items():
            if sort is Sort.FIRM:
                found.setdefault(key[0], []).append(said[key])
        return found

    @cached_property
    def accounts(self) -> Mapping[ReadingId, float]:
        """Reading -> how surely the unit accounts for it, in the light of all of them."""
        chances = accounted(self.tree, self.firm(self.said))
        return {
            key: chances[key[0]] * row.bears if key[0] in chances else row.chance
            for key, row in self.support.items()
        }

    @cached_property
    def entities(self) -> frozenset[int]:
        """The entities at fault."""
        return frozenset(entity for entity, _ in self.faults)


def units(scene: Scene, prospects: Iterable[Prospect], goal: Goal | None) -> Iterator[Unit]:
    """Yield every prospect as a unit, in the same order."""
    for prospect in prospects:
        yield unit_of(scene, prospect, goal)


def unit_of(scene: Scene, prospect: Prospect, goal: Goal | None) -> Unit:
    """Walk the effects of a prospect."""
    faults = prospect.faults
    reach = spread(scene, faults, scene.nearby)
    support: dict[ReadingId, Support] = {}
    at_fault = dict(faults)
    for entity, predicted in reach.predicted.items():
        readings = scene.readings.get(entity)
        if not readings:
            continue
        if entity in at_fault:
            support |= _own_support(scene, entity, at_fault[entity], goal)
            continue
        sure, soft = hit(predicted), entity in reach.soft
        for i, reading in enumerate(readings):
            chance = _shows(scene, reading, predicted, reach)
            if chance >= CUT:
                weight = scene.weights.get((entity, i), 1.0)
                support[(entity, i)] = Support(chance, reading.ratio, soft, weight, chance / sure)
    if goal is not None:
        support = _conduits(support, reach, at_fault, goal)
    tree = grow(reach, faults)
    entities = frozenset(node.entity for node in tree)
    return Unit(faults, prospect.log_prior, support, reach, tree, entities, scene.coarse)


def _own_support(
    scene: Scene, entity: int, mode: str, goal: Goal | None
) -> dict[ReadingId, Support]:
    """Return how the fault of an entity bears on the readings of that entity itself."""
    found = {}
    for i, reading in enumerate(scene.readings[entity]):
        chance = reading.at_cause(mode)
        ratio = _unexplained(scene, entity, reading, goal)
        weight = scene.weights.get((entity, i), 1.0)
        found[(entity, i)] = Support(chance, ratio, soft=False, weight=weight, bears=chance)
    return found


def _shows(scene: Scene, reading: Reading, predicted: Mapping[str, float], reach: Spread) -> float:
    """Return P(what is predicted shows in a reading), by the mode in which it shows best."""
    best = 0.0
    for mode, chance in predicted.items():
        if chance > best and (mode != UNOBSERVED.name or _blinded(scene, reading, reach)):
            best = max(best, chance * reading.bearing(mode))
    return best


def _blinded(scene: Scene, reading: Reading, reach: Spread) -> bool:
    """Tell whether the probe that a reading was made through is hit; unknown ones may be."""
    probe = scene.topology.index.get(reading.via)
    return probe is None or probe in reach.predicted


def _conduits(
    support: dict[ReadingId, Support],
    reach: Spread,
    at_fault: Mapping[int, str],
    goal: Goal,
) -> dict[ReadingId, Support]:
    """With a breached objective, what lies between is a conduit and no witness of its own."""
    kept = {
        (entity, i): row
        for (entity, i), row in support.items()
        if entity in at_fault or entity not in goal.conduits
    }
    if goal.entity in at_fault:
        chance = SELF
    else:
        predicted = reach.predicted.get(goal.entity, {})
        chance = max(predicted.values(), default=0.0)
    kept[(goal.entity, -1)] = Support(chance, TARGET_RATIO, soft=False)
    return kept


def blind(scene: Scene) -> Unit | None:
    """Return "only the monitoring failed" as a unit without a fault, or None where nothing hints.

    It explains what went unreachable, however much that is, and nothing else.
    """
    support = {}
    silent = 0
    for entity, readings in scene.readings.items():
        for i, reading in enumerate(readings):
            if reading.observation.signal == "unreachable":
                weight = scene.weights.get((entity, i), 1.0)
                support[(entity, i)] = Support(BLINDED, reading.ratio, soft=False, weight=weight)
                silent += reading.observation.abnormal
    if silent < 2:
        return None
    return Unit((), log_prior(BLIND_PER_YEAR), support, Spread(), coarse=scene.coarse)


def _unexplained(scene: Scene, entity: int, reading: Reading, goal: Goal | None) -> float:
    """Return the reading's ratio, less what alarming dependencies of its entity account for."""
    if goal is None or reading.ratio <= 1 or reading.channel is not Channel.MAIN:
        return reading.ratio
    quiet = 1.0
    for cause in scene.terrain.causes(entity):
        loudest = max(
            (
                other.ratio
                for other in scene.readings.get(cause, ())
                if other.channel is Channel.MAIN and other.observation.abnormal
            ),
            default=1.0,
        )
        quiet *= 1 - CALL_THROUGH * (1 - 1 / loudest)
    return 1 + (reading.ratio - 1) * quiet
