"""Plans, their journal, leases, the kill switch and the audit log in Neo4j."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
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
from kgraph.store.neo4j import audit
from kgraph.store.neo4j.ids import Ids
from kgraph.store.neo4j.part import Part
from kgraph.store.neo4j.statements import Statements
from kgraph.store.neo4j.times import native

_SAVE = """\
MERGE (plan:Plan {id: $node.id})
ON CREATE SET plan.createdAt = $createdAt
SET plan += $node"""
_OF = """\
MATCH (plan:Plan {id: $id})
OPTIONAL MATCH (plan)-[old:OF]->(:Incident)
DELETE old
WITH DISTINCT plan
MATCH (incident:Incident {id: plan.incident})
MERGE (plan)-[:OF]->(incident)"""
_GET = "MATCH (plan:Plan {id: $id}) RETURN properties(plan)"
_NEWEST = """\
MATCH (plan:Plan)
WHERE ($incident IS NULL OR plan.incident = $incident)
  AND ($states IS NULL OR plan.state IN $states)
  AND ($since IS NULL OR plan.updatedAt >= $since)
RETURN properties(plan)
ORDER BY plan.createdAt DESC, plan.id DESC
LIMIT $limit"""
_WRITE = "CREATE (entry:_KgJournal) SET entry = $node"
_JOURNAL = """\
MATCH (entry:_KgJournal {plan: $plan})
RETURN entry.step, entry.state, entry.at, entry.detail, entry.attempt, entry.token
ORDER BY entry.id"""
_LEASE = "MATCH (l:_KgLease {name: $name}) RETURN l.name, l.holder, l.token, l.expiresAt"
_TAKE = "MERGE (lease:_KgLease {name: $node.name}) SET lease = $node"
_GIVE_BACK = """\
MATCH (lease:_KgLease {name: $name}) WHERE lease.token = $token SET lease.expiresAt = $never"""
_HELD = """\
MATCH (l:_KgLease)
WHERE l.expiresAt > $now
RETURN l.name, l.holder, l.token, l.expiresAt"""
_HALT = "MERGE (halt:_KgHalt {id: 0}) ON CREATE SET halt.at = $at, halt.reason = $reason"
_LIFT = "MATCH (halt:_KgHalt {id: 0}) DELETE halt"
_HALTED = "MATCH (halt:_KgHalt {id: 0}) RETURN halt.at, halt.reason"


class Plans(Part):
    """See `PlanStore`."""

    def save_plan(self, record: PlanRecord, *, was: PlanRecord | None = None) -> None:
        """Keep a plan; see the protocol for `was`, and for what it raises."""
        self._database.write(lambda s: _save(s, record, was))

    def plan(self, plan_id: str) -> PlanRecord | None:
        """Return one plan."""
        return self._database.glance(lambda s: _get(s, plan_id))

    def plans(
        self,
        *,
        incident: str | None = None,
        states: Collection[PlanState] | None = None,
        since: datetime | None = None,
        limit: int = 100,
    ) -> list[PlanRecord]:
        """Return plans, newest first."""
        return self._database.glance(lambda s: _newest(s, incident, states, since, limit))

    def write_journal(self, entry: JournalEntry, lease: Lease | None = None) -> None:
        """Append one entry, durably; see the protocol for what it raises."""
        self._database.write(lambda s: _write_journal(s, entry, lease), whole=False)

    def journal(self, plan_id: str) -> list[JournalEntry]:
        """Return a plan's entries in the order in which they were written."""
        return self._database.glance(lambda s: _journal(s, plan_id))

    def acquire(self, name: str, holder: str, *, ttl: timedelta, now: datetime) -> Lease | None:
        """Take a lease that is free or has run out; None while somebody else holds it."""
        return self._database.write(lambda s: _acquire(s, name, holder, ttl, now), whole=False)

    def renew(self, lease: Lease, *, ttl: timedelta, now: datetime) -> Lease | None:
        """Prolong a lease that still holds; else None."""
        return self._database.write(lambda s: _renew(s, lease, ttl, now), whole=False)

    def release(self, lease: Lease) -> None:
        """Give a lease back."""
        self._database.write(lambda s: _release(s, lease), whole=False)

    def leases(self, *, now: datetime) -> list[Lease]:
        """Return the leases that hold at `now`, by name."""
        return self._database.glance(lambda s: _leases(s, now))

    def halt(self, halt: Halt) -> None:
        """Throw the kill switch."""
        self._database.write(lambda s: _halt(s, halt), whole=False)

    def lift_halt(self, at: datetime | None = None) -> None:
        """Let effects begin again."""
        self._database.write(lambda s: _lift_halt(s, at), whole=False)

    def halted(self) -> Halt | None:
        """Return since when the kill switch is on, and why."""
        return self._database.glance(_halted)

    def audit(self) -> list[AuditEntry]:
        """Return the audit log, oldest first."""
        return self._database.glance(audit.entries)


def _save(statements: Statements, record: PlanRecord, was: PlanRecord | None) -> None:
    """Make a plan, or replace all but when it was made; the caller holds the lock."""
    before, body = _get(statements, record.id), plan_body(record)
    check_unmoved(record, was, before)
    if before is None or plan_body(before) != body:
        audit.append(statements, record.updated_at, AuditEvent.PLAN, body)
    keep(statements, record)


