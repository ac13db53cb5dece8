"""The estate and what was seen on it, as a walk of effects needs it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property

from kgraph.schema import RELATIONS, Carries, Entity, Severity
from kgraph.topology import Topology, dependencies
from rca.compile import Compiled, Edge, severity_of
from rca.conditions import Ground
from rca.effects import Faults, Modes, Spread
from rca.likelihood import Reading
from rca.order import Ranks
from rca.siblings import weights
from rca.storm import coarse

SPEAKS = 0.5  # a reading that bears on a mode at least so much corrects it

# Relations over which failures cross.
_CROSSED = frozenset(
    name for name, type_ in RELATIONS.items() if type_.carries is not Carries.NOTHING
)

Effects = Mapping[str, Sequence[Edge]]  # cause mode -> what it brings about


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate of an entity: `need` of `size` members; those that can hit it, with how."""

    type: str
    need: int
    size: int
    members: tuple[tuple[int, Effects], ...]


@dataclass(frozen=True, slots=True)
class Ahead:
    """Somebody whom an entity may hit.

    Attributes:
        burdens: whether it does so against the arrows.
        alone: whether its loss suffices; no redundancy stands between.
    """

    entity: int
    type: str
    effects: Effects
    burdens: bool
    alone: bool = True


@dataclass(frozen=True)
class Scene:
    """The estate and what was seen on it: what a walk needs, prepared once for an incident."""

    topology: Topology
    compiled: Compiled
    readings: Mapping[int, Sequence[Reading]]
    changed: frozenset[int] = frozenset()  # entities changed shortly before the symptoms
    entities: Sequence[Entity] = ()  # for conditions of rules; may be fewer than in the topology
    spreads: dict[Faults, Spread] = field(default_factory=dict, compare=False, repr=False)
    # What follows from the above is worked out where it is first asked for, and remembered.
    _needs: dict[int, Sequence[int]] = field(default_factory=dict, compare=False, repr=False)
    _burdens: dict[int, Sequence[int]] = field(default_factory=dict, compare=False, repr=False)
    _gates: dict[int, Sequence[Gate]] = field(default_factory=dict, compare=False, repr=False)
    _presses: dict[int, Sequence[Ahead]] = field(default_factory=dict, compare=False, repr=False)
    _loud: dict[int, float] = field(default_factory=dict, compare=False, repr=False)
    _ratios: dict[tuple[int, str], float] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def ground(self) -> Ground:
        """What the conditions of rules are asked of."""
        return Ground(self.topology, self.entities)

    @cached_property
    def rank(self) -> Mapping[int, int]:
        """Causes before effects; see `rca.order`."""
        return Ranks(self.needs)

    @cached_property
    def telling(self) -> AbstractSet[int]:
        """Entities that were looked at, or lie between a fault and one that was."""
        return set(dependencies(self.topology, self.readings, types=_CROSSED).entities.tolist())

    def prefer(self, entity: int, hit: tuple[float, str]) -> tuple[float, str, float, int, int]:
        """Rank what may have hit an entity: the likeliest; of equals, what is seen worst.

        Indices come last, so that the order of the input decides only between twins.
        """
        loudest = self._loud.get(entity)
        if loudest is None:
            loudest = max((r.ratio for r in self.readings.get(entity, ())), default=1.0)
            self._loud[entity] = loudest
        start = self.topology.in_start
        burden = int(start[entity + 1] - start[entity])
        return round(hit[0], 9), self.topology.kinds[entity], loudest, burden, -entity

    def gates(self, entity: int) -> Sequence[Gate]:
        """Return what the entity needs, with what its members' modes do to it."""
        known = self._gates.get(entity)
        if known is None:
            known = self._gates[entity] = tuple(self._read_gates(entity))
        return known

    def _read_gates(self, entity: int) -> Iterator[Gate]:
        topology = self.topology
        for gate in topology.gates(entity):
            type_, members = topology.type[gate], topology.members(gate)
            effects = [self.compiled.between(self.ground, entity, type_, m) for m in members]
            passing = tuple((m, e) for m, e in zip(members, effects, strict=True) if e)
            if passing:
                yield Gate(type_, int(topology.need[gate]), len(members), passing)

    @cached_property
    def everywhere(self) -> Mapping[int, Sequence[Ahead]]:
        """Entity -> whom it may hit: its dependents, and what it can hurt as a burden."""
        return Onwards(self, None)

    @cached_property
    def nearby(self) -> Mapping[int, Sequence[Ahead]]:
        """The same, of `telling` only."""
        return Onwards(self, self.telling)

    def onwards(self, entity: int, within: AbstractSet[int] | None) -> Iterator[Ahead]:
        """Yield whom an entity may hit, of those within; None: of all."""
        topology, start = self.topology, self.topology.member_start
        gates = topology.gates_with(entity)
        owners = topology.owner[gates].tolist()
        for gate, owner in zip(gates, owners, strict=True):
            if within is not None and owner not in within:
                continue
            type_ = topology.type[gate]
            if effects := self.compiled.between(self.ground, owner, type_, entity):
                alone = int(topology.need[gate]) == int(start[gate + 1]) - int(start[gate])
                yield Ahead(owner, type_, effects, burdens=False, alone=alone)
        for ahead in self.presses(entity):
            if within is None or ahead.entity in within:
                yield ahead

    def presses(self, entity: int) -> Sequence[Ahead]:
        """Return what the entity can hurt as a burden: against the arrows."""
        known = self._presses.get(entity)
        if known is None:
            known = self._presses[entity] = tuple(self._read_presses(entity))
        return known

    def _read_presses(self, entity: int) -> Iterator[Ahead]:
        topology = self.topology
        for gate in topology.gates(entity):
            type_ = topology.type[gate]
            for member in topology.members(gate):
                effects = self.compiled.between(self.ground, entity, type_, member, reverse=True)
                if effects:
                    yield Ahead(member, type_, effects, burdens=True)

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
            if topology.type[gate] in _CROSSED
            for member in topology.members(gate)
        ]

    def burdens(self, entity: int) -> Sequence[int]:
        """Return the dependents that can hurt the entity: against the arrows."""
        known = self._burdens.get(entity)
        if known is None:
            known = self._burdens[entity] = self._read_burdens(entity)
        return known

    def _read_burdens(self, entity: int) -> list[int]:
        topology = self.topology
        found = []
        for gate in topology.gates_with(entity):
            owner = int(topology.owner[gate])
            type_ = topology.type[gate]
            if self.compiled.between(self.ground, owner, type_, entity, reverse=True):
                found.append(owner)
        return found

    def rates(self, entity: int) -> Mapping[str, float]:
        """Return mode -> faults a year, of what the entity may be suspected of.

        Of every guest of a slow host one could say that it takes too much: what weakens against
        the arrows is suspected only where something that speaks of it is seen.
        """
        kind = self.topology.kinds[entity]
        burdens = [ahead.effects for ahead in self.presses(entity)]
        return {
            mode: rate
            for mode, rate in self.compiled.rates_of(self.ground, entity).items()
            if not any(mode in effects for effects in burdens)
            or severity_of(kind, mode) is Severity.HARD
            or self._ratio(entity, mode) > 1
        }

    @cached_property
    def weights(self) -> Mapping[tuple[int, int], float]:
        """(entity, position) -> how much of a witness a reading is; see `rca.siblings`."""
        return weights(self.topology, self.readings)

    @cached_property
    def coarse(self) -> float:
        """The power to which the evidence is raised, in (0, 1]; see `rca.storm`."""
        return coarse(self.readings, self.weights)

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


class Onwards(dict[int, Sequence[Ahead]]):
    """Entity -> whom it may hit, of those within; worked out where it is first asked for."""

    def __init__(self, scene: Scene, within: AbstractSet[int] | None) -> None:
        """Take note of where it may go; None: anywhere."""
        super().__init__()
        self._scene, self._within = scene, within

    def __missing__(self, entity: int) -> Sequence[Ahead]:
        """Work it out and remember it."""
        found = self[entity] = tuple(self._scene.onwards(entity, self._within))
        return found
