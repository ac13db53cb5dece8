"""What the store in Neo4j tells of the bare topology, and since which version."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from kgraph.schema import Observation, Relation, Subgraph
from kgraph.store._outcome import Outcome, versioned
from kgraph.store.neo4j.evidence import seen
from kgraph.store.neo4j.ids import Ids
from kgraph.store.neo4j.read import in_order
from kgraph.store.neo4j.relations import TYPES
from kgraph.store.neo4j.statements import Statements
from kgraph.store.results import Bare, TopologyDelta

_STATE = """\
MATCH (meta:_KgMeta {id: 0}) RETURN meta.store, meta.topology, coalesce(meta.pruned, -1)"""
_MARK = "MATCH (entity:Entity {_id: row}) SET entity._version = $version"
_MARK_DEPENDENTS = f"""\
MATCH (dependent:Entity)-[r:{TYPES}]->(:Entity {{_id: row}})
SET dependent._version = $version"""
_TOUCHED = """\
MATCH (entity:Entity)
WHERE entity._version > $since
RETURN entity.uid, entity.kind, entity.validTo IS NULL
ORDER BY entity.kind, entity.name, entity.uid"""
_ALL = """\
MATCH (entity:Entity)
WHERE entity.validTo IS NULL
RETURN entity.uid, entity.kind, true
ORDER BY entity.kind, entity.name, entity.uid"""
_RELATION = "a.uid, type(r), b.uid, r.group, r.need, r.source"
_RELATIONS = f"""\
MATCH (a:Entity)-[r:{TYPES}]->(b:Entity)
RETURN {_RELATION}"""
_RELATIONS_OF = f"""\
MATCH (a:Entity {{uid: row}})-[r:{TYPES}]->(b:Entity)
RETURN r._id, {_RELATION}"""
_NODES = """\
MATCH (entity:Entity {uid: row})
WHERE entity.validTo IS NULL
RETURN properties(entity)"""


def advance(
    statements: Statements, ids: Ids, outcome: Outcome, born: Collection[int] = ()
) -> None:
    """Give the topology its next version, and write it on what a reading has touched.

    The entities that were born have it already.
    """
    ids.topology += 1
    statements.each(_MARK, sorted(versioned(outcome).difference(born)), version=ids.topology)
    # Who depends on what was regrouped depends on another entity now.
    statements.each(_MARK_DEPENDENTS, sorted(outcome.records.regrouped), version=ids.topology)


def delta(statements: Statements, since: int) -> TopologyDelta:
    """Return what was touched after a version; -1: everything."""
    row = statements.one(_STATE)
    store, version, pruned = row or ("", 0, -1)
    if since < pruned:
        since = -1  # what has gone since is not known any longer
    rows = statements.rows(_TOUCHED, since=since) if since >= 0 else statements.rows(_ALL)
    here = [uid for uid, _, is_open in rows if is_open]
    if since >= 0:
        links = [each[1:] for each in statements.each(_RELATIONS_OF, here)]
    else:
        links = statements.rows(_RELATIONS)
    return TopologyDelta(
        str(store),
        version,
        gone=tuple(uid for uid, _, is_open in rows if not is_open),
        entities=tuple(Bare(uid, kind) for uid, kind, is_open in rows if is_open),
        relations=tuple(Relation(*each) for each in links),
        whole=since < 0,
    )


def part(statements: Statements, inner: Iterable[str], rim: Iterable[str]) -> Subgraph:
    """Return some entities, and all that the inner ones depend on among them."""
    within = list(inner)
    nodes = statements.each(_NODES, sorted({*within, *rim}))
    entities = in_order(node for (node,) in nodes)
    known = {entity.uid for entity in entities}
    rows = sorted(statements.each(_RELATIONS_OF, within), key=lambda row: int(row[0]))
    relations = dict.fromkeys(Relation(*row[1:]) for row in rows if row[3] in known)
    return Subgraph(tuple(entities), tuple(relations))


def symptoms(statements: Statements, now: int) -> list[Observation]:
    """Return what is abnormal at a moment, in ticks."""
    return seen(statements, None, now, abnormal=True)
