"""The open relations of a scope, as the embedded store has them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

from kgraph.store._reconcile import LinkId

StoredLinks = dict[LinkId, tuple[int, int | None]]  # name -> row, need


def links_but_of(sql: sqlite3.Connection, scope: int, but: Iterable[int]) -> StoredLinks:
    """Return the links of a scope, but for those of some records."""
    rows = sql.execute(
        "SELECT id, a_record, type, b_record, grp, need FROM link WHERE scope = ?"
        " AND a_record NOT IN (SELECT value FROM json_each(?))",
        (scope, json.dumps(list(but))),
    )
    return {(a, type_, b, group): (row, need) for row, a, type_, b, group, need in rows}


def links_of(sql: sqlite3.Connection, scope: int, records: Iterable[int]) -> StoredLinks:
    """Return the links of a scope that are of some records."""
    rows = sql.execute(
        "SELECT l.id, l.a_record, l.type, l.b_record, l.grp, l.need FROM json_each(?) AS w"
        " CROSS JOIN record AS r ON r.id = w.value"
        " CROSS JOIN link AS l ON l.a = r.entity AND l.a_record = r.id"
        " WHERE l.scope = ? ORDER BY l.id",
        (json.dumps(list(records)), scope),
    )
    return {(a, type_, b, group): (row, need) for row, a, type_, b, group, need in rows}


def ends_of(sql: sqlite3.Connection, row: int) -> tuple[int, int]:
    """Return the entities that a stored link joins whose `need` another row has changed."""
    a, b = sql.execute("SELECT a, b FROM link WHERE id = ?", (row,)).fetchone()
    return a, b
