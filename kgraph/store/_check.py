"""Is the embedded store sound? The file itself, and the promises between its tables."""

from __future__ import annotations

import sqlite3

_PROMISES = {
    "relation {} has an endpoint that is closed": (
        "SELECT l.id FROM link AS l JOIN entity AS a ON a.id = l.a JOIN entity AS b ON b.id = l.b"
        " WHERE a.since IS NULL OR b.since IS NULL"
    ),
    "relation {} disagrees with its records": (
        "SELECT l.id FROM link AS l JOIN record AS a ON a.id = l.a_record"
        " JOIN record AS b ON b.id = l.b_record"
        " WHERE NOT a.live OR NOT b.live OR a.entity != l.a OR b.entity != l.b"
    ),
    "entity {} is open without a live record": (
        "SELECT uid FROM entity WHERE since IS NOT NULL"
        " AND id NOT IN (SELECT entity FROM record WHERE live)"
    ),
    "entity {} is closed in spite of a live record": (
        "SELECT uid FROM entity WHERE since IS NULL"
        " AND id IN (SELECT entity FROM record WHERE live)"
    ),
    "record {} is of another kind than its entity": (
        "SELECT r.key FROM record AS r JOIN entity AS e ON e.id = r.entity"
        " WHERE r.live AND r.kind != e.kind"
    ),
}


def problems(sql: sqlite3.Connection) -> list[str]:
    """Return one line for each fault."""
    lines = [line for (line,) in sql.execute("PRAGMA integrity_check") if line != "ok"]
    lines += [
        f"row {row} of {table} names a missing row of {parent}"
        for table, row, parent, _ in sql.execute("PRAGMA foreign_key_check")
    ]
    for text, query in _PROMISES.items():
        lines += [text.format(name) for (name,) in sql.execute(query)]
    return lines
