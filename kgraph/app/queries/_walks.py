"""Walks and gates that several queries share. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from kgraph.schema import RELATIONS, Carries, Entity, Relation

FIRM = frozenset(n for n, row in RELATIONS.items() if row.carries is Carries.FIRM)
HURTS = FIRM | {n for n, row in RELATIONS.items() if row.carries is Carries.SOFT}
DEPTH = 8  # hops: as far as the shipped queries walk
SOFTWARE = frozenset({"Application", "Database", "Endpoint", "LoadBalancer", "Queue", "Service"})

Steps = Mapping[str, Iterable[str]]
# Of a group: its dependent, source and id.
GroupName = tuple[str, str, str]


def toward_dependencies(relations: Iterable[Relation], types: frozenset[str]) -> Steps:
    """Return uid -> what it depends on."""
    steps: dict[str, dict[str, None]] = defaultdict(dict)
    for relation in relations:
        if relation.type in types:
            steps[relation.dependent][relation.dependency] = None
    return steps


def toward_dependents(relations: Iterable[Relation], types: frozenset[str]) -> Steps:
    """Return uid -> what depends on it."""
    steps: dict[str, dict[str, None]] = defaultdict(dict)
    for relation in relations:
        if relation.type in types:
            steps[relation.dependency][relation.dependent] = None
    return steps


def hops_from(start: str, steps: Steps, depth: int = DEPTH) -> dict[str, int]:
    """Return uid -> hops of all within `depth` of a start; without the start itself."""
    reached: dict[str, int] = {start: 0}
    frontier = [start]
    for hops in range(1, depth + 1):
        found = {near for uid in frontier for near in steps.get(uid, ())} - reached.keys()
        reached.update(dict.fromkeys(found, hops))
        frontier = list(found)
    del reached[start]
    return reached


def groups(relations: Iterable[Relation]) -> dict[GroupName, tuple[int, set[str]]]:
    """Return each group with how many members must work, and who they are."""
    found: dict[GroupName, tuple[int, set[str]]] = {}
    for r in relations:
        if r.group is not None:
            name = (r.dependent, r.source, r.group)
            need, members = found.get(name, (1, set()))
            found[name] = max(need, r.need or 1), members | {r.dependency}
    return found


def by_uid(entities: Iterable[Entity]) -> dict[str, Entity]:
    """Return uid -> entity."""
    return {entity.uid: entity for entity in entities}


def titled(entity: Entity) -> tuple[str, str, str]:
    """Return kind, name and uid: the order in which entities are listed."""
    return entity.kind, entity.name, entity.uid
