"""Is the embedded store sound? The file itself, and the promises between its tables."""

from __future__ import annotations

import sqlite3

from kgraph.store._promises import Promise

_PROMISES = {
    Promise.OPEN_ENDS: (
        "SELECT l.id FROM link AS l JOIN entity AS a ON a.id = l.a JOIN entity AS b ON b.id = l.b"
        " WHERE a.since IS NULL OR b.since IS NULL"
    ),
    Promise.ENDS_OF_RECORDS: (
        "SELECT l.id FROM link AS l JOIN record AS a ON a.id = l.a_record"
        " JOIN record AS b ON b.id = l.b_record"
        " WHERE NOT a.live OR NOT b.live OR a.entity != l.a OR b.entity != l.b"
    ),
    Promise.SUPPORTED: (
        "SELECT uid FROM entity WHERE since IS NOT NULL"
        " AND id NOT IN (SELECT entity FROM record WHERE live)"
    ),
    Promise.NOT_FORGOTTEN: (
        "SELECT uid FROM entity WHERE since IS NULL"
        " AND id IN (SELECT entity FROM record WHERE live)"
    ),
    Promise.ONE_KIND: (
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
    for promise, query in _PROMISES.items():
        lines += [promise.broken(name) for (name,) in sql.execute(query)]
    return lines
