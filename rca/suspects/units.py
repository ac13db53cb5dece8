"""Suspects with their signatures: the units of which explanations are made.

A unit is one fault, or the faults of one exhausted redundancy group together. Its signature says
for every reading how surely the unit would have brought it about.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count, pairwise

import numpy as np

from kgraph.schema import Channel
from kgraph.topology.walk import in_order, spans_of
from rca.evidence.delays import discounts
from rca.evidence.likelihood import TARGET_RATIO, UNFELT, Reading
from rca.region.arrays import Region
from rca.region.edges import Floats, Ints, Mask
from rca.region.effects import Spread
from rca.region.goal import Goal
from rca.region.messages import ROOT, Tree, depths
from rca.region.scene import Scene
from rca.region.seen import UNKNOWN
from rca.suspects.priors import log_prior
from rca.suspects.prospects import Prospect
from rca.suspects.regions import region_of
from rca.suspects.signature import CUT, spread
from rca.suspects.support import ReadingId, Rows, Support
from rca.suspects.waves import Rows as Walks
from rca.suspects.waves import stopped, walk
from rca.suspects.weighing import Said, placed, weighed

CALL_THROUGH = 0.7  # how surely an alarming callee accounts for the alarm of its caller

BLINDED = 0.5  # P(a target looks unreachable | the monitoring failed), any share of them
BLIND_PER_YEAR = 1.0
SELF = 0.85  # P(the objective is breached | the target itself is at fault)


@dataclass(frozen=True, eq=False)
class Unit:
    """One suspect.

    Attributes:
        faults: (entity, mode), sorted.
        log_prior: log odds that it happens in the time of one incident.
        rows: what it says of every reading that it bears on.
        scene: what it was walked in.
        tree: what it hits.
        place: where in the tree the entity of each row is; -1: nowhere.
        alone: what its rows say where there are no others.
        coarse: see `rca.region.storm`.
        number: no other unit has it.
    """

    faults: tuple[tuple[int, str], ...]
    log_prior: float
    rows: Rows = field(repr=False)
    scene: Scene = field(repr=False)
    tree: Tree = field(repr=False)
    place: Ints = field(repr=False)
    alone: Said
    coarse: float = 1.0
    memo: dict[object, Said] = field(default_factory=dict, repr=False)  # of `rca.inference.score`
    told: dict[object, Floats] = field(default_factory=dict, repr=False)
    number: int = field(default_factory=count().__next__, repr=False)

    @cached_property
    def named(self) -> tuple[tuple[str, str], ...]:
        """The faults by uid, in an order that no reading order changes."""
        uids = self.scene.topology.uids
        return tuple(sorted((uids[entity], mode) for entity, mode in self.faults))

    @cached_property
    def strength(self) -> float:
        """The log posterior odds of it alone against "nothing here is wrong", in nats."""
        return self.log_prior + self.alone.held(self.coarse)

    @cached_property
    def standing(self) -> tuple[float, tuple[tuple[str, str], ...]]:
        """Its place among others that are told together: the strongest first."""
        return -self.strength, self.named

    @cached_property
    def spread(self) -> Spread:
        """What it does, of what was looked at, in full: walked once more where somebody asks.

        Who was walked to the end already, as what is blamed was, is not walked again.
        """
        known = self.scene.spreads.get(self.faults)
        return known or spread(self.scene, self.faults, self.scene.nearby)

    @cached_property
    def nats(self) -> Floats:
        """What each row says of the unit: > 0 for it, < 0 against it."""
        return self.rows.weight * np.log1p(self.rows.chance * (self.rows.ratio - 1))

    @cached_property
    def alarms(self) -> Mapping[int, float]:
        """Entity -> nats of the alarms on it that the unit explains."""
        found: dict[int, float] = {}
        loud = self.rows.ratio > 1
        told = zip(self.rows.entity[loud].tolist(), self.nats[loud].tolist(), strict=True)
        for entity, nats in told:
            found[entity] = found.get(entity, 0.0) + nats
        return found

    @cached_property
    def bearing(self) -> int:
        """The readings of the scene on which it bears, as a set of bits."""
        held = np.zeros(self.scene.columns, np.bool_)
        held[self.rows.column] = True
        return int.from_bytes(np.packbits(held).tobytes(), "big")

    @cached_property
    def entities(self) -> frozenset[int]:
        """The entities at fault."""
        return frozenset(entity for entity, _ in self.faults)


def units(scene: Scene, some: Iterable[Prospect], goal: Goal | None) -> list[Unit]:
    """Walk the effects of prospects, all at once; in the same order."""
    prospects = list(some)
    if not prospects:
        return []
    region = region_of(scene, {e for one in prospects for e, _ in one.faults})
    walks = walk(region, [region.located(one.faults) for one in prospects])
    trees = _trees(region, walks, len(prospects))
    told = _supports(region, walks, *_own(scene, prospects, goal), len(prospects))
    if goal is not None:
        waits = _waits(scene)
        told = [
            _conduits(scene, rows, waits, _predicted(region, walks, i, goal), one, goal)
            for i, (one, rows) in enumerate(zip(prospects, told, strict=True))
        ]
    rose = scene.heard.rose
    if not np.isnan(rose).all():
        told = [_in_time(rows, rose[rows.column]) for rows in told]
    places = placed(told, trees)
    said = weighed(scene, told, trees, places)
    each = zip(prospects, told, trees, places, said, strict=True)
    return [
        Unit(one.faults, one.log_prior, rows, scene, tree, place, alone, scene.coarse)
        for one, rows, tree, place, alone in each
    ]


def _trees(region: Region, walks: Walks, many: int) -> list[Tree]:
    """Return the tree of each suspect."""
    order = in_order(walks.suspect)
    suspect, up = walks.suspect[order], walks.parent[order]
    ends = np.searchsorted(suspect, np.arange(many + 1))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    up = np.where(up < 0, ROOT, place[up])
    hops, parent = depths(up), np.where(up < 0, ROOT, up - ends[suspect])
    entity, passes, soft = region.nodes[walks.node[order]], walks.passes[order], walks.soft[order]
    gray = walks.gray[order]
    return [
        Tree(entity[a:b], parent[a:b], passes[a:b], soft[a:b], hops[a:b], gray[a:b])
        for a, b in pairwise(ends.tolist())
    ]


def _own(scene: Scene, prospects: Sequence[Prospect], goal: Goal | None) -> tuple[Rows, Ints]:
    """Return what the entities at fault show themselves, which they are sure to; and of whom."""
    found = [
        (number, row)
        for number, prospect in enumerate(prospects)
        for entity, mode in prospect.faults
        for row in _own_support(scene, entity, mode, goal)
    ]
    by = np.array([number for number, _ in found], np.int64)
    return Rows.of(scene, [row for _, row in found]), by


def _supports(region: Region, walks: Walks, own: Rows, by: Ints, many: int) -> list[Rows]:
    """Return what each suspect says of the readings of all that it hits, its own in front."""
    seen = region.seen
    at, row = spans_of(seen.start, walks.node)
    reading = at.astype(np.int64)
    shown = walks.predicted.take(row, axis=1) * seen.bearing.take(reading, axis=1)
    _unblinded(region, walks, row, reading, shown)
    _silenced(region, walks, row, reading, shown)
    chance = shown.max(axis=0, initial=0.0)
    spoken = np.bincount(by, minlength=many)[walks.suspect] > 0  # for what is at fault itself
    kept = np.flatnonzero((chance >= CUT) & ~(spoken & (walks.parent == ROOT))[row])
    row, reading, chance = row[kept], reading[kept], chance[kept]
    sure = np.minimum(1.0, walks.predicted.sum(axis=0))[row]
    says = np.array((chance, seen.ratio[reading], seen.weight[reading], chance / sure))
    hit = Rows(
        region.nodes[walks.node[row]],
        seen.position[reading],
        seen.column[reading],
        walks.soft[row],
        says,
    )
    by = np.concatenate((by, walks.suspect[row]))
    order = in_order(by)
    everything = own.and_(hit).only(order)
    ends = np.searchsorted(by[order], np.arange(many + 1)).tolist()
    return [everything.only(slice(a, b)) for a, b in pairwise(ends)]


def _unblinded(region: Region, walks: Walks, row: Ints, reading: Ints, shown: Floats) -> None:
    """Take back what would show as unobserved through a probe that is not hit."""
    blind = region.blind[walks.node[row]]
    asked = np.flatnonzero(blind >= 0)
    asked = asked[shown[blind[asked], asked] > 0]
    probe = region.seen.probe[reading[asked]]
    pair = walks.suspect[row[asked]] * len(region.nodes) + np.maximum(probe, 0)
    hit = (probe == UNKNOWN) | ((probe >= 0) & (walks.row[pair] >= 0))
    quiet = asked[~hit]
    shown[blind[quiet], quiet] = 0.0


def _silenced(region: Region, walks: Walks, row: Ints, reading: Ints, shown: Floats) -> None:
    """Take back what last words would say against what has silenced their speaker."""
    if not region.seen.over:
        return
    asked = np.flatnonzero(region.seen.last[reading] >= 0)
    place = region.seen.last[reading[asked]]
    hit = walks.row[walks.suspect[row[asked]] * len(region.nodes) + place]
    shown[:, asked[stopped(region, walks.believed, hit, place)]] = 0.0


def _predicted(region: Region, walks: Walks, number: int, goal: Goal) -> float:
    """Return how surely a suspect breaches the objective: who is only `reduced` serves it."""
    node = region.place(goal.entity)
    row = -1 if node is None else int(walks.row[number * len(region.nodes) + node])
    if node is None or row < 0:
        return 0.0
    slots = region.slots[region.kind[node]].items()
    felt = [slot for mode, slot in slots if mode not in UNFELT]
    return float(walks.predicted[felt, row].max())


def _own_support(
    scene: Scene, entity: int, mode: str, goal: Goal | None
) -> Iterator[tuple[ReadingId, Support]]:
    """Yield how the fault of an entity bears on the readings of that entity itself."""
    for i, reading in enumerate(scene.readings.get(entity, ())):
        if goal is not None and goal.is_told_by(entity, reading):
            continue
        chance = reading.at_cause(mode)
        ratio = _unexplained(scene, entity, reading, goal)
        weight = scene.weights.get((entity, i), 1.0)
        yield (entity, i), Support(chance, ratio, soft=False, weight=weight, bears=chance)


def _in_time(rows: Rows, rose: Floats) -> Rows:
    """Alarms that rose at another time than the fault's say less of it."""
    alarms = np.flatnonzero((rows.ratio > 1) & ~np.isnan(rose))
    times = rose[alarms]
    if not len(times) or (times == times[0]).all():
        return rows
    ratio = rows.ratio[alarms]
    nats = rows.weight[alarms] * np.log1p(rows.chance[alarms] * (ratio - 1))
    left = discounts(times.tolist(), nats.tolist())
    says = rows.says.copy()
    says[1, alarms] = np.maximum(1.0, ratio * left)
    return replace(rows, says=says)


