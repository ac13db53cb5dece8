"""What the embedded store tells of the bare topology, and since which version."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from functools import lru_cache

from kgraph.schema import Observation, Relation
from kgraph.store._outcome import Outcome, versioned
from kgraph.store.results import Bare, TopologyDelta
from kgraph.store.sqlite.compact import Links
from kgraph.store.sqlite.evidence import observation_of, observations
from kgraph.store.sqlite.tables import state

_REMEMBERED = 32_768  # rows of what is abnormal


def advance(sql: sqlite3.Connection, outcome: Outcome) -> None:
    """Give the topology its next version, and write it on what a reading has touched."""
    sql.execute("UPDATE meta SET value = value + 1 WHERE name = 'topology'")
    _, version = state(sql)
    first_new = outcome.records.first_new
    # Most new ones were made with it.
    sql.execute(
        "UPDATE entity SET version = ?1 WHERE id >= ?2 AND version != ?1", (version, first_new)
    )
    sql.executemany(
        "UPDATE entity SET version = ? WHERE id = ?",
        ((version, entity) for entity in versioned(outcome) if entity < first_new),
    )
    # Who depends on what was regrouped depends on another entity now.
    sql.execute(
        "UPDATE entity SET version = ? WHERE id IN (SELECT l.a FROM json_each(?) AS e"
        " CROSS JOIN link AS l ON l.b = e.value)",
        (version, json.dumps(sorted(outcome.records.regrouped))),
    )


def rewritten(sql: sqlite3.Connection) -> None:
    """Note that something of the graph was written, though the topology may be as it was."""
    sql.execute(
        "INSERT INTO meta VALUES ('contents', 1) ON CONFLICT DO UPDATE SET value = value + 1"
    )


def delta(sql: sqlite3.Connection, since: int) -> TopologyDelta:
    """Return what was touched after a version; -1: everything."""
    store, version = state(sql)
    if since < _pruned(sql):
        since = -1  # what has gone since is not known any longer
    if since < 0:
        return _whole(sql, store, version)
    rows = sql.execute(
        "SELECT id, uid, kind, since IS NOT NULL FROM entity WHERE version > ?"
        " ORDER BY kind, name, uid",
        (since,),
    ).fetchall()
    ids = {id_: uid for id_, uid, _, is_open in rows if is_open}
    return TopologyDelta(
        store,
        version,
        gone=tuple(uid for _, uid, _, is_open in rows if not is_open),
        entities=tuple(Bare(uid, kind) for _, uid, kind, is_open in rows if is_open),
        relations=tuple(_relations(sql, ids)),
    )


def _whole(sql: sqlite3.Connection, store: str, version: int) -> TopologyDelta:
    entities: list[Bare] = []
    gone: list[str] = []
    places: dict[int, int] = {}
    for id_, uid, kind, is_open in sql.execute(
        "SELECT id, uid, kind, since IS NOT NULL FROM entity ORDER BY kind, name, uid"
    ):
        if is_open:
            places[id_] = len(entities)
            entities.append(Bare(uid, kind))
        else:
            gone.append(uid)
    links = Links([entity.uid for entity in entities])
    sources = dict(sql.execute("SELECT id, source FROM scope").fetchall())
    for a, type_, b, *group, scope in sql.execute("SELECT a, type, b, grp, need, scope FROM link"):
        links.add(places[a], places[b], (type_, *group, sources[scope]))
    return TopologyDelta(store, version, tuple(gone), tuple(entities), links, whole=True)


def _pruned(sql: sqlite3.Connection) -> int:
    """Return the version before which entities may have been forgotten."""
    row = sql.execute("SELECT value FROM meta WHERE name = 'pruned'").fetchone()
    return int(row[0]) if row else -1


def symptoms(sql: sqlite3.Connection, now: int) -> list[Observation]:
    """Return what is abnormal at a moment, in ticks.

    What has not changed since it was last read is the same object: who looks every second need not
    compare thousands of rows.
    """
    return list(observations(sql, None, now, abnormal=True, read=_remembered))


_remembered = lru_cache(maxsize=_REMEMBERED)(observation_of)


def _relations(sql: sqlite3.Connection, uids: dict[int, str]) -> Iterable[Relation]:
    sources = dict(sql.execute("SELECT id, source FROM scope").fetchall())
    rows = sql.execute(
        "SELECT l.a, l.type, l.b, l.grp, l.need, l.scope FROM json_each(?) AS w"
        " CROSS JOIN link AS l ON l.a = w.value",
        (json.dumps(list(uids)),),
    ).fetchall()
    ends = sql.execute(
        "SELECT id, uid FROM entity WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list({b for _, _, b, *_ in rows})),),
    )
    others = dict(ends.fetchall())
    for a, type_, b, group, need, scope in rows:
        yield Relation(uids[a], type_, others[b], group, need, sources[scope])
