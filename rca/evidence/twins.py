"""Telling apart what looks alike, by what lies around it and never by its name.

Two switches of one kind, of which nothing is seen, differ in whom they serve and in what is seen
of those. Every entity has a colour: a number that follows from its kind and its readings and then,
round by round, from the colours of what it needs and of what needs it. Those that share a colour
in the end are equal as far as the rounds reach, whatever they are called.

Blind spot: two pairs of equals that belong together crosswise have the same colours as two that do
not; between such, names still decide which one is told as the reason.

Source: B. Weisfeiler and A. Leman, The reduction of a graph to canonical form (1968).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from kgraph.topology import Topology
from kgraph.topology.walk import spans

ROUNDS = 4  # hops that are looked at

_Ints = npt.NDArray[np.signedinteger[Any]]
_Colours = npt.NDArray[np.uint64]
_NEEDS, _SERVES = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)


@dataclass(frozen=True, eq=False)
class Palette:
    """What colours follow from in the graph alone.

    Attributes:
        kind: (n,) uint64 of each entity.
        counted: (g,) gates over which colours run.
        way: (g,) uint64 of each gate: its type, its size and how many it needs.
    """

    topology: Topology
    kind: _Colours
    counted: npt.NDArray[np.bool_]
    way: _Colours

    @classmethod
    def of(cls, topology: Topology, types: Collection[str]) -> Palette:
        """Prepare a graph, of which relations of some types count. O(entities + relations)."""
        number = {kind: crc32(kind.encode()) for kind in dict.fromkeys(topology.kinds)}
        kind = np.fromiter(map(number.__getitem__, topology.kinds), np.uint64, len(topology))
        type_ = np.array([crc32(name.encode()) for name in topology.type_names], np.uint64)
        counted = np.array([name in types for name in topology.type_names], np.bool_)
        way = type_[topology.type_code] + mixed(np.diff(topology.member_start))
        way = mixed(way * _NEEDS + mixed(topology.need))
        return cls(topology, kind, counted[topology.type_code], way)

    def colours(self, entities: npt.NDArray[np.int32], said: _Ints) -> _Ints:
        """Return (m,) int64 the colour of each of some entities, below 2 ** 32.

        Args:
            entities: (m,) indices, each once.
            said: (m,) what is seen of each, as one number.
        """
        topology, many = self.topology, len(entities)
        place = np.full(len(topology), -1, np.int32)
        place[entities] = np.arange(many, dtype=np.int32)
        gates = spans(topology.gate_start, entities)
        gates = gates[self.counted[gates]]
        sizes = topology.member_start[gates + 1] - topology.member_start[gates]
        owner = place[topology.owner[gates]].astype(np.intp).repeat(sizes)
        member = place[topology.member[spans(topology.member_start, gates)]].astype(np.intp)
        way = self.way[gates].repeat(sizes)
        if not (inside := member >= 0).all():
            owner, member, way = owner[inside], member[inside], way[inside]
        found = mixed(mixed(said) + self.kind[entities])
        for _ in range(ROUNDS):
            needs = _summed(owner, mixed(found[member] + way), many)
            serves = _summed(member, mixed(found[owner] ^ way), many)
            found = mixed(found + needs * _NEEDS + serves * _SERVES)
        return found.astype(np.int64)


def _summed(which: _Ints, colour: _Colours, many: int) -> _Colours:
    """Sum up without an order: of two million colours exactly."""
    return np.bincount(which, colour.astype(np.float64), many).astype(np.uint64)


def mixed(numbers: npt.NDArray[np.integer[Any]]) -> _Colours:
    """Return numbers below 2 ** 32 that look like chance, the same for the same."""
    found = numbers.astype(np.uint64) * np.uint64(0xBF58476D1CE4E5B9)
    found ^= found >> np.uint64(29)
    found *= np.uint64(0x94D049BB133111EB)
    return found >> np.uint64(32)
