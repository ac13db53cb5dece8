"""Relations gathered into gates. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kgraph.schema import Relation


class Gate(NamedTuple):
    """One gate: `need` of its members must work, or its owner fails.

    A tuple and not a dataclass: there are as many as relations, and they are hashed and sorted.
    """

    owner: int
    type: str
    need: int
    members: tuple[int, ...]


_Group = tuple[int, str, str]  # dependent, source, group


def gather(
    index: Mapping[str, int], relations: Iterable[Relation]
) -> tuple[list[Gate], list[tuple[int, str]]]:
    """Gather relations into gates, sorted by owner.

    Args:
        index: uid -> index; relations with another end are left out.
        relations: any, in any order.

    Returns:
        The gates, and (owner, line) for each whose `need` is above its members.
    """
    single: set[Gate] = set()
    grouped: dict[_Group, dict[int, tuple[str, int]]] = {}
    alternatives: set[tuple[int, str, int]] = set()
    for relation in relations:
        dependent, dependency = index.get(relation.dependent), index.get(relation.dependency)
        if dependent is None or dependency is None or dependent == dependency:
            continue
        if relation.group is None:
            single.add(Gate(dependent, relation.type, 1, (dependency,)))
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
) -> tuple[set[Gate], list[tuple[int, str]]]:
    """Make one gate of each group; two types in one (a path and a NIC) go under the first."""
    gates, capped = set(), []
    for (dependent, _, group), members in grouped.items():
        size = len(members)
        type_, need = min(members.values())
        if need > size:
            line = f"group {group!r} needs {need} of {size} members: counted as {size}"
            capped.append((dependent, line))
        gates.add(Gate(dependent, type_, min(need, size), tuple(sorted(members))))
    return gates, capped
