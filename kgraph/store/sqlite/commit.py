"""One reading of one source, made so in the embedded store. Runs inside a transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace

from kgraph.store._closing import lost_links
from kgraph.store._endpoints import Names
from kgraph.store._feed import FeedRow, Version, dependencies, feed, told_edges
from kgraph.store._outcome import Outcome, all_touched, difference, with_born
from kgraph.store._placing import keys_of, placed
from kgraph.store._preview import in_words, involved
from kgraph.store._scopes import Scope, may_close, refuse_stale, with_what_is_held
from kgraph.store._staging import Reading
from kgraph.store._ticks import NEVER
from kgraph.store.results import Changed, Diff
from kgraph.store.sqlite.evidence import add_changes, add_coverage, add_observations
from kgraph.store.sqlite.links import write_links
from kgraph.store.sqlite.records import write_records
from kgraph.store.sqlite.settle import settle
from kgraph.store.sqlite.tables import indexed_afterwards, locate_keys
from kgraph.store.sqlite.topology import advance, rewritten

# Whatever the reading says: when it was, and what lies between two of them.
_READ_AGAIN = """
UPDATE scope SET generation = generation + 1, completed_at = :at,
    interval = max(:at - completed_at, coalesce(interval, 0) / 2)
WHERE id = :id"""
_SAVE = "UPDATE scope SET digest = :digest, findings = :findings, records = :live WHERE id = :id"


def apply(sql: sqlite3.Connection, reading: Reading, *, telling: bool = False) -> Diff:
    """Bring the store to what the reading says; the caller commits or takes it back.

    With `telling` each change is put in words, which costs a look at everything that changes.
    """
    scope = _claim(sql, reading)
    refuse_stale(reading, scope)
    if scope.repeats(reading):
        return _nothing_new(sql, reading, scope)
    empty, closes = may_close(reading, scope)
    records = write_records(sql, reading, scope.id, closes=closes)
    if scope.outranked(reading):
        sql.execute("UPDATE scope SET priority = ? WHERE id = ?", (reading.priority, scope.id))
        records = all_touched(records, _entities(sql, scope.id))
    links = write_links(sql, reading, scope.id, records, closes=closes, telling=telling)
    settled = settle(sql, records.touched.difference(records.born), reading.at)
    settled = with_born(settled, records.born)
    outcome = Outcome(records, links, settled)
    rows = _write_feed(sql, reading, outcome, first=scope.generation == 0)
    observed, unknown = _take_evidence(sql, reading, Names(reading.source, scope.id, records.own))
    findings = (*empty, *records.findings, *links.findings)
    pending = _pending(sql, scope.id)
    lost = lost_links(reading, outcome, scope.records)
    diff = difference(outcome, observed, pending, (*findings, *lost, *unknown))
    kept = with_what_is_held(reading, scope, findings)
    live = len(reading.staged.records) + len(records.held) if closes else _live(sql, scope.id)
    _save(sql, reading, scope, kept, live=live, closes=closes and not records.held)
    if telling:
        diff = replace(diff, changes=_in_words(sql, outcome, rows))
    rewritten(sql)
    if not diff.empty:
        advance(sql, outcome)
    return diff


def generation(sql: sqlite3.Connection, source: str, scope: str) -> int:
    """Return how many readings of a scope have been committed."""
    row = sql.execute(
        "SELECT generation FROM scope WHERE source = ? AND scope = ?", (source, scope)
    ).fetchone()
    return int(row[0]) if row else 0


def _claim(sql: sqlite3.Connection, reading: Reading) -> Scope:
    """Return the scope's row, made if need be."""
    sql.execute(
        "INSERT OR IGNORE INTO scope (source, scope) VALUES (?, ?)",
        (reading.source, reading.scope),
    )
    row = sql.execute(
        "SELECT id, generation, coalesce(completed_at, ?), records, digest, findings, priority"
        " FROM scope WHERE source = ? AND scope = ?",
        (NEVER, reading.source, reading.scope),
    ).fetchone()
    return Scope(row[0], row[1], row[2], row[3], row[4], tuple(json.loads(row[5])), row[6])


