"""What a fault would do: its signature, P(entity in mode | fault), walked through the gates.

Predict, then correct: an entity's chance of being hit is predicted from what it depends on; before
it is passed on it is corrected by what was seen there. On a chain this is exact filtering: a
healthy go-between blocks the fault, an alarming one passes it on undimmed.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Container, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property

from kgraph.schema import RELATIONS, Carries, Severity
from kgraph.topology import Topology
from rca.compile import Compiled, severity_of
from rca.gates import fails
from rca.likelihood import Reading
from rca.order import ranks
from rca.siblings import weights

CUT = 0.02  # an effect less likely than this is not followed
SEED = 0.85  # P(a fault does to its own entity what it says)
SPEAKS = 0.5  # a reading that bears on a mode at least so much corrects it

Modes = dict[str, float]
Faults = tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Link:
    """The likeliest reason why an entity is hit: the entity and mode before it."""

    entity: int
    mode: str
    relation: str


@dataclass(slots=True)
class Spread:
    """What a set of faults does.

    Attributes:
        predicted: entity -> mode -> P(in that mode), before looking at the entity itself.
        believed: the same, corrected by what was seen there.
        links: (entity, mode) -> where it comes from.
        soft: entities that are reached only through calls, which may stay unhurt.
    """

    predicted: dict[int, Modes] = field(default_factory=dict)
    believed: dict[int, Modes] = field(default_factory=dict)
    links: dict[tuple[int, str], Link] = field(default_factory=dict)
    soft: set[int] = field(default_factory=set)
    hops: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Scene:
    """The estate and what was seen on it: what a walk needs, prepared once for an incident."""

    topology: Topology
    compiled: Compiled
    readings: Mapping[int, Sequence[Reading]]
    changed: frozenset[int] = frozenset()  # entities changed shortly before the symptoms
    _reach: dict[Faults, Spread] = field(default_factory=dict, compare=False, repr=False)
    _needs: dict[int, Sequence[int]] = field(default_factory=dict, compare=False, repr=False)
    _ratios: dict[tuple[int, str], float] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def rank(self) -> Sequence[int]:
        """Causes before effects; see `rca.order`."""
        return ranks(len(self.topology), self.causes)

    @cached_property
    def telling(self) -> AbstractSet[int]:
        """Entities that were looked at, or lie between a fault and one that was."""
        found = set(self.readings)
        waiting = list(found)
        while waiting:
            for cause in self.needs(waiting.pop()):
                if cause not in found:
                    found.add(cause)
                    waiting.append(cause)
        return found

    def prefer(self, entity: int, hit: tuple[float, str]) -> tuple[float, str, float, int, int]:
        """Rank what may have hit an entity: the likeliest; of equals, what is seen worst.

        Indices come last, so that the order of the input decides only between twins.
        """
        loudest = max((r.ratio for r in self.readings.get(entity, ())), default=1.0)
        burden = len(self.topology.gates_with(entity))
        return round(hit[0], 9), self.topology.kinds[entity], loudest, burden, -entity

    def reach(self, faults: Faults) -> Spread:
        """Return everything that the faults do, what nobody looks at included; remembered."""
        if faults not in self._reach:
            self._reach[faults] = spread(self, faults)
        return self._reach[faults]

    def causes(self, entity: int) -> list[int]:
        """Return the entities from which a failure can come here in one hop."""
        return [*self.needs(entity), *self.burdens(entity)]

    def needs(self, entity: int) -> Sequence[int]:
        """Return what the entity depends on, as far as failures cross."""
        known = self._needs.get(entity)
        if known is None:
            known = self._needs[entity] = self._read_needs(entity)
        return known

    def _read_needs(self, entity: int) -> list[int]:
        topology = self.topology
        return [
            member
            for gate in topology.gates(entity)
            if RELATIONS[topology.type[gate]].carries is not Carries.NOTHING
            for member in topology.members(gate)
        ]

    def burdens(self, entity: int) -> list[int]:
        """Return the dependents that can hurt the entity: against the arrows."""
        topology, kinds = self.topology, self.topology.kinds
        found = []
        for gate in topology.gates_with(entity):
            owner = int(topology.owner[gate])
            if self.compiled.reverses(kinds[owner], topology.type[gate], kinds[entity]):
                found.append(owner)
        return found

    @cached_property
    def weights(self) -> Mapping[tuple[int, int], float]:
        """(entity, position) -> how much of a witness a reading is; see `rca.siblings`."""
        return weights(self.topology, self.readings)

    def correct(self, entity: int, predicted: Modes) -> Modes:
        """Return the belief in each mode after what was seen here, in (0, 1).

        Modes that explain the same reading share it; without a reading nothing changes.
        """
        well = math.prod(1 - chance for chance in predicted.values())
        weight = {mode: chance * self._ratio(entity, mode) for mode, chance in predicted.items()}
        before = well + math.fsum(predicted.values())
        after = well + math.fsum(weight.values())
        return {mode: min(1.0, value * before / after) for mode, value in weight.items()}

    def _ratio(self, entity: int, mode: str) -> float:
        known = self._ratios.get((entity, mode))
        if known is None:
            loud, quiet = 1.0, 1.0
            for reading in self.readings.get(entity, ()):
                if reading.bearing(mode) >= SPEAKS:
                    loud, quiet = max(loud, reading.ratio), min(quiet, reading.ratio)
            known = self._ratios[(entity, mode)] = loud * quiet
        return known


def spread(
    scene: Scene, faults: Sequence[tuple[int, str]], within: Container[int] | None = None
) -> Spread:
    """Walk the faults' effects, causes before effects, each entity once.

    Args:
        scene: the estate and what was seen on it.
        faults: (entity, mode), all at once.
        within: entities that the walk may enter; None: all.
    """
    within = range(len(scene.topology)) if within is None else within
    result = Spread()
    waiting: list[tuple[int, int, int]] = []
    for entity, mode in faults:
        result.predicted.setdefault(entity, {})[mode] = SEED
    for entity, _ in faults:
        result.hops[entity] = 0
        heapq.heappush(waiting, (scene.rank[entity], 0, entity))
    while waiting:
        batch = _next_batch(waiting)
        # All of a batch before any is believed: equals in a cycle must not depend on their order.
        arrived = [(entity, *_arrive(scene, result, entity)) for entity in batch]
        for entity, modes, links, soft in arrived:
            _settle(scene, result, entity, modes, links, soft=soft)
            for owner in _touched(scene, entity, result.believed.get(entity, {}), within):
                if owner not in result.believed and owner not in result.hops:
                    result.hops[owner] = result.hops[entity] + 1
                    heapq.heappush(waiting, (scene.rank[owner], result.hops[owner], owner))
    return result


def _next_batch(waiting: list[tuple[int, int, int]]) -> list[int]:
    rank, hop, entity = heapq.heappop(waiting)
    batch = [entity]
    while waiting and waiting[0][:2] == (rank, hop):
        following = heapq.heappop(waiting)[2]
        if following != batch[-1]:
            batch.append(following)
    return batch


def _settle(
    scene: Scene,
    result: Spread,
    entity: int,
    modes: Modes,
    links: Mapping[str, Link],
    *,
    soft: bool,
) -> None:
    predicted = result.predicted.get(entity, {})  # a seed, if it is a fault itself
    for mode, chance in modes.items():
        if chance >= CUT and chance > predicted.get(mode, 0.0):
            predicted[mode] = chance
            result.links[(entity, mode)] = links[mode]
    if not predicted:
        return
    if soft:
        result.soft.add(entity)
    result.predicted[entity] = predicted
    result.believed[entity] = scene.correct(entity, predicted)


def _touched(scene: Scene, entity: int, modes: Modes, within: Container[int]) -> list[int]:
    """Return who may be hit when `entity` is in `modes`, of those within the walk."""
    topology, kinds = scene.topology, scene.topology.kinds
    live = [mode for mode, chance in modes.items() if chance >= CUT]
    found = []
    for gate in topology.gates_with(entity):
        owner = int(topology.owner[gate])
        if owner not in within:
            continue
        effects = scene.compiled.effects(kinds[owner], topology.type[gate], kinds[entity])
        if any(mode in effects for mode in live):
            found.append(owner)
    for gate in topology.gates(entity):
        for member in topology.members(gate):
            if member not in within:
                continue
            effects = scene.compiled.effects(
                kinds[entity], topology.type[gate], kinds[member], reverse=True
            )
            if any(mode in effects for mode in live):
                found.append(member)
    return found


def _arrive(scene: Scene, result: Spread, entity: int) -> tuple[Modes, dict[str, Link], bool]:
    """Return what reaches `entity` from the beliefs so far, why, and whether only by calls."""
    topology, kinds = scene.topology, scene.topology.kinds
    spared: Modes = {}
    strongest: dict[str, tuple[float, Link]] = {}
    firm = False
    for gate in topology.gates(entity):
        members = topology.members(gate)
        type_ = topology.type[gate]
        hit = _member_hits(scene, result, entity, gate, members)
        for mode, chances in _with_losses(kinds[entity], hit, len(members)).items():
            chance = fails(
                [c for c, _ in chances.values()], len(members), int(topology.need[gate])
            )
            spared[mode] = spared.get(mode, 1.0) * (1 - chance)
            if chance >= CUT:
                firm |= _firm(result, type_, chances)
                source, (_, cause) = max(chances.items(), key=lambda row: scene.prefer(*row))
                _keep(scene, strongest, mode, chance, Link(source, cause, type_))
    for mode, chance, link in _from_dependents(scene, result, entity):
        spared[mode] = spared.get(mode, 1.0) * (1 - chance)
        firm |= chance >= CUT
        _keep(scene, strongest, mode, chance, link)
    modes = {mode: 1 - quiet for mode, quiet in spared.items() if mode in strongest}
    return modes, {mode: link for mode, (_, link) in strongest.items()}, bool(modes) and not firm


def _keep(
    scene: Scene, strongest: dict[str, tuple[float, Link]], mode: str, chance: float, link: Link
) -> None:
    known = strongest.get(mode)
    if chance > 0 and (
        known is None
        or scene.prefer(link.entity, (chance, link.mode))
        > scene.prefer(known[1].entity, (known[0], known[1].mode))
    ):
        strongest[mode] = (chance, link)


_Hits = dict[int, tuple[float, str]]  # member -> (chance, its mode)


def _firm(result: Spread, type_: str, chances: _Hits) -> bool:
    if RELATIONS[type_].carries is Carries.SOFT:
        return False
    return any(member not in result.soft for member in chances)


def _member_hits(
    scene: Scene, result: Spread, entity: int, gate: int, members: Sequence[int]
) -> dict[str, _Hits]:
    """Return effect mode -> member -> (chance that this member's state brings it about, mode)."""
    topology, kinds = scene.topology, scene.topology.kinds
    found: dict[str, _Hits] = {}
    for member in members:
        believed = result.believed.get(member)
        if not believed:
            continue
        effects = scene.compiled.effects(kinds[entity], topology.type[gate], kinds[member])
        for mode, chance in believed.items():
            for edge in effects.get(mode, ()):
                hits = found.setdefault(edge.mode, {})
                known, _ = hits.get(member, (0.0, ""))
                hits[member] = (max(known, chance * edge.strength), mode)
    return found


def _with_losses(kind: str, hit: dict[str, _Hits], members: int) -> dict[str, _Hits]:
    """A group is weakened by members that are lost as well as by members that are slow."""
    if members == 1:
        return hit
    lost: _Hits = {}
    for mode, chances in hit.items():
        if severity_of(kind, mode) is Severity.HARD:
            lost |= {m: c for m, c in chances.items() if c[0] > lost.get(m, (0.0, ""))[0]}
    return {
        mode: chances if severity_of(kind, mode) is Severity.HARD else {**lost, **chances}
        for mode, chances in hit.items()
    }


def _from_dependents(scene: Scene, result: Spread, entity: int) -> list[tuple[str, float, Link]]:
    """Return what runs against the arrows: a dependent that hurts what it depends on."""
    topology, kinds = scene.topology, scene.topology.kinds
    found = []
    for gate in topology.gates_with(entity):
        owner = int(topology.owner[gate])
        believed = result.believed.get(owner)
        if not believed:
            continue
        type_ = topology.type[gate]
        effects = scene.compiled.effects(kinds[owner], type_, kinds[entity], reverse=True)
        found += [
            (edge.mode, chance * edge.strength, Link(owner, mode, type_))
            for mode, chance in believed.items()
            for edge in effects.get(mode, ())
        ]
    return found