def keep(statements: Statements, record: PlanRecord) -> None:
    """Do the same without a word of it in the audit log: what is loaded brings its own."""
    node = {
        "id": record.id,
        "incident": record.incident,
        "state": record.state.value,
        "updatedAt": record.updated_at.astimezone(UTC),
        "document": record.document,
        "because": record.because,
    }
    statements.rows(_SAVE, node=node, createdAt=record.created_at.astimezone(UTC))
    statements.rows(_OF, id=record.id)


def _get(statements: Statements, plan_id: str) -> PlanRecord | None:
    """Return one, or None."""
    row = statements.one(_GET, id=plan_id)
    return _record(row[0]) if row else None


def _newest(
    statements: Statements,
    incident: str | None,
    states: Collection[PlanState] | None,
    since: datetime | None,
    limit: int,
) -> list[PlanRecord]:
    """Return the newest first."""
    wanted = None if states is None else [state.value for state in states]
    moment = None if since is None else since.astimezone(UTC)
    rows = statements.rows(_NEWEST, incident=incident, states=wanted, since=moment, limit=limit)
    return [_record(node) for (node,) in rows]


def _write_journal(statements: Statements, entry: JournalEntry, lease: Lease | None) -> None:
    """Append an entry, if the right to act still holds."""
    known = _known(statements, lease.name) if lease else None
    check_rights(entry, lease, known, _halted(statements))
    ids = Ids.read(statements)
    node = {
        "id": ids.next_row(),
        "plan": entry.plan,
        "step": entry.step,
        "attempt": entry.attempt,
        "state": entry.state.value,
        "at": to_ticks(entry.at),
        "detail": entry.detail,
        "token": lease.token if lease else entry.token,
    }
    statements.rows(_WRITE, node=node)
    ids.write(statements)
    written = replace(entry, token=lease.token if lease else entry.token)
    audit.append(statements, entry.at, AuditEvent.JOURNAL, journal_body(written))


def _journal(statements: Statements, plan_id: str) -> list[JournalEntry]:
    """Return a plan's entries as they were written."""
    return [
        JournalEntry(plan_id, step, StepState(state), from_ticks(at), detail, attempt, token)
        for step, state, at, detail, attempt, token in statements.rows(_JOURNAL, plan=plan_id)
    ]


def _acquire(
    statements: Statements, name: str, holder: str, ttl: timedelta, now: datetime
) -> Lease | None:
    """Take a lease that nobody else holds."""
    got = taken(_known(statements, name), name, holder, ttl, now)
    return _kept(statements, got) if got else None


def _renew(statements: Statements, lease: Lease, ttl: timedelta, now: datetime) -> Lease | None:
    """Prolong a lease that still holds."""
    known = _known(statements, lease.name)
    if not (known and known.is_the(lease, to_ticks(now))):
        return None
    end = to_ticks(now + ttl)
    return _kept(statements, HeldLease(known.name, known.holder, known.token, end))


def _release(statements: Statements, lease: Lease) -> None:
    """Let it run out at once; its token stays taken."""
    statements.rows(_GIVE_BACK, name=lease.name, token=lease.token, never=NEVER)


def _leases(statements: Statements, now: datetime) -> list[Lease]:
    """Return what is held, by name."""
    rows = statements.rows(_HELD, now=to_ticks(now))
    return [shown(HeldLease(*row)) for row in sorted(rows)]


def _halt(statements: Statements, switch: Halt) -> None:
    """Throw the switch; one that is on already keeps its time."""
    if _halted(statements) is None:
        keep_halt(statements, switch)
        audit.append(statements, switch.at, AuditEvent.HALT, halt_body(switch))


def keep_halt(statements: Statements, switch: Halt) -> None:
    """Throw it without a word of it in the audit log."""
    statements.rows(_HALT, at=to_ticks(switch.at), reason=switch.reason)


def _lift_halt(statements: Statements, at: datetime | None) -> None:
    """Switch it off."""
    if _halted(statements) is not None:
        statements.rows(_LIFT)
        audit.append(statements, at, AuditEvent.LIFT, "[]")


def _halted(statements: Statements) -> Halt | None:
    """Return the switch while it is on."""
    row = statements.one(_HALTED)
    return Halt(from_ticks(row[0]), row[1]) if row else None


def _known(statements: Statements, name: str) -> HeldLease | None:
    row = statements.one(_LEASE, name=name)
    return HeldLease(*row) if row else None


def _kept(statements: Statements, lease: HeldLease) -> Lease:
    node = {
        "name": lease.name,
        "holder": lease.holder,
        "token": lease.token,
        "expiresAt": lease.expires_at,
    }
    statements.rows(_TAKE, node=node)
    return shown(lease)


def _record(node: dict[str, Any]) -> PlanRecord:
    return PlanRecord(
        node["id"],
        node["incident"],
        PlanState(node["state"]),
        native(node["createdAt"]),
        native(node["updatedAt"]),
        node["document"],
        node["because"],
    )
