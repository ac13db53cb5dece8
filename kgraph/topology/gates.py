"""Relations gathered into gates. Pure.

There are as many gates as relations, millions in a large estate: those of one member, nearly all,
are columns of numbers from the first, and only what is grouped is gathered one by one.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kgraph.schema import Relation

Int = npt.NDArray[np.int32]
_Long = npt.NDArray[np.int64]
_Group = tuple[int, str, str]  # dependent, source, group


@dataclass(frozen=True, slots=True)
class Rows:
    """Gates in the order of their owners, before they are indexed both ways."""

    owner: Int
    type_names: tuple[str, ...]
    type_code: Int
    need: Int
    sizes: Int
    member: Int


class _Gate(NamedTuple):
    """One gate: `need` of its members must work, or its owner fails."""

    owner: int
    type: str
    need: int
    members: tuple[int, ...]


@dataclass
class _Columns:
    """Relations of each type: who depends on whom."""

    owner: dict[str, array[int]] = field(default_factory=dict)
    member: dict[str, array[int]] = field(default_factory=dict)

    def add(self, type_: str, owner: int, member: int) -> None:
        """Take one in."""
        self.owner.setdefault(type_, array("i")).append(owner)
        self.member.setdefault(type_, array("i")).append(member)

    def pairs(self, type_: str) -> _Long:
        """Return those of a type in order, each once, as one number: owner, then member."""
        if type_ not in self.owner:
            return np.empty(0, np.int64)
        owner, member = (
            np.frombuffer(each[type_], np.int32).astype(np.int64)
            for each in (self.owner, self.member)
        )
        found = np.sort(owner << 32 | member)
        each_once: _Long = found[np.diff(found, prepend=-1) != 0]
        return each_once


def gather(
    index: Mapping[str, int], relations: Iterable[Relation]
) -> tuple[Rows, list[tuple[int, str]]]:
    """Gather relations into gates, sorted by owner, type, need and members.

    Args:
        index: uid -> index; relations with another end are left out.
        relations: any, in any order.

    Returns:
        The gates, and (owner, line) for each whose `need` is above its members.
    """
    single, alternatives = _Columns(), _Columns()
    grouped: dict[_Group, dict[int, tuple[str, int]]] = {}
    kinds: dict[tuple[str, int], tuple[str, int]] = {}  # each in memory once
    for relation in relations:
        dependent, dependency = index.get(relation.dependent), index.get(relation.dependency)
        if dependent is None or dependency is None or dependent == dependency:
            continue
        if relation.group is None:
            single.add(relation.type, dependent, dependency)
            continue
        members = grouped.setdefault((dependent, relation.source, relation.group), {})
        told = relation.type, relation.need or 1
        told = kinds.setdefault(told, told)
        members[dependency] = min(told, members.get(dependency, told))
        alternatives.add(relation.type, dependent, dependency)
    groups, capped = _groups(grouped)
    grouped.clear()  # of a million entities it holds much
    return _in_order(_alone(single, alternatives), sorted(groups)), capped


def _groups(
    grouped: Mapping[_Group, Mapping[int, tuple[str, int]]],
) -> tuple[set[_Gate], list[tuple[int, str]]]:
    """Make one gate of each group; two types in one (a path and a NIC) go under the first."""
    gates, capped = set(), []
    for (dependent, _, group), members in grouped.items():
        size = len(members)
        type_, need = min(members.values())
        if need > size:
            line = f"group {group!r} needs {need} of {size} members: counted as {size}"
            capped.append((dependent, line))
        gates.add(_Gate(dependent, type_, min(need, size), tuple(sorted(members))))
    return gates, capped


def _alone(single: _Columns, alternatives: _Columns) -> dict[str, _Long]:
    """Return type -> the pairs that no group names.

    A second source that knows the link but not the redundancy must not make it a need by itself.
    """
    found = {}
    for type_ in single.owner:
        pairs, others = single.pairs(type_), alternatives.pairs(type_)
        if len(others):
            at = np.minimum(np.searchsorted(others, pairs), len(others) - 1)
            pairs = pairs[others[at] != pairs]
        if len(pairs):
            found[type_] = pairs
    return found


def _in_order(alone: Mapping[str, _Long], groups: list[_Gate]) -> Rows:
    """Put gates of one member and groups, which are in order, into columns."""
    names = tuple(sorted({*alone, *(gate.type for gate in groups)}))
    codes = {name: code for code, name in enumerate(names)}
    pairs = np.concatenate([*alone.values(), np.empty(0, np.int64)])
    many = len(groups)

    def column(first: npt.NDArray[Any], of_groups: Iterable[int]) -> Int:
        return np.concatenate((first.astype(np.int32), np.fromiter(of_groups, np.int32, many)))

    owner = column(pairs >> 32, (gate.owner for gate in groups))
    lengths = [len(each) for each in alone.values()]
    type_code = column(
        np.repeat(np.array([codes[name] for name in alone], np.int32), lengths),
        (codes[gate.type] for gate in groups),
    )
    one = np.ones(len(pairs), np.int32)
    need = column(one, (gate.need for gate in groups))
    sizes = column(one, (len(gate.members) for gate in groups))
    first = column(pairs & 0xFFFFFFFF, (gate.members[0] for gate in groups))
    place = column(one - 1, range(1, many + 1))
    order = np.lexsort((place, first, need, type_code, owner))
    rest = np.fromiter((m for gate in groups for m in gate.members), np.int32)
    member = np.concatenate((first[: len(pairs)], rest))
    start = np.cumsum(sizes) - sizes
    sizes = sizes[order]
    shift = (start[order] - (np.cumsum(sizes) - sizes)).astype(np.int32)
    return Rows(
        owner=owner[order],
        type_names=names,
        type_code=type_code[order],
        need=need[order],
        sizes=sizes,
        member=member[np.repeat(shift, sizes) + np.arange(len(member), dtype=np.int32)],
    )