def _waits(scene: Scene) -> Mask:
    """Return (r,) of which readings say that somebody waits, or not, for what it calls."""
    heard = scene.heard
    waits = [sort.channel is Channel.WAITING for sort in heard.looks]
    return np.array(waits, np.bool_)[heard.look]


def _conduits(
    scene: Scene, rows: Rows, waits: Mask, predicted: float, one: Prospect, goal: Goal
) -> Rows:
    """With a breached objective, callers in between are conduits and no witnesses of their own.

    Nor are the callers behind it: what they feel is the breach, further on. What the fault hits
    firmly is one: five slow services on one host speak for the host. That a conduit waits for what
    it calls is more than the breach on its way: it says on which side of it the cause is.
    """
    at_fault = {entity for entity, _ in one.faults}
    way, behind = (np.isin(rows.entity, list(some - at_fault)) for some in (goal.way, goal.behind))
    chance = SELF if goal.entity in at_fault else predicted
    breach = [((goal.entity, -1), Support(chance, TARGET_RATIO, soft=False))]
    told_before = rows.soft & (behind | way & ~waits[rows.column])
    return rows.only(~told_before).and_(Rows.of(scene, breach))


def blind(scene: Scene) -> Unit | None:
    """Return "only the monitoring failed" as a unit without a fault, or None where nothing hints.

    It explains what went unreachable, however much that is, and nothing else.
    """
    heard = scene.heard
    asked = np.array([sort.signal == "unreachable" for sort in heard.looks], np.bool_)
    at = np.flatnonzero(asked[heard.look])
    if np.count_nonzero(heard.abnormal[at]) < 2:
        return None
    chance, sure = np.full(len(at), BLINDED), np.ones(len(at))
    says = np.array((chance, heard.ratio[at], heard.weight[at], sure))
    soft = np.zeros(len(at), np.bool_)
    rows, tree = Rows(heard.owner[at], heard.position[at], at, soft, says), Tree.of([])
    (place,) = placed([rows], [tree])
    (alone,) = weighed(scene, [rows], [tree], [place])
    prior = log_prior(BLIND_PER_YEAR)
    return Unit((), prior, rows, scene, tree, place, alone, scene.coarse)


def _unexplained(scene: Scene, entity: int, reading: Reading, goal: Goal | None) -> float:
    """Return the reading's ratio, less what alarming dependencies of its entity account for.

    Noisy-or explaining away, as in `rca.inference.score`.
    """
    if goal is None or reading.ratio <= 1 or reading.channel is not Channel.MAIN:
        return reading.ratio
    quiet = 1.0
    for cause in scene.terrain.causes(entity):
        through = max(
            (
                _brings(other, reading)
                for other in scene.readings.get(cause, ())
                if other.channel is Channel.MAIN and other.observation.abnormal
            ),
            default=0.0,
        )
        quiet *= 1 - CALL_THROUGH * through
    return reading.ratio / (1 + (1 - quiet) * (reading.ratio - 1))


def _brings(below: Reading, above: Reading) -> float:
    """Return P(an alarm is really one, and brings about that of its caller).

    Slowness thins out on its way: what is louder than what it calls is not so from that alone.
    """
    size, felt = below.observation.score, above.observation.score
    thin = size / felt if size is not None and felt is not None and size < felt else 1.0
    return 1 - 1 / (1 + (below.ratio - 1) * thin)
