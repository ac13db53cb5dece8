"""Reading entities and relations from Neo4j."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from kgraph.schema import Entity, Relation, Subgraph
from kgraph.store._lookup import canonical_value, one, spellings
from kgraph.store._ticks import from_ticks, span_of
from kgraph.store._walk import Edge, Walk, reached, relations_among
from kgraph.store.neo4j.database import Database
from kgraph.store.neo4j.entities import entity_of
from kgraph.store.neo4j.relations import TYPES
from kgraph.store.neo4j.statements import Statements
from kgraph.store.results import Ambiguous, ScopeState, Toward

_BY_UID = """\
MATCH (asked:Entity {uid: row})
OPTIONAL MATCH (became:Entity {_id: asked._mergedInto})
WITH row, coalesce(became, asked) AS entity
WHERE entity.validTo IS NULL
RETURN row, properties(entity)"""
_BY_ID = """\
MATCH (entity:Entity {_id: row})
WHERE entity.validTo IS NULL
RETURN entity._id, properties(entity)"""
_ALL = "MATCH (entity:Entity) WHERE entity.validTo IS NULL RETURN properties(entity)"
_FIND = """\
MATCH (entity:Entity)
WHERE entity.validTo IS NULL AND ($kind IS NULL OR entity.kind = $kind)
  AND ($ids IS NULL OR entity._id IN $ids OR entity._folded CONTAINS $folded)
RETURN properties(entity)
ORDER BY entity.kind, entity.name, entity.uid
LIMIT $limit"""
_MEANT = """\
MATCH (entity:Entity {uid: $text})
RETURN entity._id AS id
UNION
MATCH (record:_KgRecord {key: $text})
WHERE record.live
RETURN record.entity AS id
UNION
UNWIND $values AS value
MATCH (claim:_KgClaim {value: value})
MATCH (record:_KgRecord {id: claim.record})
WHERE record.live
RETURN record.entity AS id"""
_RESOLVE = """\
MATCH (claim:_KgClaim {value: $canonical})
WHERE claim.namespace = $namespace
MATCH (record:_KgRecord {id: claim.record})
WHERE record.live
MATCH (entity:Entity {_id: record.entity})
RETURN entity.uid AS uid
UNION
MATCH (entity:Entity {name: $value})
WHERE entity.validTo IS NULL
  AND ($namespace = 'name' OR ($namespace = 'hostname' AND entity.kind = 'Host'))
RETURN entity.uid AS uid"""
_LOCATE = """\
MATCH (scope:_KgScope {source: $source})
MATCH (record:_KgRecord {scope: scope.id, key: $key})
WHERE record.live
MATCH (entity:Entity {_id: record.entity})
RETURN entity.uid AS uid"""
_SPELLING = """\
MATCH (scope:_KgScope {source: $source})
MATCH (record:_KgRecord {scope: scope.id})
WHERE record.live
MATCH (entity:Entity {_id: record.entity})
RETURN scope.scope, record.key, entity.uid"""
_RELATIONS = f"""\
MATCH (a:Entity)-[r:{TYPES}]->(b:Entity)
RETURN r._id, a.uid, type(r), b.uid, r.group, r.need, r.source"""
_START = """\
MATCH (entity:Entity {uid: row}) WHERE entity.validTo IS NULL RETURN entity._id"""
_STEP = """\
WHERE $types IS NULL OR type(r) IN $types
RETURN r._id, near._id, far._id, type(r), r.group, r.need, r.source"""
_EDGES = {
    Toward.DEPENDENCIES: f"MATCH (near:Entity {{_id: row}})-[r:{TYPES}]->(far:Entity)\n{_STEP}",
    Toward.DEPENDENTS: f"MATCH (near:Entity {{_id: row}})<-[r:{TYPES}]-(far:Entity)\n{_STEP}",
}
_SCOPES = """\
MATCH (scope:_KgScope)
WHERE scope.completedAt IS NOT NULL
RETURN scope.source, scope.scope, scope.generation, scope.completedAt, scope.records,
  scope.findings, scope.interval"""
_EVERY = 2**31 - 1  # no limit


def by_uid(statements: Statements, uids: Iterable[str]) -> list[Entity]:
    """Return the open entities, in the order asked; one that was merged, as what it became."""
    asked = list(dict.fromkeys(uids))
    found = {uid: entity_of(node) for uid, node in statements.each(_BY_UID, asked)}
    return list({found[uid].uid: found[uid] for uid in asked if uid in found}.values())


def find(
    statements: Statements, kind: str | None, text: str | None, limit: int | None
) -> list[Entity]:
    """Return open entities, ordered by kind, name, uid; `text` as the protocol says."""
    ids: list[int] | None = None
    if text:
        rows = statements.rows(_MEANT, text=text, values=spellings(text))
        ids = sorted(id_ for (id_,) in rows)
    rows = statements.rows(
        _FIND,
        kind=kind,
        ids=ids,
        folded=(text or "").casefold(),
        limit=_EVERY if limit is None else limit,
    )
    return in_order(node for (node,) in rows)


def resolve(database: Database, namespace: str, value: str) -> str | Ambiguous | None:
    """Return which open entity claims a key, in any site; names count as keys, too."""
    canonical = canonical_value(namespace, value)
    return one(database.uids(_RESOLVE, namespace=namespace, value=value, canonical=canonical))


def locate(database: Database, source: str, key: str) -> str | Ambiguous | None:
    """Return which open entity a source's own key stands for."""
    return one(database.uids(_LOCATE, source=source, key=key))


