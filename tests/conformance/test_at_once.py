"""What people, the watch and repairs do at the same moment is as if one had come after the other.

Each test lets the other side act in the middle of a step, by a connection of its own. Whoever has
to wait does so in a thread: the step goes on once that is seen to wait.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from kgraph.app.configured.toolkit import toolkit
from kgraph.app.incidents import by_hand, handled, keeping, plans
from kgraph.app.incidents.learning import taught
from kgraph.app.service import proposing
from kgraph.app.stored import turns
from kgraph.app.stored.topologies import Topologies
from kgraph.app.watch import assess
from kgraph.app.watch.assess import Assessor
from kgraph.config import load
from kgraph.incidents.handling import Did
from kgraph.schema import (
    Drawer,
    IncidentStatus,
    InputError,
    PlanMovedError,
    PlanRecord,
    PlanState,
    StoreBusyError,
)
from kgraph.store import GraphStore
from remedies import renamed
from tests.kgraph.app.incidents.shared_disks import T0, Estate, fill

from .conftest import STORES, StoreFactory

Deed = Callable[[GraphStore], object]
FIRST, SECOND = {f"v{n}" for n in range(4)}, {f"v{n}" for n in range(4, 8)}


@dataclass
class Person:
    """Does something in a thread, by a store of its own."""

    connect: Callable[[], GraphStore]
    does: Deed
    waits: threading.Event
    failed: list[Exception] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._act)

    def begins(self) -> None:
        """Begin, and go on once the deed is done or waits for its turn."""
        self._thread.start()
        while self._thread.is_alive() and not self.waits.wait(0.01):
            pass

    def ends(self) -> None:
        self._thread.join()

    def _act(self) -> None:
        with closing(self.connect()) as store:
            try:
                self.does(store)
            except Exception as error:  # noqa: BLE001 - for the test to look at
                self.failed.append(error)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Is set once somebody waits for the incidents."""
    seen, sleep = threading.Event(), turns.sleep

    def waiting(seconds: float) -> None:
        seen.set()
        sleep(seconds)

    monkeypatch.setattr(turns, "sleep", waiting)
    monkeypatch.setattr(turns, "_TRIES", 10_000)  # whoever has the turn may be on a busy machine
    return seen


@pytest.fixture
def person(
    waits: threading.Event, store_name: str, tmp_path: Path
) -> Iterator[Callable[[Deed], Person]]:
    made: list[Person] = []

    def make(does: Deed) -> Person:
        made.append(Person(lambda: STORES[store_name](tmp_path), does, waits))
        return made[-1]

    yield make
    for each in made:
        each.ends()


@pytest.fixture
def healthy(store: GraphStore, tmp_path: Path) -> Estate:
    fill(store)
    tools = toolkit(load(cwd=tmp_path, environ={}), T0)
    return Estate(store, replace(tools, topologies=Topologies()))


@pytest.fixture
def estate(healthy: Estate) -> Estate:
    """Both exports have failed; there are two incidents."""
    healthy.fail_both()
    return healthy


@dataclass
class Watched:
    """The watch of an estate, by a connection of its own."""

    estate: Estate
    assessor: Assessor

    def look(self) -> object:
        self.estate.minute += 1 / 60  # nobody's turn runs out meanwhile
        return self.assessor.assess(self.estate.now, ())


@pytest.fixture(params=["whole", "in parts"])
def watched(
    request: pytest.FixtureRequest, store_factory: StoreFactory, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Estate], Watched]:
    """Make a watch that has looked already."""
    if request.param == "in parts":
        monkeypatch.setattr(assess, "WHOLE_UP_TO", 0)

    def make(estate: Estate) -> Watched:
        found = Watched(estate, Assessor(store_factory(), estate.tools))
        assert found.look() is not None
        return found

    return make


@pytest.fixture
def watch(estate: Estate, watched: Callable[[Estate], Watched]) -> Watched:
    return watched(estate)


class Once:
    """Does something before the first call of a function, or behind it."""

    def __init__(self, function: Callable[..., Any], does: Callable[[], object]) -> None:
        self._function, self._does, self._done = function, does, False

    def __call__(self, *args: Any, **named: Any) -> Any:
        if not self._done:
            self._done = True
            self._does()
        return self._function(*args, **named)


