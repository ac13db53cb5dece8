"""The loop, round by round: sources that are scripted, a clock that is turned by hand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kgraph.app.configured.toolkit import toolkit
from kgraph.app.reading.sync import REDATED, Job, Keep, keep
from kgraph.app.stored import turns
from kgraph.app.watch.assess import Assessment, Assessor
from kgraph.app.watch.collect import Collector
from kgraph.app.watch.keeper import Keeper
from kgraph.app.watch.loop import ROLE, Watch
from kgraph.app.watch.told import Told, What
from kgraph.config import Configuration, Settings
from kgraph.incidents.wording import probability
from kgraph.schema import (
    IncidentStatus,
    Item,
    Observation,
    Record,
    RelationRecord,
    Snapshot,
    SourceError,
    State,
)
from kgraph.store import GraphStore, open_store

T0 = datetime(2026, 11, 23, 3, 8, tzinfo=UTC)
ESTATE: list[Item] = [
    Record("h1", "Host", "h1"),
    Record("x", "StorageExport", "vmstore"),
    *(Record(f"v{n}", "VirtualMachine", f"web-{n}") for n in range(4)),
    *(RelationRecord(f"v{n}", "RUNS_ON", "h1") for n in range(4)),
    *(RelationRecord(f"v{n}", "STORED_ON", "x") for n in range(4)),
]


@dataclass
class Clock:
    now: datetime = T0

    def __call__(self) -> datetime:
        return self.now

    def turn(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Source:
    """A source that says what it is told to say; asked by `ask`, not by a thread."""

    hurt: dict[str, str] = field(default_factory=dict)
    failure: str = ""
    odd: bool = False  # it says something that makes little sense
    lasts: timedelta | None = None  # what it sees expires

    def fetch(self, at: datetime) -> Keep:
        if self.failure:
            raise SourceError(self.failure, where="libvirt h1")
        odd = [RelationRecord("h1", "STORED_ON", "v1")] if self.odd else []
        items = [*ESTATE, *odd, *self._seen(at)]
        snapshot = Snapshot("libvirt", "h1", complete=True, items=iter(items))
        return lambda reading: keep(reading, snapshot)

    def _seen(self, at: datetime) -> Iterator[Observation]:
        for entity, signal in (("h1", "down"), *((f"v{n}", "paused") for n in range(4))):
            state = State.ABNORMAL if self.hurt.get(entity) == signal else State.HEALTHY
            over = at + self.lasts if self.lasts else None
            yield Observation(entity, signal, state, at=at, detector="libvirt/h1", expires_at=over)


@dataclass
class Idle:
    """Repairs that do nothing but remember what they were asked."""

    allowed: bool = False
    busy: frozenset[str] = frozenset()
    considered: list[Assessment] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def resume(self, now: datetime) -> list[Told]:  # noqa: ARG002 - the protocol's
        self.calls.append("resume")
        return []

    def consider(self, found: Assessment) -> list[Told]:
        self.considered.append(found)
        return []

    def tick(self, now: datetime, *, beginning: bool) -> list[Told]:  # noqa: ARG002
        self.calls.append("tick" if beginning else "go on")
        return []

    def set_back(self, now: datetime) -> None:  # noqa: ARG002
        self.calls.append("set back")

    def stop(self, now: datetime) -> list[Told]:  # noqa: ARG002
        self.calls.append("stop")
        return []


@dataclass
class Scene:
    store: GraphStore
    watch: Watch
    source: Source
    repairs: Idle
    clock: Clock
    told: list[Told]

    def round(self, seconds: float = 1.0) -> list[Told]:
        """Let time pass, ask the source, go round once; return what is told."""
        self.clock.turn(seconds)
        job = Job("libvirt h1", self.source.fetch, topology=True)
        self.watch.collector.put(self.watch.collector.ask(job))
        before = len(self.told)
        self.watch.round()
        return self.told[before:]


NewScene = Callable[..., Scene]


@pytest.fixture
def new_scene(tmp_path: Path) -> Iterator[NewScene]:
    stores: list[GraphStore] = []

    def make(holder: str = "one", clock: Clock | None = None) -> Scene:
        store = open_store(tmp_path / "kgraph.db")
        stores.append(store)
        clock = clock or Clock()
        told: list[Told] = []
        repairs = Idle()
        watch = Watch(
            store=store,
            collector=Collector((), clock, lambda: 1.0),
            keeper=Keeper(store, [Job("libvirt h1", Source().fetch, topology=True)], clock()),
            assessor=Assessor(store, toolkit(Configuration(Settings()), clock())),
            repairs=repairs,
            clock=clock,
            tell=told.append,
            holder=holder,
        )
        return Scene(store, watch, Source(), repairs, clock, told)

    yield make
    for store in stores:
        store.close()


@pytest.fixture
def scene(new_scene: NewScene) -> Scene:
    return new_scene()


def whats(events: Sequence[Told]) -> list[What]:
    return [event.what for event in events]


def test_a_healthy_estate_is_nothing_to_tell(scene: Scene) -> None:
    assert whats(scene.round()) == [What.SYNCED]
    assert scene.round() == []
    assert scene.store.incidents() == []


def test_an_incident_is_opened_explained_and_resolved(scene: Scene) -> None:
    scene.round()
    scene.source.hurt = {f"v{n}": "paused" for n in range(4)}
    opened, explained = scene.round()
    assert (opened.what, opened.facts["incident"]) == (What.OPENED, "INC-0001")
    assert "4 VMs paused" in opened.line
    cause = explained.facts["causes"][0]
    assert cause["title"] == "StorageExport vmstore"
    assert explained.line.endswith(f"P {probability(cause['posterior'])}")
    scene.source.hurt = {}
    (resolved,) = scene.round()
    assert (resolved.what, resolved.facts) == (What.RESOLVED, {"incident": "INC-0001"})
    record = scene.store.incident("INC-0001")
    assert record is not None
    assert record.status is IncidentStatus.RESOLVED


def test_evidence_that_is_only_renewed_is_not_explained_again(scene: Scene) -> None:
    scene.source.hurt = {"v1": "paused"}
    scene.round()
    assert scene.round() == []
    assert len(scene.repairs.considered) == 1


def test_who_does_not_come_round_in_time_is_the_watch_no_longer(scene: Scene) -> None:
    assert not scene.watch.leading
    scene.round()
    assert scene.watch.leading
    scene.clock.turn(11)  # a round that hangs
    assert not scene.watch.leading
    scene.round()
    assert scene.watch.leading


def test_a_source_that_fails_is_told_once_and_again_when_it_is_back(scene: Scene) -> None:
    scene.round()
    scene.source.failure = "no route"
    (failed,) = scene.round()
    assert (failed.what, "no route" in failed.line) == (What.SOURCE_FAILED, True)
    assert scene.round() == []
    scene.source.failure = ""
    assert whats(scene.round()) == [What.SOURCE_BACK]


def test_what_no_store_can_hold_is_the_fault_of_its_source_and_ends_no_watch(
    scene: Scene,
) -> None:
    scene.round()

    def fetch(_at: datetime) -> Keep:
        items: list[Item] = [Record("half \ud800", "Host", "half a character")]
        snapshot = Snapshot("cmdb", "", complete=True, items=iter(items))
        return lambda reading: keep(reading, snapshot)

    scene.watch.collector.put(scene.watch.collector.ask(Job("cmdb", fetch)))
    (failed,) = scene.round()
    assert (failed.what, "cmdb" in failed.line) == (What.SOURCE_FAILED, True)
    scene.source.hurt = {"v1": "paused"}
    assert What.OPENED in whats(scene.round())


def test_of_a_source_that_fails_nobody_says_that_it_was_read(scene: Scene) -> None:
    alerts = Job("alertmanager", Source(failure="no route").fetch)
    scene.watch.collector.put(scene.watch.collector.ask(alerts))
    failed, synced = scene.round()
    assert (failed.what, synced.what) == (What.SOURCE_FAILED, What.SYNCED)
    assert synced.line == "all sources were asked, 1 of them in vain: 6 entities"


def test_what_a_person_should_look_at_is_told_once_and_again_when_it_comes_back(
    scene: Scene,
) -> None:
    scene.round()
    scene.source.odd = True
    (finding,) = scene.round()
    assert finding.what is What.FINDING
    assert "libvirt h1: unusual_endpoints" in finding.line
    assert scene.round() == []
    scene.source.odd = False
    assert scene.round() == []
    scene.source.odd = True
    assert whats(scene.round()) == [What.FINDING]


def test_that_evidence_names_nothing_known_is_told_once_the_graph_was_read(scene: Scene) -> None:
    alerts = Job("alertmanager", Source(odd=True).fetch)
    scene.watch.collector.put(scene.watch.collector.ask(alerts))
    assert whats(scene.round()) == [What.SYNCED]  # it was heard first
    scene.watch.collector.put(scene.watch.collector.ask(alerts))
    assert whats(scene.round()) == [What.FINDING]


def test_an_incident_that_is_being_repaired_keeps_its_explanation(scene: Scene) -> None:
    scene.source.hurt = {f"v{n}": "paused" for n in range(4)}
    scene.round()
    before = scene.store.incident("INC-0001")
    scene.repairs.busy = frozenset({"INC-0001"})
    scene.source.hurt = {"v1": "paused"}
    assert scene.round() == []
    after = scene.store.incident("INC-0001")
    assert before is not None
    assert after is not None
    assert after.answer == before.answer


def test_a_second_watch_waits_and_takes_over_when_the_first_has_died(
    new_scene: NewScene,
) -> None:
    clock = Clock()
    first, second = new_scene("one", clock), new_scene("two", clock)
    first.round()
    assert first.repairs.allowed
    (waiting,) = second.round()
    assert waiting.what is What.WAITING
    assert waiting.line.endswith("waiting for it (one, until 2026-11-23T03:08:11Z)")
    assert not second.repairs.allowed
    assert second.round() == []
    clock.turn(30)  # the first was killed and renews nothing
    second.round()
    assert second.repairs.allowed
    assert whats(first.round()) == [What.WAITING]
    assert not first.repairs.allowed


def test_a_watch_that_was_killed_while_its_clock_was_ahead_is_not_waited_for_until_then(
    new_scene: NewScene,
) -> None:
    clock = Clock()
    first, second = new_scene("one", Clock(clock() + timedelta(days=1))), new_scene("two", clock)
    first.round()
    assert whats(second.round()) == [What.WAITING]
    for _ in range(6):  # while it lives, whatever its clock says
        first.round(seconds=5)
        second.round(seconds=5)
        assert not second.repairs.allowed
    second.round(seconds=11)
    assert second.repairs.allowed


def test_what_was_resolved_and_stayed_quiet_is_closed(scene: Scene) -> None:
    scene.source.hurt = {"v1": "paused"}
    scene.round()
    scene.source.hurt = {}
    scene.round()
    assert whats(scene.round(seconds=3600)) == [What.CLOSED]


def test_nothing_is_closed_or_forgotten_while_a_person_sorts_incidents(
    scene: Scene, new_scene: NewScene
) -> None:
    scene.source.hurt = {"v1": "paused"}
    scene.round()
    scene.source.hurt = {}
    scene.round()
    scene.clock.turn(3600)
    with turns.turn(new_scene().store, "ada", scene.clock()):
        assert whats(scene.round()) == []
    assert whats(scene.round()) == [What.CLOSED]


def test_a_run_resumes_first_and_ends_by_giving_the_watch_back(scene: Scene) -> None:
    stopping = threading.Event()
    stopping.set()
    scene.watch.run(stopping)
    assert scene.told == []  # told to stop before it began
    stopping.clear()
    scene.watch.pause = timedelta(0)

    def tell(event: Told) -> None:
        scene.told.append(event)
        stopping.set()

    scene.watch.tell = tell
    scene.watch.run(stopping)
    assert whats(scene.told) == [What.STARTED, What.STOPPED]
    assert scene.repairs.calls[0] == "resume"
    assert scene.repairs.calls[-1] == "stop"
    assert ROLE not in {lease.name for lease in scene.store.leases(now=scene.clock())}


def test_a_large_estate_is_explained_around_its_symptoms_and_looked_at_again_in_a_minute(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("kgraph.app.watch.assess", "kgraph.app.stored.survey"):
        monkeypatch.setattr(f"{name}.WHOLE_UP_TO", 1)
    scene.round()
    scene.source.hurt = {f"v{n}": "paused" for n in range(4)}
    opened, explained = scene.round()
    assert opened.what is What.OPENED
    assert explained.facts["causes"][0]["title"] == "StorageExport vmstore"
    before = len(scene.repairs.considered)
    scene.round(1)
    assert len(scene.repairs.considered) == before
    scene.round(60)
    assert len(scene.repairs.considered) == before + 1
    scene.source.hurt = {}
    assert whats(scene.round()) == [What.RESOLVED]


@dataclass
class Posted:
    """What a service has beside the loop."""

    waiting: list[Told] | None = None
    calls: list[str] = field(default_factory=list)

    def begin_anew(self) -> None:
        self.calls.append("begin anew")

    def keep(self, now: datetime) -> list[Told] | None:  # noqa: ARG002 - the protocol's
        self.calls.append("keep")
        found, self.waiting = self.waiting, None
        return found

    def warnings(self, now: datetime) -> tuple[str, ...]:  # noqa: ARG002
        return ("12 alerts were left out",)

    def assessed(self, found: Assessment) -> None:
        (kept,) = found.kept or (None,)
        if kept is not None:
            self.calls += kept.investigation.case.incident.warnings

    def settle(self, now: datetime) -> None:  # noqa: ARG002
        self.calls.append("settle")


def test_what_was_posted_comes_in_before_the_explanation_and_what_is_missing_stands_in_it(
    scene: Scene,
) -> None:
    beside = scene.watch.beside = Posted()
    scene.watch.assessor._warnings = beside.warnings
    scene.source.hurt = {"v1": "paused"}
    beside.waiting = [Told(T0, What.FINDING, "posted", {})]
    told = scene.round()
    assert [row.line for row in told].index("posted") < whats(told).index(What.OPENED)
    assert beside.calls == ["begin anew", "keep", "12 alerts were left out", "settle", "settle"]


def test_a_clock_that_was_ahead_and_is_set_back_hides_and_keeps_nothing(scene: Scene) -> None:
    scene.round()
    scene.source.hurt = {"v1": "paused", "v2": "paused"}
    scene.round(24 * 3600)
    scene.source.hurt = {}
    told = scene.round(-24 * 3600)
    assert [event.line for event in told if event.what is What.FINDING] == [REDATED]
    assert What.RESOLVED in whats(told)
    (lease,) = scene.store.leases(now=scene.clock())
    assert lease.expires_at - scene.clock() <= timedelta(seconds=10)
    assert scene.round() == []


def test_who_has_slept_asks_before_anything_is_said_to_be_over(scene: Scene) -> None:
    scene.source.lasts = timedelta(minutes=2)
    scene.source.hurt = {"v1": "paused", "v2": "paused"}
    scene.round()
    before = len(scene.told)
    scene.clock.turn(24 * 3600)
    scene.watch.round()
    assert What.RESOLVED not in whats([*scene.told[before:], *scene.round()])
    assert scene.store.incidents()[0].status is IncidentStatus.OPEN


def test_a_source_that_does_not_answer_after_a_sleep_is_not_waited_for_long(scene: Scene) -> None:
    scene.source.lasts = timedelta(minutes=2)
    scene.source.hurt = {"v1": "paused", "v2": "paused"}
    scene.round()
    scene.clock.turn(24 * 3600)
    scene.watch.round()
    scene.clock.turn(11)
    scene.watch.round()
    assert What.RESOLVED in whats(scene.told)


def test_a_clock_that_jumps_ahead_and_back_leaves_nobody_waiting_for_that_day(
    scene: Scene,
) -> None:
    scene.round()
    scene.clock.turn(24 * 3600)
    scene.watch.round()
    scene.clock.turn(-24 * 3600)
    scene.source.hurt = {"v1": "paused", "v2": "paused"}
    assert What.OPENED in whats(scene.round())


def test_who_begins_after_a_day_asks_before_anything_is_said_to_be_over(
    new_scene: NewScene,
) -> None:
    first = new_scene()
    first.source.lasts = timedelta(minutes=2)
    first.source.hurt = {"v1": "paused", "v2": "paused"}
    first.round()
    first.clock.turn(24 * 3600)
    second = new_scene("two", first.clock)
    second.watch.round()
    assert second.told == []


def test_who_has_slept_begins_nothing_before_it_has_asked(scene: Scene) -> None:
    scene.round()
    scene.clock.turn(2 * 3600)
    scene.watch.round()
    scene.round()
    assert scene.repairs.calls == ["tick", "go on", "tick"]


def test_what_was_asked_before_the_clock_was_set_back_is_asked_anew(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    anew: list[datetime] = []
    monkeypatch.setattr(scene.watch.collector, "ask_anew", lambda: anew.append(scene.clock()))
    scene.round()
    scene.clock.turn(24 * 3600)
    late = scene.watch.collector.ask(Job("libvirt h1", scene.source.fetch, topology=True))
    scene.clock.turn(-24 * 3600)
    scene.watch.collector.put(late)
    scene.watch.round()
    assert anew == [scene.clock()]
    assert not scene.store.redate(scene.clock())


def test_who_has_the_watch_again_remembers_nothing_of_the_store(new_scene: NewScene) -> None:
    clock = Clock()
    first, second = new_scene("one", clock), new_scene("two", clock)
    beside = first.watch.beside = Posted()
    first.round()
    first.round(5)
    assert beside.calls.count("begin anew") == 1
    second.round(30)
    first.round()
    first.round(30)
    assert beside.calls.count("begin anew") == 2


def test_what_the_watch_remembers_of_a_later_time_is_of_now_once_the_clock_is_set_back(
    scene: Scene,
) -> None:
    beside = scene.watch.beside = Posted()
    scene.round(24 * 3600)
    scene.round(-24 * 3600)
    assert scene.repairs.calls == ["tick", "set back", "tick"]
    assert beside.calls.count("begin anew") == 2
    assert scene.watch.keeper.read_at == scene.clock()
