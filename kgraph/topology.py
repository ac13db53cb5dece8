"""The graph in memory: arrays both ways, for walks and inference.

    entity -> its gates -> their members      (towards causes)
    member -> gates that it is in             (towards who is hit)

A gate is one redundancy group of one dependent, or one ungrouped relation (a gate of one that
needs one). The dependent needs all of its gates; a gate works while `need` members work. The same
member set told by two sources is one gate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kgraph.schema import Entity, Relation

Int = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Topology:
    """Entities by index, and gates in compressed sparse rows.

    With n entities, g gates and e memberships:

    Attributes:
        uids: (n,) uid of each index.
        index: uid -> index.
        kinds: (n,) kind names.
        gate_start: (n + 1,) int32; the gates of entity i are gate_start[i]:gate_start[i + 1].
        owner: (g,) int32, the dependent of each gate.
        type: (g,) relation type names.
        need: (g,) int32, members that must work, in [1, members].
        member_start: (g + 1,) int32.
        member: (e,) int32 entity indices.
        in_start: (n + 1,) int32; the gates that entity i is a member of are in_gate[...].
        in_gate: (e,) int32 gate indices.
        capped: gates whose `need` was above their members, as readable lines.
    """

    uids: tuple[str, ...]
    index: Mapping[str, int]
    kinds: tuple[str, ...]
    gate_start: Int
    owner: Int
    type: tuple[str, ...]
    need: Int
    member_start: Int
    member: Int
    in_start: Int
    in_gate: Int
    capped: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.uids)

    def gates(self, entity: int) -> range:
        """Return the gates that the entity needs."""
        return range(int(self.gate_start[entity]), int(self.gate_start[entity + 1]))

    def members(self, gate: int) -> list[int]:
        """Return the entities in a gate."""
        found: list[int] = self.member[
            self.member_start[gate] : self.member_start[gate + 1]
        ].tolist()
        return found

    def gates_with(self, entity: int) -> list[int]:
        """Return the gates that the entity is a member of; their owners depend on it."""
        found: list[int] = self.in_gate[self.in_start[entity] : self.in_start[entity + 1]].tolist()
        return found


def build(entities: Sequence[Entity], relations: Iterable[Relation]) -> Topology:
    """Build the arrays. Relations with an endpoint that is not among `entities` are left out.

    O(n + e log e). Indices follow the order of `entities`.
    """
    index = {entity.uid: i for i, entity in enumerate(entities)}
    gates, capped = _gates(index, relations)
    owner = np.fromiter((gate.owner for gate in gates), np.int32, len(gates))
    sizes = np.fromiter((len(gate.members) for gate in gates), np.int64, len(gates))
    member = np.fromiter((m for gate in gates for m in gate.members), np.int32, int(sizes.sum()))
    gate_of = np.repeat(np.arange(len(gates), dtype=np.int32), sizes)
    inward = np.argsort(member, kind="stable")
    return Topology(
        uids=tuple(entity.uid for entity in entities),
        index=index,
        kinds=tuple(entity.kind for entity in entities),
        gate_start=_starts(owner, len(entities)),
        owner=owner,
        type=tuple(gate.type for gate in gates),
        need=np.fromiter((gate.need for gate in gates), np.int32, len(gates)),
        member_start=np.concatenate(([0], np.cumsum(sizes))).astype(np.int32),
        member=member,
        in_start=_starts(member[inward], len(entities)),
        in_gate=gate_of[inward],
        capped=tuple(capped),
    )


class _Gate(NamedTuple):
    # A tuple and not a dataclass: there are as many as relations, and they are hashed and sorted.
    owner: int
    type: str
    need: int
    members: tuple[int, ...]


_Group = tuple[int, str, str]  # dependent, source, group


def _gates(
    index: Mapping[str, int], relations: Iterable[Relation]
) -> tuple[list[_Gate], list[str]]:
    """Gather relations into gates, sorted by owner so that rows are contiguous."""
    single: set[_Gate] = set()
    grouped: dict[_Group, dict[int, tuple[str, int]]] = {}
    alternatives: set[tuple[int, str, int]] = set()
    for relation in relations:
        dependent, dependency = index.get(relation.dependent), index.get(relation.dependency)
        if dependent is None or dependency is None or dependent == dependency:
            continue
        if relation.group is None:
            single.add(_Gate(dependent, relation.type, 1, (dependency,)))
            continue
        members = grouped.setdefault((dependent, relation.source, relation.group), {})
        told = (relation.type, relation.need or 1)
        members[dependency] = min(told, members.get(dependency, told))
        alternatives.add((dependent, relation.type, dependency))
    # A second source that knows the link but not the redundancy must not make it a need by itself.
    kept = {g for g in single if (g.owner, g.type, g.members[0]) not in alternatives}
    groups, capped = _groups(grouped)
    return sorted(kept | groups), capped


def _groups(
    grouped: Mapping[_Group, Mapping[int, tuple[str, int]]],
) -> tuple[set[_Gate], list[str]]:
    """Make one gate of each group; two types in one (a path and a NIC) go under the first."""
    gates, capped = set(), []
    for (dependent, _, group), members in grouped.items():
        size = len(members)
        type_, need = min(members.values())
        if need > size:
            capped.append(f"group {group!r} needs {need} of {size} members: counted as {size}")
        gates.add(_Gate(dependent, type_, min(need, size), tuple(sorted(members))))
    return gates, capped


def _starts(sorted_rows: Int, n: int) -> Int:
    counts = np.bincount(sorted_rows, minlength=n)
    return np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
