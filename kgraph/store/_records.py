"""Writing what a source says of things, and deciding which entities they are."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kgraph.identity import Claimant, Matched, match
from kgraph.schema import Record
from kgraph.store._evidence import move_evidence
from kgraph.store._identify import claimants_of, known_of
from kgraph.store._reconcile import RecordPlan, StoredRecord, plan_records
from kgraph.store._staging import Reading
from kgraph.store._tables import Place, next_id

_JSON = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class RecordOutcome:
    """What came of a reading's records.

    Attributes:
        own: key -> place, for the live records of the scope.
        vanished: rows of records that are gone.
        touched: entities to settle.
        regrouped: those of them whose stored records may be others than before.
        first_new: entities from this id on were unknown before.
        before: record -> (entity, name, body) that it had; changed ones only.
    """

    own: Mapping[str, Place]
    vanished: frozenset[int]
    touched: frozenset[int]
    regrouped: frozenset[int]
    first_new: int
    unchanged: int
    before: Mapping[int, tuple[int, str, str]]
    findings: tuple[str, ...]


def write_records(
    sql: sqlite3.Connection, reading: Reading, scope: int, *, closes: bool
) -> RecordOutcome:
    """Write new and changed records with their entities; retire the vanished."""
    staged = reading.staged
    stored = _stored(sql, scope)
    plan = plan_records(staged.records, staged.hashes, stored, closes=closes)
    vanished = frozenset(stored[key].id for key in plan.vanished)
    deciding = (*plan.new, *plan.changed)
    claimants, placeholders = claimants_of(sql, reading, deciding, stored)
    known = known_of(sql, claimants, [stored[key].id for key in plan.changed], vanished)
    matched = match(claimants, known)
    first_new = next_id(sql, "SELECT max(id) FROM entity")
    entities = _entity_ids(sql, reading, deciding, matched, known.born)
    merged = _merge(sql, matched, entities)
    decided = {key: entities[uid] for key, uid in zip(deciding, matched.uids, strict=True)}
    before = _current(sql, [stored[key].id for key in plan.changed if stored[key].live])
    _retire(sql, (*vanished, *before), reading.at)
    first_record = next_id(sql, "SELECT max(id) FROM record")
    ids = {key: first_record + n for n, key in enumerate(plan.new)}
    ids |= {key: stored[key].id for key in plan.changed}
    _write(sql, reading, plan, _Decided(scope, ids, decided))
    fleeting = [(body_of(staged.records[k]), stored[k].id) for k in plan.refreshed]
    sql.executemany("UPDATE record SET body = ? WHERE id = ?", fleeting)
    _write_claims(sql, claimants, ids, plan)
    _move_links(sql, [(stored[k].id, stored[k].entity, decided[k]) for k in plan.changed])
    own = {
        key: Place(row.id, merged.get(row.entity, row.entity), row.kind)
        for key, row in stored.items()
        if row.live and row.id not in vanished
    }
    own |= {key: Place(ids[key], decided[key], staged.records[key].kind) for key in deciding}
    left = {stored[key].entity for key in (*plan.changed, *plan.vanished)}
    regrouped = {*merged.values(), *(decided[k] for k in plan.changed)}
    return RecordOutcome(
        own=own,
        vanished=vanished,
        touched=frozenset({*decided.values(), *left, *merged, *merged.values()}),
        regrouped=frozenset(regrouped),
        first_new=first_new,
        unchanged=plan.unchanged,
        before=before,
        findings=(*placeholders, *matched.conflicts),
    )


def body_of(record: Record) -> str:
    """Return what a record says of its entity as JSON: the store's form of it."""
    body = {
        "keys": [[key.namespace, key.value, key.site] for key in record.keys],
        "labels": dict(record.labels),
        "props": dict(record.props),
        "watched": list(record.watched),
    }
    return _JSON.encode(body)


def _stored(sql: sqlite3.Connection, scope: int) -> dict[str, StoredRecord]:
    rows = sql.execute(
        "SELECT key, id, entity, kind, hash, live FROM record WHERE scope = ?", (scope,)
    )
    return {
        key: StoredRecord(id_, entity, kind, hashed, bool(live))
        for key, id_, entity, kind, hashed, live in rows
    }


