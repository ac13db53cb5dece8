"""The audit log in the embedded store: written in the transaction of what it tells of."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from kgraph.schema import AuditEntry, AuditEvent
from kgraph.schema.audit import ORIGIN, chained
from kgraph.store._ticks import from_ticks, to_ticks


def append(sql: sqlite3.Connection, at: datetime | None, event: AuditEvent, body: str) -> None:
    """Add an entry; one without a time of its own has that of the entry before."""
    last = sql.execute("SELECT at, hash FROM audit ORDER BY id DESC LIMIT 1").fetchone()
    when = from_ticks(to_ticks(at) if at else last[0] if last else 0)
    entry = chained(last[1] if last else ORIGIN, when, event, body)
    sql.execute(
        "INSERT INTO audit (at, event, body, hash) VALUES (?, ?, ?, ?)",
        (to_ticks(when), event.value, body, entry.hash),
    )


def entries(sql: sqlite3.Connection) -> list[AuditEntry]:
    """Return all of it, oldest first."""
    rows = sql.execute("SELECT at, event, body, hash FROM audit ORDER BY id")
    return [
        AuditEntry(from_ticks(at), AuditEvent(event), body, hash_)
        for at, event, body, hash_ in rows
    ]
