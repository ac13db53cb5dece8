"""What follows from graph and rules alone: kept from incident to incident.

An incident asks of the few hundred or thousand entities around it; what was worked out for one is
there for the next, as long as neither the graph nor the rules change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import NamedTuple
from weakref import proxy

import numpy as np
import numpy.typing as npt

from kgraph.schema import RELATIONS, Carries, Entity, Severity
from kgraph.topology import Topology, unlisted
from kgraph.topology.customs import TENTHS
from rca.evidence.roster import Roster
from rca.evidence.twins import Palette
from rca.region.levels import Levels
from rca.rules.compile import Compiled, Edge, severity_of
from rca.rules.conditions import Ground
from rca.rules.model import Model

KEPT = 2  # terrains at a time: those of one watch, and of who asks beside it
MOST = 300_000  # entities of which one keeps what it found; then it begins anew

# Relations over which failures cross.
CROSSED = frozenset(
    name for name, type_ in RELATIONS.items() if type_.carries is not Carries.NOTHING
)
# Those of them over which what is hit hits further.
FELT = frozenset(name for name in CROSSED if RELATIONS[name].carries is not Carries.EVIDENCE)

_LIBVIRT = "libvirt/"  # how detectors are called that speak for a connection

Mask = npt.NDArray[np.bool_]
Effects = Mapping[str, Sequence[Edge]]  # cause mode -> what it brings about


class Gate(NamedTuple):
    """One gate of an entity: `need` of `size` members; those that can hit it, with how.

    Attributes:
        firm: whether what is felt through it hurts; of calls alone, an entity may stay unhurt.
    """

    type: str
    need: int
    size: int
    members: tuple[tuple[int, Effects], ...]
    firm: bool

    @property
    def spare(self) -> int:
        """How many of its members stop it when they are lost."""
        return self.size - self.need + 1


class Ahead(NamedTuple):
    """Somebody whom an entity may hit.

    Attributes:
        burdens: whether it does so against the arrows.
        gate: of the topology, through which it does so; -1: as a burden.
    """

    entity: int
    type: str
    effects: Effects
    burdens: bool
    gate: int


# As `Ahead._make` does, without its check: an incident makes thousands.
_ahead: Callable[[tuple[int, str, Effects, bool, int]], Ahead] = partial(tuple.__new__, Ahead)


class Terrain:
    """The estate as walks need it; what is asked of an entity is worked out once.

    Nothing that it holds holds it: in a circle, hundreds of thousands of small objects would wait
    for the collector each time that another part of the estate is asked about.
    """

    def __init__(self, topology: Topology, model: Model, entities: Sequence[Entity]) -> None:
        """Take note of graph and rules; `entities` may be fewer than in the topology."""
        self.topology, self.model, self.entities = topology, model, entities
        self.compiled = Compiled(model)
        self._needs: dict[int, Sequence[int]] = {}
        self._burdens: dict[int, Sequence[int]] = {}
        self._gates: dict[int, Gate] = {}
        self._presses: dict[int, Sequence[Ahead]] = {}
        self._softened: dict[tuple[str, int, int], tuple[Effects, Effects]] = {}

    def of(self, topology: Topology, model: Model, entities: Sequence[Entity]) -> bool:
        """Tell whether it is about this graph under these rules; what was learned is no rule."""
        return (
            self.topology is topology
            and self.entities is entities
            and self.model.propagation is model.propagation
            and len(self._gates) + len(self._needs) <= MOST
        )

    @cached_property
    def roster(self) -> Roster:
        """Who is who."""
        return Roster(self.topology, self.entities)

    @cached_property
    def ground(self) -> Ground:
        """What the conditions of rules are asked of."""
        return Ground(self.topology, self.roster)

    @cached_property
    def rank(self) -> Levels:
        """Causes before effects, of all that there is.

        Who watches whom does not count: the monitoring runs on what it watches, and all of an
        estate would be one cycle. Nothing follows from being unobserved.
        """
        return Levels(self.topology, FELT)

    @cached_property
    def palette(self) -> Palette:
        """What tells apart entities that look alike."""
        return Palette.of(self.topology, CROSSED)

    @cached_property
    def on_libvirt(self) -> bool:
        """Whether libvirt was read, told by the Probe that each of its connections is."""
        probes = (entity for entity in self.entities if entity.kind == "Probe")
        return any(str(probe.props.get("detector", "")).startswith(_LIBVIRT) for probe in probes)

    @cached_property
    def unlisted(self) -> npt.NDArray[np.int64]:
        """(g,) P(a part of each gate is in no list), in tenths; see `kgraph.topology.customs`."""
        return unlisted(self.topology)

    def softened(self, effects: Effects, kind: str, tenths: int) -> Effects:
        """Return what comes through a gate of an entity of a kind that may have a part unlisted.

        What stops a member stops the entity only where there is no such part.
        """
        if not tenths or not effects:
            return effects
        key = kind, tenths, id(effects)
        known = self._softened.get(key)
        if known is None:
            left = 1 - tenths / TENTHS
            found = {
                cause: tuple(
                    edge
                    if severity_of(kind, edge.mode) is Severity.GRAY
                    else Edge(edge.mode, edge.strength * left)
                    for edge in brought
                )
                for cause, brought in effects.items()
            }
            known = self._softened[key] = found, effects  # so that no other gets its identity
        return known[0]

    def gate(self, number: int) -> Gate:
        """Return one gate of the topology: of all that an entity needs, few bear on one fault."""
        known = self._gates.get(number)
        if known is None:
            topology = self.topology
            owner, members = int(topology.owner[number]), topology.members(number)
            type_ = topology.type_names[topology.type_code[number]]
            kind, tenths = topology.kinds[owner], int(self.unlisted[number])
            effects = [
                (m, self.softened(self.between(owner, type_, m, reverse=False), kind, tenths))
                for m in members
            ]
            known = self._gates[number] = Gate(
                type_,
                int(topology.need[number]),
                len(members),
                tuple([each for each in effects if each[1]]),
                RELATIONS[type_].carries is not Carries.SOFT,
            )
        return known

    def between(self, dependent: int, type_: str, dependency: int, *, reverse: bool) -> Effects:
        """Return what the modes of one end of a relation bring about in the other."""
        return self.compiled.between(self.ground, dependent, type_, dependency, reverse=reverse)

    @cached_property
    def everywhere(self) -> Mapping[int, Sequence[Ahead]]:
        """Entity -> whom it may hit: its dependents, and what it can hurt as a burden."""
        return Onwards(proxy(self), None)

    def onwards(self, entity: int, within: Mask | None) -> Iterator[Ahead]:
        """Yield whom an entity may hit, of those within; None: of all. Its burdens come last."""
        topology, ground, between = self.topology, self.ground, self.compiled.between
        types = topology.type
        gates = topology.in_gate[topology.in_start[entity] : topology.in_start[entity + 1]]
        if within is not None:  # of thousands that stand behind a switch few may be
            gates = gates[within[topology.owner[gates]]]
        for gate, owner in zip(gates.tolist(), topology.owner[gates].tolist(), strict=True):
            type_ = types[gate]
            if effects := between(ground, owner, type_, entity):
                yield _ahead((owner, type_, effects, False, gate))
        for ahead in self.presses(entity):
            if within is None or within[ahead.entity]:
                yield ahead

    def presses(self, entity: int) -> Sequence[Ahead]:
        """Return what the entity can hurt as a burden: against the arrows."""
        if not self.compiled.burdens(self.topology.kinds[entity]):
            return ()  # of a kind that never does
        known = self._presses.get(entity)
        if known is None:
            known = self._presses[entity] = tuple(self._read_presses(entity))
        return known

    def _read_presses(self, entity: int) -> Iterator[Ahead]:
        topology = self.topology
        over = self.compiled.burdens_over(topology.kinds[entity])
        for gate in topology.gates(entity):
            type_ = topology.type[gate]
            for member in topology.members(gate) if type_ in over else ():
                effects = self.compiled.between(self.ground, entity, type_, member, reverse=True)
                if effects:
                    yield _ahead((member, type_, effects, True, -1))

    def causes(self, entity: int) -> list[int]:
        """Return the entities from which a failure can come here in one hop."""
        return [*self.needs(entity), *self.burdens(entity)]

    def needs(self, entity: int) -> Sequence[int]:
        """Return what the entity depends on, as far as failures cross."""
        known = self._needs.get(entity)
        if known is None:
            topology = self.topology
            known = self._needs[entity] = [
                member
                for gate in topology.gates(entity)
                if topology.type[gate] in CROSSED
                for member in topology.members(gate)
            ]
        return known

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


class Onwards(dict[int, Sequence[Ahead]]):
    """Entity -> whom it may hit, of those within; worked out where it is first asked for."""

    def __init__(self, terrain: Terrain, within: Mask | None) -> None:
        """Take note of where it may go: (n,) of each entity; None: anywhere."""
        super().__init__()
        self._terrain, self._within = terrain, within

    def __missing__(self, entity: int) -> Sequence[Ahead]:
        """Work it out and remember it."""
        terrain, within = self._terrain, self._within
        known = None if within is None else terrain.everywhere.get(entity)
        if within is None or known is None:
            found = tuple(terrain.onwards(entity, within))
        else:
            found = tuple([ahead for ahead in known if within[ahead.entity]])
        self[entity] = found
        return found


_kept: list[Terrain] = []


def terrain_of(topology: Topology, model: Model, entities: Sequence[Entity]) -> Terrain:
    """Return the terrain of a graph under some rules: the one of before, if it is the same."""
    found = next((one for one in _kept if one.of(topology, model, entities)), None)
    others = [one for one in _kept if one is not found and one.topology is not topology]
    found = found or Terrain(topology, model, entities)
    _kept[:] = [found, *others][:KEPT]
    return found
