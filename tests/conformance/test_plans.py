"""Plans, their journal, leases and the kill switch: what keeps a repair from going wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kgraph.schema import (
    Halt,
    HaltedError,
    JournalEntry,
    Lease,
    LeaseLostError,
    PlanMovedError,
    PlanRecord,
    PlanState,
    StepState,
)
from kgraph.store import GraphStore

from .conftest import StoreFactory

T0 = datetime(2026, 1, 1, tzinfo=UTC)
TTL = timedelta(seconds=30)
PLAN = PlanRecord("P-1", "INC-0001", PlanState.PROPOSED, T0, T0, '{"steps": []}', "proposed")
INTENT = JournalEntry("P-1", 0, StepState.RUNNING, T0, "resume web-1")


def taken(store: GraphStore, name: str = "e1", holder: str = "a", at: datetime = T0) -> Lease:
    lease = store.acquire(name, holder, ttl=TTL, now=at)
    assert lease is not None
    return lease


def test_a_plan_is_kept_and_replaced_but_not_made_again(store: GraphStore) -> None:
    store.save_plan(PLAN)
    later = T0 + timedelta(minutes=1)
    running = replace(
        PLAN, state=PlanState.RUNNING, created_at=later, updated_at=later, because="approved"
    )
    store.save_plan(running)
    assert store.plan("P-1") == replace(running, created_at=T0)
    assert store.plan("P-2") is None


def test_a_plan_is_written_only_over_what_its_writer_has_read(store: GraphStore) -> None:
    store.save_plan(PLAN)
    running = replace(PLAN, state=PlanState.RUNNING, updated_at=T0 + timedelta(minutes=1))
    store.save_plan(running, was=PLAN)
    store.save_plan(running, was=PLAN)  # the answer was lost, and it is said once more
    for late in (
        replace(PLAN, state=PlanState.APPROVED),
        replace(PLAN, document='{"steps": [1]}', updated_at=T0 + timedelta(minutes=2)),
    ):
        with pytest.raises(PlanMovedError, match="P-1 is running by now"):
            store.save_plan(late, was=PLAN)
    with pytest.raises(PlanMovedError, match="P-2 is gone by now"):
        store.save_plan(replace(PLAN, id="P-2"), was=replace(PLAN, id="P-2"))
    assert store.plan("P-1") == running
    assert store.plan("P-2") is None


def test_plans_come_newest_first_by_incident_and_state(store: GraphStore) -> None:
    for n, (incident, state) in enumerate(
        [("INC-0001", PlanState.DONE), ("INC-0002", PlanState.RUNNING), ("INC-0001", PLAN.state)]
    ):
        at = T0 + timedelta(minutes=n)
        store.save_plan(replace(PLAN, id=f"P-{n}", incident=incident, state=state, created_at=at))
    assert [row.id for row in store.plans()] == ["P-2", "P-1", "P-0"]
    assert [row.id for row in store.plans(incident="INC-0001")] == ["P-2", "P-0"]
    assert [row.id for row in store.plans(states={PlanState.RUNNING})] == ["P-1"]
    assert store.plans(states=()) == []
    assert [row.id for row in store.plans(limit=1)] == ["P-2"]


def test_plans_that_have_changed_since_are_found_whenever_they_were_made(
    store: GraphStore,
) -> None:
    later = T0 + timedelta(minutes=5)
    for n in range(3):
        store.save_plan(replace(PLAN, id=f"P-{n}", created_at=T0 + timedelta(minutes=n)))
    store.save_plan(replace(PLAN, id="P-0", state=PlanState.DONE, updated_at=later))
    assert [row.id for row in store.plans(since=later)] == ["P-0"]
    assert [row.id for row in store.plans(since=T0)] == ["P-2", "P-1", "P-0"]
    assert store.plans(since=later + timedelta(seconds=1)) == []


def test_the_journal_keeps_its_order_and_the_token_it_was_written_under(
    store: GraphStore,
) -> None:
    lease = taken(store)
    done = replace(INTENT, state=StepState.DONE, attempt=2)
    store.write_journal(INTENT, lease)
    store.write_journal(done)
    store.write_journal(replace(done, plan="P-2"))
    assert store.journal("P-1") == [replace(INTENT, token=lease.token), done]


def test_an_intent_without_a_lease_is_refused(store: GraphStore) -> None:
    with pytest.raises(LeaseLostError, match="without a lease"):
        store.write_journal(INTENT)
    assert store.journal("P-1") == []


def test_a_lease_has_one_holder_until_it_runs_out(store: GraphStore) -> None:
    first = taken(store)
    assert store.acquire("e1", "b", ttl=TTL, now=T0 + TTL / 2) is None
    assert store.leases(now=T0) == [first]
    second = taken(store, holder="b", at=T0 + TTL)
    assert second.token > first.token
    assert store.leases(now=T0 + TTL) == [second]


def test_whoever_holds_a_lease_already_keeps_its_token(store: GraphStore) -> None:
    first = taken(store)
    again = taken(store, at=T0 + TTL / 2)
    assert (again.token, again.expires_at) == (first.token, T0 + TTL / 2 + TTL)


def test_a_lease_that_ran_out_gets_a_new_token_even_for_the_same_holder(
    store: GraphStore,
) -> None:
    first = taken(store)
    assert store.renew(first, ttl=TTL, now=T0 + TTL) is None
    assert taken(store, at=T0 + TTL).token > first.token


def test_a_lease_is_renewed_while_it_holds(store: GraphStore) -> None:
    lease = taken(store)
    longer = store.renew(lease, ttl=TTL, now=T0 + TTL / 2)
    assert longer == replace(lease, expires_at=T0 + TTL / 2 + TTL)
    assert store.acquire("e1", "b", ttl=TTL, now=T0 + TTL) is None


def test_a_lease_given_back_is_free_and_its_token_never_returns(store: GraphStore) -> None:
    first = taken(store)
    store.release(first)
    assert store.leases(now=T0) == []
    second = taken(store, holder="b")
    assert second.token > first.token
    store.release(first)  # of no effect any longer
    assert store.leases(now=T0) == [second]


def test_an_intent_under_an_overtaken_token_is_refused_and_leaves_nothing(
    store: GraphStore,
) -> None:
    stale = taken(store)
    taken(store, holder="b", at=T0 + TTL)
    with pytest.raises(LeaseLostError, match="e1"):
        store.write_journal(replace(INTENT, at=T0 + TTL), stale)
    assert store.journal("P-1") == []


def test_an_intent_after_the_lease_has_run_out_is_refused(store: GraphStore) -> None:
    lease = taken(store)
    with pytest.raises(LeaseLostError):
        store.write_journal(replace(INTENT, at=T0 + TTL), lease)


def test_the_kill_switch_stops_intents_on_every_connection_and_survives_a_restart(
    store_factory: StoreFactory,
) -> None:
    first, second = store_factory(), store_factory()
    lease = taken(second)
    first.halt(Halt(T0, "storm"))
    first.halt(Halt(T0 + TTL, "again"))
    with pytest.raises(HaltedError, match=r"2026-01-01T00:00:00Z: storm"):
        second.write_journal(INTENT, lease)
    with pytest.raises(HaltedError):
        second.write_journal(replace(INTENT, state=StepState.COMPENSATING), lease)
    first.close()
    assert store_factory().halted() == Halt(T0, "storm")
    second.write_journal(replace(INTENT, state=StepState.DONE))  # what has happened is still told
    second.lift_halt()
    assert second.halted() is None
    second.write_journal(INTENT, lease)
    assert len(second.journal("P-1")) == 2
