"""What a person decides on identity, made so in the embedded store. Runs inside a transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Sequence

from kgraph.schema import Decision, RecordName
from kgraph.store._decisions import (
    Named,
    Party,
    known,
    merge_told,
    refuse_unlike,
    split_off,
    split_told,
    splittable,
)
from kgraph.store._feed import MERGED, SPLIT
from kgraph.store._outcome import Edge, LinkOutcome, Outcome, RecordOutcome
from kgraph.store._ticks import to_ticks
from kgraph.store.sqlite.identify import used_uids
from kgraph.store.sqlite.links import close_links, drop_loops, open_links
from kgraph.store.sqlite.records import merge_entities
from kgraph.store.sqlite.settle import settle
from kgraph.store.sqlite.tables import next_id
from kgraph.store.sqlite.topology import advance


def merge(sql: sqlite3.Connection, decision: Decision) -> None:
    """Let the second entity of a decision be the first from now on."""
    first, second = _party(sql, decision.uid), _party(sql, decision.other)
    refuse_unlike(first, second)
    at = to_ticks(decision.at)
    merge_entities(sql, {second.id: first.id})
    looped = drop_loops(sql, frozenset({first.id}), at)
    touched = frozenset({first.id, second.id})
    _finish(sql, touched, frozenset({first.id}), LinkOutcome((), tuple(looped), ()), at)
    _keep(sql, decision, first.id, second.id)
    _tell(sql, at, [(first.id, MERGED, merge_told(second, decision))], decision.by)


def split(
    sql: sqlite3.Connection, uid: str, names: Collection[RecordName], decision: Decision
) -> str:
    """Make an entity of some records of another; returns its uid."""
    first = _party(sql, uid)
    taken = splittable(first, _records(sql, first.id), names)
    at = to_ticks(decision.at)
    fresh = next_id(sql, "SELECT max(id) FROM entity")
    new_uid = split_off(first.uid, taken, lambda each: bool(used_uids(sql, [each])))
    sql.execute(
        "INSERT INTO entity (id, uid, kind, name) VALUES (?, ?, ?, '')",
        (fresh, new_uid, first.kind),
    )
    moved = [record.id for record in taken]
    _move_records(sql, moved, fresh, at)
    links = _move_links(sql, moved, fresh, at)
    # What was a relation to itself may be one between two now: their sources are to be read anew.
    sql.execute(
        "UPDATE scope SET digest = NULL WHERE id IN"
        " (SELECT scope FROM record WHERE entity IN (?, ?))",
        (first.id, fresh),
    )
    both = frozenset({first.id, fresh})
    _finish(sql, both, both, links, at, first_new=fresh)
    _keep(sql, decision, first.id, fresh)
    told = split_told(taken, decision)
    _tell(sql, at, [(first.id, SPLIT, told), (fresh, SPLIT, told)], decision.by)
    return new_uid


def _party(sql: sqlite3.Connection, uid: str) -> Party:
    row = sql.execute(
        "SELECT n.id, n.uid, n.kind, n.name FROM entity AS e"
        " JOIN entity AS n ON n.id = coalesce(e.merged_into, e.id) WHERE e.uid = ?",
        (uid,),
    ).fetchone()
    return known(Party(*row) if row else None, uid)


def _records(sql: sqlite3.Connection, entity: int) -> list[Named]:
    rows = sql.execute(
        "SELECT r.id, s.source, r.key, s.scope, r.live FROM record AS r"
        " JOIN scope AS s ON s.id = r.scope WHERE r.entity = ? ORDER BY r.id",
        (entity,),
    )
    return [
        Named(id_, RecordName(source, key, scope), bool(live))
        for id_, source, key, scope, live in rows
    ]


def _move_records(sql: sqlite3.Connection, records: Sequence[int], to: int, at: int) -> None:
    """Give records another entity from now on; before, they were what they were."""
    wanted = json.dumps(records)
    sql.execute(
        "INSERT INTO record_history SELECT id, entity, name, body, since, ? FROM record"
        " WHERE live AND since < ? AND id IN (SELECT value FROM json_each(?))",
        (at, at, wanted),
    )
    sql.execute(
        "UPDATE record SET entity = ?, since = iif(live, max(since, ?), since)"
        " WHERE id IN (SELECT value FROM json_each(?))",
        (to, at, wanted),
    )


def _move_links(sql: sqlite3.Connection, records: Sequence[int], to: int, at: int) -> LinkOutcome:
    moved = set(records)
    rows = sql.execute(
        "SELECT id, scope, a_record, type, b_record, grp, need, a, b FROM link"
        " WHERE a_record IN (SELECT value FROM json_each(?1))"
        " OR b_record IN (SELECT value FROM json_each(?1)) ORDER BY id",
        (json.dumps(records),),
    ).fetchall()
    closed = close_links(sql, [row[0] for row in rows], at)
    opened: list[Edge] = []
    ends = ((to if row[2] in moved else row[7], to if row[4] in moved else row[8]) for row in rows)
    fresh = ((*row[1:7], *pair, at) for row, pair in zip(rows, ends, strict=True))
    open_links(sql, fresh, opened)
    return LinkOutcome(tuple(opened), tuple(closed), ())


def _finish(
    sql: sqlite3.Connection,
    touched: frozenset[int],
    regrouped: frozenset[int],
    links: LinkOutcome,
    at: int,
    *,
    first_new: int | None = None,
) -> None:
    settled = settle(sql, touched, at)
    first = next_id(sql, "SELECT max(id) FROM entity") if first_new is None else first_new
    records = RecordOutcome({}, frozenset(), touched, regrouped, first, 0, {}, ())
    advance(sql, Outcome(records, links, settled))


def _keep(sql: sqlite3.Connection, decision: Decision, a: int, b: int) -> None:
    sql.execute(
        "INSERT INTO decision (verdict, a, b, at, by, reason) VALUES (?, ?, ?, ?, ?, ?)",
        (decision.verdict.value, a, b, to_ticks(decision.at), decision.by, decision.reason),
    )


def _tell(sql: sqlite3.Connection, at: int, rows: list[tuple[int, str, str]], by: str) -> None:
    sql.executemany(
        "INSERT INTO change (at, entity, type, detail, source) VALUES (?, ?, ?, ?, ?)",
        ((at, *row, by) for row in rows),
    )
