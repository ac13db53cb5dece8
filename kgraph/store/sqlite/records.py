"""Writing what a source says of things, and deciding which entities they are."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import count

from kgraph.identity import Claimant, Matched
from kgraph.store._bodies import body_of
from kgraph.store._claimants import (
    claimants_of,
    fresh_entities,
    identified,
    merged_rows,
    shared_keys,
)
from kgraph.store._closing import Held, held, may_shrink_too_far, without_held
from kgraph.store._link_hashes import as_before, link_hashes, passed_by, uprooted
from kgraph.store._outcome import (
    Decided,
    RecordOutcome,
    decided,
    moved_records,
    own_places,
    rows_of,
    touched_entities,
)
from kgraph.store._reconcile import (
    RecordPlan,
    StoredRecord,
    StoredRow,
    plan_records,
    stored_records,
    without,
)
from kgraph.store._staging import Reading
from kgraph.store.sqlite.evidence import move_evidence
from kgraph.store.sqlite.identify import known_of, used_uids, versions_of
from kgraph.store.sqlite.tables import indexed_afterwards, next_id, state


def write_records(
    sql: sqlite3.Connection, reading: Reading, scope: int, *, closes: bool
) -> RecordOutcome:
    """Write new and changed records with their entities; retire the vanished."""
    staged = reading.staged
    stored, same = _stored(sql, reading, scope, closes=closes)
    said, hashed = without(staged.records, same), without(staged.hashes, same)
    plan = plan_records(said, hashed, stored, closes=closes, gone=staged.gone)
    kept = _held(sql, reading, plan, stored, passed=len(same))
    plan = without_held(plan, {key: stored[key].id for key in plan.vanished}, kept)
    vanished = frozenset(stored[key].id for key in plan.vanished)
    before = versions_of(sql, [stored[key].id for key in plan.changed])
    claimants, placeholders = claimants_of(reading, plan.deciding, stored, before)
    known = known_of(sql, claimants, [stored[key].id for key in plan.changed], vanished)
    matched = identified(claimants, known, partial(used_uids, sql))
    shared = shared_keys(claimants, known, matched)
    first_new = next_id(sql, "SELECT max(id) FROM entity")
    ids = rows_of(plan, stored, next_id(sql, "SELECT max(id) FROM record"))
    born = _born(sql, reading, ids, matched, known.born)
    entities = dict(known.born) | {uid: row for row, (uid, _) in born.items()}
    merged = merged_rows(matched, entities)
    merge_entities(sql, merged)
    to = decided(ids, matched.uids, entities)
    current = _current(sql, [stored[key].id for key in plan.changed if stored[key].live])
    _retire(sql, (*vanished, *current), reading.at)
    hashes = link_hashes(reading, said, closes=closes)
    _write(sql, reading, scope, plan, to, hashes)
    _keep_hashes(sql, hashes, stored, plan)
    fleeting = [(body_of(staged.records[k]), stored[k].id) for k in plan.refreshed]
    sql.executemany("UPDATE record SET body = ? WHERE id = ?", fleeting)
    _write_claims(sql, claimants, to, plan)
    # Of an entity that was merged, the links are the other one's by now.
    moved = moved_records(plan, stored, to)
    _move_links(sql, ((record, merged.get(old, old), new) for record, old, new in moved))
    touched, regrouped = touched_entities(plan, stored, to, merged)
    own = own_places(staged.records, plan, stored, to, merged)
    passed = dict(same)
    # What is held stays as it is, whatever the reading says of what depends on it.
    if not kept.records:
        passed |= as_before(hashes, plan, stored, own, regrouped)
    for key in _of_entities(sql, scope, regrouped):  # their relations may be loops now
        passed.pop(key, None)
    return RecordOutcome(
        own=own,
        vanished=vanished,
        touched=touched,
        regrouped=regrouped,
        first_new=first_new,
        unchanged=plan.unchanged + len(same),
        before=current,
        findings=(*kept.findings, *placeholders, *shared, *matched.conflicts),
        held=kept.records,
        answered=vanished | {own[key].record for key in staged.all_of if key in own},
        born=born,
        as_before=passed,
    )


def _held(
    sql: sqlite3.Connection,
    reading: Reading,
    plan: RecordPlan,
    stored: Mapping[str, StoredRecord],
    *,
    passed: int,
) -> Held:
    """Ask what would be lost, where that is so much that it may have to be held."""
    live = passed + sum(record.live for record in stored.values())
    if not may_shrink_too_far(reading, len(plan.vanished), live):
        return Held()
    rows = sql.execute(
        "WITH gone (id) AS (SELECT value FROM json_each(?))"
        " SELECT r.id, r.kind, coalesce(nullif(r.name, ''), r.key), EXISTS ("
        "  SELECT 1 FROM record AS o WHERE o.entity = r.entity AND o.live"
        "  AND o.id NOT IN (SELECT id FROM gone))"
        " FROM gone CROSS JOIN record AS r ON r.id = gone.id",
        (json.dumps([stored[key].id for key in plan.vanished]),),
    )
    return held(reading, rows.fetchall(), live)


def _stored(
    sql: sqlite3.Connection, reading: Reading, scope: int, *, closes: bool
) -> tuple[dict[str, StoredRecord], dict[str, int]]:
    """Return the records of a scope that must be looked at, and key -> row of others.

    Those that a partial reading does not name are neither.
    """
    staged = reading.staged
    if not closes:
        named = {*staged.records, *staged.links, *staged.gone, *staged.all_of}
        return stored_records(_named(sql, scope, named)), {}
    rows = sql.execute(
        "SELECT key, id, entity, kind, hash, live, links FROM record WHERE scope = ? AND live",
        (scope,),
    )
    stored, same = passed_by(rows, staged)
    if stored or same or _has_records(sql, scope):
        known = stored.keys() | same.keys()
        stored |= stored_records(_named(sql, scope, staged.records.keys() - known))
    lost = [row.id for row in uprooted(stored, staged)]
    near = sql.execute(
        "SELECT r.key, r.id, r.entity, r.kind, r.hash, r.live, r.links FROM json_each(?1) AS lost"
        " CROSS JOIN record AS gone ON gone.id = lost.value"
        " CROSS JOIN link AS l ON l.b = gone.entity AND l.b_record = gone.id"
        " JOIN record AS r ON r.id = l.a_record WHERE r.scope = ?2",
        (json.dumps(lost), scope),
    )
    stored |= stored_records(near)
    return stored, {key: row for key, row in same.items() if key not in stored}


def _named(sql: sqlite3.Connection, scope: int, keys: Collection[str]) -> Iterable[StoredRow]:
    """Return the records of a scope that have these keys, live or not."""
    return sql.execute(
        "SELECT r.key, r.id, r.entity, r.kind, r.hash, r.live, r.links FROM json_each(?) AS w"
        " CROSS JOIN record AS r ON r.scope = ? AND r.key = w.value ORDER BY r.id",
        (json.dumps(list(keys)), scope),
    )


def _has_records(sql: sqlite3.Connection, scope: int) -> bool:
    rows = sql.execute("SELECT EXISTS (SELECT 1 FROM record WHERE scope = ?)", (scope,))
    return bool(rows.fetchone()[0])


def _of_entities(sql: sqlite3.Connection, scope: int, entities: Iterable[int]) -> list[str]:
    """Return the keys of a scope's records of some entities."""
    rows = sql.execute(
        "SELECT r.key FROM json_each(?) AS e CROSS JOIN record AS r ON r.entity = e.value"
        " WHERE r.scope = ?",
        (json.dumps(list(entities)), scope),
    )
    return [key for (key,) in rows]