def own_keys(statements: Statements, source: str) -> dict[str, list[str]]:
    """Return uid -> the keys that a source has for it, by scope and key."""
    found: dict[str, list[str]] = defaultdict(list)
    for _, key, uid in sorted(statements.rows(_SPELLING, source=source)):
        found[uid].append(key)
    return found


def graph(statements: Statements) -> Subgraph:
    """Return every open entity and relation."""
    entities = in_order(node for (node,) in statements.rows(_ALL))
    rows = sorted(statements.rows(_RELATIONS), key=lambda row: int(row[0]))
    # Two records of one entity may say the same: once is enough.
    relations = dict.fromkeys(Relation(*row[1:]) for row in rows)
    return Subgraph(tuple(entities), tuple(relations))


def neighbourhood(statements: Statements, seeds: Sequence[str], walk: Walk) -> Subgraph:
    """Return what a walk from the seeds reaches, and all relations walked among it."""
    start = sorted(id_ for (id_,) in statements.each(_START, sorted(set(seeds))))
    types = None if walk.types is None else sorted(walk.types)

    def edges_of(frontier: Sequence[int]) -> list[Edge]:
        rows = statements.each(_EDGES[walk.toward], frontier, types=types)
        return [row[1:] for row in sorted(rows, key=lambda row: int(row[0]))]

    seen, edges, truncated = reached(start, walk, edges_of)
    nodes = dict(statements.each(_BY_ID, sorted(seen)))
    uids = {id_: str(node["uid"]) for id_, node in nodes.items()}
    relations = relations_among(edges, uids, walk)
    return Subgraph(tuple(in_order(nodes.values())), tuple(relations), truncated)


def scopes(statements: Statements) -> list[ScopeState]:
    """Return when each source was last read for each scope."""
    return [
        ScopeState(source, scope, made, from_ticks(at), records, tuple(found), span_of(interval))
        for source, scope, made, at, records, found, interval in sorted(statements.rows(_SCOPES))
    ]


def version(statements: Statements) -> int:
    """Return how often the topology has changed."""
    row = statements.one("MATCH (meta:_KgMeta {id: 0}) RETURN meta.topology")
    return int(row[0]) if row else 0


def in_order(nodes: Iterable[dict[str, Any]]) -> list[Entity]:
    """Return the entities that nodes stand for, ordered by kind, name, uid."""
    return sorted(map(entity_of, nodes), key=lambda e: (e.kind, e.name, e.uid))