def split(estate: Estate, store: GraphStore, name: str = "web-3") -> object:
    record = by_hand.find(store, "INC-0001")
    tools = taught(replace(estate.tools, now=estate.now), store)
    return by_hand.split(store, record, [name], "ada", "another matter", tools)


def merge(estate: Estate, store: GraphStore) -> object:
    first, second = (by_hand.find(store, f"INC-000{n}") for n in (1, 2))
    tools = taught(replace(estate.tools, now=estate.now), store)
    return by_hand.merge(store, second, first, "ada", "one array", tools)


def close(estate: Estate, store: GraphStore, incident: str = "INC-0002") -> object:
    record = by_hand.find(store, incident)
    return by_hand.close(store, record, "ada", "a planned move", estate.now)


def traces(estate: Estate) -> dict[str, list[tuple[Did, str]]]:
    ids = [row.id for row in estate.store.incidents()]
    said = handled.traces(estate.store, ids)
    return {incident: [(row.did, row.by) for row in rows] for incident, rows in said.items()}


def test_a_watch_that_looks_in_the_middle_of_a_split_lets_it_be_done(
    estate: Estate, watch: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[object] = []
    write = Once(keeping.write, lambda: looked.append(watch.look()))
    monkeypatch.setattr(keeping, "write", write)
    split(estate, estate.store)
    assert looked == [None]  # the decision was there, and neither of the two incidents
    parts = {"INC-0001": FIRST - {"v3"}, "INC-0002": SECOND, "INC-0003": {"v3"}}
    assert estate.open() == parts
    assert watch.look() is not None  # what was left then is looked at now
    assert estate.open() == parts
    assert traces(estate) == {
        "INC-0001": [(Did.SPLIT, "ada")],
        "INC-0003": [(Did.SPLIT_FROM, "ada")],
    }


def test_who_splits_while_the_watch_writes_gets_an_id_that_the_watch_has_not(
    healthy: Estate,
    watched: Callable[[Estate], Watched],
    person: Callable[[Deed], Person],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    healthy.fail(0)
    watch = watched(healthy)
    assert healthy.open() == {"INC-0001": FIRST}
    healthy.fail(1)
    ada = person(lambda store: split(healthy, store))
    monkeypatch.setattr(keeping, "save", Once(keeping.save, ada.begins))
    watch.look()
    ada.ends()
    assert ada.failed == []
    parts = {"INC-0001": FIRST - {"v3"}, "INC-0002": SECOND, "INC-0003": {"v3"}}
    assert healthy.open() == parts
    watch.look()
    assert healthy.open() == parts
    assert healthy.open().keys() - traces(healthy).keys() == {"INC-0002"}


def test_what_is_closed_while_the_watch_writes_it_is_not_opened_again(
    estate: Estate,
    watch: Watched,
    person: Callable[[Deed], Person],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    estate.hurt(*range(8), signal="ioError")
    ada = person(lambda store: close(estate, store))
    monkeypatch.setattr(keeping, "save", Once(keeping.save, ada.begins))
    assert watch.look() is not None
    ada.ends()
    assert (ada.failed, estate.status("INC-0002")) == ([], "closed")
    watch.look()
    assert set(estate.open()) == {"INC-0001"}


def test_what_was_explained_before_a_decision_is_explained_anew(
    estate: Estate, watch: Watched, store_factory: StoreFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = store_factory()
    estate.hurt(*range(8), signal="ioError")
    monkeypatch.setattr(turns, "turn", Once(turns.turn, lambda: merge(estate, other)))
    assert watch.look() is None
    assert estate.open() == {"INC-0001": FIRST | SECOND}
    assert watch.look() is not None
    assert estate.open() == {"INC-0001": FIRST | SECOND}
    assert traces(estate) == {
        "INC-0001": [(Did.TOOK_IN, "ada")],
        "INC-0002": [(Did.MERGED, "ada")],
    }


def test_of_two_people_who_end_an_incident_at_once_one_is_told_that_it_is_over(
    estate: Estate, person: Callable[[Deed], Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    eve = person(lambda store: close(estate, store))
    monkeypatch.setattr(keeping, "end", Once(keeping.end, eve.begins))
    merge(estate, estate.store)
    eve.ends()
    assert [str(error) for error in eve.failed] == ["INC-0002 is closed already"]
    assert [row.id for row in handled.decisions(estate.store)] == ["merge INC-0002"]
    assert estate.open() == {"INC-0001": FIRST | SECOND}


def test_of_two_people_who_split_one_incident_at_once_neither_takes_the_other_s_part(
    estate: Estate, person: Callable[[Deed], Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    eve = person(lambda store: split(estate, store, "web-2"))
    monkeypatch.setattr(keeping, "write", Once(keeping.write, eve.begins))
    split(estate, estate.store)
    eve.ends()
    assert eve.failed == []
    parts = {"INC-0001": {"v0", "v1"}, "INC-0003": {"v3"}, "INC-0004": {"v2"}}
    assert estate.open() == parts | {"INC-0002": SECOND}


def test_who_waits_in_vain_is_told_to_try_again(
    estate: Estate, store_factory: StoreFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_TRIES", 3)
    with turns.turn(store_factory(), turns.WATCH, estate.now) as ours:
        assert ours
        with pytest.raises(StoreBusyError, match="just sorting incidents"):
            close(estate, estate.store)
    assert set(estate.open()) == {"INC-0001", "INC-0002"}
    close(estate, estate.store)
    assert set(estate.open()) == {"INC-0001"}


def test_the_next_watch_does_not_wait_for_one_that_was_killed_in_the_middle(
    estate: Estate, store_factory: StoreFactory
) -> None:
    assert store_factory().acquire(turns.LEASE, turns.WATCH, ttl=turns._TTL, now=estate.now)
    assert Assessor(estate.store, estate.tools).assess(estate.now, ()) is not None


def test_who_was_killed_while_the_clock_was_ahead_holds_nobody_up_until_it_has_caught_up(
    estate: Estate, store_factory: StoreFactory
) -> None:
    ahead = estate.now + timedelta(days=1)
    assert store_factory().acquire(turns.LEASE, "by hand", ttl=turns._TTL, now=ahead)
    assert Assessor(estate.store, estate.tools).assess(estate.now, ()) is not None


def proposal(estate: Estate) -> PlanRecord:
    (plan,) = estate.store.plans(incident="INC-0002", states={PlanState.PROPOSED})
    return plan


def test_nothing_is_proposed_for_what_is_closed_while_that_is_worked_out(
    estate: Estate, person: Callable[[Deed], Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = proposing.worked_out(estate.store, estate.at_now(), "INC-0002", None)
    eve = person(lambda store: proposing.put_forward(store, plan, estate.now))
    # She asks when the incident is closed already, and what was proposed is not yet taken away.
    monkeypatch.setattr(keeping, "end", Once(keeping.end, eve.begins))
    close(estate, estate.store)
    eve.ends()
    assert [str(error) for error in eve.failed] == [
        "INC-0002 is closed: there is nothing to repair"
    ]
    assert not estate.store.plans(incident="INC-0002", states={PlanState.PROPOSED})


def test_whether_a_person_has_said_no_is_asked_once(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = proposing.worked_out(estate.store, estate.at_now(), "INC-0002", None)
    estate.store.save_plan(replace(proposal(estate), state=PlanState.SUPERSEDED))
    looked, documents = [], estate.store.documents
    monkeypatch.setattr(
        estate.store, "documents", lambda *a, **n: looked.append(a) or documents(*a, **n)
    )
    assert proposing.put_forward(estate.store, plan, estate.now) is not None
    assert looked == [(Drawer.REJECTED,)]


def test_what_another_proposes_takes_no_place_of_what_was_approved(estate: Estate) -> None:
    approved = replace(proposal(estate), state=PlanState.APPROVED)
    estate.store.save_plan(approved)
    plan = proposing.worked_out(estate.store, estate.at_now(), "INC-0002", None)
    other = renamed(replace(plan, steps=plan.steps[:1]), "INC-0002")
    assert other.id != approved.id
    with pytest.raises(InputError, match=f"is being repaired by {approved.id}"):
        proposing.put_forward(estate.store, other, estate.now)
    assert estate.store.plan(approved.id) == approved


@pytest.mark.parametrize("what", ["close", "merge"])
def test_a_repair_that_begins_in_the_middle_of_a_deed_is_not_taken_its_incident(
    estate: Estate, store_factory: StoreFactory, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, before = store_factory(), proposal(estate)

    def begins() -> None:
        other.save_plan(replace(before, state=PlanState.RUNNING), was=before)

    deed = {"close": close, "merge": merge}[what]
    monkeypatch.setattr(by_hand, "set_aside", Once(by_hand.set_aside, begins))
    with pytest.raises(InputError, match=f"INC-0002 is being repaired by {before.id}"):
        deed(estate, estate.store)
    assert set(estate.open()) == {"INC-0001", "INC-0002"}
    assert (traces(estate), handled.decisions(estate.store)) == ({}, [])


@pytest.mark.parametrize("what", ["close", "merge"])
def test_no_repair_begins_behind_the_last_look_for_one(
    estate: Estate, store_factory: StoreFactory, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, before = store_factory(), proposal(estate)
    refused: list[str] = []

    def begins() -> None:
        try:
            other.save_plan(replace(before, state=PlanState.RUNNING), was=before)
        except PlanMovedError as error:
            refused.append(str(error))

    deed = {"close": close, "merge": merge}[what]
    monkeypatch.setattr(keeping, "end", Once(keeping.end, begins))
    deed(estate, estate.store)
    assert [line.partition(":")[0] for line in refused] == [
        f"plan {before.id} is superseded by now"
    ]
    assert estate.store.plans(incident="INC-0002", states={PlanState.RUNNING}) == []


def approve(store: GraphStore, plan: PlanRecord) -> None:
    store.save_plan(replace(plan, state=PlanState.APPROVED, because="approved by ada"), was=plan)


def test_what_is_approved_while_the_watch_explains_anew_stays_approved(
    estate: Estate, watch: Watched, store_factory: StoreFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, other = proposal(estate), store_factory()
    estate.hurt(*range(8), signal="ioError")
    save = Once(keeping.save, lambda: approve(other, plan))
    monkeypatch.setattr(keeping, "save", save)
    assert watch.look() is not None
    (kept,) = estate.store.plans(incident="INC-0002")
    assert (kept.id, kept.state) == (plan.id, PlanState.APPROVED)


def test_what_is_approved_just_when_another_plan_takes_its_place_stays_approved(
    estate: Estate, watch: Watched, store_factory: StoreFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, other = proposal(estate), store_factory()
    estate.hurt(*range(4, 8), signal="ioError")
    set_aside = Once(plans._set_aside, lambda: approve(other, plan))
    monkeypatch.setattr(plans, "_set_aside", set_aside)
    assert watch.look() is not None
    (kept,) = estate.store.plans(incident="INC-0002")
    assert (kept.id, kept.state) == (plan.id, PlanState.APPROVED)


@pytest.mark.parametrize("when", ["before", "just then"])
def test_that_an_approval_is_void_since_its_incident_is_over_is_told(
    estate: Estate, store_factory: StoreFactory, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    plan, other = proposal(estate), store_factory()
    if when == "before":
        approve(other, plan)
    else:
        set_aside = Once(plans._set_aside, lambda: approve(other, plan))
        monkeypatch.setattr(plans, "_set_aside", set_aside)
    with capture_logs() as logs:
        keeping.end(estate.store, "INC-0002", IncidentStatus.RESOLVED, estate.now)
    (kept,) = estate.store.plans(incident="INC-0002")
    assert (kept.state, kept.because) == (PlanState.SUPERSEDED, "the incident is over")
    assert [row for row in logs if row["log_level"] == "warning"] == [
        {
            "event": "approval void",
            "log_level": "warning",
            "plan": plan.id,
            "incident": "INC-0002",
            "because": "the incident is over",
        }
    ]
