"""What walks of many suspects at once need of the graph and the evidence, as arrays.

Nodes are the entities that were looked at, or lie between a suspect and one that was. An edge says
what the modes of one node bring about in another: along the arrows through the gates of the other,
or against them. Modes have a slot in each kind, in the order of their names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kgraph.schema import RELATIONS, UNOBSERVED, Carries, Severity, kind_of
from kgraph.topology import Topology
from kgraph.topology.walk import spans
from rca.compile import severity_of
from rca.likelihood import Reading
from rca.scene import SPEAKS, Scene
from rca.terrain import Effects, Terrain

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Edges:
    """Edges sorted by the node that they hit, then by gate; press edges last within a node.

    Attributes:
        source, target: (e,) nodes.
        gate: (e,) the gate of the target, a number; a press edge is a gate of its own.
        place: (e,) position among the members of the gate.
        table: (e,) what it brings about; see `Tables`.
        firm: (e,) whether what is felt through it hurts.
        press: (e,) whether it runs against the arrows: felt whatever else is.
        size, need: (g,) of each gate.
        start: (n + 1,) by target; back_start, back: by source.
    """

    source: Ints
    target: Ints
    gate: Ints
    place: Ints
    table: Ints
    firm: Mask
    press: Mask
    size: Ints
    need: Ints
    start: Ints
    back_start: Ints
    back: Ints


@dataclass(frozen=True, slots=True)
class Tables:
    """What edges bring about: rows start[t]:start[t + 1] of table t, sorted by effect.

    Attributes:
        cause, effect: slots.
        strength: P(effect | cause).
        causes: (t,) the cause slots of a table as bits.
    """

    start: Ints
    cause: Ints
    effect: Ints
    strength: Floats
    causes: Ints


@dataclass(frozen=True, slots=True)
class Seen:
    """The readings of the nodes: rows start[node]:start[node + 1].

    Attributes:
        position: among the readings of its entity.
        ratio, weight: of each reading.
        bearing: (r, slots) how much it speaks of each mode of its node.
        probe: node of the probe that it was made through; -1 not among them, -2 nobody knows.
        ratios: (n, slots) what all readings of a node together say of a mode.
    """

    start: Ints
    position: Ints
    ratio: Floats
    weight: Floats
    bearing: Floats
    probe: Ints
    ratios: Floats


@dataclass(frozen=True, slots=True)
class Region:
    """The part of the graph that an incident is about, as arrays.

    Attributes:
        nodes: (n,) entity indices, rising.
        kind: (n,) kind of each node, a number.
        level: (n,) causes before effects.
        circled: (n,) whether it lies in a cycle with others.
        within: (n,) whether walks may go there.
        prefer: (n,) of equals, the higher is told as the reason.
        slots: by kind: mode -> slot.
        hard: (kinds, slots) whether a mode stops its entity.
        blind: (n,) the slot of `unobserved`.
    """

    nodes: Ints
    kind: Ints
    level: Ints
    circled: Mask
    within: Mask
    prefer: Ints
    slots: Sequence[Mapping[str, int]]
    hard: Mask
    blind: Ints
    edges: Edges
    tables: Tables
    seen: Seen

    @property
    def width(self) -> int:
        """The most slots of any kind."""
        return self.hard.shape[1]

    def slot(self, node: int, mode: str) -> int:
        """Return the slot of a mode."""
        return self.slots[int(self.kind[node])][mode]


def region_of(scene: Scene, suspected: Iterable[int]) -> Region:
    """Make the arrays: what was looked at with all that it depends on, and the suspects."""
    topology, rank = scene.topology, scene.rank
    inside = scene.telling
    nodes = np.array(sorted(inside.union(suspected)), np.int64)
    local = np.full(len(topology), -1, np.int64)
    local[nodes] = np.arange(len(nodes))
    names = [topology.kinds[i] for i in nodes.tolist()]
    kinds = sorted(set(names))
    number = {name: i for i, name in enumerate(kinds)}
    kind = np.array([number[name] for name in names], np.int64)
    slots = [{mode: i for i, mode in enumerate(sorted(kind_of(k).modes))} for k in kinds]
    width = max((len(each) for each in slots), default=1)
    hard = np.zeros((len(kinds), width), np.bool_)
    for i, name in enumerate(kinds):
        for mode, slot in slots[i].items():
            hard[i, slot] = severity_of(name, mode) is Severity.HARD
    tables = _Tabling(scene.terrain, kinds, slots)
    edges = _edges(scene.terrain, nodes, local, kind, tables)
    seen = _seen(scene, nodes, local, slots, kind, width)
    level = np.array([rank[i] for i in nodes.tolist()], np.int64)
    circles = np.array([rank.circle[i] for i in nodes.tolist()], np.int64)
    sizes = np.bincount(circles) if len(circles) else circles
    blind = np.array([each.get(UNOBSERVED.name, -1) for each in slots], np.int64)
    within = np.zeros(len(topology), np.bool_)
    within[list(inside)] = True
    return Region(
        nodes,
        kind,
        level,
        sizes[circles] > 1,
        within[nodes],
        _preference(topology, nodes, kind, seen),
        slots,
        hard,
        blind[kind],
        edges,
        tables.tables(),
        seen,
    )


def _preference(topology: Topology, nodes: Ints, kind: Ints, seen: Seen) -> Ints:
    loudest = np.ones(len(nodes))
    np.maximum.at(loudest, np.repeat(np.arange(len(nodes)), np.diff(seen.start)), 0.0)
    has = np.flatnonzero(np.diff(seen.start))
    if len(has):
        loudest[has] = np.maximum.reduceat(seen.ratio, seen.start[has])
    burden = topology.in_start[nodes + 1] - topology.in_start[nodes]
    order = np.lexsort((-nodes, burden, loudest, kind))
    found = np.empty(len(nodes), np.int64)
    found[order] = np.arange(1, len(nodes) + 1)
    return found


class _Tabling:
    """Numbers what edges bring about: equal effects between equal kinds are one table."""

    def __init__(
        self, terrain: Terrain, kinds: Sequence[str], slots: Sequence[Mapping[str, int]]
    ) -> None:
        self._terrain, self._kinds, self._slots = terrain, kinds, slots
        self._known: dict[tuple[int, int, int], int] = {}
        self._rows: list[list[tuple[int, int, float]]] = [[]]
        self._keep: list[Effects] = []  # so that no other gets its identity

    def of(self, cause_kind: int, effect_kind: int, effects: Effects) -> int:
        """Return the number of a table; 0: it brings nothing about."""
        if not effects:
            return 0
        key = (cause_kind, effect_kind, id(effects))
        found = self._known.get(key)
        if found is None:
            causes, hit = self._slots[cause_kind], self._slots[effect_kind]
            rows = sorted(
                (hit[edge.mode], causes[mode], edge.strength)
                for mode, brought in effects.items()
                for edge in brought
                if mode in causes and edge.mode in hit
            )
            found = self._known[key] = len(self._rows)
            self._rows.append(rows)
            self._keep.append(effects)
        return found

    def single(self, table: int) -> list[int]:
        """Return tables with one row of a table each: against the arrows each counts by itself."""
        rows = self._rows[table]
        if len(rows) < 2:
            return [table]
        found = []
        for row in rows:
            key = (-1 - table, row[0], row[1])
            if key not in self._known:
                self._known[key] = len(self._rows)
                self._rows.append([row])
            found.append(self._known[key])
        return found

    def tables(self) -> Tables:
        """Return all of them."""
        flat = [row for rows in self._rows for row in rows]
        start = np.concatenate(([0], np.cumsum([len(rows) for rows in self._rows])))
        bits = [sum(1 << c for c in {cause for _, cause, _ in rows}) for rows in self._rows]
        return Tables(
            start.astype(np.int64),
            np.array([row[1] for row in flat], np.int64),
            np.array([row[0] for row in flat], np.int64),
            np.array([row[2] for row in flat], np.float64),
            np.array(bits, np.int64),
        )


def _edges(
    terrain: Terrain, nodes: Ints, local: Ints, kind: Ints, tables: _Tabling
) -> Edges:
    topology = terrain.topology
    gates = spans(topology.gate_start, nodes)
    sizes = (topology.member_start[gates + 1] - topology.member_start[gates]).astype(np.int64)
    gate = np.repeat(np.arange(len(gates)), sizes)
    first = np.cumsum(sizes) - sizes
    place = np.arange(len(gate)) - np.repeat(first, sizes)
    source = local[topology.member[spans(topology.member_start, gates)]]
    target = local[topology.owner[gates]][gate]
    type_ = topology.type_code[gates][gate].astype(np.int64)
    known = source >= 0
    gate, place, source = gate[known], place[known], source[known]
    target, type_ = target[known], type_[known]
    onward = _told(terrain, nodes, kind, source, target, type_, tables, reverse=False)
    against = _told(terrain, nodes, kind, source, target, type_, tables, reverse=True)
    soft = np.fromiter(
        (RELATIONS[name].carries is Carries.SOFT for name in topology.type_names), np.bool_
    )
    keep = onward > 0
    pressing = [
        (int(target[i]), int(source[i]), table)
        for i in np.flatnonzero(against > 0).tolist()
        for table in tables.single(int(against[i]))
    ]
    more = len(pressing)
    extra = np.array(pressing, np.int64).reshape(more, 3)
    count = len(gates)
    gate = np.concatenate((gate[keep], count + np.arange(more)))
    source = np.concatenate((source[keep], extra[:, 0]))
    goal = np.concatenate((target[keep], extra[:, 1]))
    order = np.lexsort((gate, goal))
    press = np.concatenate((np.zeros(int(keep.sum()), np.bool_), np.ones(more, np.bool_)))
    firm = np.concatenate((~soft[type_[keep]], np.ones(more, np.bool_)))
    table = np.concatenate((onward[keep], extra[:, 2]))
    place = np.concatenate((place[keep], np.zeros(more, np.int64)))
    source, goal = source[order], goal[order]
    back = np.argsort(source, kind="stable")
    return Edges(
        source,
        goal,
        gate[order],
        place[order],
        table[order],
        firm[order],
        press[order],
        np.concatenate((sizes, np.ones(more, np.int64))),
        np.concatenate((topology.need[gates].astype(np.int64), np.ones(more, np.int64))),
        starts(goal, len(nodes)),
        starts(source[back], len(nodes)),
        back,
    )


def _told(
    terrain: Terrain,
    nodes: Ints,
    kind: Ints,
    source: Ints,
    target: Ints,
    type_: Ints,
    tables: _Tabling,
    *,
    reverse: bool,
) -> Ints:
    """Return the table of each relation; asked once for all between the same kinds."""
    kinds = len(tables._kinds)
    code = (kind[target] * len(terrain.topology.type_names) + type_) * kinds + kind[source]
    unique, first, which = np.unique(code, return_index=True, return_inverse=True)
    found = np.zeros(len(unique), np.int64)
    asked = []
    for i, edge in enumerate(first.tolist()):
        ends = tables._kinds[kind[target[edge]]], tables._kinds[kind[source[edge]]]
        name = terrain.topology.type_names[type_[edge]]
        if terrain.compiled.conditional(ends[0], name, ends[1], reverse=reverse):
            asked.append(i)
            continue
        effects = terrain.compiled.effects(ends[0], name, ends[1], reverse=reverse)
        found[i] = _number(tables, kind, source[edge], target[edge], effects, reverse=reverse)
    result = found[which]
    for i in asked:
        for edge in np.flatnonzero(which == i).tolist():
            effects = terrain.compiled.between(
                terrain.ground,
                int(nodes[target[edge]]),
                terrain.topology.type_names[type_[edge]],
                int(nodes[source[edge]]),
                reverse=reverse,
            )
            result[edge] = _number(
                tables, kind, source[edge], target[edge], effects, reverse=reverse
            )
    return result


def _number(
    tables: _Tabling, kind: Ints, source: int, target: int, effects: Effects, *, reverse: bool
) -> int:
    ends = int(kind[source]), int(kind[target])
    return tables.of(*(ends[::-1] if reverse else ends), effects)


def starts(rows: Ints, n: int) -> Ints:
    """Return (n + 1,) where each of n begins among sorted rows."""
    return np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=n)))).astype(np.int64)


def _seen(
    scene: Scene,
    nodes: Ints,
    local: Ints,
    slots: Sequence[Mapping[str, int]],
    kind: Ints,
    width: int,
) -> Seen:
    index = scene.topology.index
    speaks: dict[object, list[float]] = {}
    counts = np.zeros(len(nodes), np.int64)
    position, ratio, weight, bearing, probe = [], [], [], [], []
    places = sorted((int(local[entity]), entity) for entity in scene.readings if local[entity] >= 0)
    for node, entity in places:
        rows = scene.readings[entity]
        counts[node] = len(rows)
        known = slots[int(kind[node])]
        for i, reading in enumerate(rows):
            seen = reading.observation
            key = (reading.kind, reading.channel, seen.signal, id(reading.rules))
            row = speaks.get(key)
            if row is None:
                row = speaks[key] = _bearings(reading, known, width)
            position.append(i)
            ratio.append(reading.ratio)
            weight.append(scene.weights.get((entity, i), 1.0))
            bearing.append(row)
            at = index.get(reading.via)
            probe.append(-2 if at is None else int(local[at]))
    start = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    ratios = np.ones((len(nodes), width))
    says = np.array(ratio, np.float64)
    of = np.array(bearing, np.float64).reshape(len(says), width)
    if len(says):
        has = np.flatnonzero(counts)
        heard = np.where(of >= SPEAKS, says[:, None], 1.0)
        loud = np.maximum.reduceat(np.maximum(heard, 1.0), start[has], axis=0)
        quiet = np.minimum.reduceat(np.minimum(heard, 1.0), start[has], axis=0)
        ratios[has] = loud * quiet
    return Seen(
        start,
        np.array(position, np.int64),
        says,
        np.array(weight, np.float64),
        of,
        np.array(probe, np.int64),
        ratios,
    )


def _bearings(reading: Reading, slots: Mapping[str, int], width: int) -> list[float]:
    row = [0.0] * width
    for mode, slot in slots.items():
        row[slot] = reading.bearing(mode)
    return row
