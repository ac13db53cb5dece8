"""Relations of the graph as the store writes and finds them.

An open relation also says which records it is from (`_from`, `_to`), in which scope (`_scope`) and
in which order it came (`_id`). When it closes it keeps its ends, its gate and its interval alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kgraph.schema import RELATIONS
from kgraph.store._endpoints import LinkRow
from kgraph.store._outcome import Edge
from kgraph.store._ticks import from_ticks
from kgraph.store.neo4j.ids import Ids
from kgraph.store.neo4j.statements import Statements

TYPES = "|".join(RELATIONS)
_CREATE = {
    type_: (
        "MATCH (a:Entity {_id: row.a}) MATCH (b:Entity {_id: row.b})"
        f" CREATE (a)-[r:{type_}]->(b) SET r = row.properties"
    )
    for type_ in RELATIONS
}
_FOUND = "elementId(r), a._id, type(r), b._id, properties(r)"
# Each branch looks into the index of its type.
OF_SCOPE = "\nUNION ALL\n".join(
    f"MATCH (a:Entity)-[r:{type_} {{_scope: $scope}}]->(b:Entity) RETURN {_FOUND}"
    for type_ in RELATIONS
)
_BY_ENTITY = f"""\
MATCH (e:Entity {{_id: row}})-[r:{TYPES}]-(:Entity)
WHERE r.validTo IS NULL
WITH DISTINCT r, startNode(r) AS a, endNode(r) AS b
RETURN {_FOUND}"""
_LOOPS = f"""\
MATCH (a:Entity {{_id: row}})-[r:{TYPES}]->(a)
WHERE r.validTo IS NULL
WITH r, a, a AS b
RETURN {_FOUND}"""
_CLOSE = """\
MATCH ()-[r]->()
WHERE elementId(r) = row
SET r.validTo = $at
REMOVE r._id, r._scope, r._from, r._to"""
_DELETE = "MATCH ()-[r]->() WHERE elementId(r) = row DELETE r"


@dataclass(frozen=True, slots=True)
class StoredLink:
    """An open relation as the store has it."""

    element: str
    a: int
    type: str
    b: int
    properties: Mapping[str, Any]

    @property
    def edge(self) -> Edge:
        """What it joins."""
        return self.a, self.type, self.b

    @property
    def records(self) -> tuple[int, int]:
        """The records that it is from."""
        return int(self.properties["_from"]), int(self.properties["_to"])


def of_scope(statements: Statements, scope: int) -> list[StoredLink]:
    """Return the open relations of a scope, in the order in which they came."""
    return _links(statements.rows(OF_SCOPE, scope=scope))


def of_entities(statements: Statements, entities: Iterable[int]) -> list[StoredLink]:
    """Return the open relations that begin or end at some entities, each once."""
    return _links(statements.each(_BY_ENTITY, sorted(entities)))


def loops_of(statements: Statements, entities: Iterable[int]) -> list[StoredLink]:
    """Return the open relations of some entities to themselves."""
    return _links(statements.each(_LOOPS, sorted(entities)))


def _links(rows: Iterable[tuple[Any, ...]]) -> list[StoredLink]:
    found = {row[0]: StoredLink(*row) for row in rows}
    return sorted(found.values(), key=lambda link: int(link.properties["_id"]))


def create(
    statements: Statements,
    ids: Ids,
    rows: Iterable[LinkRow],
    scopes: Mapping[int, tuple[str, str]],
) -> list[Edge]:
    """Open relations; returns what they join."""
    by_type: dict[str, list[dict[str, Any]]] = defaultdict(list)
    edges = []
    for scope, a_record, type_, b_record, group, need, a, b, at in rows:
        source, name = scopes[scope]
        properties = {
            "source": source,
            "scope": name,
            "validFrom": from_ticks(at),
            "_id": ids.next_link(),
            "_scope": scope,
            "_from": a_record,
            "_to": b_record,
        }
        properties |= {} if group is None else {"group": group}
        properties |= {} if need is None else {"need": need}
        by_type[type_].append({"a": a, "b": b, "properties": properties})
        edges.append((a, type_, b))
    _write(statements, by_type)
    return edges


def move(statements: Statements, links: Iterable[tuple[StoredLink, int, int]]) -> None:
    """Give relations other ends; they stay what they were."""
    by_type: dict[str, list[dict[str, Any]]] = defaultdict(list)
    gone = []
    for link, a, b in links:
        gone.append(link.element)
        by_type[link.type].append({"a": a, "b": b, "properties": dict(link.properties)})
    statements.each(_DELETE, gone)
    _write(statements, by_type)


def close(statements: Statements, links: Iterable[StoredLink], at: datetime) -> list[Edge]:
    """Close relations; returns what they joined."""
    gone = list(links)
    statements.each(_CLOSE, [link.element for link in gone], at=at)
    return [link.edge for link in gone]


def _write(statements: Statements, by_type: Mapping[str, list[dict[str, Any]]]) -> None:
    for type_, rows in sorted(by_type.items()):
        statements.each(_CREATE[type_], sorted(rows, key=lambda row: (row["a"], row["b"])))