def _entity_ids(
    sql: sqlite3.Connection,
    reading: Reading,
    deciding: Sequence[str],
    matched: Matched,
    known: Mapping[str, int],
) -> dict[str, int]:
    """Return uid -> row of every entity in play, after making the new ones (still closed)."""
    ids = dict(known)
    first = next_id(sql, "SELECT max(id) FROM entity")
    fresh: dict[str, str] = {}
    for key, uid in zip(deciding, matched.uids, strict=True):
        if uid not in ids:
            fresh.setdefault(uid, reading.staged.records[key].kind)
    ids |= {uid: first + n for n, uid in enumerate(fresh)}
    sql.executemany(
        "INSERT INTO entity (id, uid, kind, name) VALUES (?, ?, ?, '')",
        ((ids[uid], uid, kind) for uid, kind in fresh.items()),
    )
    return ids


def _merge(
    sql: sqlite3.Connection, matched: Matched, entities: Mapping[str, int]
) -> dict[int, int]:
    """Give an entity that turned out to be another's all to that one; returns old -> new row."""
    merged = {}
    for old_uid in matched.merged:
        if old_uid not in entities:
            continue  # made and merged within this reading: it never was
        new_uid = old_uid
        while new_uid in matched.merged:
            new_uid = matched.merged[new_uid]
        old, new = entities[old_uid], entities[new_uid]
        merged[old] = new
        sql.execute("UPDATE record SET entity = ? WHERE entity = ?", (new, old))
        sql.execute("UPDATE link SET a = ? WHERE a = ?", (new, old))
        sql.execute("UPDATE link SET b = ? WHERE b = ?", (new, old))
        sql.execute("UPDATE entity SET merged_into = ? WHERE id = ?", (new, old))
        move_evidence(sql, old, new)
    return merged


def _current(sql: sqlite3.Connection, records: Sequence[int]) -> dict[int, tuple[int, str, str]]:
    """Return entity, name and body of records before they are overwritten."""
    rows = sql.execute(
        "SELECT id, entity, name, body FROM record WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(records),),
    )
    return {id_: (entity, name, body) for id_, entity, name, body in rows}


def _retire(sql: sqlite3.Connection, records: Iterable[int], at: int) -> None:
    """Keep the present version as history; the record is dead until it is written again."""
    rows = [(at, id_) for id_ in records]
    sql.executemany(
        "INSERT INTO record_history SELECT id, entity, name, body, since, ? FROM record"
        " WHERE id = ?",
        rows,
    )
    sql.executemany("UPDATE record SET live = 0 WHERE id = ?", ((id_,) for _, id_ in rows))


@dataclass(frozen=True, slots=True)
class _Decided:
    """Where each new and changed record of a scope goes: key -> record row, and -> entity."""

    scope: int
    ids: Mapping[str, int]
    entities: Mapping[str, int]


def _write(sql: sqlite3.Connection, reading: Reading, plan: RecordPlan, to: _Decided) -> None:
    """Insert new records, overwrite changed ones."""

    def content(key: str) -> tuple[object, ...]:
        record = reading.staged.records[key]
        hashed, body = reading.staged.hashes[key], body_of(record)
        return (record.kind, record.name, to.entities[key], hashed, body, reading.at)

    sql.executemany(
        "INSERT INTO record (id, scope, key, kind, name, entity, hash, body, since, live)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
        ((to.ids[key], to.scope, key, *content(key)) for key in plan.new),
    )
    sql.executemany(
        "UPDATE record SET kind = ?, name = ?, entity = ?, hash = ?, body = ?, since = ?, live = 1"
        " WHERE id = ?",
        ((*content(key), to.ids[key]) for key in plan.changed),
    )


def _write_claims(
    sql: sqlite3.Connection,
    claimants: Iterable[Claimant],
    ids: Mapping[str, int],
    plan: RecordPlan,
) -> None:
    sql.executemany("DELETE FROM claim WHERE record = ?", ((ids[key],) for key in plan.changed))
    sql.executemany(
        "INSERT OR IGNORE INTO claim VALUES (?, ?, ?, ?)",
        ((k.namespace, k.value, k.site, ids[c.key]) for c in claimants for k in c.keys),
    )


def _move_links(sql: sqlite3.Connection, changed: Iterable[tuple[int, int, int]]) -> None:
    """Let the links of records that describe another entity now follow them."""
    moved = [(new, old, record) for record, old, new in changed if old != new]
    sql.executemany("UPDATE link SET a = ? WHERE a = ? AND a_record = ?", moved)
    sql.executemany("UPDATE link SET b = ? WHERE b = ? AND b_record = ?", moved)