def _born(
    sql: sqlite3.Connection,
    reading: Reading,
    ids: Mapping[str, int],
    matched: Matched,
    known: Mapping[str, int],
) -> dict[int, tuple[str, str]]:
    """Make the entities that nobody knew, open and named; returns row -> (uid, name).

    All that is said of them is in this reading.

    Args:
        sql: the transaction.
        reading: what is said.
        ids: key of each record to be decided, in order -> the row that it has or will have.
        matched: which entities they are.
        known: uid -> row of the entities that are not new.
    """
    records = reading.staged.records
    fresh = fresh_entities(reading, tuple(ids), matched, known)
    rows = dict(zip(fresh, count(next_id(sql, "SELECT max(id) FROM entity"))))
    # The last counts: the newest of the given names, else of the mere keys.
    said = sorted(zip(ids.values(), ids, matched.uids, strict=True))
    names = {uid: key for _, key, uid in said}
    names |= {uid: records[key].name for _, key, uid in said if records[key].name}
    version = state(sql)[1] + 1
    with indexed_afterwards(sql, "entity"):
        sql.executemany(
            "INSERT INTO entity (id, uid, kind, name, since, version) VALUES (?, ?, ?, ?, ?, ?)",
            ((row, uid, fresh[uid], names[uid], reading.at, version) for uid, row in rows.items()),
        )
    return {row: (uid, names[uid]) for uid, row in rows.items()}


