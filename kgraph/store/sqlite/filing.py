"""Documents in the embedded store. Runs inside a transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

from kgraph.schema import AuditEvent, Document, Drawer
from kgraph.schema.audit import request_body
from kgraph.store._ticks import from_ticks, to_ticks
from kgraph.store.sqlite import audit

_PAGE = """
SELECT id, at, body FROM document WHERE drawer = ?1
 AND (?2 IS NULL OR (at, id) {beyond} (?2, ?3)) ORDER BY at {order}, id {order} LIMIT ?4"""
_OLDEST = _PAGE.format(beyond=">", order="ASC")
_NEWEST = _PAGE.format(beyond="<", order="DESC")


def put(sql: sqlite3.Connection, documents: Iterable[Document]) -> None:
    """Insert or replace; the audit log has what is for the audit."""
    rows = list(documents)
    sql.executemany(
        "INSERT OR REPLACE INTO document (drawer, id, at, body) VALUES (?, ?, ?, ?)",
        [(row.drawer.value, row.id, to_ticks(row.at), row.body) for row in rows],
    )
    for row in rows:
        if row.drawer is Drawer.AUDIT:
            audit.append(sql, row.at, AuditEvent.REQUEST, request_body(row))


def claim(sql: sqlite3.Connection, row: Document) -> bool:
    """Insert, unless there is one of its id; tell whether it was."""
    done = sql.execute(
        "INSERT INTO document (drawer, id, at, body) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (row.drawer.value, row.id, to_ticks(row.at), row.body),
    )
    return done.rowcount == 1


def get(sql: sqlite3.Connection, drawer: Drawer, ids: Iterable[str]) -> list[Document]:
    """Return those that are there."""
    rows = sql.execute(
        "SELECT id, at, body FROM document WHERE drawer = ? AND id IN"
        " (SELECT value FROM json_each(?)) ORDER BY at, id",
        (drawer.value, json.dumps(list(ids))),
    )
    return [Document(drawer, id_, from_ticks(at), body) for id_, at, body in rows]


def page(
    sql: sqlite3.Connection, drawer: Drawer, limit: int, after: Document | None, *, newest: bool
) -> list[Document]:
    """Return documents in order, from behind one on."""
    at = to_ticks(after.at) if after else None
    rows = sql.execute(
        _NEWEST if newest else _OLDEST, (drawer.value, at, after.id if after else None, limit)
    )
    return [Document(drawer, id_, from_ticks(at), body) for id_, at, body in rows]


def drop(sql: sqlite3.Connection, drawer: Drawer, ids: Iterable[str]) -> None:
    """Forget documents."""
    sql.execute(
        "DELETE FROM document WHERE drawer = ? AND id IN (SELECT value FROM json_each(?))",
        (drawer.value, json.dumps(list(ids))),
    )


def count(sql: sqlite3.Connection, drawer: Drawer) -> int:
    """Return how many there are."""
    (found,) = sql.execute(
        "SELECT count(*) FROM document WHERE drawer = ?", (drawer.value,)
    ).fetchone()
    return int(found)
