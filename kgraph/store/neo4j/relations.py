"""Relations of the graph as the store writes and finds them.

An open relation also says which records it is from (`_from`, `_to`), in which scope (`_scope`) and
in which order it came (`_id`). When it closes it becomes a node of its own, so that no query that
follows relations ever meets the past.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from kgraph.schema import RELATIONS
from kgraph.store._endpoints import LinkRow
from kgraph.store._outcome import Edge
from kgraph.store._ticks import from_ticks
from kgraph.store.neo4j.ids import Ids
from kgraph.store.neo4j.statements import Statements

TYPES = "|".join(RELATIONS)
# A row is a list and no map: names of columns, sent with each of them, take longer than the rest.
# Properties that are null are left out by the server.
_CREATE = {
    type_: f"""\
MATCH (a:Entity {{_id: row[0]}})
MATCH (b:Entity {{_id: row[1]}})
CREATE (a)-[:{type_} {{
  group: row[2], need: row[3], source: $source, scope: $scope, validFrom: $at,
  _id: row[4], _scope: $in, _from: row[5], _to: row[6]
}}]->(b)"""
    for type_ in RELATIONS
}
_MOVE = {
    type_: f"""\
MATCH ()-[old:{type_}]->()
WHERE elementId(old) = row.element
MATCH (a:Entity {{_id: row.a}})
MATCH (b:Entity {{_id: row.b}})
CREATE (a)-[r:{type_}]->(b)
SET r = properties(old)
DELETE old"""
    for type_ in RELATIONS
}
_FOUND = """\
elementId(r), a._id, type(r), b._id, r._id, r._scope, r._from, r._to, r.group, r.need"""
# Each branch looks into the index of its type: so it is planned from the first relation on, as no
# label is named that could be looked through instead. To plan so many takes a server seconds: what
# is made of each row is said once, and the plan is kept however the graph grows.
_BY_SCOPE = "\nUNION ALL\n".join(
    f"""\
MATCH (a)-[r:{type_} {{_scope: $scope}}]->(b)
RETURN a, r, b"""
    for type_ in RELATIONS
)
_OF_SCOPE = f"""\
CYPHER replan=skip
CALL () {{
{_BY_SCOPE}
}}
WITH a, r, b
WHERE NOT r._from IN $but
RETURN {_FOUND}"""
_OF_RECORDS = f"""\
MATCH (record:_KgRecord {{id: row}})
MATCH (a:Entity {{_id: record.entity}})-[r:{TYPES}]->(b:Entity)
WHERE r._from = row AND r._scope = $scope
RETURN {_FOUND}"""
_BY_ENTITY = f"""\
MATCH (e:Entity {{_id: row}})-[r:{TYPES}]-(:Entity)
WITH DISTINCT r, startNode(r) AS a, endNode(r) AS b
RETURN {_FOUND}"""
_LOOPS = f"""\
MATCH (a:Entity {{_id: row}})-[r:{TYPES}]->(a)
WITH r, a, a AS b
RETURN {_FOUND}"""
_TIE = """\
MATCH ()-[r]->()
WHERE elementId(r) = row.element
SET r._from = row.from, r._to = row.to"""
_CLOSE = """\
MATCH (a)-[r]->(b)
WHERE elementId(r) = row
CREATE (past:PastRelation)
SET past += {
  dependent: a.uid, type: type(r), dependency: b.uid, group: r.group, need: r.need,
  source: r.source, scope: r.scope, validFrom: r.validFrom, validTo: $at
}
DELETE r"""


@dataclass(frozen=True, slots=True)
class StoredLink:
    """An open relation as the store has it."""

    element: str
    a: int
    type: str
    b: int
    id: int
    scope: int
    a_record: int
    b_record: int
    group: str | None
    need: int | None

    @property
    def edge(self) -> Edge:
        """What it joins."""
        return self.a, self.type, self.b


def of_scope(statements: Statements, scope: int, but: Iterable[int]) -> list[StoredLink]:
    """Return the open relations of a scope, in the order in which they came.

    Args:
        statements: the transaction.
        scope: whose.
        but: records whose relations are left out.
    """
    return _links(statements.rows(_OF_SCOPE, scope=scope, but=sorted(but)))


def of_records(statements: Statements, scope: int, records: Iterable[int]) -> list[StoredLink]:
    """Return the open relations of a scope that are of some records."""
    return _links(statements.each(_OF_RECORDS, sorted(records), scope=scope))


def of_entities(statements: Statements, entities: Iterable[int]) -> list[StoredLink]:
    """Return the open relations that begin or end at some entities, each once."""
    return _links(statements.each(_BY_ENTITY, sorted(entities)))


def loops_of(statements: Statements, entities: Iterable[int]) -> list[StoredLink]:
    """Return the open relations of some entities to themselves."""
    return _links(statements.each(_LOOPS, sorted(entities)))


def _links(rows: Iterable[tuple[Any, ...]]) -> list[StoredLink]:
    found = {row[0]: StoredLink(*row) for row in rows}
    return sorted(found.values(), key=lambda link: link.id)


def create(
    statements: Statements,
    ids: Ids,
    rows: Iterable[LinkRow],
    scopes: Mapping[int, tuple[str, str]],
) -> list[Edge]:
    """Open relations; returns what they join."""
    alike: dict[tuple[str, int, int], list[tuple[int, int, str | None, int | None, int, int, int]]]
    alike = defaultdict(list)
    edges = []
    for scope, a_record, type_, b_record, group, need, a, b, at in rows:
        alike[type_, scope, at].append((a, b, group, need, ids.next_link(), a_record, b_record))
        edges.append((a, type_, b))
    for (type_, scope, at), links in sorted(alike.items()):
        source, name = scopes[scope]
        links.sort(key=lambda row: row[:2])
        said = {"source": source, "scope": name, "in": scope, "at": from_ticks(at)}
        statements.each(_CREATE[type_], map(list, links), **said)
    return edges


def move(statements: Statements, links: Iterable[tuple[StoredLink, int, int]]) -> None:
    """Give relations other ends; they stay what they were."""
    by_type: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for link, a, b in links:
        by_type[link.type].append({"element": link.element, "a": a, "b": b})
    for type_, rows in sorted(by_type.items()):
        statements.each(_MOVE[type_], rows)


def tied(link: StoredLink, vanished: frozenset[int], others: Mapping[int, int]) -> StoredLink:
    """Return a link with its vanished ends tied to other records of the same entities.

    Args:
        link: the link.
        vanished: rows of records that are gone.
        others: entity -> a live record of it.
    """
    a_record, b_record = link.a_record, link.b_record
    if a_record in vanished:
        a_record = others.get(link.a, a_record)
    if b_record in vanished:
        b_record = others.get(link.b, b_record)
    return replace(link, a_record=a_record, b_record=b_record)


def tie(statements: Statements, links: Iterable[StoredLink]) -> None:
    """Write which records relations are from."""
    rows = [{"element": x.element, "from": x.a_record, "to": x.b_record} for x in links]
    statements.each(_TIE, rows)


def close(statements: Statements, links: Iterable[StoredLink], at: datetime) -> list[Edge]:
    """Close relations; returns what they joined."""
    gone = list(links)
    statements.each(_CLOSE, [link.element for link in gone], at=at)
    return [link.edge for link in gone]