def _nothing_new(sql: sqlite3.Connection, reading: Reading, scope: Scope) -> Diff:
    """Take the evidence of a reading whose records and relations are as they were."""
    names = Names(reading.source, scope.id, {})
    observed, unknown = _take_evidence(sql, reading, names)
    sql.execute(_READ_AGAIN, {"at": reading.at, "id": scope.id})
    return Diff(
        unchanged=len(reading.staged.records),
        observed=observed,
        pending=_pending(sql, scope.id),
        findings=(*scope.findings, *unknown),
    )


def _live(sql: sqlite3.Connection, scope: int) -> int:
    rows = sql.execute("SELECT count(*) FROM record WHERE scope = ? AND live", (scope,))
    return int(rows.fetchone()[0])


def _entities(sql: sqlite3.Connection, scope: int) -> list[int]:
    rows = sql.execute("SELECT entity FROM record WHERE scope = ? AND live", (scope,))
    return [entity for (entity,) in rows]


def _write_feed(
    sql: sqlite3.Connection, reading: Reading, outcome: Outcome, *, first: bool
) -> list[FeedRow]:
    now = _versions(sql, outcome.records.before)
    opened, closed = told_edges(outcome)
    titles = _titles(sql, dependencies((*opened, *closed)))
    rows = list(feed(outcome, now, titles, first=first))
    with indexed_afterwards(sql, "change"):
        sql.executemany(
            "INSERT INTO change (at, entity, type, detail, source) VALUES (?, ?, ?, ?, ?)",
            ((reading.at, *row, reading.source) for row in rows),
        )
    return rows


def _in_words(
    sql: sqlite3.Connection, outcome: Outcome, rows: Sequence[FeedRow]
) -> tuple[Changed, ...]:
    found = sql.execute(
        "SELECT id, uid, kind, name FROM entity WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(involved(outcome, rows))),),
    )
    return in_words(outcome, rows, {id_: (uid, kind, name) for id_, uid, kind, name in found})


def _versions(sql: sqlite3.Connection, records: Iterable[int]) -> dict[int, Version]:
    rows = sql.execute(
        "SELECT id, entity, name, body FROM record WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(records)),),
    )
    return {id_: (entity, name, body) for id_, entity, name, body in rows}


def _titles(sql: sqlite3.Connection, entities: Sequence[int]) -> dict[int, str]:
    rows = sql.execute(
        "SELECT id, kind || ' ' || name FROM entity WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(entities),),
    )
    return dict(rows.fetchall())


def _take_evidence(
    sql: sqlite3.Connection, reading: Reading, names: Names
) -> tuple[int, list[str]]:
    """Keep the staged evidence; returns the number of observations, and what nobody knows."""
    found = locate_keys(sql, names, keys_of(reading.staged))
    entity = {key: place.entity for key, place in found.items()}
    callers = {o.caller for o in reading.staged.observations if o.caller in entity}
    rows = placed(reading, entity, _uids(sql, [entity[key] for key in callers]))
    add_observations(sql, rows.observations, received=reading.at)
    add_coverage(sql, rows.coverage)
    add_changes(sql, rows.changes, source=reading.source)
    return len(rows.observations), rows.unknown


def _uids(sql: sqlite3.Connection, entities: Sequence[int]) -> dict[int, str]:
    rows = sql.execute(
        "SELECT id, uid FROM entity WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(entities),),
    )
    return dict(rows.fetchall())


def _pending(sql: sqlite3.Connection, scope: int) -> tuple[str, ...]:
    rows = sql.execute(
        "SELECT DISTINCT a_key || ' ' || type || ' ' || b_key FROM pending WHERE scope = ?"
        " ORDER BY 1",
        (scope,),
    )
    return tuple(text for (text,) in rows)


def _save(
    sql: sqlite3.Connection,
    reading: Reading,
    scope: Scope,
    findings: Sequence[str],
    *,
    live: int,
    closes: bool,
) -> None:
    """Write the scope's state, last."""
    digest = reading.staged.digest() if closes else None
    rest = {"digest": digest, "findings": json.dumps(findings), "live": live}
    sql.execute(_READ_AGAIN, {"at": reading.at, "id": scope.id})
    sql.execute(_SAVE, rest | {"id": scope.id})
