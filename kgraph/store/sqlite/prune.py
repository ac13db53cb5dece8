"""Forgetting what is past retention, in the embedded store: relations before nodes."""

from __future__ import annotations

import sqlite3

from kgraph.schema import Drawer
from kgraph.store import _limits
from kgraph.store.results import Pruned

# Each statement takes rows up to :limit that had ended before :at.
_RELATIONS = """
DELETE FROM link_history WHERE rowid IN
 (SELECT rowid FROM link_history WHERE until < :at LIMIT :limit)"""
_RECORD_VERSIONS = """
DELETE FROM record_history WHERE rowid IN
 (SELECT rowid FROM record_history WHERE until < :at LIMIT :limit)"""
_OBSERVATION_VERSIONS = """
DELETE FROM observation_history WHERE rowid IN
 (SELECT rowid FROM observation_history WHERE until < :at LIMIT :limit)"""
_CHANGES = """
DELETE FROM change WHERE id IN (SELECT id FROM change WHERE at < :at LIMIT :limit)"""
_ENTITY_VERSIONS = """
DELETE FROM entity_history WHERE rowid IN
 (SELECT rowid FROM entity_history WHERE until < :at LIMIT :limit)"""
# What people ruled on is kept: chances are fitted by it.
_INCIDENTS = """
SELECT id FROM incident WHERE status = 'closed' AND opened_at < :at AND updated_at < :at
 AND id NOT IN (SELECT incident FROM ruling)
 AND id NOT IN (SELECT id FROM incident ORDER BY opened_at DESC, id DESC LIMIT :newest)
LIMIT :limit"""
# What was done to an incident: documents that are called as it is, and a number.
_TRACE = "DELETE FROM document WHERE drawer = ?1 AND id > ?2 || ' ' AND id < ?2 || '!'"
# A record that is dead and has no version left had ended before. What a person has decided on is
# kept with its keys: its source may tell of it again in years.
_DEAD_RECORDS = """
SELECT r.id FROM record AS r WHERE NOT r.live
 AND r.entity NOT IN (SELECT coalesce(e.merged_into, e.id) FROM decision AS d
  JOIN entity AS e ON e.id IN (d.a, d.b))
 AND NOT EXISTS (SELECT 1 FROM record_history AS h WHERE h.record = r.id)
LIMIT :limit"""
_DEAD_ENTITIES = """
SELECT e.id FROM entity AS e WHERE e.since IS NULL
 AND NOT EXISTS (SELECT 1 FROM record AS r WHERE r.entity = e.id)
 AND NOT EXISTS (SELECT 1 FROM record_history AS h WHERE h.entity = e.id)
 AND NOT EXISTS (SELECT 1 FROM entity_history AS h WHERE h.entity = e.id)
 AND NOT EXISTS (SELECT 1 FROM link_history AS l WHERE l.a = e.id)
 AND NOT EXISTS (SELECT 1 FROM link_history AS l WHERE l.b = e.id)
 AND NOT EXISTS (SELECT 1 FROM change AS c WHERE c.entity = e.id)
 AND NOT EXISTS (SELECT 1 FROM observation_history AS o WHERE o.entity = e.id)
 AND NOT EXISTS (SELECT 1 FROM entity AS m WHERE m.merged_into = e.id)
 AND NOT EXISTS (SELECT 1 FROM decision AS d WHERE d.a = e.id OR d.b = e.id)
LIMIT :limit"""


def prune(sql: sqlite3.Connection, at: int, limit: int) -> Pruned:
    """Forget up to `limit` rows of what had ended before `at`, in ticks."""
    old = sql.execute(_INCIDENTS, {"at": at, "newest": _limits.NEWEST, "limit": limit}).fetchall()
    sql.executemany("DELETE FROM incident WHERE id = ?", old)
    sql.executemany(_TRACE, [(Drawer.HANDLING.value, id_) for (id_,) in old])
    left = limit - len(old)

    def forget(text: str) -> int:
        nonlocal left
        removed = sql.execute(text, {"at": at, "limit": left}).rowcount if left else 0
        left -= removed
        return removed

    relations = forget(_RELATIONS)
    observations = forget(_OBSERVATION_VERSIONS)
    changes = forget(_CHANGES)
    records = forget(_RECORD_VERSIONS)
    entities = forget(_ENTITY_VERSIONS)
    dead = _ids(sql, _DEAD_RECORDS, left)
    sql.executemany("DELETE FROM claim WHERE record = ?", dead)
    sql.executemany("DELETE FROM record WHERE id = ?", dead)
    gone = _ids(sql, _DEAD_ENTITIES, left - len(dead))
    for table in ("observation", "coverage"):
        sql.executemany(f"DELETE FROM {table} WHERE entity = ?", gone)  # noqa: S608 - constants
    sql.executemany("DELETE FROM entity WHERE id = ?", gone)
    if gone:
        _tell(sql)
    records, entities = records + len(dead), entities + len(gone)
    return Pruned(relations, records, observations, changes, entities, len(old))


def _ids(sql: sqlite3.Connection, text: str, limit: int) -> list[tuple[int]]:
    return sql.execute(text, {"limit": limit}).fetchall()


def _tell(sql: sqlite3.Connection) -> None:
    """Say that an entity that is not there any longer may be missed in earlier versions."""
    sql.execute("UPDATE meta SET value = value + 1 WHERE name = 'topology'")
    sql.execute(
        "INSERT INTO meta SELECT 'pruned', value FROM meta WHERE name = 'topology'"
        " ON CONFLICT DO UPDATE SET value = excluded.value"
    )
