"""The executor among others: leases, approvals, restarts by somebody else, and a graceful end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from kgraph.app.incidents.plans import cancel, propose, reject
from kgraph.schema import (
    Drawer,
    Fault,
    Halt,
    InputError,
    Outcome,
    Plan,
    PlanDocument,
    PlanRecord,
    PlanState,
    StepState,
    StoreBusyError,
)
from kgraph.schema.plan_documents import identified, parse_plan, plan_text
from kgraph.store import GraphStore
from remedies import Approver, Budgets, Executor, Facts, Look, Refusal, Standing, Vantage
from remedies.execution import time_for
from remedies.execution.cases import cases
from remedies.execution.ledger import tried_in_vain
from remedies.execution.moves import Act, Hand, LookAt
from remedies.execution.step_moves import carry_on
from remedies.execution.track import Track
from remedies.execution.verify import PATIENCE
from remedies.guards.attempts import PAUSE
from tests.remedies.fake_estate import (
    CHECK,
    RESTART,
    RESUME,
    T0,
    Estate,
    Night,
    Thing,
    export_story,
    plan_of,
)


def test_a_lease_that_somebody_else_took_before_the_effect_is_respected(
    store: GraphStore,
) -> None:
    estate, plan = export_story(1, fails=0)
    night = Night(store, estate, slow=True)
    night.begin(plan)
    while "restart x" not in estate.log:
        night.tick(0.1)
    while not night.states(plan)[-1].startswith("3 running"):
        night.tick(0.1)
    # We sleep; the guest's lease runs out and another takes it, and repairs it.
    stranger = store.acquire(
        "v1", "stranger", ttl=timedelta(hours=1), now=night.now + timedelta(minutes=5)
    )
    assert stranger is not None
    night.tick(300)
    for _ in range(5):
        night.tick(1)
    assert "resume v1" not in estate.log
    store.release(stranger)
    assert night.run(plan).state is PlanState.DONE
    tokens = [e.token for e in store.journal(plan.id) if e.step == 2]
    assert tokens[-1] > stranger.token > tokens[0]


def test_a_plan_whose_cause_somebody_acts_on_does_not_begin(store: GraphStore) -> None:
    estate, plan = export_story()
    night = Night(store, estate)
    store.acquire("x", "stranger", ttl=timedelta(hours=1), now=night.now)
    said = night.ask(plan)
    assert isinstance(said, Refusal)
    assert said.why == "stranger acts on it"
    record = store.plan(plan.id)
    assert record is not None
    assert record.state is PlanState.PROPOSED


def test_a_second_plan_for_the_same_cause_does_not_begin(store: GraphStore) -> None:
    estate, plan = export_story()
    night = Night(store, estate)
    night.begin(plan)
    said = night.ask(plan_of(RESTART, CHECK))
    assert isinstance(said, Refusal)
    assert said.guard == "shared cause"


@pytest.mark.parametrize("state", [PlanState.DONE, PlanState.RUNNING, PlanState.SUPERSEDED])
def test_what_is_over_or_under_way_does_not_begin(store: GraphStore, state: PlanState) -> None:
    estate, plan = export_story()
    night = Night(store, estate)
    record = replace(night.propose(plan), state=state)
    said = night.executor.begin(record, night.now, night.facts())
    assert isinstance(said, Refusal)


def test_what_nobody_can_do_does_not_begin(store: GraphStore) -> None:
    estate, _ = export_story()
    night = Night(store, estate)
    said = night.ask(plan_of(CHECK))
    assert isinstance(said, Refusal)
    assert said.guard == "means"


def test_nothing_begins_while_halted(store: GraphStore) -> None:
    estate, plan = export_story()
    night = Night(store, estate)
    store.halt(Halt(night.now, "storm"))
    said = night.ask(plan)
    assert isinstance(said, Refusal)
    assert said.guard == "halt"


def test_what_a_person_approved_elsewhere_is_begun(store: GraphStore) -> None:
    estate, plan = export_story(1)
    night = Night(store, estate)
    approved = replace(night.propose(plan), state=PlanState.APPROVED, because="approved by anna")
    store.save_plan(approved)
    ((begun, refused),) = night.executor.begin_approved(night.now, night.facts())
    assert (begun.state, refused) == (PlanState.RUNNING, None)
    assert night.run(plan).state is PlanState.DONE
    record = store.plan(plan.id)
    assert record is not None
    run = parse_plan(record.document, where="").run
    assert run is not None
    assert (run.by, run.outcome) == ("person: approved by anna", Outcome.HELPED)


def test_leases_are_kept_alive_while_a_person_is_waited_for(store: GraphStore) -> None:
    estate, plan = export_story(1)
    night = Night(store, estate)
    night.begin(plan)
    for _ in range(40):
        night.tick(20)
        if night.executor.running:
            assert "x" in {lease.name for lease in store.leases(now=night.now)}


def test_when_it_is_over_no_lease_is_left(store: GraphStore) -> None:
    estate, plan = export_story()
    night = Night(store, estate)
    night.begin(plan)
    night.run(plan)
    assert store.leases(now=night.now) == []
    assert night.executor.running == ()
    assert not night.executor.busy


def test_what_a_dead_process_left_is_taken_up_once_its_lease_has_run_out(
    store: GraphStore,
) -> None:
    estate, plan = export_story(1)
    night = Night(store, estate)
    night.begin(plan)
    night.executor = night.fresh("another")
    assert night.executor.resume_all(night.now) == (plan.id,)
    night.tick(1)
    assert night.executor.running == ()
    assert estate.log == []
    night.tick(90)
    assert night.executor.running == (plan.id,)
    assert night.run(plan).state is PlanState.DONE


def test_an_export_that_nobody_can_look_at_is_not_stopped_again(store: GraphStore) -> None:
    estate, plan = export_story(1)
    estate.things["x"].sound = None
    night = Night(store, estate)
    night.begin(plan)
    ended = night.run(plan)
    assert ended.state is PlanState.NEEDS_HUMAN
    assert "it cannot be looked at: no route to it" in ended.because
    assert estate.log == ["restart x"]
    # The restart is not held against it: once the export can be looked at, the rest is done.
    estate.things["x"].sound = True
    begun = night.ask(plan, Approver.POLICY)
    assert isinstance(begun, PlanRecord), begun
    assert night.run(plan).state is PlanState.DONE
    assert "stop x" not in estate.log


def test_who_has_come_back_while_a_plan_waited_is_not_reset(store: GraphStore) -> None:
    reset = replace(RESUME, action="reset", inverse="", effect="rebooted")
    hung = {f"v{n}": Thing("running", ill=True) for n in range(1, 15)}
    estate = Estate(hung)
    plan = plan_of(*(replace(reset, entity=name) for name in hung), cause=Fault("v1", "hung"))
    night = Night(store, estate)
    night.begin(plan)
    for _ in range(10):
        night.tick(1)
    assert len(estate.log) == 10  # the budget of a minute
    for thing in hung.values():
        thing.ill = False  # what they waited for is back
    assert night.run(plan).state is PlanState.DONE
    assert len(estate.log) == 10
    said = [entry.detail for entry in store.journal(plan.id) if entry.step == 13]
    assert said[-1] == "already so: it is seen to be well again"


@pytest.mark.parametrize(
    ("later", "fresh"), [(0, True), (3, True), (4, False), (-1, False), (-3600, False)]
)
def test_a_look_counts_for_a_moment_whichever_way_the_clock_is_set(
    later: float,
    fresh: bool,  # noqa: FBT001 - a table
) -> None:
    seen = Hand(intended_at=T0, look=Look(Standing.READY), looked_at=T0, seen_at=T0)
    track = Track(StepState.RUNNING, intents=1)
    move = carry_on(0, RESUME, track, seen, T0 + timedelta(seconds=later))
    assert isinstance(move, Act if fresh else LookAt)


def test_what_a_person_has_approved_does_not_begin_in_a_blind_moment(store: GraphStore) -> None:
    estate, plan = export_story(1)
    night = Night(store, estate)
    approved(night, plan)
    eyes = frozenset({"x", "v1"})
    deaf = tuple(Vantage(name, eyes, eyes) for name in ("libvirt", "ping"))
    dark = replace(night.facts(), vantages=deaf)
    before = store.plan(plan.id)
    ((kept, said),) = night.executor.begin_approved(night.now, dark)
    assert said is not None
    assert said.guard == "isolated"
    assert before is not None
    # It is told once, and stands where whoever approved it looks; the yes is as old as it was.
    waits = f"approved by anna; it waits: isolated: {said.why}"
    assert store.plan(plan.id) == kept == replace(before, because=waits)
    assert night.executor.begin_approved(night.now, dark) == []
    ((begun, refused),) = night.executor.begin_approved(night.now, night.facts())
    assert (begun.because, refused) == ("begun by person: approved by anna", None)


def test_what_is_approved_and_cannot_begin_says_so_once_for_each_reason(
    store: GraphStore,
) -> None:
    estate, plan = export_story(1)
    night = Night(store, estate)
    approved(night, plan)

    def told() -> list[str]:
        said = night.executor.begin_approved(night.now, night.facts())
        return [f"{refused.guard}: {refused.why}" for _, refused in said if refused]

    theirs = store.acquire(plan.cause.entity, "eve", ttl=timedelta(minutes=1), now=night.now)
    assert theirs is not None
    assert [told(), told()] == [["lock: eve acts on it"], []]
    store.release(theirs)
    store.halt(Halt(night.now, "storm"))
    assert [told(), told()] == [["halt: halted: storm"], []]
    kept = store.plan(plan.id)
    assert kept is not None
    assert kept.because == "approved by anna; it waits: halt: halted: storm"
    store.lift_halt(night.now)
    assert told() == []
    assert night.run(plan).state is PlanState.DONE


def test_who_says_no_while_it_is_found_out_what_an_approved_plan_waits_for_is_heard(
    store: GraphStore,
) -> None:
    estate, plan = export_story(1)
    night = Night(store, estate)
    record = approved(night, plan)
    store.halt(Halt(night.now, "storm"))

    def void(_document: PlanDocument) -> str:
        reject(store, record, "eve", "", night.now)
        return ""

    assert night.executor.begin_approved(night.now, night.facts(), void) == []
    kept = store.plan(plan.id)
    assert kept is not None
    assert kept.because == "rejected by eve"


def test_who_asks_for_one_plan_takes_up_no_other(store: GraphStore) -> None:
    estate, plan = export_story(1)
    estate.things |= {"v9": Thing("paused"), "s": Thing("active")}
    other = plan_of(replace(RESUME, entity="v9"), cause=Fault("s", "down"))
    night = Night(store, estate)
    night.begin(plan)
    night.begin(other)
    night.now += timedelta(minutes=2)
    night.executor = night.fresh("another")
    assert night.executor.resume_all(night.now, of=plan.id) == (plan.id,)
    assert night.executor.running == (plan.id,)
    assert night.run(plan).state is PlanState.DONE
    assert not [row for row in estate.log if row.endswith(" v9")]


def test_a_plan_that_ended_meanwhile_is_not_taken_up(store: GraphStore) -> None:
    estate, plan = export_story(1)
    night = Night(store, estate)
    night.begin(plan)
    other = night.fresh("another")
    other.resume_all(night.now)
    night.run(plan)
    log = list(estate.log)
    other.tick(night.now + timedelta(hours=1), night.facts())
    assert other.running == ()
    assert estate.log == log


def test_a_plan_that_nobody_can_read_any_longer_goes_to_a_person(store: GraphStore) -> None:
    estate, plan = export_story(1)
    night = Night(store, estate)
    record = night.begin(plan)
    store.save_plan(replace(record, document='{"format": "kgraph.plan/v9"}'))
    night.restart()
    left = store.plan(plan.id)
    assert left is not None
    assert left.state is PlanState.NEEDS_HUMAN
    assert "cannot be read" in left.because


def test_a_graceful_end_begins_nothing_and_the_next_process_goes_on(store: GraphStore) -> None:
    estate, plan = export_story(2)
    night = Night(store, estate, slow=True)
    night.begin(plan)
    for _ in range(3):
        night.tick()
    done = list(estate.log)
    night.executor.stop(night.now, night.facts(), timedelta(seconds=1))
    assert estate.log == done
    assert store.leases(now=night.now) == []
    record = store.plan(plan.id)
    assert record is not None
    assert record.state is PlanState.RUNNING
    said = night.ask(plan_of(RESUME, cause=Fault("v1", "paused_io_error")))
    assert isinstance(said, Refusal)
    night.executor = night.fresh("next")
    night.executor.resume_all(night.now)
    assert night.run(plan).state is PlanState.DONE
    assert estate.log.count("restart x") == 1


def test_a_busy_store_holds_a_repair_up_and_breaks_nothing(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    estate, plan = export_story(1, fails=0)
    night = Night(store, estate)
    night.begin(plan)
    real, calls = store.write_journal, iter([1, 1, 0, 1, 0, 0, 1])

    def busy(*said: object) -> None:
        if next(calls, 0):
            raise StoreBusyError("somebody writes")
        real(*said)  # type: ignore[arg-type] # handed through

    monkeypatch.setattr(store, "write_journal", busy)
    assert night.run(plan).state is PlanState.DONE
    assert estate.log == ["restart x", "resume v1"]


def test_the_budget_makes_guests_wait_and_none_is_forgotten(store: GraphStore) -> None:
    estate, plan = export_story(14, fails=0)
    night = Night(store, estate)
    night.begin(plan)
    at: list[float] = []
    while "resume v14" not in estate.log:
        night.tick()
        at += [(night.now - night.store.journal(plan.id)[0].at).total_seconds()] * (
            sum(row.startswith("resume") for row in estate.log) - len(at)
        )
        assert at[-1] < 120
    within = [moment for moment in at if moment < 59]
    assert len(within) == 10
    assert night.run(plan).state is PlanState.DONE


def test_what_hung_blocks_its_guest_for_later_plans(store: GraphStore) -> None:
    estate, plan = export_story(1)
    estate.things["v1"].hangs = True
    night = Night(store, estate)
    night.begin(plan)
    assert night.run(plan).state is PlanState.NEEDS_HUMAN
    estate.things["v1"].hangs = False
    night.tick(600)
    again = plan_of(RESUME, cause=Fault("v1", "paused_io_error"))
    night.begin(again)
    record = night.run(again)
    assert record.state is PlanState.NEEDS_HUMAN
    assert "hangs and may still happen" in record.because
    assert "resume v1" not in estate.log


def test_automation_does_not_repeat_what_did_not_help_and_a_person_may(
    store: GraphStore,
) -> None:
    estate, plan = export_story(1, fails=9)
    night = Night(store, estate)
    night.begin(plan)
    night.run(plan)
    estate.things["v1"].fails = 0
    again = plan_of(RESUME, cause=Fault("v1", "paused_io_error"))
    # A new process: it reads its memory back from the journal.
    night.executor = night.fresh()
    night.begin(again, Approver.POLICY)
    assert "was tried at" in night.run(again).because
    assert estate.things["v1"].state == "paused"
    record = night.propose(again)
    assert isinstance(
        night.executor.begin(record, night.now, night.facts(), Approver.PERSON), PlanRecord
    )
    assert night.run(again).state is PlanState.DONE


def test_what_was_refused_for_now_was_not_tried_in_vain(store: GraphStore) -> None:
    """A backup that has a disk open is done in a moment; the guest must not wait for a person."""
    estate, _ = export_story(1, fails=0)
    estate.things["x"].state, estate.things["v1"].refuses = "active", 1
    plan = plan_of(RESUME, cause=Fault("v1", "paused_io_error"))
    night = Night(store, estate)
    night.begin(plan, Approver.POLICY)
    assert "not done: somebody else has its image open" in night.run(plan).because
    assert estate.log == []
    night.executor = night.fresh()
    night.now += PAUSE
    night.begin(plan, Approver.POLICY)
    assert night.run(plan).state is PlanState.DONE
    assert estate.log == ["resume v1"]


def test_what_ends_undone_for_days_is_begun_once_a_day_at_last(store: GraphStore) -> None:
    """A disk that somebody has locked: each try was told, and each made the kept plan grow."""
    estate, _ = export_story(1, fails=0)
    estate.things["x"].state, estate.things["v1"].refuses = "active", 1_000
    plan = plan_of(RESUME, cause=Fault("v1", "paused_io_error"))
    night, tries, said = Night(store, estate), list[int](), ""
    for minutes in range(0, 5 * 24 * 60, 20):
        night.now = max(night.now, T0 + timedelta(minutes=minutes))
        if minutes % 300 == 0:
            night.executor = night.fresh()  # of a new process: the store remembers
        refused = night.executor.foresee(plan, night.now, night.facts())
        if refused is None:
            night.begin(plan, Approver.POLICY)
            night.run(plan)
            tries.append(minutes // (24 * 60))
        else:
            said = refused.why
    assert [tries.count(day) for day in range(5)] == [12, 1, 1, 1, 1]
    assert "16 times in a row: a person has to see what is in the way" in said


def test_what_ends_undone_does_not_begin_anew_with_one_more_symptom(store: GraphStore) -> None:
    """Another symptom or incident makes another plan of it; the disk is locked all the same."""
    estate, _ = export_story(1, fails=0)
    estate.things["x"].state, estate.things["v1"].refuses = "active", 1_000
    plan = plan_of(RESUME, cause=Fault("v1", "paused_io_error"))
    night, tries = Night(store, estate), list[int]()
    for minutes in range(0, 3 * 24 * 60, 20):
        night.now = max(night.now, T0 + timedelta(minutes=minutes))
        symptoms = (("v1", "paused_io_error"), (f"s{minutes // 120}", "down"))
        again = identified(replace(plan, incident=f"INC-{minutes // 600}", symptoms=symptoms))
        if night.executor.foresee(again, night.now, night.facts()) is None:
            night.begin(again, Approver.POLICY)
            night.run(again)
            tries.append(minutes // (24 * 60))
    assert [tries.count(day) for day in range(3)] == [12, 1, 1]


def test_who_is_not_in_what_ended_undone_is_not_held_back_by_it(store: GraphStore) -> None:
    estate, plan = export_story(2, fails=0)
    estate.things["x"].refuses = 1_000
    night = Night(store, estate)
    night.begin(plan, Approver.POLICY)
    night.run(plan)
    alone = plan_of(RESUME, cause=Fault("v1", "paused_io_error"))
    for each, held in ((plan, True), (plan_of(RESTART, CHECK), True), (alone, False)):
        refused = night.executor.foresee(each, night.now, night.facts())
        assert bool(refused and refused.guard == "attempts") is held


def test_what_came_back_by_itself_right_before_the_effect_is_not_taken_back(
    store: GraphStore,
) -> None:
    estate, plan = export_story(1)
    estate.things["x"] = Thing("inactive", sound=False, meanwhile="active")
    night = Night(store, estate)
    night.begin(plan)
    assert night.run(plan).state is PlanState.NEEDS_HUMAN
    assert "1 already so: it is active" in _details(store, plan)
    assert estate.log == []  # and "stop x" least of all: it was not us who started it


def test_what_was_changed_right_before_the_effect_was_not_tried(store: GraphStore) -> None:
    estate, _ = export_story(1)
    estate.things["v1"] = Thing("paused", meanwhile="off")
    plan = plan_of(RESUME, cause=Fault("v1", "paused_io_error"))
    night = Night(store, estate)
    night.begin(plan, Approver.POLICY)
    night.run(plan)
    assert "1 not done: it is off" in _details(store, plan)
    assert night.executor.tried_in_vain(night.now) == frozenset()


def _details(store: GraphStore, plan: Plan) -> list[str]:
    return [f"{entry.step + 1} {entry.detail}" for entry in store.journal(plan.id)]


def test_the_same_plan_may_run_again_and_keeps_its_earlier_runs(store: GraphStore) -> None:
    estate, plan = export_story(1)
    night = Night(store, estate)
    night.begin(plan)
    first = night.run(plan)
    estate.things = {"x": Thing("inactive"), "v1": Thing("paused")}
    again = replace(first, state=PlanState.PROPOSED)
    store.save_plan(again)
    begun = night.executor.begin(again, night.now, night.facts(), Approver.PERSON)
    assert isinstance(begun, PlanRecord)
    last = night.run(plan)
    assert last.state is PlanState.DONE
    assert estate.log.count("restart x") == 2
    runs = parse_plan(last.document, where="").runs
    assert [run.outcome for run in runs] == [Outcome.HELPED, Outcome.HELPED]
    assert runs[1].journal_from > 0


def _read_no_more(night: Night, plan: Plan) -> PlanRecord:
    """Let ten minutes pass on what was known last, and return what is kept of a plan."""
    last, end = night.facts(), night.now + timedelta(minutes=10)
    while night.executor.running and night.now < end:
        night.now += timedelta(seconds=1)
        night.executor.tick(night.now, last)
    record = night.store.plan(plan.id)
    assert record is not None
    return record


def test_nothing_is_read_so_nothing_is_verified(store: GraphStore) -> None:
    estate, plan = export_story(1)
    night = Night(store, estate)
    night.begin(plan)
    record = _read_no_more(night, plan)
    assert record.state is PlanState.NEEDS_HUMAN
    assert "nobody knows whether it helped" in record.because


def test_what_was_quiet_once_and_never_read_again_has_not_stayed_away(store: GraphStore) -> None:
    estate, plan = export_story(1)
    night = Night(store, estate)
    night.begin(plan)
    while not any("all symptoms are gone" in row for row in night.said):
        night.tick(1)
    record = _read_no_more(night, plan)
    assert record.state is PlanState.NEEDS_HUMAN
    assert "nothing was read for long enough to see whether they stay away" in record.because


def test_what_is_quiet_late_is_still_watched_for_as_long_as_it_is_read(store: GraphStore) -> None:
    estate, plan = export_story(1)
    night = Night(store, estate)
    night.begin(plan)
    while store.plan(plan.id).state is not PlanState.VERIFYING:  # type: ignore[union-attr]
        night.tick(1)
    deaf = (Vantage("libvirt", frozenset("abc"), frozenset("abc")),)
    end = night.now + 2 * (plan.settle + PATIENCE)
    while night.now < end - timedelta(seconds=3):
        night.now += timedelta(seconds=1)
        night.executor.tick(night.now, replace(night.facts(), vantages=deaf))
    record = night.run(plan)
    assert (record.state, record.because) == (
        PlanState.DONE,
        f"the symptoms are gone, for {plan.settle.total_seconds():g} s",
    )


def test_a_plan_that_a_person_cancels_begins_nothing_more_and_another_goes_on(
    store: GraphStore,
) -> None:
    estate, plan = export_story(3)
    estate.things |= {"v9": Thing("paused"), "s": Thing("active")}
    other = plan_of(replace(RESUME, entity="v9"), cause=Fault("s", "down"))
    night = Night(store, estate, slow=True)
    night.begin(plan)
    while "restart x" not in estate.log:
        night.tick(0.1)
    night.begin(other)
    record = store.plan(plan.id)
    assert record is not None
    cancel(store, record, "anna", "I am at it", night.now)
    ended = night.run(plan)
    assert ended.state is PlanState.NEEDS_HUMAN
    assert ended.because == "cancelled by anna: I am at it"
    assert night.run(other).state is PlanState.DONE
    assert [row for row in estate.log if not row.endswith(" v9")] == ["restart x"]
    assert propose(store, plan.incident, plan, night.now) == ended  # not proposed again
    assert store.count(Drawer.CANCELLED) == 0
    with pytest.raises(InputError, match="is needs_human, not under way"):
        cancel(store, ended, "anna", "", night.now)


def test_between_look_and_effect_a_cancelled_plan_stops_as_well(store: GraphStore) -> None:
    estate, plan = export_story(1)
    night = Night(store, estate, slow=True)
    begun = night.begin(plan)
    while not night.states(plan):
        night.tick(0.1)
    cancel(store, begun, "anna", "", night.now)
    assert night.run(plan).because == "cancelled by anna"
    assert estate.log == []


class Deaf(Estate):
    """Who watches it hears nothing of it, from a moment on."""

    since: datetime | None = None

    def facts(self, now: datetime) -> Facts:
        if self.since is None or now < self.since:
            return super().facts(now)
        eyes = frozenset(self.things)
        return replace(Estate().facts(now), vantages=(Vantage("prometheus", eyes, eyes),))


def test_what_nobody_saw_the_end_of_is_not_done_again_and_again_by_itself(
    store: GraphStore,
) -> None:
    estate = Deaf({"x": Thing("inactive"), "v1": Thing("paused")})
    plan = plan_of(RESTART, CHECK, RESUME)
    night = Night(store, estate)
    night.begin(plan, Approver.POLICY)
    estate.since = night.now + timedelta(seconds=5)
    ended = night.run(plan, limit=900)
    assert ended.state is PlanState.NEEDS_HUMAN
    assert "nobody knows whether it helped" in ended.because
    assert night.executor.tried_in_vain(night.now) == {("x", "restart"), ("v1", "resume")}
    estate.since = None
    estate.things["x"].state = "inactive"
    said = night.executor.foresee(plan, night.now, night.facts())
    assert said is not None
    assert said.guard == "attempts"
    # Nor is it a case of what is earned: nobody knows.
    assert cases(store, T0) == ()


def test_what_was_done_in_time_is_watched_beyond_the_deadline(store: GraphStore) -> None:
    """It has waited for long, and has helped: that it was late is no word against it."""
    estate, plan = export_story(1)
    night = Night(store, estate)
    record = night.begin(plan)
    while record.state is not PlanState.VERIFYING:
        night.tick()
        record = store.plan(plan.id) or record
    late = time_for(plan) - timedelta(seconds=5)
    document = parse_plan(record.document, where=plan.id)
    begun = replace(document.runs[-1], begun_at=night.now - late)
    store.save_plan(replace(record, document=plan_text(replace(document, runs=(begun,)))))
    night.restart()
    ended = night.run(plan)
    assert (ended.state, ended.because) == (PlanState.DONE, "the symptoms are gone, for 30 s")


def test_a_no_that_came_after_the_end_does_not_stop_what_is_begun_later(
    store: GraphStore,
) -> None:
    estate, plan = export_story(1)
    night = Night(store, estate)
    begun = night.begin(plan)
    night.run(plan)
    cancel(store, begun, "anna", "", night.now)  # as she had read it a moment before
    estate.things["x"].state = "inactive"
    night.begin(plan)
    assert night.run(plan).state is PlanState.DONE


def test_what_has_begun_when_the_store_goes_away_is_carried_out_once_it_is_back(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    estate, plan = export_story(1)
    night = Night(store, estate)
    save = store.save_plan

    def goes(record: PlanRecord, *, was: PlanRecord | None = None) -> None:
        def busy(*_asked: object, **_more: object) -> list[PlanRecord]:
            raise StoreBusyError("somebody writes")

        save(record, was=was)
        if record.state is PlanState.RUNNING:
            for each in ("journal", "plans"):
                monkeypatch.setattr(store, each, busy)

    monkeypatch.setattr(store, "save_plan", goes)
    night.begin(plan)
    monkeypatch.undo()
    assert night.run(plan).state is PlanState.DONE


def approved(night: Night, plan: Plan, document: str = "") -> PlanRecord:
    record = replace(night.propose(plan), state=PlanState.APPROVED, because="approved by anna")
    record = replace(record, document=document or record.document)
    night.store.save_plan(record)
    return record


def test_an_approval_for_which_there_is_no_way_any_longer_does_not_stand_for_ever(
    store: GraphStore,
) -> None:
    estate, _ = export_story(1)
    night = Night(store, estate)
    elsewhere = replace(RESTART, endpoint="gone")
    told = {
        plan_of(elsewhere, CHECK).id: (plan_of(elsewhere, CHECK), "'gone' is not configured"),
        plan_of(CHECK).id: (plan_of(CHECK), "this plan only looks or tells, and changes nothing"),
    }
    for each, _ in told.values():
        approved(night, each)
    said = night.executor.begin_approved(night.now, night.facts())
    assert [row.guard for _, row in said if row] == ["approval", "approval"]
    for plan_id, (_, why) in told.items():
        record = store.plan(plan_id)
        assert record is not None
        assert record.state is PlanState.PROPOSED
        assert why in record.because
    assert night.executor.begin_approved(night.now, night.facts()) == []
    assert estate.log == []


@pytest.mark.parametrize("minutes", [61, -2, -61])
def test_an_approval_whose_age_nobody_knows_or_that_is_an_hour_old_has_to_be_given_anew(
    store: GraphStore, minutes: int
) -> None:
    estate, plan = export_story(1)
    night = Night(store, estate)
    approved(night, plan)
    store.halt(Halt(night.now, "storm"))
    night.executor.begin_approved(night.now, night.facts())
    night.now += timedelta(minutes=minutes)
    store.lift_halt(night.now)
    ((kept, said),) = night.executor.begin_approved(night.now, night.facts())
    assert said is not None
    assert "more than 1 h ago, or by a clock" in said.why
    assert kept.because == said.why
    assert night.executor.idle


def test_an_approved_plan_that_nobody_can_read_holds_up_no_other(store: GraphStore) -> None:
    estate, plan = export_story(1)
    night = Night(store, estate)
    broken = approved(night, plan_of(RESTART, CHECK), document="{}")
    approved(night, plan)
    said = night.executor.begin_approved(night.now, night.facts())
    assert {row.id: refused is None for row, refused in said} == {broken.id: False, plan.id: True}
    record = store.plan(broken.id)
    assert record is not None
    assert record.state is PlanState.NEEDS_HUMAN


def test_what_was_tried_in_vain_is_remembered_for_ladders(store: GraphStore) -> None:
    estate, plan = export_story(1)
    estate.things["v1"].fails = 9
    night = Night(store, estate)
    night.begin(plan)
    night.run(plan)
    assert ("v1", "resume") in tried_in_vain(store, night.now)
    assert tried_in_vain(store, night.now + timedelta(days=2)) == frozenset()
    estate.things = {"x": Thing("inactive"), "v1": Thing("paused")}
    night.begin(plan)
    night.run(plan)
    assert tried_in_vain(store, night.now) == frozenset()


def test_two_plans_under_way_share_one_budget(store: GraphStore) -> None:
    things = {name: Thing("paused") for name in ("v1", "v2", "v3", "v4")}
    night = Night(store, Estate({**things, "p": Thing("roomy"), "s": Thing("active")}))
    first = plan_of(*(replace(RESUME, entity=v) for v in ("v1", "v2")), cause=Fault("p", "full"))
    other = plan_of(*(replace(RESUME, entity=v) for v in ("v3", "v4")), cause=Fault("s", "down"))
    night.executor = Executor(
        store, {"estate": night.estate}, "watch", night._spawn, Budgets(guest_actions=2)
    )
    for plan in (first, other):
        night.begin(plan)
    for _ in range(20):
        night.tick()
    assert sorted(night.estate.log) == ["resume v1", "resume v2"]


def test_a_plan_whose_first_step_only_looks_is_foreseen_by_the_step_that_acts(
    store: GraphStore,
) -> None:
    estate, plan = export_story(1)
    night = Night(store, estate)
    night.begin(plan)
    check = replace(CHECK, entity="x")
    left = plan_of(check, replace(RESUME, entity="v1"), cause=Fault("v1", "paused_io_error"))
    said = night.executor.foresee(left, night.now, night.facts())
    assert said is not None
    assert said.guard == "shared cause"
