"""Plans, their journal, leases, the kill switch and the audit log in the embedded store."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from kgraph.schema import (
    AuditEntry,
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
from kgraph.store.sqlite.part import Part


class Plans(Part):
    """See `PlanStore`."""

    def save_plan(self, record: PlanRecord, *, was: PlanRecord | None = None) -> None:
        """Keep a plan; see the protocol for `was`, and for what it raises."""
        with self._database.writing() as sql:
            before = _plan(sql, record.id)
            check_unmoved(record, was, before)
            body = plan_body(record)
            if before is None or plan_body(before) != body:
                audit.append(sql, record.updated_at, AuditEvent.PLAN, body)
            _replace(sql, record)

    def plan(self, plan_id: str) -> PlanRecord | None:
        """Return one plan."""
        with self._database.reading() as sql:
            return _plan(sql, plan_id)

    def plans(
        self,
        *,
        incident: str | None = None,
        states: Collection[PlanState] | None = None,
        since: datetime | None = None,
        limit: int = 100,
    ) -> list[PlanRecord]:
        """Return plans, newest first."""
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
        with self._database.reading() as sql:
            rows = sql.execute(
                f"SELECT * FROM plan{where} ORDER BY created_at DESC, id DESC LIMIT ?",  # noqa: S608 - constants
                (*asked.values(), limit),
            )
            return [_record(row) for row in rows]

    def write_journal(self, entry: JournalEntry, lease: Lease | None = None) -> None:
        """Append one entry, durably; see the protocol for what it raises."""
        written = replace(entry, token=lease.token) if lease else entry
        with self._database.writing() as sql:
            check_rights(entry, lease, _lease(sql, lease.name) if lease else None, _halted(sql))
            sql.execute(
                "INSERT INTO journal (plan, step, attempt, state, at, detail, token)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    written.plan,
                    written.step,
                    written.attempt,
                    written.state.value,
                    to_ticks(written.at),
                    written.detail,
                    written.token,
                ),
            )
            audit.append(sql, written.at, AuditEvent.JOURNAL, journal_body(written))

    def journal(self, plan_id: str) -> list[JournalEntry]:
        """Return a plan's entries in the order in which they were written."""
        with self._database.reading() as sql:
            rows = sql.execute(
                "SELECT plan, step, state, at, detail, attempt, token FROM journal WHERE plan = ?"
                " ORDER BY id",
                (plan_id,),
            )
            return [
                JournalEntry(plan, step, StepState(state), from_ticks(at), detail, attempt, token)
                for plan, step, state, at, detail, attempt, token in rows
            ]

    def acquire(self, name: str, holder: str, *, ttl: timedelta, now: datetime) -> Lease | None:
        """Take a lease that is free or has run out; None while somebody else holds it."""
        with self._database.writing() as sql:
            got = taken(_lease(sql, name), name, holder, ttl, now)
            if got is None:
                return None
            sql.execute(
                "INSERT INTO lease VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                " holder = excluded.holder, token = excluded.token,"
                " expires_at = excluded.expires_at",
                (name, holder, got.token, got.expires_at),
            )
        return shown(got)

    def renew(self, lease: Lease, *, ttl: timedelta, now: datetime) -> Lease | None:
        """Prolong a lease that has neither run out nor passed to somebody else; else None."""
        end = now + ttl
        with self._database.writing() as sql:
            known = _lease(sql, lease.name)
            if not (known and known.is_the(lease, to_ticks(now))):
                return None
            sql.execute(
                "UPDATE lease SET expires_at = ? WHERE name = ?", (to_ticks(end), lease.name)
            )
        return Lease(lease.name, lease.holder, lease.token, end)

    def release(self, lease: Lease) -> None:
        """Let a lease run out at once; its token stays taken."""
        with self._database.writing() as sql:
            sql.execute(
                "UPDATE lease SET expires_at = ? WHERE name = ? AND token = ?",
                (NEVER, lease.name, lease.token),
            )

    def leases(self, *, now: datetime) -> list[Lease]:
        """Return the leases that hold at `now`, by name."""
        with self._database.reading() as sql:
            rows = sql.execute(
                "SELECT name, holder, token, expires_at FROM lease WHERE expires_at > ?"
                " ORDER BY name",
                (to_ticks(now),),
            )
            return [shown(HeldLease(*row)) for row in rows]

    def halt(self, halt: Halt) -> None:
        """Throw the kill switch; one that is on already keeps its time."""
        with self._database.writing() as sql:
            if _halted(sql) is None:
                sql.execute("INSERT INTO halt VALUES (0, ?, ?)", (to_ticks(halt.at), halt.reason))
                audit.append(sql, halt.at, AuditEvent.HALT, halt_body(halt))

    def lift_halt(self, at: datetime | None = None) -> None:
        """Let effects begin again; `at` is for the audit log."""
        with self._database.writing() as sql:
            if sql.execute("DELETE FROM halt").rowcount:
                audit.append(sql, at, AuditEvent.LIFT, "[]")

    def halted(self) -> Halt | None:
        """Return since when the kill switch is on, and why; None when it is off."""
        with self._database.reading() as sql:
            return _halted(sql)

    def audit(self) -> list[AuditEntry]:
        """Return the audit log, oldest first."""
        with self._database.reading() as sql:
            return audit.entries(sql)


def _plan(sql: sqlite3.Connection, plan_id: str) -> PlanRecord | None:
    row = sql.execute("SELECT * FROM plan WHERE id = ?", (plan_id,)).fetchone()
    return _record(row) if row else None


def _replace(sql: sqlite3.Connection, record: PlanRecord) -> None:
    """Insert, or replace all but when it was made."""
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


def _halted(sql: sqlite3.Connection) -> Halt | None:
    row = sql.execute("SELECT at, reason FROM halt").fetchone()
    return Halt(from_ticks(row[0]), row[1]) if row else None


def _lease(sql: sqlite3.Connection, name: str) -> HeldLease | None:
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
