"""What the watch does about an incident: by policy, past the guards, to the end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from structlog.testing import capture_logs

from kgraph.app.applying import approve
from kgraph.app.configured.toolkit import toolkit
from kgraph.app.incidents import plans
from kgraph.app.reading.sync import Job, Keep, keep
from kgraph.app.repairs.binding import Binding
from kgraph.app.watch.assess import Assessment, Assessor
from kgraph.app.watch.collect import Collector, Heard
from kgraph.app.watch.keeper import Keeper
from kgraph.app.watch.loop import ROLE, Watch
from kgraph.app.watch.repairs import PolicyRepairs
from kgraph.app.watch.shadows import Shadows
from kgraph.app.watch.told import Told, What
from kgraph.config import Configuration, Settings
from kgraph.schema import (
    Answer,
    Drawer,
    Evidence,
    Halt,
    Incident,
    Item,
    Key,
    Observation,
    Outcome,
    Plan,
    PlanDocument,
    PlanState,
    Record,
    RelationRecord,
    Snapshot,
    State,
)
from kgraph.schema.plan_documents import identified, plan_text
from kgraph.store import GraphStore, open_store
from remedies import Approver, Executor, Ground, Look, Standing, Task, load_policy
from remedies.execution.cases import cases
from remedies.planning import renamed
from remedies.record import Case
from tests.kgraph.app.watch.test_loop import Clock

AUTO = """
format: kgraph.policy/v1
rules:
  - {name: by itself, mode: auto, when: {risk: low, synced: true}}
