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

import numpy as np

from kgraph.schema import Channel
from kgraph.topology.walk import spans
from rca.accounts import accounted
from rca.delays import discounts
from rca.effects import Spread
from rca.goal import Goal
from rca.likelihood import TARGET_RATIO, Reading
from rca.messages import ROOT, Node, Tree
from rca.priors import log_prior
from rca.prospects import Prospect
from rca.region_arrays import Region, region_of
from rca.region_edges import Floats, Ints
from rca.region_seen import UNKNOWN
from rca.scene import Scene
from rca.signature import CUT, spread
from rca.waves import OFF, Rows, walk

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
        scene: what it was walked in.
    """

    faults: tuple[tuple[int, str], ...]
    log_prior: float
    support: Mapping[ReadingId, Support]
    scene: Scene = field(repr=False)
    tree: Tree = ()
    hit: frozenset[int] = frozenset()  # entities in the tree
    coarse: float = 1.0  # see `rca.storm`
    memo: dict[object, float] = field(default_factory=dict, repr=False)  # of `rca.score`
    told: dict[object, Mapping[ReadingId, float]] = field(default_factory=dict, repr=False)

    @cached_property
    def spread(self) -> Spread:
        """What it does, of what was looked at, in full: walked once more where somebody asks."""
        return spread(self.scene, self.faults, self.scene.nearby)

    @cached_property
    def nats(self) -> Mapping[ReadingId, float]:
        """Reading -> what it says of the unit."""
        return {key: row.nats for key, row in self.support.items()}

    @cached_property
    def alarms(self) -> Mapping[int, float]:
        """Entity -> nats of the alarms on it that the unit explains."""
        found: dict[int, float] = {}
        nats = self.nats
        for key, row in self.support.items():
            if row.ratio > 1:
                found[key[0]] = found.get(key[0], 0.0) + nats[key]
        return found

    @cached_property
    def sorts(self) -> Mapping[ReadingId, Sort]:
        """Reading -> how it counts: up the tree, as a call, or beside the tree."""
        return {
            key: Sort.FIRM
            if key[1] >= 0 and key[0] in self.hit
            else Sort.CALLED
            if row.soft
            else Sort.BESIDE
            for key, row in self.support.items()
        }

    @cached_property
    def said(self) -> Mapping[ReadingId, float]:
        """Reading -> nats that it says; where it counts up the tree, of its entity being hit."""
        sorts, nats = self.sorts, self.nats
        return {
            key: row.given if sorts[key] is Sort.FIRM else nats[key]
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
    yield from units_of(scene, list(prospects), goal)


def units_of(scene: Scene, prospects: Sequence[Prospect], goal: Goal | None) -> list[Unit]:
    """Walk the effects of prospects, all at once; in the same order."""
    if not prospects:
        return []
    region = region_of(scene, {e for one in prospects for e, _ in one.faults})
    rows = walk(region, [region.located(one.faults) for one in prospects])
    trees = _trees(region, rows, len(prospects))
    supports = _supports(region, rows, len(prospects))
    found = []
    for number, prospect in enumerate(prospects):
        at_fault = dict(prospect.faults)
        support: dict[ReadingId, Support] = {}
        for entity, mode in prospect.faults:
            if entity in scene.readings:
                support |= _own_support(scene, entity, mode, goal)
        support |= {key: row for key, row in supports[number] if key[0] not in at_fault}
        if goal is not None:
            predicted = _predicted(region, rows, number, goal)
            support = _conduits(support, predicted, at_fault, goal)
        support = _in_time(scene, support)
        tree = trees[number]
        entities = frozenset(node.entity for node in tree)
        faults, prior = prospect.faults, prospect.log_prior
        found.append(Unit(faults, prior, support, scene, tree, entities, scene.coarse))
    return found


def _trees(region: Region, rows: Rows, many: int) -> list[Tree]:
    """Return the tree of each suspect."""
    on = np.flatnonzero(rows.parent > OFF)
    found: list[list[Node]] = [[] for _ in range(many)]
    place = [0] * len(rows.node)
    make = Node._make
    told = (
        rows.suspect[on],
        region.nodes[rows.node[on]],
        rows.parent[on],
        rows.passes[on],
        rows.soft[on],
    )
    columns = [column.tolist() for column in told]
    for row, suspect, entity, parent, passes, soft in zip(on.tolist(), *columns, strict=True):
        tree = found[suspect]
        place[row] = len(tree)
        tree.append(make((entity, ROOT if parent < 0 else place[parent], passes, soft)))
    return [tuple(tree) for tree in found]


def _supports(region: Region, rows: Rows, many: int) -> list[list[tuple[ReadingId, Support]]]:
    """Return what each suspect says of the readings of all that it hits."""
    seen = region.seen
    reading = spans(seen.start, rows.node).astype(np.int64)
    row = np.repeat(np.arange(len(rows.node)), seen.start[rows.node + 1] - seen.start[rows.node])
    shown = rows.predicted[row] * seen.bearing[reading]
    _unblinded(region, rows, row, reading, shown)
    chance = shown.max(axis=1, initial=0.0)
    kept = chance >= CUT
    row, reading, chance = row[kept], reading[kept], chance[kept]
    sure = np.minimum(1.0, rows.predicted[row].sum(axis=1))
    told = (
        rows.suspect[row],
        region.nodes[rows.node[row]],
        seen.position[reading],
        chance,
        seen.ratio[reading],
        rows.soft[row],
        seen.weight[reading],
        chance / sure,
    )
    found: list[list[tuple[ReadingId, Support]]] = [[] for _ in range(many)]
    suspects, entities, places, *says = (column.tolist() for column in told)
    keys = zip(entities, places, strict=True)
    supports = map(Support._make, zip(*says, strict=True))
    for suspect, *both in zip(suspects, keys, supports, strict=True):
        found[suspect].append((both[0], both[1]))
    return found


def _unblinded(region: Region, rows: Rows, row: Ints, reading: Ints, shown: Floats) -> None:
    """Take back what would show as unobserved through a probe that is not hit."""
    blind = region.blind[rows.node[row]]
    asked = np.flatnonzero(blind >= 0)
    asked = asked[shown[asked, blind[asked]] > 0]
    probe = region.seen.probe[reading[asked]]
    pair = rows.suspect[row[asked]] * len(region.nodes) + np.maximum(probe, 0)
    hit = (probe == UNKNOWN) | ((probe >= 0) & (rows.row[pair] >= 0))
    quiet = asked[~hit]
    shown[quiet, blind[quiet]] = 0.0


def _predicted(region: Region, rows: Rows, number: int, goal: Goal) -> float:
    """Return how surely a suspect breaches the objective."""
    node = region.place(goal.entity)
    row = -1 if node is None else int(rows.row[number * len(region.nodes) + node])
    return float(rows.predicted[row].max()) if row >= 0 else 0.0


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


def _in_time(scene: Scene, support: dict[ReadingId, Support]) -> dict[ReadingId, Support]:
    """Alarms that rose at another time than the fault's say less of it."""
    if not scene.rose:
        return support
    alarms = [key for key, row in support.items() if row.ratio > 1 and key in scene.rose]
    times = [scene.rose[key] for key in alarms]
    if len(set(times)) < 2:
        return support
    left = discounts(times, [support[key].nats for key in alarms])
    for key, share in zip(alarms, left, strict=True):
        row = support[key]
        support[key] = row._replace(ratio=max(1.0, row.ratio * share))
    return support


def _conduits(
    support: dict[ReadingId, Support],
    predicted: float,
    at_fault: Mapping[int, str],
    goal: Goal,
) -> dict[ReadingId, Support]:
    """With a breached objective, callers in between are conduits and no witnesses of their own.

    What the fault hits firmly is: five slow services on one host speak for the host.
    """
    kept = {
        (entity, i): row
        for (entity, i), row in support.items()
        if entity in at_fault or entity not in goal.conduits or not row.soft
    }
    chance = SELF if goal.entity in at_fault else predicted
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
    return Unit((), log_prior(BLIND_PER_YEAR), support, scene, coarse=scene.coarse)


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
