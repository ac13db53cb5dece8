"""Rulings in the embedded store."""

from __future__ import annotations

import sqlite3

from kgraph.schema import Ruling
from kgraph.store._ticks import from_ticks, to_ticks

_COLUMNS = "incident, uid, kind, mode, right, posterior, change_type, at, by, reason"


def save(sql: sqlite3.Connection, ruling: Ruling) -> None:
    """Insert, or replace what was said of the same cause of the same incident."""
    sql.execute(
        f"INSERT OR REPLACE INTO ruling ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - constants
        (
            ruling.incident,
            ruling.entity,
            ruling.kind,
            ruling.mode,
            ruling.right,
            ruling.posterior,
            ruling.change,
            to_ticks(ruling.at),
            ruling.by,
            ruling.reason,
        ),
    )


def all_of(sql: sqlite3.Connection) -> list[Ruling]:
    """Return all, oldest first."""
    rows = sql.execute(f"SELECT {_COLUMNS} FROM ruling ORDER BY at, incident, uid")  # noqa: S608 - constants
    return [
        Ruling(incident, uid, kind, mode, bool(right), posterior, change, from_ticks(at), *told)
        for incident, uid, kind, mode, right, posterior, change, at, *told in rows
    ]


def forget(sql: sqlite3.Connection, incident: str | None) -> int:
    """Delete those of one incident, or all; return how many."""
    done = sql.execute("DELETE FROM ruling WHERE ?1 IS NULL OR incident = ?1", (incident,))
    return done.rowcount
