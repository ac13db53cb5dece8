"""Two processes on one store: what either of them has not read since does not count."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kgraph.app.applying import approve
from kgraph.app.incidents.plans import reject
from kgraph.schema import (
    Fault,
    Lease,
    Plan,
    PlanMovedError,
    PlanRecord,
    PlanState,
    PlanStep,
    Terms,
)
from kgraph.store import GraphStore
from remedies import Approver, Budgets, Executor, Facts, Refusal, Vantage
from remedies.guards import Weight
from tests.remedies.fake_estate import (
    CHECK,
    RESTART,
    RESUME,
    Estate,
    Night,
    Thing,
    export_story,
    plan_of,
)
from tests.stores import new_store

# Looks the same before and after, so only the journal tells that it was done.
RESET = replace(
    RESUME, action="reset", inverse="", effect="rebooted", terms=Terms(timedelta(seconds=20))
)


def other(night: Night, holder: str = "stranger", budgets: Budgets | None = None) -> Night:
    """Return a second process on the same store and estate, at the same time."""
    second = Night(night.store, night.estate, night.now)
    second.executor = second.fresh(holder)
    if budgets is not None:
        second.executor = Executor(
            night.store, {"estate": night.estate}, holder, second._spawn, budgets
        )
    return second


def kept(store: GraphStore, plan: Plan) -> PlanRecord:
    record = store.plan(plan.id)
    assert record is not None
    return record


def until(night: Night, plan: Plan, said: str, seconds: float = 0.5) -> None:
    """Tick until the journal says so."""
    for _ in range(1000):
        if said in night.states(plan):
            return
        night.tick(seconds)
    raise AssertionError("\n".join(night.said))


def together(nights: list[Night], seconds: float = 0.5) -> None:
    for night in nights:
        night.tick(seconds)


def test_who_slept_while_another_went_on_does_nothing_a_second_time(store: GraphStore) -> None:
    estate = Estate({"x": Thing("inactive"), "v1": Thing("running", ill=True)})
    plan = plan_of(RESTART, CHECK, RESET)
    sleeper = Night(store, estate, slow=True)
    sleeper.begin(plan)
    until(sleeper, plan, "1 done 1", 0.1)
    second = other(sleeper)
    second.now += timedelta(minutes=2)  # the leases of who sleeps have run out
    second.executor.resume_all(second.now)
    until(second, plan, "3 done 1")
    sleeper.now = second.now
    for _ in range(200):
        together([sleeper, second])
    assert kept(store, plan).state is PlanState.DONE
    assert estate.log.count("reset v1") == 1
    assert sleeper.states(plan).count("3 running 1") == 1
    assert not sleeper.executor.running


def test_who_slept_and_finds_its_lease_free_takes_the_plan_up_anew(store: GraphStore) -> None:
    estate = Estate({"x": Thing("inactive"), "v1": Thing("running", ill=True)})
    plan = plan_of(RESTART, CHECK, RESET)
    night = Night(store, estate, slow=True)
    night.begin(plan)
    until(night, plan, "1 done 1", 0.1)
    night.tick(120)
    assert night.run(plan).state is PlanState.DONE
    assert estate.log.count("restart x") == estate.log.count("reset v1") == 1


def test_what_another_has_begun_and_ended_is_not_begun_by_who_read_it_before(
    store: GraphStore,
) -> None:
    estate, plan = export_story(1)
    night = Night(store, estate)
    read = night.propose(plan)
    second = other(night)
    second.executor.begin(read, second.now, second.facts(), Approver.PERSON)
    second.run(plan)
    estate.log.clear()
    said = night.executor.begin(read, second.now, night.facts(), Approver.PERSON)
    assert isinstance(said, Refusal)
    assert "done by now" in said.why
    assert store.leases(now=second.now) == []
    assert kept(store, plan).state is PlanState.DONE


def test_a_plan_that_a_person_has_just_rejected_does_not_begin(store: GraphStore) -> None:
    estate, plan = export_story(1)
    night = Night(store, estate)
    read = night.propose(plan)
    no(store, read, night.now)
    said = night.executor.begin(read, night.now, night.facts())
    assert isinstance(said, Refusal)
    assert kept(store, plan).state is PlanState.SUPERSEDED


def yes(store: GraphStore, read: PlanRecord, now: datetime) -> None:
    approve(store, read, "anna", now)


def no(store: GraphStore, read: PlanRecord, now: datetime) -> None:
    reject(store, read, "anna", "the disk is to be replaced", now)


@pytest.mark.parametrize("answer", [yes, no])
def test_who_answers_a_plan_that_has_just_begun_is_told_and_changes_nothing(
    store: GraphStore, answer: Callable[[GraphStore, PlanRecord, datetime], None]
) -> None:
    estate, plan = export_story(1)
    night = Night(store, estate)
    read = night.propose(plan)
    night.begin(plan, Approver.POLICY)
    with pytest.raises(PlanMovedError, match="is running by now"):
        answer(store, read, night.now)
    assert kept(store, plan).state is PlanState.RUNNING
    assert night.run(plan).state is PlanState.DONE


def test_what_ended_between_two_looks_is_not_taken_up_again(store: GraphStore) -> None:
    estate, plan = export_story(1)
    night = Night(store, estate)
    night.begin(plan)
    second = other(night)
    second.executor.resume_all(second.now)
    ended = night.run(plan)
    second.now = night.now
    for _ in range(5):
        second.tick()
    assert kept(store, plan) == ended
    assert second.executor.idle


def test_what_ends_in_the_moment_in_which_it_is_taken_up_is_left_as_it_ended(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    estate, plan = export_story(1)
    night = Night(store, estate)
    night.begin(plan)
    second = other(night)
    second.executor.resume_all(second.now)
    ended = replace(kept(store, plan), state=PlanState.NEEDS_HUMAN, because="it was cancelled")
    acquire = store.acquire

    def ends_first(name: str, holder: str, *, ttl: timedelta, now: datetime) -> Lease | None:
        store.save_plan(ended)
        return acquire(name, holder, ttl=ttl, now=now)

    monkeypatch.setattr(store, "acquire", ends_first)
    second.tick(90)  # the lease of who has ended it has run out
    monkeypatch.undo()
    second.tick()
    assert estate.log == []
    assert kept(store, plan) == ended
    assert store.leases(now=second.now) == []
    assert second.executor.idle


@pytest.mark.parametrize("host", ["h2", "h3"])
def test_two_plans_bring_no_guests_to_one_host_at_once(store: GraphStore, host: str) -> None:
    estate = Estate({"v1": Thing("off"), "v2": Thing("off")})
    there = [
        replace(RESUME, action="start", entity=guest, parameters={"uuid": guest, "to": to})
        for guest, to in (("v1", "h2"), ("v2", host))
    ]
    first, then = (plan_of(each, cause=Fault(each.entity, "down")) for each in there)
    night = Night(store, estate, slow=True)
    night.begin(first)
    said = other(night).ask(then)
    full = Refusal("capacity", f"{first.id} brings guests to h2, too", Weight.LATER)
    assert said == full if host == "h2" else isinstance(said, PlanRecord)


FENCE = PlanStep(
    "fence",
    "h1",
    kind="Host",
    actor=RESTART.actor,
    actuator="power",
    endpoint="estate",
    effect="powered_off",
    terms=Terms(timedelta(seconds=30), repeatable=True),
)


def fencing(host: str) -> Plan:
    plan = plan_of(RESTART, cause=Fault("x", "down"))
    step = replace(FENCE, entity=host)
    return replace(
        plan, id=f"P-{host}", cause=Fault(host, "down"), steps=(step,), symptoms=(), reach=(host,)
    )


class Hosts(Estate):
    """Two of five hosts are silent."""

    def facts(self, now: datetime) -> Facts:
        every = frozenset({"h1", "h2", "h3", "h4", "h5"})
        dead = frozenset({"h1", "h2"})
        base = Estate.facts(Estate(), now)
        return replace(
            base, vantages=tuple(Vantage(name, every, dead) for name in ("libvirt", "ping"))
        )


def test_one_fencing_at_a_time_counts_over_all_processes(store: GraphStore) -> None:
    estate = Hosts({"h1": Thing("on", hangs=True), "h2": Thing("on")})
    night = Night(store, estate, slow=True)
    night.begin(fencing("h1"))
    until(night, fencing("h1"), "1 running 1", 0.1)
    second = other(night)
    second.begin(fencing("h2"))
    for _ in range(20):
        together([night, second], 0.5)
    assert "waiting: 1 hosts are being fenced already" in second.said[-1]
    assert second.states(fencing("h2")) == []


def test_what_a_process_that_is_gone_has_fenced_counts_still(store: GraphStore) -> None:
    things = {"h1": Thing("on"), "h2": Thing("on"), "x": Thing("active", sound=None)}
    night = Night(store, Hosts(things), slow=True)
    first = replace(fencing("h1"), steps=(FENCE, CHECK))
    night.begin(first)
    second = other(night, budgets=Budgets(fencings=1))
    second.executor.tried_in_vain(second.now)  # it reads the plan, of which nothing is done yet
    until(night, first, "1 done 1", 0.1)
    second.now = night.now + timedelta(minutes=2)  # the first one was killed
    second.executor.resume_all(second.now)
    second.tick()
    assert second.executor.running == (first.id,)
    said = second.executor.foresee(fencing("h2"), second.now, second.facts())
    assert isinstance(said, Refusal)
    assert said.why == "1 hosts were fenced within an hour; 1 are allowed"


def test_guest_actions_count_over_all_processes(store: GraphStore) -> None:
    estate, plan = export_story(3, fails=0)
    night = Night(store, estate)
    night.executor = Executor(
        store, {"estate": estate}, "watch", night._spawn, Budgets(guest_actions=3)
    )
    night.begin(plan)
    until(night, plan, "5 running 1")
    estate.things["v9"] = Thing("paused")
    estate.things["s1"] = Thing("errors")
    alone = plan_of(replace(RESUME, entity="v9"), cause=Fault("v9", "paused_io_error"))
    second = other(night, budgets=Budgets(guest_actions=3))
    second.begin(alone)
    second.tick()
    assert "3 actions on guests within a minute; 3 are allowed" in second.said[-1]


def test_what_another_process_repairs_is_not_repaired_a_second_time(store: GraphStore) -> None:
    estate, plan = export_story(2)
    night = Night(store, estate, slow=True)
    night.begin(plan)
    night.tick(0.1)
    second = other(night)
    alone = plan_of(replace(RESUME, entity="v1"), cause=Fault("v1", "paused_io_error"))
    said = second.executor.foresee(alone, second.now, second.facts())
    assert isinstance(said, Refusal)
    assert (said.guard, plan.id in said.why) == ("shared cause", True)


def test_a_lease_under_which_something_is_done_still_is_not_given_back(store: GraphStore) -> None:
    estate, plan = export_story(1, fails=0)
    estate.things["v1"].hangs = True
    night = Night(store, estate)
    night.begin(plan)
    until(night, plan, "3 running 1")
    night.executor.stop(night.now, night.facts(), timedelta(0))
    assert [lease.name for lease in store.leases(now=night.now)] == ["v1"]


def test_a_plan_that_was_let_go_while_its_effect_hangs_goes_to_a_person(
    store: GraphStore,
) -> None:
    estate = Estate({"x": Thing("inactive"), "v1": Thing("running", hangs=True, ill=True)})
    plan = plan_of(RESTART, CHECK, RESET)
    night = Night(store, estate)
    night.begin(plan)
    until(night, plan, "3 running 1", 0.1)
    night.now += timedelta(minutes=2)
    stranger = store.acquire("x", "stranger", ttl=timedelta(seconds=30), now=night.now)
    assert stranger is not None
    store.release(stranger)  # somebody has had it, so what is remembered here counts no longer
    ended = night.run(plan, 1800, 1)
    assert ended.state is PlanState.NEEDS_HUMAN
    assert "nothing shows whether it had happened" in ended.because
    assert night.states(plan).count("3 running 1") == 1


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from(["tick", "one sleeps", "other sleeps", "one dies"]), max_size=25),
    st.booleans(),
)
def test_whatever_two_processes_go_through_nothing_is_done_twice(
    events: list[str],
    slow: bool,  # noqa: FBT001 - hypothesis
) -> None:
    with tempfile.TemporaryDirectory(prefix="two-") as folder:
        store = new_store(Path(folder) / "two.db")
        estate = Estate({"x": Thing("inactive"), "v1": Thing("running", ill=True)})
        plan = plan_of(RESTART, CHECK, RESET)
        nights = [Night(store, estate, slow=slow)]
        nights[0].begin(plan)
        nights.append(other(nights[0]))
        for event in [*events, *["tick"] * 40]:
            awake = nights
            if event == "one dies":
                nights[0].restart()
            elif event != "tick":
                awake = nights[:1] if event == "other sleeps" else nights[1:]
                awake[0].executor.resume_all(awake[0].now)  # as who takes over does
            for _ in range(5 if event == "tick" else 45):
                together(awake, 1)
            nights[0].now = nights[1].now = max(night.now for night in nights)
        assert estate.log.count("reset v1") <= 1
        assert estate.log.count("restart x") == 1
        assert not kept(store, plan).state.under_way
        store.close()
