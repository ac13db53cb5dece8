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
    where, asked = _asked(status, None)
    rows = sql.execute(
        f"SELECT * FROM incident{where} ORDER BY opened_at DESC, id DESC LIMIT ?",  # noqa: S608 - constants
        (*asked, limit),
    )
    return [_record(row) for row in rows]


def heads(
    sql: sqlite3.Connection, status: IncidentStatus | None, limit: int, after: IncidentHead | None
) -> list[IncidentHead]:
    """Return the newest first, without their documents."""
    where, asked = _asked(status, after)
    rows = sql.execute(
        f"SELECT id, status, opened_at, updated_at, title FROM incident{where}"  # noqa: S608 - constants
        " ORDER BY opened_at DESC, id DESC LIMIT ?",
        (*asked, limit),
    )
    return [
        IncidentHead(id_, IncidentStatus(said), from_ticks(opened), from_ticks(updated), title)
        for id_, said, opened, updated, title in rows
    ]


def _asked(
    status: IncidentStatus | None, after: IncidentHead | None
) -> tuple[str, tuple[object, ...]]:
    """Return a condition on incidents, and its parameters; what is not asked does not stand there.

    Beside an `OR` SQLite would use no index.
    """
    asked: list[tuple[str, tuple[object, ...]]] = []
    if status is not None:
        asked.append(("status = ?", (status.value,)))
    if after is not None:
        asked.append(("(opened_at, id) < (?, ?)", (to_ticks(after.opened_at), after.id)))
    where = f" WHERE {' AND '.join(each for each, _ in asked)}" if asked else ""
    return where, tuple(value for _, values in asked for value in values)


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