"""
_RACK = {"rack": "r1"}
UUID = "6ac69cd2-2613-4896-80fa-104528ccfdb6"
SETTINGS = Settings(endpoints=[{"name": "guests", "type": "libvirt", "uri": "qemu:///h1"}])


@dataclass
class Hypervisor:
    """One host with one guest: what is read of it, and what acts on it."""

    running: bool = True
    broken: bool = False  # its guest does not start
    acted: list[str] = field(default_factory=list)
    more: list[Item] = field(default_factory=list)

    def fetch(self, at: datetime) -> Keep:
        state = State.HEALTHY if self.running else State.ABNORMAL
        items: list[Item] = [
            Record("h1", "Host", "h1"),
            Record("v1", "VirtualMachine", "web-1", keys=(Key("vmUuid", UUID),), labels=_RACK),
            RelationRecord("v1", "RUNS_ON", "h1"),
            Observation("h1", "down", State.HEALTHY, at=at, detector="libvirt/h1"),
            Observation("v1", "down", state, at=at, detector="libvirt/h1"),
            *self.more,
        ]
        snapshot = Snapshot("libvirt", "h1", complete=True, items=iter(items))
        return lambda reading: keep(reading, snapshot)

    def look(self, task: Task) -> Look:
        if task.effect == "told":
            return Look(Standing.EITHER)
        return Look(Standing.DONE if self.running else Standing.READY)

    def act(self, task: Task) -> str:
        self.acted.append(task.action)
        self.running = self.running or not self.broken
        return "accepted"


class Done:
    """A call that has been made already."""

    def done(self) -> bool:
        return True

    def wait(self, patience: timedelta) -> None:
        """There is nothing to wait for."""


def inline(_name: str, call: Callable[[], None]) -> Done:
    call()
    return Done()


@dataclass
class Night:
    store: GraphStore
    watch: Watch
    host: Hypervisor
    clock: Clock
    told: list[Told]
    job: Job

    def rounds(self, count: int, seconds: float = 1.0) -> list[Told]:
        """Go round so often, a second apart; return what is told."""
        before = len(self.told)
        for _ in range(count):
            self.clock.turn(seconds)
            self.watch.collector.put(self.watch.collector.ask(self.job))
            self.watch.round()
        return self.told[before:]

    def until(self, what: What, limit: int = 120) -> Told:
        for _ in range(limit):
            for event in self.rounds(1):
                if event.what is what:
                    return event
        raise AssertionError([event.line for event in self.told])


NewNight = Callable[..., Night]


@pytest.fixture
def new_night(tmp_path: Path) -> Iterator[NewNight]:
    stores: list[GraphStore] = []
    clock, host = Clock(), Hypervisor()

    def make(policy: str = AUTO, holder: str = "watch") -> Night:
        file = tmp_path / "policy.yaml"
        file.write_text(policy)
        store = open_store(tmp_path / "kgraph.db")
        stores.append(store)
        told: list[Told] = []
        job = Job("libvirt h1", host.fetch, topology=True)
        keeper = Keeper(store, [job], clock())
        executor = Executor(store, {"guests": host, "log": host}, holder, inline)
        repairs = PolicyRepairs(
            store, executor, load_policy(file), keeper, hold=timedelta(seconds=2)
        )
        watch = Watch(
            store=store,
            collector=Collector((), clock, lambda: 1.0),
            keeper=keeper,
            assessor=Assessor(store, toolkit(Configuration(SETTINGS), clock())),
            repairs=repairs,
            clock=clock,
            tell=told.append,
            holder=holder,
        )
        return Night(store, watch, host, clock, told, job)

    with capture_logs():
        yield make
    for store in stores:
        store.close()


@pytest.fixture
def night(new_night: NewNight) -> Night:
    return new_night()


def test_a_guest_that_died_is_started_and_seen_to_run(night: Night) -> None:
    night.rounds(1)
    night.host.running = False
    night.until(What.PLAN)
    night.until(What.BEGUN)
    ended = night.until(What.ENDED)
    assert (ended.facts["state"], ended.facts["outcome"]) == ("done", "helped")
    assert night.host.acted == ["start"]


def test_a_plan_must_have_stood_for_a_while_before_it_begins(night: Night) -> None:
    night.rounds(1)
    night.host.running = False
    night.until(What.PLAN)
    assert What.BEGUN not in {event.what for event in night.rounds(1)}
    night.until(What.BEGUN, limit=2)


def test_a_plan_of_before_a_sleep_does_not_begin_before_the_sources_were_asked(
    night: Night,
) -> None:
    night.rounds(1)
    night.host.running = False
    night.until(What.PLAN)
    night.clock.turn(2 * 3600)
    night.host.running = True  # somebody has started it meanwhile
    night.watch.round()
    assert What.BEGUN not in {event.what for event in (*night.told, *night.rounds(5))}
    assert night.host.acted == []


def test_a_plan_that_was_proposed_by_a_clock_that_was_ahead_begins_all_the_same(
    night: Night,
) -> None:
    night.rounds(1, seconds=24 * 3600)
    night.host.running = False
    night.until(What.PLAN)
    night.rounds(1, seconds=-24 * 3600)
    night.until(What.BEGUN, limit=5)


def test_what_is_over_by_itself_is_not_repaired(night: Night) -> None:
    night.rounds(1)
    night.host.running = False
    night.until(What.PLAN)
    night.host.running = True
    night.rounds(5)
    assert night.host.acted == []
    assert {row.state for row in night.store.plans()} == {PlanState.SUPERSEDED}


def test_without_a_policy_that_says_so_nothing_is_done_and_it_says_why(
    new_night: NewNight,
) -> None:
    night = new_night("format: kgraph.policy/v1\nrules: []\n")
    night.rounds(1)
    night.host.running = False
    refused = night.until(What.REFUSED)
    assert str(refused.facts["because"]).startswith("suggest: ")
    assert [event.what for event in night.rounds(5)].count(What.REFUSED) == 0
    assert night.host.acted == []


def test_a_plan_that_a_person_approves_begins_whatever_the_policy(new_night: NewNight) -> None:
    night = new_night("format: kgraph.policy/v1\nrules: []\n")
    night.rounds(1)
    night.host.running = False
    proposed = night.until(What.PLAN)
    record = plans.find(night.store, str(proposed.facts["plan"]))
    approve(night.store, record, "ada", night.clock())
    assert night.until(What.ENDED).facts["state"] == "done"
    assert night.host.acted == ["start"]


def test_what_another_process_began_and_left_is_gone_on_with(new_night: NewNight) -> None:
    """Whoever began it did so after the watch had started, and was killed."""
    night = new_night("format: kgraph.policy/v1\nrules: []\n")
    night.rounds(1)
    night.host.running = False
    record = plans.find(night.store, str(night.until(What.PLAN).facts["plan"]))
    apply = Executor(night.store, {"guests": night.host}, "apply", inline)
    facts = night.watch.repairs._facts(night.clock(), night.watch.repairs._found)  # type: ignore[attr-defined]
    apply.begin(record, night.clock(), facts, Approver.PERSON, "ada")
    assert night.until(What.ENDED).facts["state"] == "done"
    assert night.host.acted == ["start"]


def test_who_explained_for_so_long_that_another_watches_by_now_begins_nothing(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    night.rounds(1)
    night.host.running = False
    night.until(What.PLAN)
    assess = night.watch.assessor.assess

    def long(now: datetime, frozen: Collection[str]) -> tuple[Assessment, list[Told]] | None:
        found = assess(now, frozen)
        night.clock.turn(20)
        night.store.acquire(ROLE, "other", ttl=timedelta(seconds=60), now=night.clock())
        return found

    monkeypatch.setattr(night.watch.assessor, "assess", long)
    night.rounds(3)
    assert night.host.acted == []
    assert not night.watch.leading


def test_the_kill_switch_stops_it_and_says_so(night: Night) -> None:
    night.rounds(1)
    night.store.halt(Halt(night.clock(), "wrong estate"))
    night.host.running = False
    assert "wrong estate" in str(night.until(What.REFUSED).facts["because"])
    assert night.host.acted == []


def test_what_waits_is_weighed_by_what_was_known_a_moment_ago_and_nothing_begins_by_that(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where reading all evidence takes half a second."""
    repairs, ticks, read = night.watch.repairs, count(), list[datetime]()
    assert isinstance(repairs, PolicyRepairs)
    repairs.stopwatch = lambda: next(ticks) / 2
    evidence = night.store.evidence

    def reading(uids: Iterable[str] | None = None, *, now: datetime) -> Evidence:
        if uids is None:
            read.append(now)
        return evidence(uids, now=now)

    night.rounds(1)
    repairs.binding = Objecting({})
    night.host.running = False
    night.until(What.REFUSED)
    monkeypatch.setattr(repairs, "store", Reading(night.store, reading))
    night.rounds(20)
    assert len(read) <= 5  # and not twenty
    monkeypatch.setattr(repairs, "binding", Binding.of(Configuration(SETTINGS)))
    repairs._proved.clear()
    night.until(What.BEGUN)
    assert read[-1] == night.clock()  # as it is now


