"""All rows of the embedded store, as `_sections` has them. Runs inside a reading transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

from kgraph.store._sections import Row

_Turn = Callable[..., tuple[Any, ...]]

_SCOPES = """
SELECT id, source, scope, generation, completed_at, records, digest, findings, priority
FROM scope ORDER BY id"""
_ENTITIES = "SELECT id, uid, kind, name, since, merged_into FROM entity ORDER BY id"
_RECORDS = """
SELECT id, scope, key, kind, name, entity, hash, body, since, live FROM record ORDER BY id"""
_ENTITY_VERSIONS = """
SELECT entity, since, until FROM entity_history ORDER BY entity, since, until"""
_RECORD_VERSIONS = """
SELECT record, entity, name, body, since, until FROM record_history
ORDER BY record, since, until, name, body"""
_LINKS = """
SELECT scope, a_record, b_record, type, grp, need, a, b, since FROM link ORDER BY id"""
# In another store the past of an entity that was merged is that of the one that lives on.
_PAST_LINKS = """
SELECT l.scope, coalesce(a.merged_into, a.id), l.type, coalesce(b.merged_into, b.id), l.grp,
 l.need, l.since, l.until FROM link_history AS l JOIN entity AS a ON a.id = l.a
JOIN entity AS b ON b.id = l.b ORDER BY 2, 3, 4, 7, 8, 1, coalesce(l.grp, '')"""
_PENDING = "SELECT scope, a_key, type, b_key, grp, need FROM pending ORDER BY rowid"
_CHANGES = "SELECT at, entity, type, detail, source FROM change ORDER BY id"
_OBSERVED = """
SELECT entity, signal, detector, direction, caller, state, score, at, received_at, expires_at,
 detail, since, due_at FROM observation ORDER BY 1, 2, 3, 4, 5"""
_OBSERVED_BEFORE = """
SELECT entity, signal, detector, direction, caller, state, score, at, received_at, detail, since,
 until, due_at FROM observation_history ORDER BY 1, 11, 12, 2, 3, 4, 5"""
_COVERED = "SELECT entity, signal, detector, at, ttl, since FROM coverage ORDER BY 1, 2, 3"
_DECISIONS = "SELECT verdict, a, b, at, by, reason FROM decision ORDER BY id"
_INCIDENTS = """
SELECT id, status, opened_at, updated_at, title, bundle, answer FROM incident
ORDER BY opened_at, id"""
_RULINGS = """
SELECT incident, uid, kind, mode, right, posterior, change_type, at, by, reason FROM ruling
ORDER BY at, incident, uid"""
_PLANS = """
SELECT id, incident, state, created_at, updated_at, document, because FROM plan
ORDER BY created_at, id"""
_JOURNAL = "SELECT plan, step, attempt, state, at, detail, token FROM journal ORDER BY id"
_LEASES = "SELECT name, token FROM lease ORDER BY name"
_HALT = "SELECT at, reason FROM halt"
_AUDIT = "SELECT at, event, body, hash FROM audit ORDER BY id"
_DOCUMENTS = "SELECT drawer, id, at, body FROM document ORDER BY drawer, at, id"


def dump(sql: sqlite3.Connection) -> Iterator[Row]:
    """Yield every row of every section."""
    place: dict[int, int] = {}  # id of a scope -> its place
    for id_, *row, digest, findings, priority in sql.execute(_SCOPES):
        place[id_] = len(place) + 1
        yield "scope", (*row, digest.hex() if digest else None, json.loads(findings), priority)
    uids = dict(sql.execute("SELECT id, uid FROM entity").fetchall())
    for _, uid, kind, name, since, into in sql.execute(_ENTITIES):
        yield "entity", (uid, kind, name, since, uids.get(into))
    yield from _rows(sql, "entityVersion", _ENTITY_VERSIONS, lambda e, *row: (uids[e], *row))
    number: dict[int, int] = {}  # id of a record -> its place
    for id_, scope, key, kind, name, entity, hashed, body, since, live in sql.execute(_RECORDS):
        number[id_] = len(number) + 1
        said = (key, kind, name, uids[entity], hashed.hex(), body, since, bool(live))
        yield "record", (place[scope], *said)
    yield from _rows(
        sql, "recordVersion", _RECORD_VERSIONS, lambda r, e, *row: (number[r], uids[e], *row)
    )
    yield from _rows(
        sql,
        "relation",
        _LINKS,
        lambda s, p, q, type_, group, need, a, b, since: (
            (place[s], number[p], number[q], type_, group, need, uids[a], uids[b], since)
        ),
    )
    yield from _rows(
        sql,
        "pastRelation",
        _PAST_LINKS,
        lambda s, a, type_, b, *row: (place[s], uids[a], type_, uids[b], *row),
    )
    yield from _rows(sql, "pending", _PENDING, lambda s, *row: (place[s], *row))
    yield from _rows(sql, "change", _CHANGES, lambda at, e, *row: (at, uids[e], *row))

    def of_entity(entity: int, *row: Any) -> tuple[Any, ...]:  # noqa: ANN401 - columns
        return uids[entity], *row

    yield from _rows(sql, "observation", _OBSERVED, of_entity)
    yield from _rows(sql, "observationVersion", _OBSERVED_BEFORE, of_entity)
    yield from _rows(sql, "coverage", _COVERED, of_entity)
    yield from _rows(
        sql, "decision", _DECISIONS, lambda said, a, b, *row: (said, uids[a], uids[b], *row)
    )
    yield from _rows(sql, "incident", _INCIDENTS, lambda *row: row)
    yield from _rows(
        sql, "ruling", _RULINGS, lambda i, u, k, m, right, *row: (i, u, k, m, bool(right), *row)
    )
    for section, query in (
        ("plan", _PLANS),
        ("journal", _JOURNAL),
        ("lease", _LEASES),
        ("halt", _HALT),
        ("audit", _AUDIT),
        ("document", _DOCUMENTS),
    ):
        yield from _rows(sql, section, query, lambda *row: row)


def _rows(sql: sqlite3.Connection, section: str, query: str, turn: _Turn) -> Iterator[Row]:
    for row in sql.execute(query):
        yield section, turn(*row)
