"""Incidents in the embedded store."""

from __future__ import annotations

import sqlite3
from typing import Any

from kgraph.schema import IncidentHead, IncidentRecord, IncidentStatus
from kgraph.store._ticks import from_ticks, to_ticks


def save(sql: sqlite3.Connection, record: IncidentRecord) -> None:
    """Insert or replace."""
    sql.execute(
        "INSERT OR REPLACE INTO incident VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            record.id,
            record.status.value,
            to_ticks(record.opened_at),
            to_ticks(record.updated_at),
            record.title,
            record.bundle,
            record.answer,
        ),
    )


def get(sql: sqlite3.Connection, incident_id: str) -> IncidentRecord | None:
    """Return one, or None."""
    row = sql.execute("SELECT * FROM incident WHERE id = ?", (incident_id,)).fetchone()
    return _record(row) if row else None


def newest(
    sql: sqlite3.Connection, status: IncidentStatus | None, limit: int
) -> list[IncidentRecord]:
    """Return the newest first."""
    rows = sql.execute(
        "SELECT * FROM incident WHERE ?1 IS NULL OR status = ?1"
        " ORDER BY opened_at DESC, id DESC LIMIT ?2",
        (status.value if status else None, limit),
    )
    return [_record(row) for row in rows]


def heads(
    sql: sqlite3.Connection, status: IncidentStatus | None, limit: int, after: IncidentHead | None
) -> list[IncidentHead]:
    """Return the newest first, without their documents."""
    rows = sql.execute(
        "SELECT id, status, opened_at, updated_at, title FROM incident"
        " WHERE (?1 IS NULL OR status = ?1) AND (?2 IS NULL OR (opened_at, id) < (?2, ?3))"
        " ORDER BY opened_at DESC, id DESC LIMIT ?4",
        (
            status.value if status else None,
            to_ticks(after.opened_at) if after else None,
            after.id if after else None,
            limit,
        ),
    )
    return [
        IncidentHead(id_, IncidentStatus(said), from_ticks(opened), from_ticks(updated), title)
        for id_, said, opened, updated, title in rows
    ]


def count(sql: sqlite3.Connection, status: IncidentStatus) -> int:
    """Return how many there are."""
    (found,) = sql.execute(
        "SELECT count(*) FROM incident WHERE status = ?", (status.value,)
    ).fetchone()
    return int(found)


def _record(row: tuple[Any, ...]) -> IncidentRecord:
    id_, status, opened, updated, title, bundle, answer = row
    return IncidentRecord(
        id_,
        IncidentStatus(status),
        from_ticks(opened),
        from_ticks(updated),
        title,
        bundle,
        answer,
    )
