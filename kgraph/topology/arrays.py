"""The arrays: entities by index, gates in compressed sparse rows, both ways."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from kgraph.schema import Relation
from kgraph.topology.gates import Int, Rows, gather


class Node(Protocol):
    """What the arrays need to know of an entity."""

    @property
    def uid(self) -> str:
        """Its uid."""

    @property
    def kind(self) -> str:
        """The name of its kind."""


@dataclass(frozen=True)
class Topology:
    """Entities by index, and gates in compressed sparse rows.

    With n entities, g gates and e memberships:

    Attributes:
        uids: (n,) uid of each index.
        index: uid -> index.
        kinds: (n,) kind names.
        gate_start: (n + 1,) int32; the gates of entity i are gate_start[i]:gate_start[i + 1].
        owner: (g,) int32, the dependent of each gate.
        type_names: names of the relation types, each once.
        type_code: (g,) int32, positions in `type_names`.
        need: (g,) int32, members that must work, in [1, members].
        member_start: (g + 1,) int32.
        member: (e,) int32 entity indices.
        in_start: (n + 1,) int32; the gates that entity i is a member of are in_gate[...].
        in_gate: (e,) int32 gate indices.
        capped: (uid of the dependent, line) for each gate whose `need` was above its members.
    """

    uids: tuple[str, ...]
    index: Mapping[str, int]
    kinds: tuple[str, ...]
    gate_start: Int
    owner: Int
    type_names: tuple[str, ...]
    type_code: Int
    need: Int
    member_start: Int
    member: Int
    in_start: Int
    in_gate: Int
    capped: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.uids)

    @cached_property
    def walked(self) -> dict[tuple[int, int], tuple[Int, bool]]:
        """What was met from single entities, for who walks there again; see `vicinity`."""
        return {}

    @cached_property
    def customs(self) -> dict[str, Mapping[str, Any]]:
        """What was counted of kinds, for who asks again; see `customs`."""
        return {}

    @cached_property
    def occurring(self) -> frozenset[str]:
        """The kinds that there are; looked through once, O(n)."""
        return frozenset(self.kinds)

    @cached_property
    def kind_names(self) -> tuple[str, ...]:
        """The same, sorted."""
        return tuple(sorted(self.occurring))

    @cached_property
    def kind_code(self) -> npt.NDArray[np.int16]:
        """(n,) place of the kind of each in `kind_names`; looked through once, O(n)."""
        place = {name: i for i, name in enumerate(self.kind_names)}
        return np.fromiter(map(place.__getitem__, self.kinds), np.int16, len(self.kinds))

    @cached_property
    def serves(self) -> npt.NDArray[np.bool_]:
        """(kinds, kinds) whether any of a kind is needed by one of another; counted once, O(e)."""
        many, sizes = len(self.kind_names), np.diff(self.member_start)
        code = self.kind_code.astype(np.int32)
        pairs = code[self.member] * many + code[self.owner].repeat(sizes)
        return np.bincount(pairs, minlength=many * many).reshape(many, many) > 0

    @cached_property
    def named(self) -> Int:
        """(n,) int32 the place of each by uid; sorted once, O(n log n)."""
        found = np.empty(len(self), np.int32)
        found[sorted(range(len(self)), key=self.uids.__getitem__)] = np.arange(len(self))
        return found

    @cached_property
    def type(self) -> tuple[str, ...]:
        """(g,) relation type names."""
        names = self.type_names
        return tuple([names[code] for code in self.type_code.tolist()])

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


def build(entities: Sequence[Node], relations: Iterable[Relation]) -> Topology:
    """Build the arrays. Relations with an endpoint that is not among `entities` are left out.

    O(n + e log e). Indices follow the order of `entities`.
    """
    uids = tuple(entity.uid for entity in entities)
    index = {uid: i for i, uid in enumerate(uids)}
    rows, capped = gather(index, relations)
    told = tuple((uids[owner], line) for owner, line in capped)
    return indexed(uids, index, tuple(entity.kind for entity in entities), rows, told)


def indexed(
    uids: tuple[str, ...],
    index: Mapping[str, int],
    kinds: tuple[str, ...],
    rows: Rows,
    capped: tuple[tuple[str, str], ...],
) -> Topology:
    """Index columns both ways."""
    gate_of = np.repeat(np.arange(len(rows.owner), dtype=np.int32), rows.sizes)
    inward = np.argsort(rows.member, kind="stable")
    return Topology(
        uids=uids,
        index=index,
        kinds=kinds,
        gate_start=_starts(rows.owner, len(uids)),
        owner=rows.owner,
        type_names=rows.type_names,
        type_code=rows.type_code,
        need=rows.need,
        member_start=np.concatenate(([0], np.cumsum(rows.sizes))).astype(np.int32),
        member=rows.member,
        in_start=_starts(rows.member[inward], len(uids)),
        in_gate=gate_of[inward],
        capped=capped,
    )


def _starts(sorted_rows: Int, n: int) -> Int:
    counts = np.bincount(sorted_rows, minlength=n)
    return np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
