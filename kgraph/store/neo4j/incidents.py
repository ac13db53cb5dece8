"""Incidents in Neo4j: nodes that people look at, with the documents beside them.

`(:Incident)-[:EXPLAINED_BY]->(:Entity)` are the causes in the answer, `-[:HITS]->` who is hit now.
`(:Incident)-[:HAS_HYPOTHESIS]->(:Hypothesis)-[:BLAMES]->(:Entity)` are its sets of faults.
What the likeliest one of an open incident blames has the label `Cause`: style sheets see labels.
The bundle and the answer are long, so they lie in a node of their own that no query meets.
"""

from __future__ import annotations

import json
from datetime import UTC
from typing import Any

from kgraph.schema import IncidentHead, IncidentRecord, IncidentStatus
from kgraph.store.neo4j.part import Part
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
_FORGET_HYPOTHESES = """\
MATCH (:Incident {id: $id})-[:HAS_HYPOTHESIS]->(old:Hypothesis) DETACH DELETE old"""
_SUPPOSE = """\
MATCH (incident:Incident {id: $id})
CREATE (incident)-[:HAS_HYPOTHESIS]->(hypothesis:Hypothesis)
SET hypothesis += {incident: $id, rank: row.rank, posterior: row.posterior, name: row.name}"""
_BLAME = """\
MATCH (:Incident {id: $id})-[:HAS_HYPOTHESIS]->(hypothesis:Hypothesis {rank: row.rank})
MATCH (entity:Entity {uid: row.uid})
CREATE (hypothesis)-[:BLAMES {mode: row.mode}]->(entity)"""
_NOT_BLAMED = """\
MATCH (entity:Cause)
WHERE NOT EXISTS {
  (:Incident {status: 'open'})-[:HAS_HYPOTHESIS]->(:Hypothesis {rank: 1})-[:BLAMES]->(entity)
}
REMOVE entity:Cause"""
_BLAMED = """\
MATCH (:Incident {id: $id, status: 'open'})-[:HAS_HYPOTHESIS]->(:Hypothesis {rank: 1})
  -[:BLAMES]->(entity:Entity)
SET entity:Cause"""
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

_HEADS = """\
MATCH (incident:Incident)
WHERE ($status IS NULL OR incident.status = $status)
  AND ($at IS NULL OR incident.openedAt < $at
    OR (incident.openedAt = $at AND incident.id < $id))
RETURN properties(incident)
ORDER BY incident.openedAt DESC, incident.id DESC
LIMIT $limit"""
_COUNT = "MATCH (incident:Incident {status: $status}) RETURN count(incident)"


class Incidents(Part):
    """See `IncidentStore`."""

    def save_incident(self, record: IncidentRecord) -> None:
        """Keep an incident; an earlier one of the same id is replaced."""
        self._database.write(lambda s: save(s, record))

    def incident(self, incident_id: str) -> IncidentRecord | None:
        """Return one incident."""
        return self._database.glance(lambda s: _get(s, incident_id))

    def incidents(
        self, status: IncidentStatus | None = None, limit: int = 100
    ) -> list[IncidentRecord]:
        """Return incidents, newest first."""
        return self._database.glance(lambda s: _newest(s, status, limit))

    def heads(
        self,
        status: IncidentStatus | None = None,
        *,
        limit: int = 100,
        after: IncidentHead | None = None,
    ) -> list[IncidentHead]:
        """Return incidents without their documents, newest first."""
        return self._database.glance(lambda s: _heads(s, status, limit, after))

    def count_incidents(self, status: IncidentStatus) -> int:
        """Return how many there are."""
        return self._database.glance(lambda s: _count(s, status))


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
    statements.rows(_FORGET_HYPOTHESES, id=record.id)
    hypotheses = _hypotheses(answer)
    statements.each(_SUPPOSE, hypotheses, id=record.id)
    blamed = ({"rank": row["rank"], **fault} for row in hypotheses for fault in row["blames"])
    statements.each(_BLAME, blamed, id=record.id)
    statements.rows(_NOT_BLAMED)
    statements.rows(_BLAMED, id=record.id)


def _get(statements: Statements, incident_id: str) -> IncidentRecord | None:
    """Return one, or None."""
    row = statements.one(_GET, id=incident_id)
    return _record(row) if row else None


def _newest(
    statements: Statements, status: IncidentStatus | None, limit: int
) -> list[IncidentRecord]:
    """Return the newest first."""
    wanted = status.value if status else None
    return [_record(row) for row in statements.rows(_NEWEST, status=wanted, limit=limit)]


def _heads(
    statements: Statements, status: IncidentStatus | None, limit: int, after: IncidentHead | None
) -> list[IncidentHead]:
    """Return the newest first, without their documents."""
    rows = statements.rows(
        _HEADS,
        status=status.value if status else None,
        at=after.opened_at.astimezone(UTC) if after else None,
        id=after.id if after else None,
        limit=limit,
    )
    return [
        IncidentHead(
            node["id"],
            IncidentStatus(node["status"]),
            native(node["openedAt"]),
            native(node["updatedAt"]),
            node["title"],
        )
        for (node,) in rows
    ]


def _count(statements: Statements, status: IncidentStatus) -> int:
    """Return how many there are."""
    row = statements.one(_COUNT, status=status.value)
    return int(row[0]) if row else 0


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


def _hypotheses(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the sets of faults that are likely enough, the likeliest first."""
    uids = {
        cause["entity"]: cause.get("uid", cause["entity"]) for cause in answer.get("causes", ())
    }
    rows = [
        {
            "posterior": row["posterior"],
            "name": row.get("name") or " and ".join(fault["mode"] for fault in row["members"]),
            "blames": [
                {"uid": uids.get(fault["entity"], fault["entity"]), "mode": fault["mode"]}
                for fault in row["members"]
            ],
        }
        for row in answer.get("hypotheses", ())
        if row["members"] and row["posterior"] >= _LEAST
    ]
    # An answer that abstains blames nobody, so none of its hypotheses comes first.
    first = 2 if answer.get("abstained") else 1
    return [{"rank": rank, **row} for rank, row in enumerate(rows, first)]


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
