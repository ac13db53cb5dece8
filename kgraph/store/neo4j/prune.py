"""Forgetting what is past retention, in Neo4j: relations before nodes."""

from __future__ import annotations

from datetime import datetime

from kgraph.schema import Drawer
from kgraph.store import _limits
from kgraph.store._ticks import to_ticks
from kgraph.store.neo4j.statements import Statements
from kgraph.store.results import Pruned

_RELATIONS = """\
MATCH (n:PastRelation) WHERE n.validTo < $moment WITH n LIMIT $limit DELETE n RETURN count(*)"""
_OBSERVATIONS = """\
MATCH (n:_KgObservationVersion) WHERE n.until < $at WITH n LIMIT $limit DELETE n RETURN count(*)"""
_CHANGES = "MATCH (n:_KgChange) WHERE n.at < $at WITH n LIMIT $limit DELETE n RETURN count(*)"
_RECORD_VERSIONS = """\
MATCH (n:_KgRecordVersion) WHERE n.until < $at WITH n LIMIT $limit DELETE n RETURN count(*)"""
_ENTITY_VERSIONS = """\
MATCH (n:_KgEntityVersion)
WHERE n.until < $moment WITH n LIMIT $limit DELETE n RETURN count(*)"""
# What people ruled on is kept: chances are fitted by it.
_INCIDENTS = """\
OPTIONAL MATCH (newest:Incident)
WITH newest
ORDER BY newest.openedAt DESC, newest.id DESC
LIMIT $newest
WITH collect(newest.id) AS kept
MATCH (incident:Incident {status: 'closed'})
WHERE incident.updatedAt < $moment AND NOT incident.id IN kept
  AND NOT EXISTS { MATCH (:_KgRuling {incident: incident.id}) }
WITH incident LIMIT $limit
CALL (incident) {
  MATCH (document:_KgIncident {id: incident.id})
  DELETE document
}
CALL (incident) {
  MATCH (incident)-[:HAS_HYPOTHESIS]->(hypothesis:Hypothesis)
  DETACH DELETE hypothesis
}
// What was done to it is called as it is, and a number.
CALL (incident) {
  MATCH (document:_KgDocument)
  WHERE document.name STARTS WITH $trace + ' ' + incident.id + ' '
  DELETE document
}
DETACH DELETE incident
RETURN count(*)"""
# A record that is dead and has no version left had ended before. What a person has decided on is
# kept with its keys: its source may tell of it again in years.
_DEAD_RECORDS = """\
OPTIONAL MATCH (decision:_KgDecision)
OPTIONAL MATCH (decided:Entity)
WHERE decided.uid IN [decision.a, decision.b]
WITH collect(coalesce(decided._mergedInto, decided._id)) AS kept
MATCH (record:_KgRecord)
WHERE NOT record.live AND NOT record.entity IN kept
  AND NOT EXISTS { MATCH (:_KgRecordVersion {record: record.id}) }
WITH record LIMIT $limit
OPTIONAL MATCH (claim:_KgClaim {record: record.id})
DELETE claim
WITH DISTINCT record
DELETE record
RETURN count(*)"""
# What an incident points at is still spoken of.
_DEAD_ENTITIES = """\
MATCH (entity:Entity)
WHERE entity.validTo IS NOT NULL
  AND NOT EXISTS { (entity)--() }
  AND NOT EXISTS { MATCH (:_KgRecord {entity: entity._id}) }
  AND NOT EXISTS { MATCH (:_KgEntityVersion {entity: entity._id}) }
  AND NOT EXISTS { MATCH (:_KgChange {entity: entity._id}) }
  AND NOT EXISTS { MATCH (:_KgObservationVersion {entity: entity._id}) }
  AND NOT EXISTS { MATCH (:PastRelation {dependent: entity.uid}) }
  AND NOT EXISTS { MATCH (:PastRelation {dependency: entity.uid}) }
  AND NOT EXISTS { MATCH (:Entity {_mergedInto: entity._id}) }
  AND NOT EXISTS { MATCH (d:_KgDecision) WHERE entity.uid IN [d.a, d.b] }
WITH entity LIMIT $limit
CALL (entity) {
  MATCH (o:_KgObservation {entity: entity._id})
  DELETE o
}
CALL (entity) {
  MATCH (c:_KgCoverage {entity: entity._id})
  DELETE c
}
DELETE entity
RETURN count(*)"""
_TELL = """\
MATCH (meta:_KgMeta {id: 0})
WITH meta, meta.topology + 1 AS version
SET meta.topology = version, meta.pruned = version"""


def prune(statements: Statements, before: datetime, limit: int) -> Pruned:
    """Forget up to `limit` nodes of what had ended before a moment."""
    left = limit
    asked = {
        "at": to_ticks(before),
        "moment": before,
        "newest": _limits.NEWEST,
        "trace": Drawer.HANDLING.value,
    }

    def forget(text: str) -> int:
        nonlocal left
        row = statements.one(text, **asked, limit=left) if left else None
        removed = int(row[0]) if row else 0
        left -= removed
        return removed

    incidents = forget(_INCIDENTS)
    relations = forget(_RELATIONS)
    observations = forget(_OBSERVATIONS)
    changes = forget(_CHANGES)
    records = forget(_RECORD_VERSIONS)
    entities = forget(_ENTITY_VERSIONS)
    records += forget(_DEAD_RECORDS)
    gone = forget(_DEAD_ENTITIES)
    if gone:
        statements.rows(_TELL)
    return Pruned(relations, records, observations, changes, entities + gone, incidents)
