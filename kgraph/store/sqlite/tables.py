"""Small look-ups that several parts of the embedded store share."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from kgraph.store._endpoints import Names, Place, chosen


def next_id(sql: sqlite3.Connection, query: str) -> int:
    """Return the id after the highest, given a query for that.

    That of a row that was forgotten may come again: such a row was the last to name it.
    """
    (highest,) = sql.execute(query).fetchone()
    return int(highest or 0) + 1


@contextmanager
def indexed_afterwards(sql: sqlite3.Connection, table: str) -> Iterator[None]:
    """Fill a table; if it is empty, without its indexes, which are made in the end.

    Sorting once takes half the time of finding the place of each row. The indexes that SQLite
    makes itself, of keys, stay.
    """
    indexes: list[tuple[str, str]] = []
    if not sql.execute(f"SELECT EXISTS (SELECT 1 FROM {table})").fetchone()[0]:  # noqa: S608 - a constant
        indexes = sql.execute(
            "SELECT name, sql FROM sqlite_master"
            " WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL",
            (table,),
        ).fetchall()
    for name, _ in indexes:
        sql.execute(f"DROP INDEX {name}")
    yield
    for _, definition in indexes:
        sql.execute(definition)


def state(sql: sqlite3.Connection) -> tuple[str, int]:
    """Return which store this is, and the version of its topology."""
    known = dict(sql.execute("SELECT name, value FROM meta").fetchall())
    return str(known["store"]), int(known["topology"])


def locate_keys(sql: sqlite3.Connection, names: Names, keys: Iterable[str]) -> dict[str, Place]:
    """Return what each key stands for: in the scope itself, else in any other of the source.

    What is no key of the source may be a uid: so a source speaks of what others report without
    claiming that it exists.
    """
    found = {}
    missing = []
    for key in keys:
        place = names.own.get(key)
        if place:
            found[key] = place
        else:
            missing.append(key)
    if missing:
        found |= _elsewhere(sql, names, missing)
        found |= _by_uid(sql, [key for key in missing if key not in found])
    return found


def _by_uid(sql: sqlite3.Connection, uids: Iterable[str]) -> dict[str, Place]:
    rows = sql.execute(
        "SELECT e.uid, min(r.id), e.id, e.kind FROM json_each(?) AS wanted"
        " CROSS JOIN entity AS e ON e.uid = wanted.value"
        " JOIN record AS r ON r.entity = e.id AND r.live GROUP BY e.id",
        (json.dumps(list(uids)),),
    )
    return {uid: Place(record, entity, kind) for uid, record, entity, kind in rows}


def _elsewhere(sql: sqlite3.Connection, names: Names, keys: Iterable[str]) -> dict[str, Place]:
    rows = sql.execute(
        "SELECT r.key, r.id, r.entity, r.kind, r.scope FROM json_each(?) AS wanted"
        " CROSS JOIN scope AS s ON s.source = ?"
        " JOIN record AS r ON r.scope = s.id AND r.key = wanted.value"
        " WHERE r.live ORDER BY r.id",
        (json.dumps(list(keys)), names.source),
    )
    return chosen(
        ((key, scope, Place(record, entity, kind)) for key, record, entity, kind, scope in rows),
        names.scope,
    )
