"""Who hits whom in a region, and how, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kgraph.schema import RELATIONS, Carries
from kgraph.topology import Topology
from kgraph.topology.walk import in_order, spans
from rca.region.gates import on_all
from rca.region.terrain import Effects, Terrain

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
        evidence: (e,) whether merely sight is lost through it.
        press: (e,) whether it runs against the arrows: felt whatever else is.
        alone: (e,) whether it is all of its gate.
        on_all: (e,) whether all work of its gate takes it; see `rca.region.gates`.
        size, need: (g,) of each gate.
        start: (n + 1,) by target; back_start, back: by source.
    """

    source: Ints
    target: Ints
    gate: Ints
    place: Ints
    table: Ints
    firm: Mask
    evidence: Mask
    press: Mask
    alone: Mask
    on_all: Mask
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
        of_row: table of each row.
    """

    start: Ints
    cause: Ints
    effect: Ints
    strength: Floats
    causes: Ints
    of_row: Ints


class Tabling:
    """Numbers what edges bring about: equal effects between equal kinds are one table."""

    def __init__(self, kinds: Sequence[str], slots: Sequence[Mapping[str, int]]) -> None:
        self.kinds, self._slots = kinds, slots
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
            np.repeat(np.arange(len(self._rows)), [*map(len, self._rows)]),
        )


def edges_of(
    terrain: Terrain, nodes: Ints, local: npt.NDArray[np.int32], kind: Ints, tables: Tabling
) -> Edges:
    """Find the edges between some nodes.

    Args:
        terrain: the estate.
        nodes: (n,) entity indices, rising.
        local: 1 + the node of each entity of the topology; 0: it is not among them.
        kind: (n,) kind of each node, a number.
        tables: of what edges bring about.
    """
    topology = terrain.topology
    gates = spans(topology.gate_start, nodes)
    sizes = _sizes(topology, gates)
    ends, gate, place = _members(terrain, gates, nodes, local, kind)
    onward = _told(terrain, ends, tables, reverse=False)
    pressing, apart = _pressed(_told(terrain, ends, tables, reverse=True), tables)
    carries = [RELATIONS[name].carries for name in topology.type_names]
    soft = np.array([each is Carries.SOFT for each in carries], np.bool_)
    sight = np.array([each is Carries.EVIDENCE for each in carries], np.bool_)
    whole = [[on_all(type_, name) for name in tables.kinds] for type_ in topology.type_names]
    keep, more = onward > 0, len(pressing)
    gate = np.concatenate((gate[keep], len(gates) + np.arange(more)))
    place = np.concatenate((place[keep], np.zeros(more, np.int64)))
    table = np.concatenate((onward[keep], apart))
    target = np.concatenate((ends.target[keep], ends.source[pressing]))
    source = np.concatenate((ends.source[keep], ends.target[pressing]))
    type_ = ends.type[keep]
    press = np.concatenate((np.zeros(len(type_), np.bool_), np.ones(more, np.bool_)))
    firm = np.concatenate((~soft[type_], np.ones(more, np.bool_)))
    evidence = np.concatenate((sight[type_], np.zeros(more, np.bool_)))
    wholly = np.array(whole, np.bool_).reshape(-1, len(tables.kinds))
    wholly = np.concatenate((wholly[type_, kind[ends.source[keep]]], np.ones(more, np.bool_)))
    sizes = np.concatenate((sizes, np.ones(more, np.int64)))
    order = in_order(target)  # gates come in the order of their nodes
    source, target, gate = source[order], target[order], gate[order]
    back = in_order(source)
    return Edges(
        source,
        target,
        gate,
        place[order],
        table[order],
        firm[order],
        evidence[order],
        press[order],
        sizes[gate] == 1,
        wholly[order],
        sizes,
        np.concatenate((topology.need[gates].astype(np.int64), np.ones(more, np.int64))),
        starts(target, len(nodes)),
        starts(source[back], len(nodes)),
        back,
    )


class _Ends(NamedTuple):
    """Relations: their ends by node and their types; `nodes` and `kind` are of the region.

    `unlisted` is of the gate: P(a part of it is in no list), in tenths.
    """

    nodes: Ints
    kind: Ints
    source: Ints
    target: Ints
    type: Ints
    unlisted: Ints


def _sizes(topology: Topology, gates: npt.NDArray[np.int32]) -> Ints:
    """Return how many members each gate has, in the region or not."""
    sizes: Ints = (topology.member_start[gates + 1] - topology.member_start[gates]).astype(
        np.int64
    )
    return sizes


def _members(
    terrain: Terrain,
    gates: npt.NDArray[np.int32],
    nodes: Ints,
    local: npt.NDArray[np.int32],
    kind: Ints,
) -> tuple[_Ends, Ints, Ints]:
    """Return the members of gates that are in the region: relations, gates, places in the gate."""
    topology = terrain.topology
    sizes = _sizes(topology, gates)
    gate = np.repeat(np.arange(len(gates)), sizes)
    first = np.cumsum(sizes) - sizes
    place = np.arange(len(gate)) - np.repeat(first, sizes)
    member = topology.member[spans(topology.member_start, gates)]
    source = local[member].astype(np.int64) - 1
    target = (local[topology.owner[gates]].astype(np.int64) - 1)[gate]
    type_ = topology.type_code[gates][gate].astype(np.int64)
    unlisted = terrain.unlisted[gates][gate]
    there = source >= 0
    ends = _Ends(nodes, kind, source[there], target[there], type_[there], unlisted[there])
    return ends, gate[there], place[there]


def _pressed(against: Ints, tables: Tabling) -> tuple[Ints, Ints]:
    """Return the relations that are felt against their arrow, once for each table of one row."""
    pressing = np.flatnonzero(against > 0)
    known = {table: tables.single(table) for table in set(against[pressing].tolist())}
    single = [known[table] for table in against[pressing].tolist()]
    apart = np.array([table for some in single for table in some], np.int64)
    return np.repeat(pressing, np.array([*map(len, single)], np.int64)), apart


def _told(terrain: Terrain, ends: _Ends, tables: Tabling, *, reverse: bool) -> Ints:
    """Return the table of each relation; asked once for all between the same kinds."""
    types = terrain.topology.type_names
    effect, cause = ends.kind[ends.target], ends.kind[ends.source]
    tenths = np.zeros_like(ends.unlisted) if reverse else ends.unlisted
    code = ((tenths * len(tables.kinds) + effect) * len(types) + ends.type) * len(tables.kinds)
    sorts = (int(tenths.max(initial=0)) + 1) * len(tables.kinds) ** 2 * len(types)
    unique, first, which = _distinct(code + cause, sorts)
    found = np.zeros(len(unique), np.int64)
    asked = np.zeros(len(unique), np.bool_)
    for i, row in enumerate(first.tolist()):
        names = tables.kinds[effect[row]], types[ends.type[row]], tables.kinds[cause[row]]
        if terrain.compiled.conditional(*names, reverse=reverse):
            asked[i] = True
            continue
        effects: Effects = terrain.compiled.effects(*names, reverse=reverse)
        effects = terrain.softened(effects, names[0], int(tenths[row]))
        kinds = int(cause[row]), int(effect[row])
        found[i] = tables.of(*(kinds[::-1] if reverse else kinds), effects)
    result: Ints = found[which]
    rows = asked[which].nonzero()[0]
    target, source = ends.target[rows], ends.source[rows]
    each = (
        rows,
        ends.nodes[target],
        ends.type[rows],
        ends.nodes[source],
        effect[rows],
        cause[rows],
    )
    told = zip(*(column.tolist() for column in each), strict=True)
    for row, owner, type_, member, hit, by in told:
        effects = terrain.between(owner, types[type_], member, reverse=reverse)
        effects = terrain.softened(effects, tables.kinds[hit], int(tenths[row]))
        result[row] = tables.of(hit, by, effects) if reverse else tables.of(by, hit, effects)
    return result


def _distinct(code: Ints, many: int) -> tuple[Ints, Ints, Ints]:
    """Return the codes that there are, where each is, and which each row has: without a sort."""
    at = np.full(many, -1)
    at[code] = np.arange(len(code))
    unique = np.flatnonzero(at >= 0)
    first, number = at[unique], np.empty(many, np.int64)
    number[unique] = np.arange(len(unique))
    return unique, first, number[code]


def starts(rows: Ints, n: int) -> Ints:
    """Return (n + 1,) where each of n begins among sorted rows."""
    return np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=n)))).astype(np.int64)