def merge_entities(sql: sqlite3.Connection, merged: Mapping[int, int]) -> None:
    """Give an entity that turned out to be another's all to that one."""
    for old, new in merged.items():
        sql.execute("UPDATE record SET entity = ? WHERE entity = ?", (new, old))
        sql.execute("UPDATE link SET a = ? WHERE a = ?", (new, old))
        sql.execute("UPDATE link SET b = ? WHERE b = ?", (new, old))
        sql.execute(
            "UPDATE entity SET merged_into = ?1 WHERE id = ?2 OR merged_into = ?2", (new, old)
        )
        move_evidence(sql, old, new)


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


def _write(
    sql: sqlite3.Connection,
    reading: Reading,
    scope: int,
    plan: RecordPlan,
    to: Decided,
    hashes: Mapping[str, bytes | None],
) -> None:
    """Insert new records, overwrite changed ones."""
    said, at = reading.staged, reading.at

    def row(key: str) -> tuple[object, ...]:
        record = said.records[key]
        body, own, links = body_of(record), said.hashes[key], hashes[key]
        kind, name, entity = record.kind, record.name, to.entities[key]
        return (to.ids[key], scope, key, kind, name, entity, own, body, at, links)

    with indexed_afterwards(sql, "record"):
        sql.executemany(
            "INSERT INTO record (id, scope, key, kind, name, entity, hash, body, since, links,"
            " live) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT (id) DO UPDATE SET"
            " kind = excluded.kind, name = excluded.name, entity = excluded.entity,"
            " hash = excluded.hash, body = excluded.body, since = excluded.since,"
            " links = excluded.links, live = 1",
            map(row, plan.deciding),
        )


def _keep_hashes(
    sql: sqlite3.Connection,
    hashes: Mapping[str, bytes | None],
    stored: Mapping[str, StoredRecord],
    plan: RecordPlan,
) -> None:
    """Write the hashes of relations that differ, of records that are not written anyway."""
    written = set(plan.deciding)
    rows = [
        (hashes[key], row.id)
        for key, row in stored.items()
        if hashes.get(key, row.links) != row.links and key not in written
    ]
    sql.executemany("UPDATE record SET links = ? WHERE id = ?", rows)


def _write_claims(
    sql: sqlite3.Connection, claimants: Iterable[Claimant], to: Decided, plan: RecordPlan
) -> None:
    sql.executemany("DELETE FROM claim WHERE record = ?", ((to.ids[key],) for key in plan.changed))
    sql.executemany(
        "INSERT OR IGNORE INTO claim VALUES (?, ?, ?, ?)",
        ((k.namespace, k.value, k.site, to.ids[c.key]) for c in claimants for k in c.keys),
    )


def _move_links(sql: sqlite3.Connection, moved: Iterable[tuple[int, int, int]]) -> None:
    """Let the links of records that describe another entity now follow them."""
    rows = [(new, old, record) for record, old, new in moved]
    sql.executemany("UPDATE link SET a = ? WHERE a = ? AND a_record = ?", rows)
    sql.executemany("UPDATE link SET b = ? WHERE b = ? AND b_record = ?", rows)
