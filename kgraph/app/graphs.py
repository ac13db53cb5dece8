"""Questions about the graph itself: what is near, who is hit, as a document."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from kgraph.schema import RELATIONS, Carries, Entity, Relation, Subgraph
from kgraph.store import GraphStore, Toward

_LIMIT = 10_000
# Membership and location say where something belongs; a failure does not cross them.
CARRYING = frozenset(
    name for name, type_ in RELATIONS.items() if type_.carries in {Carries.FIRM, Carries.SOFT}
)


@dataclass(frozen=True, slots=True)
class Dependent:
    """One entity that needs another, over `hops` relations, the last being `via`."""

    entity: Entity
    hops: int
    via: str


def near(store: GraphStore, uid: str, depth: int) -> Subgraph:
    """Return what an entity needs and what needs it, up to `depth` hops each way."""
    parts = [store.neighbourhood([uid], toward, depth=depth, limit=_LIMIT) for toward in Toward]
    entities = {e.uid: e for part in parts for e in part.entities}
    relations = dict.fromkeys(r for part in parts for r in part.relations)
    return Subgraph(
        tuple(entities.values()), tuple(relations), any(part.truncated for part in parts)
    )


def edges(
    store: GraphStore, uid: str
) -> tuple[list[tuple[Relation, str]], list[tuple[Relation, str]]]:
    """Return an entity's relations with the other end's title: what it needs, who needs it."""
    part = near(store, uid, 1)
    titles = {entity.uid: entity.title for entity in part.entities}
    needs = [(r, titles[r.dependency]) for r in part.relations if r.dependent == uid]
    needed_by = [(r, titles[r.dependent]) for r in part.relations if r.dependency == uid]
    order = lambda row: (row[0].type, row[1])  # noqa: E731 - one key for both
    return sorted(needs, key=order), sorted(needed_by, key=order)


def dependents(store: GraphStore, uid: str, depth: int) -> tuple[list[Dependent], bool]:
    """Return who needs an entity, nearest first, and whether a limit cut the list short."""
    part = store.neighbourhood([uid], Toward.DEPENDENTS, types=CARRYING, depth=depth, limit=_LIMIT)
    known = {entity.uid: entity for entity in part.entities}
    by_dependency: dict[str, list[Relation]] = {}
    for relation in part.relations:
        by_dependency.setdefault(relation.dependency, []).append(relation)
    found: dict[str, Dependent] = {}
    frontier = deque([(uid, 0)])
    while frontier:
        at, hops = frontier.popleft()
        for relation in by_dependency.get(at, ()):
            far = relation.dependent
            if far != uid and far not in found and far in known:
                found[far] = Dependent(known[far], hops + 1, relation.type)
                frontier.append((far, hops + 1))
    rows = sorted(
        found.values(), key=lambda d: (d.hops, d.entity.kind, d.entity.name, d.entity.uid)
    )
    return rows, part.truncated


def topology_document(part: Subgraph) -> dict[str, object]:
    """Return a part of the graph as a `kgraph.topology/v1` document; ids are uids."""
    return {
        "format": "kgraph.topology/v1",
        "source": "kgraph",
        "scope": "export",
        "complete": False,
        "entities": [_entity(entity) for entity in part.entities],
        "relations": [_relation(relation) for relation in part.relations],
    }


def _entity(entity: Entity) -> dict[str, object]:
    row: dict[str, object] = {"id": entity.uid, "kind": entity.kind, "name": entity.name}
    if entity.keys:
        row["keys"] = {key.namespace: key.value for key in entity.keys}
    if entity.labels:
        row["labels"] = dict(entity.labels)
    if entity.props:
        row["props"] = dict(entity.props)
    if entity.watched:
        row["watched"] = list(entity.watched)
    return row


def _relation(relation: Relation) -> dict[str, object]:
    row: dict[str, object] = {
        "from": relation.dependent,
        "type": relation.type,
        "to": relation.dependency,
    }
    if relation.group is not None:
        row |= {"group": relation.group, "need": relation.need or 1}
    return row
