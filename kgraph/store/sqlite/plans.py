"""Plans, their journal, leases and the kill switch in the embedded store."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from kgraph.schema import (
    AuditEvent,
    Halt,
    JournalEntry,
    Lease,
    PlanRecord,
    PlanState,
    StepState,
)
from kgraph.schema.audit import halt_body, journal_body, plan_body
from kgraph.store._rights import HeldLease, check_rights, check_unmoved, shown, taken
from kgraph.store._ticks import NEVER, from_ticks, to_ticks
from kgraph.store.sqlite import audit


def save(sql: sqlite3.Connection, record: PlanRecord, was: PlanRecord | None) -> None:
    """Insert, or replace all but when it was made; only what still is as it was read."""
    before = get(sql, record.id)
    check_unmoved(record, was, before)
    body = plan_body(record)
    if before is None or plan_body(before) != body:
        audit.append(sql, record.updated_at, AuditEvent.PLAN, body)
    sql.execute(
        "INSERT INTO plan VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " incident = excluded.incident, state = excluded.state, updated_at = excluded.updated_at,"
        " document = excluded.document, because = excluded.because",
        (
            record.id,
            record.incident,
            record.state.value,
            to_ticks(record.created_at),
            to_ticks(record.updated_at),
            record.document,
            record.because,
        ),
    )


def get(sql: sqlite3.Connection, plan_id: str) -> PlanRecord | None:
    """Return one, or None."""
    row = sql.execute("SELECT * FROM plan WHERE id = ?", (plan_id,)).fetchone()
    return _record(row) if row else None


def newest(
    sql: sqlite3.Connection,
    incident: str | None,
    states: Collection[PlanState] | None,
    since: datetime | None,
    limit: int,
) -> list[PlanRecord]:
    """Return the newest first."""
    asked: dict[str, object] = {}
    if incident is not None:
        asked["incident = ?"] = incident
    if states is not None:
        wanted = json.dumps([state.value for state in states])
        asked["state IN (SELECT value FROM json_each(?))"] = wanted
    if since is not None:
        asked["updated_at >= ?"] = to_ticks(since)
    # Only what is asked stands there: beside an `OR` SQLite would use no index.
    where = f" WHERE {' AND '.join(asked)}" if asked else ""
    rows = sql.execute(
        f"SELECT * FROM plan{where} ORDER BY created_at DESC, id DESC LIMIT ?",  # noqa: S608 - constants
        (*asked.values(), limit),
    )
    return [_record(row) for row in rows]


def write_journal(sql: sqlite3.Connection, entry: JournalEntry, lease: Lease | None) -> None:
    """Append an entry, if the right to act still holds."""
    check_rights(entry, lease, _known(sql, lease.name) if lease else None, halted(sql))
    sql.execute(
        "INSERT INTO journal (plan, step, attempt, state, at, detail, token)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            entry.plan,
            entry.step,
            entry.attempt,
            entry.state.value,
            to_ticks(entry.at),
            entry.detail,
            lease.token if lease else entry.token,
        ),
    )
    written = replace(entry, token=lease.token if lease else entry.token)
    audit.append(sql, entry.at, AuditEvent.JOURNAL, journal_body(written))


def journal(sql: sqlite3.Connection, plan_id: str) -> list[JournalEntry]:
    """Return a plan's entries as they were written."""
    rows = sql.execute(
        "SELECT plan, step, state, at, detail, attempt, token FROM journal WHERE plan = ?"
        " ORDER BY id",
        (plan_id,),
    )
    return [
        JournalEntry(plan, step, StepState(state), from_ticks(at), detail, attempt, token)
        for plan, step, state, at, detail, attempt, token in rows
    ]


def acquire(
    sql: sqlite3.Connection, name: str, holder: str, ttl: timedelta, now: datetime
) -> Lease | None:
    """Take a lease that nobody else holds."""
    got = taken(_known(sql, name), name, holder, ttl, now)
    if got is None:
        return None
    sql.execute(
        "INSERT INTO lease VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " holder = excluded.holder, token = excluded.token, expires_at = excluded.expires_at",
        (name, holder, got.token, got.expires_at),
    )
    return shown(got)


def renew(sql: sqlite3.Connection, lease: Lease, ttl: timedelta, now: datetime) -> Lease | None:
    """Prolong a lease that still holds."""
    known = _known(sql, lease.name)
    if not (known and known.is_the(lease, to_ticks(now))):
        return None
    end = now + ttl
    sql.execute("UPDATE lease SET expires_at = ? WHERE name = ?", (to_ticks(end), lease.name))
    return Lease(lease.name, lease.holder, lease.token, end)


def release(sql: sqlite3.Connection, lease: Lease) -> None:
    """Let it run out at once; its token stays taken."""
    sql.execute(
        "UPDATE lease SET expires_at = ? WHERE name = ? AND token = ?",
        (NEVER, lease.name, lease.token),
    )


def leases(sql: sqlite3.Connection, now: datetime) -> list[Lease]:
    """Return what is held, by name."""
    rows = sql.execute(
        "SELECT name, holder, token, expires_at FROM lease WHERE expires_at > ? ORDER BY name",
        (to_ticks(now),),
    )
    return [shown(HeldLease(*row)) for row in rows]


def halt(sql: sqlite3.Connection, switch: Halt) -> None:
    """Throw the switch; one that is on already keeps its time."""
    if halted(sql) is not None:
        return
    sql.execute("INSERT INTO halt VALUES (0, ?, ?)", (to_ticks(switch.at), switch.reason))
    audit.append(sql, switch.at, AuditEvent.HALT, halt_body(switch))


def lift_halt(sql: sqlite3.Connection, at: datetime | None) -> None:
    """Switch it off."""
    if sql.execute("DELETE FROM halt").rowcount:
        audit.append(sql, at, AuditEvent.LIFT, "[]")


def halted(sql: sqlite3.Connection) -> Halt | None:
    """Return the switch while it is on."""
    row = sql.execute("SELECT at, reason FROM halt").fetchone()
    return Halt(from_ticks(row[0]), row[1]) if row else None


def _known(sql: sqlite3.Connection, name: str) -> HeldLease | None:
    row = sql.execute(
        "SELECT name, holder, token, expires_at FROM lease WHERE name = ?", (name,)
    ).fetchone()
    return HeldLease(*row) if row else None


def _record(row: tuple[Any, ...]) -> PlanRecord:
    id_, incident, state, created, updated, document, because = row
    return PlanRecord(
        id_,
        incident,
        PlanState(state),
        from_ticks(created),
        from_ticks(updated),
        document,
        because,
    )
