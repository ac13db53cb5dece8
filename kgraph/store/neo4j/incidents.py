"""Incidents in Neo4j: nodes that people look at, with the documents beside them.

`(:Incident)-[:EXPLAINED_BY]->(:Entity)` are the causes in the answer, `-[:HITS]->` who is hit now.
The bundle and the answer are long, so they lie in a node of their own that no query meets.
"""

from __future__ import annotations

import json
from datetime import UTC
from typing import Any

from kgraph.schema import IncidentRecord, IncidentStatus
from kgraph.store.neo4j.statements import Statements
from kgraph.store.neo4j.times import native

_LEAST = 0.01  # posterior of a cause that is drawn: below it is noise
_SAVE = """\
MERGE (incident:Incident {id: $node.id}) SET incident = $node
MERGE (document:_KgIncident {id: $node.id})
SET document.bundle = $bundle, document.answer = $answer"""
_PLANS = """\
MATCH (incident:Incident {id: $id})
MATCH (plan:Plan {incident: $id})
MERGE (plan)-[:OF]->(incident)"""
_FORGET = "MATCH (:Incident {id: $id})-[r:EXPLAINED_BY|HITS]->(:Entity) DELETE r"
_EXPLAIN = """\
MATCH (incident:Incident {id: $id})
MATCH (entity:Entity {uid: row.uid})
CREATE (incident)-[:EXPLAINED_BY {mode: row.mode, posterior: row.posterior}]->(entity)"""
_HIT = """\
MATCH (incident:Incident {id: $id})
MATCH (entity:Entity {uid: row.uid})
CREATE (incident)-[:HITS {mode: row.mode, probability: row.probability}]->(entity)"""
_FOUND = """\
MATCH (document:_KgIncident {id: incident.id})
RETURN properties(incident), document.bundle, document.answer"""
_GET = f"MATCH (incident:Incident {{id: $id}})\n{_FOUND}"
_NEWEST = f"""\
MATCH (incident:Incident)
WHERE $status IS NULL OR incident.status = $status
WITH incident
ORDER BY incident.openedAt DESC, incident.id DESC
LIMIT $limit
{_FOUND}
ORDER BY incident.openedAt DESC, incident.id DESC"""


def save(statements: Statements, record: IncidentRecord) -> None:
    """Make or replace an incident, with what its answer blames and who is hit."""
    node = {
        "id": record.id,
        "status": record.status.value,
        "title": record.title,
        "openedAt": record.opened_at.astimezone(UTC),
        "updatedAt": record.updated_at.astimezone(UTC),
    }
    statements.rows(_SAVE, node=node, bundle=record.bundle, answer=record.answer)
    statements.rows(_PLANS, id=record.id)
    statements.rows(_FORGET, id=record.id)
    answer = json.loads(record.answer)
    statements.each(_EXPLAIN, _causes(answer), id=record.id)
    statements.each(_HIT, _hits(answer), id=record.id)


def get(statements: Statements, incident_id: str) -> IncidentRecord | None:
    """Return one, or None."""
    row = statements.one(_GET, id=incident_id)
    return _record(row) if row else None


def newest(
    statements: Statements, status: IncidentStatus | None, limit: int
) -> list[IncidentRecord]:
    """Return the newest first."""
    wanted = status.value if status else None
    return [_record(row) for row in statements.rows(_NEWEST, status=wanted, limit=limit)]


def _causes(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "uid": cause.get("uid", cause["entity"]),  # a bundle may spell it in its own way
            "mode": cause["mode"],
            "posterior": cause["posterior"],
        }
        for cause in answer.get("causes", ())
        if cause["posterior"] >= _LEAST
    ]


def _hits(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"uid": hit["entity"], "mode": hit["mode"], "probability": hit["probability"]}
        for hit in answer.get("blastRadius", {}).get("now", ())
    ]


def _record(row: tuple[Any, ...]) -> IncidentRecord:
    node, bundle, answer = row
    return IncidentRecord(
        node["id"],
        IncidentStatus(node["status"]),
        native(node["openedAt"]),
        native(node["updatedAt"]),
        node["title"],
        bundle,
        answer,
    )
