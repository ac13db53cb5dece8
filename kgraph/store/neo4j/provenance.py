"""Where an entity of the store in Neo4j comes from, and which entities claim the same."""

from __future__ import annotations

from kgraph.schema import Decision, Key, Provenance, Sameness, SharedKey, SourcedRecord, kind_of
from kgraph.store._bodies import record_of
from kgraph.store._ticks import from_ticks
from kgraph.store.neo4j.statements import Statements

_DECISIONS = """\
MATCH (d:_KgDecision)
MATCH (a:Entity {uid: d.a})
MATCH (b:Entity {uid: d.b})
OPTIONAL MATCH (an:Entity {_id: a._mergedInto})
OPTIONAL MATCH (bn:Entity {_id: b._mergedInto})
WITH d, [coalesce(an.uid, a.uid), coalesce(bn.uid, b.uid)] AS alive
WHERE $uid IS NULL OR $uid IN alive
RETURN d.verdict, d.a, d.b, d.at, d.by, d.reason
ORDER BY d.id"""
_ENTITY = """\
MATCH (asked:Entity {uid: $uid})
OPTIONAL MATCH (became:Entity {_id: asked._mergedInto})
WITH coalesce(became, asked) AS entity
RETURN entity._id, entity.uid, entity.kind, entity.name"""
_ALIASES = "MATCH (entity:Entity {_mergedInto: $entity}) RETURN entity.uid ORDER BY entity.uid"
_RECORDS = """\
MATCH (record:_KgRecord {entity: $entity})
MATCH (scope:_KgScope {id: record.scope})
RETURN
  scope.source, scope.scope, record.key, record.kind, record.name, record.body, record.live,
  record.since, coalesce(scope.priority, 0) AS priority
ORDER BY priority, record.since, record.id"""
_SHARED = """\
MATCH (claim:_KgClaim)
WITH claim.namespace AS namespace, claim.value AS value, claim.site AS site,
  collect(claim.record) AS records
WHERE size(records) > 1
UNWIND records AS id
MATCH (record:_KgRecord {id: id})
WHERE record.live
MATCH (entity:Entity {_id: record.entity})
WITH entity.kind AS kind, namespace, value, site, collect(DISTINCT entity.uid) AS uids
WHERE size(uids) > 1
RETURN kind, namespace, value, site, uids
ORDER BY kind, namespace, value, site"""


def decisions(statements: Statements, uid: str | None = None) -> list[Decision]:
    """Return what a person has decided, oldest first: of one entity that lives on, or of all."""
    return [
        Decision(Sameness(verdict), a, b, from_ticks(at), by, reason)
        for verdict, a, b, at, by, reason in statements.rows(_DECISIONS, uid=uid)
    ]


def of_entity(statements: Statements, uid: str) -> Provenance | None:
    """Return where one entity comes from; None for one that was never known."""
    row = statements.one(_ENTITY, uid=uid)
    if row is None:
        return None
    id_, own, kind, name = row
    records = tuple(
        SourcedRecord(source, scope, record_of(*said), live, from_ticks(since), priority)
        for source, scope, *said, live, since, priority in statements.rows(_RECORDS, entity=id_)
    )
    aliases = tuple(alias for (alias,) in statements.rows(_ALIASES, entity=id_))
    return Provenance(own, kind, name, aliases, records, tuple(decisions(statements, own)))


def shared_keys(statements: Statements) -> list[SharedKey]:
    """Return the strong keys that live records of several entities of one kind claim."""
    return [
        SharedKey(kind, Key(namespace, value, site), tuple(sorted(uids)))
        for kind, namespace, value, site, uids in statements.rows(_SHARED)
        if namespace in kind_of(kind).strong
    ]