class Reading:
    """A store of which it is counted how often all evidence is read."""

    def __init__(self, store: GraphStore, evidence: Callable[..., Evidence]) -> None:
        self._store, self.evidence = store, evidence

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@dataclass(frozen=True)
class Objecting(Binding):
    """A proof on the whole graph that finds what that on a part could not."""

    asked: list[tuple[Any, ...]] = field(default_factory=list)
    why: ClassVar = "the checker objects by now: capacity"

    def objection(self, *told: object) -> str:
        self.asked.append(told)
        return self.why


def test_what_begins_by_itself_is_proven_on_the_whole_graph(night: Night) -> None:
    repairs = night.watch.repairs
    assert isinstance(repairs, PolicyRepairs)
    repairs.binding = whole = Objecting({})
    night.rounds(1)
    night.host.running = False
    refused = night.until(What.REFUSED)
    assert "proof: the checker objects by now: capacity" in refused.line
    night.rounds(20)
    assert night.host.acted == []
    assert len(whole.asked) == 1  # nothing has changed since
    repairs.binding = Binding.of(Configuration(SETTINGS))
    repairs._proved.clear()
    assert night.until(What.ENDED).facts["state"] == "done"


def test_what_is_in_hand_is_read_once_a_round_and_anew_once_a_plan_has_begun(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    repairs, read = night.watch.repairs, list[datetime]()
    assert isinstance(repairs, PolicyRepairs)

    def reading(_store: GraphStore, since: datetime, _does: object) -> frozenset[str]:
        read.append(since)
        return frozenset()

    monkeypatch.setattr("kgraph.app.repairs.binding.taken_out", reading)
    repairs.binding = whole = Objecting({}, {"start"})
    night.rounds(1)
    night.host.running = False
    night.until(What.REFUSED)
    ((id_, proposal),) = repairs._proposals.items()
    other = renamed(proposal.plan, "INC-0002")
    document = plan_text(PlanDocument(other))
    record = plans.find(night.store, id_)
    night.store.save_plan(replace(record, id=other.id, incident="INC-0002", document=document))
    repairs._proposals[other.id] = replace(proposal, plan=other)

    def begun(why: str) -> list[Collection[str]]:
        """Return what neither plan was to count on."""
        whole.asked.clear()
        read.clear()
        repairs._proved.clear()
        monkeypatch.setattr(Objecting, "why", why)
        assert repairs._found
        list(repairs._begin_by_policy(night.clock(), repairs._found))
        return [told[-1] for told in whole.asked]

    assert begun("capacity") == [frozenset(), frozenset()]
    assert len(read) == 1
    # The first begins, and the second must not count on whom it treats; a guard would see it here.
    monkeypatch.setattr(repairs.executor, "foresee", lambda *_: None)
    assert begun("") == [frozenset(), {step.entity for step in other.steps}]
    assert len(read) == 2


def test_what_a_person_has_approved_is_proven_on_the_whole_graph_of_the_moment(
    new_night: NewNight,
) -> None:
    night = new_night("format: kgraph.policy/v1\nrules: []\n")
    night.watch.repairs.binding = Objecting({})  # type: ignore[attr-defined] # PolicyRepairs it is
    night.rounds(1)
    night.host.running = False
    proposed = night.until(What.PLAN)
    approve(
        night.store, plans.find(night.store, str(proposed.facts["plan"])), "ada", night.clock()
    )
    (said,) = [row for row in night.rounds(1) if row.what is What.REFUSED]
    assert said.facts == {
        "plan": proposed.facts["plan"],
        "incident": "INC-0001",
        "because": "approval: the checker objects by now: capacity",
    }
    assert night.host.acted == []


def test_whose_approval_is_void_is_proposed_what_fits_by_now(new_night: NewNight) -> None:
    night = new_night("format: kgraph.policy/v1\nrules: []\n")
    night.watch.repairs.binding = Objecting({})  # type: ignore[attr-defined] # PolicyRepairs it is
    night.rounds(1)
    night.host.running = False
    before = str(night.until(What.PLAN).facts["plan"])
    approve(night.store, plans.find(night.store, before), "ada", night.clock())
    # It is seen while the approved plan stands, and so does its explanation; it stays as it is.
    night.host.more = [Observation("v1", "errors", State.ABNORMAL, detector="libvirt/h1")]
    events = night.rounds(3)
    (after,) = [str(row.facts["plan"]) for row in events if row.what is What.PLAN]
    states = {row.id: row.state for row in night.store.plans()}
    assert states == {before: PlanState.SUPERSEDED, after: PlanState.PROPOSED}


def test_a_person_who_has_approved_what_waits_is_told_once_for_what(new_night: NewNight) -> None:
    night = new_night("format: kgraph.policy/v1\nrules: []\n")
    night.rounds(1)
    night.host.running = False
    plan = str(night.until(What.PLAN).facts["plan"])
    approve(night.store, plans.find(night.store, plan), "ada", night.clock())
    night.store.halt(Halt(night.clock(), "wrong estate"))
    (said,) = [row for row in night.rounds(5) if row.what is What.REFUSED]
    assert said.line == f"{plan} not begun: halt: halted: wrong estate"
    kept = plans.find(night.store, plan)
    assert kept.because == "approved by ada; it waits: halt: halted: wrong estate"
    night.store.lift_halt(night.clock())
    assert night.until(What.BEGUN).line == f"{plan} begun by person: approved by ada"


def test_what_was_read_since_counts_though_it_is_less_than_a_look_ago(night: Night) -> None:
    repairs = night.watch.repairs
    assert isinstance(repairs, PolicyRepairs)
    night.rounds(1)
    assert repairs._found is not None
    before = repairs._facts(night.clock(), repairs._found)
    assert repairs._facts(night.clock(), repairs._found) is before
    night.host.running = False
    night.rounds(1, 0.1)
    now = repairs._facts(night.clock(), repairs._found)
    assert now.read_at == night.clock() > before.read_at
    assert now.abnormal
    assert not before.abnormal


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every estate is as large as those that are explained in parts."""
    for name in ("app.watch.assess.WHOLE_UP_TO", "app.stored.survey.WHOLE_UP_TO"):
        monkeypatch.setattr(f"kgraph.{name}", 1)
    none = np.arange(0, dtype=np.int32)
    monkeypatch.setattr(sys.modules["kgraph.topology.vicinity"], "_strangers", lambda _: none)


def far(rack: str = "r1") -> Record:
    """One with which nothing is wrong."""
    keys, labels = (Key("vmUuid", UUID[::-1]),), {"rack": rack}
    return Record("v2", "VirtualMachine", "far", keys=keys, labels=labels)


@pytest.mark.usefixtures("in_parts")
def test_it_is_proven_anew_where_the_graph_has_changed_far_from_all_that_is_wrong(
    night: Night,
) -> None:
    repairs = night.watch.repairs
    assert isinstance(repairs, PolicyRepairs)
    repairs.binding = whole = Objecting({})
    night.rounds(1)
    night.host.running = False
    night.until(What.REFUSED)
    night.rounds(3)
    assert len(whole.asked) == 1
    night.host.more = [far()]
    night.rounds(3)
    assert len(whole.asked) == 2


@pytest.mark.usefixtures("in_parts")
@pytest.mark.parametrize("later", [False, True], ids=["labelled before", "labelled since"])
def test_the_labels_of_who_only_makes_room_count_as_well(
    new_night: NewNight,
    later: bool,  # noqa: FBT001 - a table
) -> None:
    held = "  - {name: hands off, mode: observe, priority: 9, when: {labels: {rack: r2}}}\n"
    night = new_night(AUTO + held)
    night.host.more = [far("r1" if later else "r2")]
    night.rounds(1)
    uid = night.store.locate("libvirt", "v2")
    assert isinstance(uid, str)
    assessor, narrow = night.watch.assessor, night.watch.assessor._tools.remedy

    def also(answer: Answer, incident: Incident, ground: Ground | None = None) -> Plan | None:
        assert uid not in {entity.uid for entity in incident.entities}
        plan = narrow(answer, incident, ground)
        steps = plan and (*plan.steps, replace(plan.steps[0], entity=uid))
        return plan and identified(replace(plan, steps=steps))

    assessor._tools = replace(assessor._tools, remedy=also)
    night.host.running = False
    night.until(What.PLAN)
    night.host.more = [far("r2")]
    assert "observe" in str(night.until(What.REFUSED).facts["because"])
    night.rounds(5)
    assert night.host.acted == []


def test_a_repair_that_did_not_help_is_not_tried_again(night: Night) -> None:
    night.rounds(1)
    night.host.running, night.host.broken = False, True
    assert night.until(What.ENDED).facts["state"] == "needs_human"
    tried = len(night.host.acted)
    refused = night.until(What.REFUSED)
    assert str(refused.facts["because"]).startswith("attempts: ")
    night.rounds(10)
    assert len(night.host.acted) == tried


def test_who_is_not_the_watch_begins_nothing(new_night: NewNight) -> None:
    first, second = new_night(holder="one"), new_night(holder="two")
    first.rounds(1)
    second.rounds(1)
    second.host.running = False
    second.rounds(5)
    assert second.host.acted == []
    first.until(What.BEGUN)


def test_what_a_killed_watch_began_is_finished_by_the_next(new_night: NewNight) -> None:
    first = new_night(holder="one")
    first.rounds(1)
    first.host.running = False
    first.until(What.BEGUN)
    second = new_night(holder="two")
    second.clock.turn(300)  # the first was killed, and its leases run out
    second.told += second.watch.repairs.resume(second.clock())
    assert second.until(What.ENDED).facts["state"] == "done"
    assert second.host.acted == ["start"]


def test_an_event_is_kept_and_counts_as_no_reading(night: Night) -> None:
    night.rounds(1)
    gone = Observation("v1", "down", State.ABNORMAL, at=night.clock(), detector="libvirt/h1")
    stranger = replace(gone, entity="v9")
    shown = Snapshot("libvirt", "h1", complete=False, items=iter([gone, stranger]))
    night.clock.turn(1)
    night.watch.collector.tell(night.job, shown)
    read_at = night.watch.keeper.read_at
    night.watch.round()
    assert night.watch.keeper.read_at == read_at
    assert What.OPENED in {event.what for event in night.told}
    assert isinstance(night.store.locate("libvirt", "v1"), str)


def test_a_reading_that_was_under_way_when_an_event_came_is_kept_all_the_same(
    night: Night,
) -> None:
    night.rounds(1)
    asked: Heard = night.watch.collector.ask(night.job)
    night.clock.turn(1)
    gone = Observation("v1", "down", State.ABNORMAL, at=night.clock(), detector="libvirt/h1")
    shown = Snapshot("libvirt", "h1", complete=False, items=iter([gone]))
    night.watch.collector.tell(night.job, shown)
    night.watch.collector.put(asked)
    night.watch.round()
    assert What.SOURCE_FAILED not in {event.what for event in night.told}


SHADOW = """
format: kgraph.policy/v1
rules:
  - {name: earning, mode: auto, earned: {cases: 2, atLeast: 0.3}, when: {synced: true}}
"""


def by_itself(night: Night, after: int) -> Told:
    """The guest dies, and somebody starts it after so many seconds."""
    night.host.running = False
    night.until(What.PLAN)
    night.rounds(after)
    night.host.running = True
    return night.until(What.SHADOW)


def test_a_repair_earns_its_place_in_the_shadow_and_then_acts_by_itself(
    new_night: NewNight,
) -> None:
    night = new_night(SHADOW)
    night.rounds(1)
    for number in range(2):
        assert by_itself(night, 30).facts["outcome"] == "helped"
        assert night.host.acted == []
        assert len(cases(night.store, night.clock() - timedelta(days=1))) == number + 1
        night.rounds(5)
    night.host.running = False
    assert night.until(What.ENDED).facts["outcome"] == "helped"
    assert night.host.acted == ["start"]


@pytest.mark.usefixtures("in_parts")
@pytest.mark.parametrize("worse", [False, True], ids=["helped", "made worse"])
def test_one_of_its_group_counts_that_is_no_part_of_the_incident(
    new_night: NewNight,
    monkeypatch: pytest.MonkeyPatch,
    worse: bool,  # noqa: FBT001 - a table
) -> None:
    night = new_night(SHADOW.replace("atLeast: 0.3", "atLeast: 0.3, by: rack"))
    night.host.more = [far()]
    night.rounds(1)
    uid = night.store.locate("libvirt", "v2")
    assert isinstance(uid, str)
    at = night.clock() - timedelta(days=2)
    one = Case("start", "VirtualMachine", uid, at, Outcome.HELPED)
    found = [replace(one, plan=f"P-{n}") for n in range(20)]
    if worse:
        found.append(replace(one, at=at + timedelta(days=1), outcome=Outcome.MADE_WORSE))
    monkeypatch.setattr("kgraph.app.watch.repairs.cases", lambda *_: tuple(found))
    night.host.running = False
    if worse:
        assert "since it made worse" in str(night.until(What.REFUSED).facts["because"])
    else:
        assert night.until(What.ENDED).facts["outcome"] == "helped"
    assert night.host.acted == ([] if worse else ["start"])


def test_a_shadow_run_that_is_open_outlives_the_process(new_night: NewNight) -> None:
    night = new_night(SHADOW)
    night.rounds(1)
    night.host.running = False
    night.until(What.REFUSED)
    night.rounds(40)
    repairs = night.watch.repairs
    assert isinstance(repairs, PolicyRepairs)
    repairs._shadows = Shadows(night.store)
    night.host.running = True
    assert night.until(What.SHADOW).facts["outcome"] == "helped"
    assert night.store.count(Drawer.SHADOW) == 0
    assert Shadows(night.store)._open == {}


def test_what_goes_away_before_a_repair_could_have_helped_earns_nothing(
    new_night: NewNight,
) -> None:
    night = new_night(SHADOW)
    night.rounds(1)
    for _ in range(3):
        assert by_itself(night, 4).facts["outcome"] == "no_effect"
        night.rounds(5)
    night.host.running = False
    refused = night.until(What.REFUSED)
    assert str(refused.facts["because"]).startswith("shadow: not earned yet: 0 of 3 helped")
    assert night.host.acted == []


@pytest.mark.parametrize(
    ("more", "begins"),
    [
        ([], True),
        # Elsewhere: nothing of it was read for the proof.
        ([Record("h2", "Host", "h2"), Record("v2", "VirtualMachine", "web-2")], True),
        # Something needs the guest now: that was not looked at when it was approved.
        ([Record("s", "Service", "shop"), RelationRecord("s", "RUNS_ON", "v1")], False),
    ],
)
def test_an_approval_counts_as_long_as_nothing_has_changed_that_the_plan_stands_on(
    new_night: NewNight,
    more: list[Item],
    begins: bool,  # noqa: FBT001 - a table
) -> None:
    night = new_night("format: kgraph.policy/v1\nrules: []\n")
    binding = Binding.of(Configuration(SETTINGS))
    night.watch.repairs.binding = binding  # type: ignore[attr-defined] # PolicyRepairs it is
    night.rounds(1)
    night.host.running = False
    proposed = night.until(What.PLAN)
    record = plans.find(night.store, str(proposed.facts["plan"]))
    approve(night.store, record, "ada", night.clock(), binding)
    night.host.more = more
    told = night.rounds(30)
    assert (night.host.acted == ["start"]) is begins
    refused = [event.line for event in told if "approve again" in event.line]
    assert bool(refused) is not begins
