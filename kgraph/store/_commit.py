"""One reading of one source, made so in the embedded store. Runs inside a transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from kgraph.schema import Change, Coverage, Observation, StoreError
from kgraph.store._database import from_ticks
from kgraph.store._evidence import add_changes, add_coverage, add_observations
from kgraph.store._feed import Outcome, write_feed
from kgraph.store._links import write_links
from kgraph.store._records import write_records
from kgraph.store._settle import settle
from kgraph.store._staging import Reading
from kgraph.store._tables import Names, locate_keys
from kgraph.store.protocol import Diff


@dataclass(frozen=True, slots=True)
class _Scope:
    id: int
    generation: int
    completed_at: int
    records: int
    digest: bytes | None
    findings: tuple[str, ...]


def apply(sql: sqlite3.Connection, reading: Reading) -> Diff:
    """Bring the store to what the reading says; the caller commits or takes it back."""
    scope = _claim(sql, reading)
    if reading.complete and scope.digest == reading.staged.digest():
        return _nothing_new(sql, reading, scope)
    empty, closes = _may_close(reading, scope)
    records = write_records(sql, reading, scope.id, closes=closes)
    links = write_links(sql, reading, scope.id, records, closes=closes)
    settled = settle(sql, records.touched, reading.at)
    outcome = Outcome(records, links, settled)
    write_feed(sql, reading, outcome, first=scope.generation == 0)
    observed, unknown = _take_evidence(sql, reading, Names(reading.source, scope.id, records.own))
    findings = (*empty, *records.findings, *links.findings)
    pending = _pending(sql, scope.id)
    diff = _diff(outcome, observed, pending, (*findings, *unknown))
    _save(sql, reading, scope, findings, closes=closes)
    if not diff.empty:
        sql.execute("UPDATE meta SET value = value + 1 WHERE name = 'topology'")
    return diff


def generation(sql: sqlite3.Connection, source: str, scope: str) -> int:
    """Return how many readings of a scope have been committed."""
    row = sql.execute(
        "SELECT generation FROM scope WHERE source = ? AND scope = ?", (source, scope)
    ).fetchone()
    return int(row[0]) if row else 0


def _claim(sql: sqlite3.Connection, reading: Reading) -> _Scope:
    """Return the scope's row, made if need be; refuse a reading that a newer one has overtaken."""
    sql.execute(
        "INSERT OR IGNORE INTO scope (source, scope) VALUES (?, ?)",
        (reading.source, reading.scope),
    )
    row = sql.execute(
        "SELECT id, generation, coalesce(completed_at, -1 << 62), records, digest, findings"
        " FROM scope WHERE source = ? AND scope = ?",
        (reading.source, reading.scope),
    ).fetchone()
    scope = _Scope(row[0], row[1], row[2], row[3], row[4], tuple(json.loads(row[5])))
    overtaken = scope.generation != reading.began and scope.completed_at >= reading.at
    if overtaken or scope.completed_at > reading.at:
        raise StoreError(
            f"this reading of {from_ticks(reading.at):%Y-%m-%dT%H:%M:%SZ} is stale: one of"
            f" {from_ticks(scope.completed_at):%Y-%m-%dT%H:%M:%SZ} has been committed",
            where=f"{reading.source} {reading.scope}".strip(),
            mend="read the source again",
        )
    return scope


def _may_close(reading: Reading, scope: _Scope) -> tuple[Sequence[str], bool]:
    """Tell whether what isn't reported is gone; an empty answer is more likely a sick source."""
    staged = reading.staged
    if reading.complete and not staged.records and scope.records:
        name = f"{reading.source} {reading.scope}".strip()
        return [f"empty_reading {name}: it had {scope.records} records; nothing was closed"], False
    return [], reading.complete and bool(staged.records or staged.links)


def _nothing_new(sql: sqlite3.Connection, reading: Reading, scope: _Scope) -> Diff:
    """Take the evidence of a reading whose records and relations are as they were."""
    names = Names(reading.source, scope.id, {})
    observed, unknown = _take_evidence(sql, reading, names)
    sql.execute(
        "UPDATE scope SET generation = generation + 1, completed_at = ? WHERE id = ?",
        (reading.at, scope.id),
    )
    return Diff(
        unchanged=len(reading.staged.records),
        observed=observed,
        pending=_pending(sql, scope.id),
        findings=(*scope.findings, *unknown),
    )


def _take_evidence(
    sql: sqlite3.Connection, reading: Reading, names: Names
) -> tuple[int, list[str]]:
    """Keep the staged evidence; returns the number of observations, and what nobody knows."""
    staged = reading.staged
    rows: list[Observation | Coverage | Change] = [
        *staged.observations,
        *staged.coverage,
        *staged.changes,
    ]
    wanted = {row.entity for row in rows} | {o.caller for o in staged.observations if o.caller}
    found = locate_keys(sql, names, wanted)
    entity = {key: place.entity for key, place in found.items()}
    callers = _uids(sql, [entity[o.caller] for o in staged.observations if o.caller in entity])
    observations = [
        (entity[o.entity], callers.get(entity.get(o.caller or "", -1), o.caller or ""), o)
        for o in staged.observations
        if o.entity in entity
    ]
    add_observations(sql, observations, received=reading.at)
    add_coverage(sql, ((entity[c.entity], c) for c in staged.coverage if c.entity in entity))
    add_changes(
        sql,
        ((entity[c.entity], c) for c in staged.changes if c.entity in entity),
        source=reading.source,
    )
    lost = sorted(wanted.difference(entity))
    return len(observations), [
        f"unknown_entity {key!r} of {reading.source} has evidence but no record" for key in lost
    ]


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


def _diff(
    outcome: Outcome, observed: int, pending: tuple[str, ...], findings: tuple[str, ...]
) -> Diff:
    settled = outcome.settled
    return Diff(
        created=tuple(settled.uids[entity] for entity in settled.opened),
        updated=tuple(settled.uids[entity] for entity in settled.kept),
        closed=tuple(settled.uids[entity] for entity in settled.closed),
        unchanged=outcome.records.unchanged,
        relations_opened=len(outcome.links.opened),
        relations_closed=len(outcome.links.closed),
        observed=observed,
        pending=pending,
        findings=findings,
    )


def _save(
    sql: sqlite3.Connection,
    reading: Reading,
    scope: _Scope,
    findings: Sequence[str],
    *,
    closes: bool,
) -> None:
    """Write the scope's state, last."""
    digest = reading.staged.digest() if closes else None
    sql.execute(
        "UPDATE scope SET generation = generation + 1, completed_at = ?, digest = ?, findings = ?,"
        " records = (SELECT count(*) FROM record WHERE scope = scope.id AND live) WHERE id = ?",
        (reading.at, digest, json.dumps(findings), scope.id),
    )
