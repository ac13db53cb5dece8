"""What people do to incidents is kept, and is not undone by the next explanation."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from kgraph.app.asking.investigation import Toolkit, of_store
from kgraph.app.configured.toolkit import toolkit
from kgraph.app.incidents import by_hand, handled, keeping, placing, plans
from kgraph.app.stored.topologies import Topologies
from kgraph.config import load
from kgraph.incidents import Label, Verdict, build
from kgraph.incidents.handling import GROUPING, Did, Handling
from kgraph.schema import IncidentStatus, InputError, PlanState
from kgraph.schema.plan_documents import identified
from kgraph.store import open_store
from tests.stores import new_store

from .killing import killed_before
from .shared_disks import T0, Estate, fill


def held(done: placing.Sorted) -> list[str]:
    """Return the incidents that stay closed."""
    closed = [each for each in done.kept if each.verdict is Verdict.CLOSED]
    assert not any(map(placing.worth, closed))
    return [each.investigation.case.id for each in closed]


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Toolkit:
    folder = tmp_path_factory.mktemp("configured")
    return toolkit(load(cwd=folder, environ={}), T0)


@pytest.fixture
def estate(tmp_path: Path, tools: Toolkit) -> Iterator[Estate]:
    with closing(new_store(tmp_path / "kgraph.db")) as store:
        fill(store)
        yield Estate(store, replace(tools, topologies=Topologies()))


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory, tools: Toolkit) -> Path:
    """That estate once both exports have failed, in a file: each test begins with a copy."""
    path = tmp_path_factory.mktemp("failed") / "kgraph.db"
    with closing(new_store(path)) as store:
        fill(store)
        Estate(store, replace(tools, topologies=Topologies())).fail_both()
    return path


@pytest.fixture
def two(tmp_path: Path, tools: Toolkit, failed: Path) -> Iterator[Estate]:
    """Both exports fail, and are seen to a minute later: two incidents."""
    with closing(open_store(shutil.copy(failed, tmp_path / "kgraph.db"))) as store:
        yield Estate(store, replace(tools, topologies=Topologies()), minute=1.0)


def test_who_acknowledges_is_shown_first_and_can_take_it_back(estate: Estate) -> None:
    estate.hurt(0, 1, 2, 3)
    estate.look()
    record = by_hand.find(estate.store, "INC-0001")
    by_hand.acknowledge(estate.store, record, "ada", "looking at stor1", estate.now)
    done = estate.look()
    report = build(done.kept[0].investigation.case)
    first = report.sections[0]
    assert (first.label, first.lines) == (
        Label.WHO,
        ("ada has it since 03:01:00Z: looking at stor1",),
    )
    case = done.kept[0].investigation.case
    yesterday = build(replace(case, now=case.now + timedelta(hours=13))).sections[0]
    assert yesterday.lines == (f"ada has it since {T0:%Y-%m-%d} 03:01:00Z: looking at stor1",)
    by_hand.withdraw(estate.store, record, "eve", "", estate.now)
    assert handled.acknowledgements(estate.store, ["INC-0001"]) == {}
    with pytest.raises(InputError, match="nobody has acknowledged INC-0001"):
        by_hand.withdraw(estate.store, record, "eve", "", estate.now)


def test_what_was_closed_stays_closed_while_its_symptoms_last_and_new_ones_are_news(
    estate: Estate,
) -> None:
    estate.hurt(0, 1, 2)
    estate.look()
    record = by_hand.find(estate.store, "INC-0001")
    by_hand.close(estate.store, record, "ada", "a planned move", estate.now)
    assert estate.store.plans(incident="INC-0001", states={PlanState.PROPOSED}) == []
    for _ in range(3):
        done = estate.look()
        assert (held(done), estate.open()) == (["INC-0001"], {})
    estate.hurt(3)
    estate.look()
    assert estate.open() == {"INC-0002": {"v0", "v1", "v2", "v3"}}
    assert estate.status("INC-0001") == "closed"


def test_a_close_is_over_once_its_symptoms_were_gone_for_a_while(estate: Estate) -> None:
    estate.hurt(0, 1, 2)
    estate.look()
    record = by_hand.find(estate.store, "INC-0001")
    by_hand.close(estate.store, record, "ada", "a planned move", estate.now)
    estate.minute += 1
    estate.hurt(well=(0, 1, 2))
    handled.expire(estate.store, estate.now)
    estate.minute += 2
    estate.hurt(0, 1, 2)  # it flaps: that is nothing new
    handled.expire(estate.store, estate.now)
    assert held(estate.look()) == ["INC-0001"]
    estate.hurt(well=(0, 1, 2))
    handled.expire(estate.store, estate.now)
    estate.minute += 11
    handled.expire(estate.store, estate.now)
    assert handled.decisions(estate.store) == []
    estate.hurt(0, 1, 2)
    estate.look()
    assert list(estate.open()) == ["INC-0002"]


def test_a_close_needs_a_reason(estate: Estate) -> None:
    estate.hurt(0, 1, 2)
    estate.look()
    record = by_hand.find(estate.store, "INC-0001")
    with pytest.raises(InputError, match="give a reason"):
        by_hand.close(estate.store, record, "ada", "  ", estate.now)


def _merge(estate: Estate) -> None:
    first, second = (by_hand.find(estate.store, f"INC-000{n}") for n in (1, 2))
    by_hand.merge(estate.store, second, first, "ada", "one array", estate.at_now())


def test_what_was_merged_stays_one_and_both_say_so(two: Estate) -> None:
    _merge(two)
    assert two.open() == {"INC-0001": {f"v{n}" for n in range(8)}}  # at once
    for _ in range(2):
        two.look()
        assert two.open() == {"INC-0001": {f"v{n}" for n in range(8)}}
    assert by_hand.find(two.store, "INC-0002").title.startswith("merged into INC-0001: ")
    said = handled.traces(two.store, ["INC-0001", "INC-0002"])
    assert [(row.did, row.by, row.other, row.note) for row in said["INC-0001"]] == [
        (Did.TOOK_IN, "ada", "INC-0002", "one array")
    ]
    assert [(row.did, row.other) for row in said["INC-0002"]] == [(Did.MERGED, "INC-0001")]


@pytest.mark.parametrize("write", range(7))
def test_a_no_outlives_whoever_is_killed_while_she_merges(two: Estate, write: int) -> None:
    (refused,) = two.store.plans(incident="INC-0002")
    plans.reject(two.store, refused, "ada", "a technician is at it", two.now)
    with killed_before(write, two.store):
        _merge(two)
    for _ in range(2):
        two.look()  # the watch goes on
    rest = plans.document_of(refused).plan
    again = identified(replace(rest, incident="INC-0001"))
    assert plans.said_no(two.store, again) == two.store.plan(refused.id)


def test_an_explanation_that_was_under_way_does_not_undo_a_merge(two: Estate) -> None:
    tools = two.at_now()
    done = keeping.sort(two.store, of_store(two.store, tools))
    _merge(two)
    keeping.save(two.store, done)  # it knew nothing of the merge
    assert two.status("INC-0002") == "open"
    two.look()
    assert two.open() == {"INC-0001": {f"v{n}" for n in range(8)}}
    assert by_hand.find(two.store, "INC-0002").title.startswith("merged into INC-0001: ")


def test_what_was_split_off_stays_apart_with_all_that_comes_to_it(estate: Estate) -> None:
    estate.hurt(0, 1, 2, 3)
    estate.look()
    record = by_hand.find(estate.store, "INC-0001")
    names = ["web-3", "VirtualMachine/web-2"]
    row = by_hand.split(estate.store, record, names, "ada", "another matter", estate.at_now())
    parts = {"INC-0001": {"v0", "v1"}, "INC-0002": {"v2", "v3"}}
    assert (row.other, estate.open()) == ("INC-0002", parts)
    estate.look()
    assert estate.open() == parts
    estate.hurt(2, signal="ioError")
    estate.hurt(4, 5, 6, 7)
    estate.look()
    assert "v2" in estate.open()["INC-0002"]
    assert not {"v2", "v3"} & estate.open()["INC-0001"]
    new = by_hand.find(estate.store, "INC-0002")
    assert (estate.uid("v2"), "ioError") in placing.known(new).symptoms


def test_parts_of_an_old_incident_get_ids_that_nothing_has(estate: Estate) -> None:
    """They are as old as what they were split off, and so not among the newest."""
    estate.hurt(0, 1, 2, 3)
    estate.look()
    record = by_hand.find(estate.store, "INC-0001")
    later = replace(record, opened_at=record.opened_at + timedelta(hours=1))
    for number in range(2, 102):
        closed = replace(later, id=f"INC-{number:04d}", status=IncidentStatus.CLOSED)
        estate.store.save_incident(closed)
    for name, other in (("web-3", "INC-0102"), ("web-2", "INC-0103")):
        record = by_hand.find(estate.store, "INC-0001")
        row = by_hand.split(estate.store, record, [name], "ada", "", estate.at_now())
        assert row.other == other


def test_a_split_is_taken_back_by_a_merge(estate: Estate) -> None:
    estate.hurt(0, 1, 2, 3)
    estate.look()
    record = by_hand.find(estate.store, "INC-0001")
    by_hand.split(estate.store, record, ["web-3"], "ada", "", estate.at_now())
    _merge(estate)
    estate.look()
    assert estate.open() == {"INC-0001": {"v0", "v1", "v2", "v3"}}


def test_a_part_that_is_everything_or_is_well_cannot_be_split_off(estate: Estate) -> None:
    estate.hurt(0, 1)
    estate.look()
    record = by_hand.find(estate.store, "INC-0001")
    for names, why in (
        (["web-0", "web-1"], "nothing of INC-0001 would be left"),
        (["vmstore0"], "nothing is wrong with 'vmstore0' in INC-0001"),
        (["nobody"], "no entity 'nobody' in INC-0001"),
    ):
        with pytest.raises(InputError, match=why):
            by_hand.split(estate.store, record, names, "ada", "", estate.at_now())
    assert len(estate.open()) == 1


Deed = Callable[[Estate], object]


@pytest.mark.parametrize("what", ["close", "merge", "split"])
def test_an_incident_in_repair_is_left_alone(two: Estate, what: str) -> None:
    plan = two.store.plans(incident="INC-0002")[0]
    two.store.save_plan(replace(plan, state=PlanState.RUNNING))
    first, second = (by_hand.find(two.store, f"INC-000{n}") for n in (1, 2))
    name = json.loads(second.bundle)["observations"][0]["entity"]
    does: dict[str, Deed] = {
        "close": lambda e: by_hand.close(e.store, second, "ada", "so", e.now),
        "merge": lambda e: by_hand.merge(e.store, first, second, "ada", "", e.at_now()),
        "split": lambda e: by_hand.split(e.store, second, [name], "ada", "", e.at_now()),
    }
    with pytest.raises(InputError, match=f"INC-0002 is being repaired by {plan.id}"):
        does[what](two)


def test_nothing_that_two_do_at_once_is_lost(estate: Estate) -> None:
    estate.hurt(0, 1)
    estate.look()
    record = by_hand.find(estate.store, "INC-0001")
    row = by_hand.acknowledge(estate.store, record, "ada", "", estate.now)
    assert not estate.store.claim(row.document(0))  # as if another had written meanwhile
    for number in range(40):
        by_hand.acknowledge(estate.store, record, f"eve{number}", "", estate.now)
    rows = handled.trace(estate.store, "INC-0001")
    assert [each.by for each in rows] == ["ada", *(f"eve{n}" for n in range(40))]


def test_a_trace_that_is_full_takes_no_more_of_people_and_does_not_end_the_watch(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    estate.hurt(0, 1)
    estate.look()
    monkeypatch.setattr(handled, "_MOST", 2)
    record = by_hand.find(estate.store, "INC-0001")
    for number in range(2):
        by_hand.remark(estate.store, record, "ada", str(number), estate.now)
    before = handled.trace(estate.store, "INC-0001")
    with pytest.raises(InputError, match="more than 2 things were done to it"):
        by_hand.remark(estate.store, record, "ada", "2", estate.now)
    handled.note(estate.store, Handling("INC-0001", Did.SPLIT, estate.now, GROUPING))
    monkeypatch.undo()
    assert handled.trace(estate.store, "INC-0001") == before
