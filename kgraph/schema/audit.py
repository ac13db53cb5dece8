"""The audit log: a hash chain over all that was decided and done. Pure.

Each entry holds the hash of itself and of the one before, so none can be changed, left out or put
in without breaking the chain from there on. What was cut off at the end shows only to who has
noted a hash before: `kgraph audit verify --head`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from kgraph.schema.filing import Document
from kgraph.schema.plans import Halt, JournalEntry, PlanRecord
from kgraph.schema.timestamps import format_time

ORIGIN = ""  # what comes before the first entry


class AuditEvent(StrEnum):
    """What an entry is about."""

    PLAN = "plan"  # a plan came to another state, or was changed
    JOURNAL = "journal"  # a step reached a state; intents come before their effects
    HALT = "halt"
    LIFT = "lift"
    REQUEST = "request"  # somebody wanted something of the service or of `kgraph token`


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry.

    Attributes:
        body: what happened, one JSON array.
        hash: SHA-256, in hex, over the hash before, time, event and body.
    """

    at: datetime
    event: AuditEvent
    body: str
    hash: str


def chained(before: str, at: datetime, event: AuditEvent, body: str) -> AuditEntry:
    """Make the entry that follows the one with the hash `before`."""
    text = json.dumps([before, format_time(at), event.value, body], ensure_ascii=False)
    return AuditEntry(at, event, body, hashlib.sha256(text.encode()).hexdigest())


def first_break(entries: Sequence[AuditEntry]) -> int | None:
    """Return the position of the first entry that does not follow from those before, or None."""
    before = ORIGIN
    for number, entry in enumerate(entries):
        if chained(before, entry.at, entry.event, entry.body).hash != entry.hash:
            return number
        before = entry.hash
    return None


def plan_body(record: PlanRecord) -> str:
    """Return what is kept of a plan: where it stands and why, and a hash of its content."""
    digest = hashlib.sha256(record.document.encode()).hexdigest()
    row = [record.id, record.incident, record.state.value, record.because, digest]
    return json.dumps(row, ensure_ascii=False)


def journal_body(entry: JournalEntry) -> str:
    """Return what is kept of a journal entry: all of it."""
    row = [entry.plan, entry.step, entry.attempt, entry.state.value, entry.detail, entry.token]
    return json.dumps(row, ensure_ascii=False)


def halt_body(halt: Halt) -> str:
    """Return what is kept of the kill switch."""
    return json.dumps([halt.reason], ensure_ascii=False)


def request_body(row: Document) -> str:
    """Return what is kept of a row of the service's audit: all of it."""
    return json.dumps([row.id, row.body], ensure_ascii=False)


def differences(
    entries: Iterable[AuditEntry],
    plans: Iterable[PlanRecord],
    journals: Iterable[tuple[str, Sequence[JournalEntry]]],
    requests: Iterable[Document] = (),
) -> list[str]:
    """Return where plans, journals and requests differ from what the audit log says of them.

    What is older than the log is passed over; what is newer than it cannot be: both are written in
    one transaction.
    """
    last: dict[str, str] = {}
    asked: dict[str, str] = {}
    since: datetime | None = None  # requests are in the log
    logged: dict[str, list[str]] = {}
    for entry in entries:
        if entry.event is AuditEvent.PLAN:
            last[json.loads(entry.body)[0]] = entry.body
        elif entry.event is AuditEvent.JOURNAL:
            logged.setdefault(json.loads(entry.body)[0], []).append(entry.body)
        elif entry.event is AuditEvent.REQUEST:
            asked[json.loads(entry.body)[0]] = entry.body
            since = min(since or entry.at, entry.at)
    found = [
        f"plan {record.id} is not as it was written"
        for record in plans
        if record.id in last and plan_body(record) != last[record.id]
    ]
    for plan, rows in journals:
        kept = logged.get(plan, [])
        if kept and [journal_body(row) for row in rows][-len(kept) :] != kept:
            found.append(f"the journal of plan {plan} is not as it was written")
    return found + _of_requests(asked, since, requests)


def _of_requests(
    asked: dict[str, str], since: datetime | None, requests: Iterable[Document]
) -> list[str]:
    found, there = list[str](), set[str]()
    for row in requests:
        there.add(row.id)
        if row.id in asked and request_body(row) != asked[row.id]:
            found.append(f"request {row.id} is not as it was written")
        elif row.id not in asked and since is not None and row.at > since:
            found.append(f"request {row.id} is not in the log")
    return found + [f"request {id_} is gone" for id_ in asked if id_ not in there]
