"""Questions about the graph itself: what is near, who is hit, as a document."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kgraph.schema import RELATIONS, Carries, Entity, Relation, Subgraph
from kgraph.schema.fields import LARGEST
from kgraph.store import Estate, Toward

if TYPE_CHECKING:
    import networkx as nx

_LIMIT = 10_000
# Membership and location say where something belongs; a failure does not cross them.
CARRYING = frozenset(
    name for name, type_ in RELATIONS.items() if type_.carries in {Carries.FIRM, Carries.SOFT}
)


# XML 1.0 has no way to write these, https://www.w3.org/TR/xml/#charsets
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Dependent:
    """One entity that needs another, over `hops` relations, the last being `via`."""

    entity: Entity
    hops: int
    via: str


def near(store: Estate, uid: str, depth: int) -> Subgraph:
    """Return what an entity needs and what needs it, up to `depth` hops each way."""
    parts = [store.neighbourhood([uid], toward, depth=depth, limit=_LIMIT) for toward in Toward]
    entities = {e.uid: e for part in parts for e in part.entities}
    relations = dict.fromkeys(r for part in parts for r in part.relations)
    return Subgraph(
        tuple(entities.values()), tuple(relations), any(part.truncated for part in parts)
    )


def edges(
    store: Estate, uid: str
) -> tuple[list[tuple[Relation, str]], list[tuple[Relation, str]]]:
    """Return an entity's relations with the other end's title: what it needs, who needs it."""
    part = near(store, uid, 1)
    titles = {entity.uid: entity.title for entity in part.entities}
    needs = [(r, titles[r.dependency]) for r in part.relations if r.dependent == uid]
    needed_by = [(r, titles[r.dependent]) for r in part.relations if r.dependency == uid]
    order = lambda row: (row[0].type, row[1])  # noqa: E731 - one key for both
    return sorted(needs, key=order), sorted(needed_by, key=order)


def dependents(store: Estate, uid: str, depth: int) -> tuple[list[Dependent], bool]:
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


def to_networkx(part: Subgraph) -> nx.MultiDiGraph[str]:
    """Return a part of the graph for networkx: nodes are uids, edges go to what is needed.

    A node has `kind`, `name` and all properties and labels (`label_owner`) of its entity; an edge
    has its type as key and as `type`, with `group`, `need` and `source` where it has them.
    """
    import networkx as nx  # noqa: PLC0415 - no command but the export waits for it

    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    for entity in part.entities:
        labels = {f"label_{name}": text for name, text in entity.labels.items()}
        own = {"kind": entity.kind, "name": entity.name}
        graph.add_node(entity.uid, **{**entity.props, **labels, **own})
    for r in part.relations:
        told = {"type": r.type, "group": r.group, "need": r.need, "source": r.source or None}
        key = r.type if r.group is None else f"{r.type} {r.source} {r.group}"
        graph.add_edge(
            r.dependent, r.dependency, key, **{n: v for n, v in told.items() if v is not None}
        )
    return graph


def to_graphml(part: Subgraph) -> str:
    """Return a part of the graph as GraphML, for tools that lay out large graphs.

    A property that is a number here and a text there is written as text: GraphML declares each
    name once. Characters that XML cannot hold are left out. Ids of edges are numbers: they must
    differ from each other, and hold no blanks.
    """
    import networkx as nx  # noqa: PLC0415 - see above

    named = to_networkx(part)
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    graph.add_nodes_from(named.nodes(data=True))
    for number, (dependent, dependency, told) in enumerate(named.edges(data=True)):
        graph.add_edge(dependent, dependency, f"e{number}", **told)
    rows = [data for _, data in graph.nodes(data=True)]
    rows += [data for _, _, data in graph.edges(data=True)]
    types: dict[str, set[type]] = {}
    for data in rows:
        for name, value in data.items():
            types.setdefault(name, set()).add(type(value))
    for data in rows:
        for name, value in data.items():
            large = isinstance(value, int) and abs(value) > LARGEST
            if isinstance(value, str) or len(types[name]) > 1 or large:
                data[name] = _NOT_XML.sub("", str(value))
    return "\n".join(nx.generate_graphml(graph)) + "\n"


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
