"""The audit log: written along with what it tells of, and whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kgraph.schema import (
    AuditEvent,
    Document,
    Drawer,
    Halt,
    HaltedError,
    JournalEntry,
    PlanRecord,
    PlanState,
    StepState,
)
from kgraph.schema.audit import differences, first_break
from kgraph.store import GraphStore

T0 = datetime(2026, 1, 1, tzinfo=UTC)
PLAN = PlanRecord("P-1", "INC-0001", PlanState.PROPOSED, T0, T0, '{"steps": []}', "proposed")
INTENT = JournalEntry("P-1", 0, StepState.RUNNING, T0, "resume web-1")


def story(store: GraphStore) -> None:
    store.save_plan(PLAN)
    store.save_plan(replace(PLAN, updated_at=T0 + timedelta(minutes=1)))  # nothing has changed
    store.save_plan(replace(PLAN, state=PlanState.RUNNING, because="ada"))
    lease = store.acquire("e1", "a", ttl=timedelta(seconds=30), now=T0)
    store.write_journal(INTENT, lease)
    store.write_journal(replace(INTENT, state=StepState.DONE, detail="it is running"))
    store.halt(Halt(T0, "storm"))
    store.halt(Halt(T0 + timedelta(minutes=1), "again"))  # it is on already
    store.lift_halt(T0 + timedelta(minutes=2))
    store.lift_halt(T0 + timedelta(minutes=3))  # it is off already


def test_everything_that_was_decided_and_done_is_in_it_in_order_and_once(
    store: GraphStore,
) -> None:
    story(store)
    entries = store.audit()
    assert [entry.event for entry in entries] == [
        AuditEvent.PLAN,
        AuditEvent.PLAN,
        AuditEvent.JOURNAL,
        AuditEvent.JOURNAL,
        AuditEvent.HALT,
        AuditEvent.LIFT,
    ]
    assert "ada" in entries[1].body
    assert "resume web-1" in entries[2].body
    assert [entry.at for entry in entries[4:]] == [T0, T0 + timedelta(minutes=2)]
    assert first_break(entries) is None
    journals = [("P-1", store.journal("P-1"))]
    assert differences(entries, store.plans(), journals) == []


def test_what_was_refused_is_not_in_it(store: GraphStore) -> None:
    store.halt(Halt(T0, "storm"))
    lease = store.acquire("e1", "a", ttl=timedelta(seconds=30), now=T0)
    with pytest.raises(HaltedError):
        store.write_journal(INTENT, lease)
    assert [entry.event for entry in store.audit()] == [AuditEvent.HALT]


def test_an_entry_that_was_changed_left_out_or_put_in_breaks_the_chain(store: GraphStore) -> None:
    story(store)
    entries = store.audit()
    changed = [*entries[:2], replace(entries[2], body="[]"), *entries[3:]]
    assert first_break(changed) == 2
    assert first_break([*entries[:2], *entries[3:]]) == 2
    assert first_break([entries[1], entries[0], *entries[2:]]) == 0
    assert first_break([*entries[:3], entries[2], *entries[3:]]) == 3


def test_a_plan_or_journal_that_is_not_as_it_was_written_is_told(store: GraphStore) -> None:
    story(store)
    entries, (record,) = store.audit(), store.plans()
    other = replace(record, because="bob")
    rows = store.journal("P-1")
    assert differences(entries, [other], []) == ["plan P-1 is not as it was written"]
    told = ["the journal of plan P-1 is not as it was written"]
    assert differences(entries, [], [("P-1", rows[1:])]) == told
    assert differences(entries, [], [("P-1", [rows[0], replace(rows[1], detail="x")])]) == told


def test_a_request_that_is_not_as_it_was_written_is_told(store: GraphStore) -> None:
    story(store)
    rows = [Document(Drawer.AUDIT, f"r{n}", T0 + timedelta(hours=n), "{}") for n in range(3)]
    store.put(rows[:2])
    store.put(rows[2:])
    entries = store.audit()
    assert [entry.event for entry in entries[-3:]] == [AuditEvent.REQUEST] * 3
    assert first_break(entries) is None
    assert differences(entries, [], [], store.documents(Drawer.AUDIT)) == []
    assert differences(entries, [], [], rows[1:]) == ["request r0 is gone"]
    other = [rows[0], replace(rows[1], body='{"who": "eve"}'), rows[2]]
    assert differences(entries, [], [], other) == ["request r1 is not as it was written"]
    more = [*rows, Document(Drawer.AUDIT, "r9", T0 + timedelta(hours=1), "{}")]
    assert differences(entries, [], [], more) == ["request r9 is not in the log"]
    before = [*rows, Document(Drawer.AUDIT, "r8", T0 - timedelta(days=9), "{}")]
    assert differences(entries, [], [], before) == []
