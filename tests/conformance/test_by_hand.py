"""What people do to incidents is kept, seen by others and not undone, on either store."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from kgraph.app.configured.toolkit import toolkit
from kgraph.app.incidents import by_hand, handled
from kgraph.app.stored.topologies import Topologies
from kgraph.config import load
from kgraph.incidents import Verdict
from kgraph.incidents.handling import Did
from kgraph.schema import Drawer, IncidentStatus, InputError, Observation, State
from kgraph.store import GraphStore
from tests.kgraph.app.incidents.shared_disks import T0, Estate, fill

from .conftest import STORES, StoreFactory

GUESTS = {f"v{n}" for n in range(8)}


@pytest.fixture
def estate(store: GraphStore, tmp_path: Path) -> Estate:
    """Both exports have failed; there are two incidents."""
    fill(store)
    tools = toolkit(load(cwd=tmp_path, environ={}), T0)
    found = Estate(store, replace(tools, topologies=Topologies()))
    found.fail_both()
    return found


def test_who_has_it_is_seen_by_everybody_until_it_is_taken_back(
    estate: Estate, store_factory: StoreFactory
) -> None:
    other = store_factory()
    record = by_hand.find(estate.store, "INC-0001")
    taken = by_hand.acknowledge(estate.store, record, "ada", "at the array", estate.now)
    estate.look()
    assert handled.acknowledgements(other, ["INC-0001", "INC-0002"]) == {"INC-0001": taken}
    by_hand.withdraw(other, record, "eve", "", estate.now)
    assert handled.acknowledgements(estate.store, ["INC-0001"]) == {}
    assert [row.did for row in handled.trace(estate.store, "INC-0001")] == [
        Did.ACKNOWLEDGED,
        Did.WITHDRAWN,
    ]


def test_merged_then_split_then_closed_it_stays_as_people_say(
    estate: Estate, store_factory: StoreFactory
) -> None:
    other = store_factory()  # such as the one of a command, while the watch has its own
    first, second = (by_hand.find(other, f"INC-000{n}") for n in (1, 2))
    by_hand.merge(other, second, first, "ada", "one array", estate.at_now())
    for _ in range(2):
        assert estate.open() == {"INC-0001": GUESTS}
        estate.look()
    merged = by_hand.find(other, "INC-0001")
    row = by_hand.split(other, merged, ["web-7"], "ada", "its own disk", estate.at_now())
    parts = {"INC-0001": GUESTS - {"v7"}, row.other: {"v7"}}
    for _ in range(2):
        assert estate.open() == parts
        estate.look()
    by_hand.close(other, by_hand.find(other, row.other), "ada", "a planned move", estate.now)
    done = estate.look()
    assert Verdict.CLOSED in {each.verdict for each in done.kept}
    assert estate.open() == {"INC-0001": GUESTS - {"v7"}}
    said = handled.traces(other, ["INC-0001", "INC-0002", row.other])
    assert {incident: [each.did for each in rows] for incident, rows in said.items()} == {
        "INC-0001": [Did.TOOK_IN, Did.SPLIT],
        "INC-0002": [Did.MERGED],
        row.other: [Did.SPLIT_FROM, Did.CLOSED],
    }


def test_decisions_end_with_their_symptoms(estate: Estate) -> None:
    record = by_hand.find(estate.store, "INC-0001")
    by_hand.close(estate.store, record, "ada", "a planned move", estate.now)
    assert len(handled.decisions(estate.store)) == 1
    estate.minute += 1
    estate.hurt(well=tuple(range(8)))
    estate.store.observe(
        Observation(estate.uid(f"x{n}"), "down", State.HEALTHY, at=estate.now, detector="tcp")
        for n in range(2)
    )
    handled.expire(estate.store, estate.now)
    estate.minute += 11
    handled.expire(estate.store, estate.now)
    assert estate.store.count(Drawer.STEERING) == 0


def test_of_many_who_act_at_once_nobody_is_lost(
    estate: Estate, store_name: str, tmp_path: Path
) -> None:
    record = by_hand.find(estate.store, "INC-0001")
    names = [f"eve{n}" for n in range(4)]
    together = threading.Barrier(len(names))

    def act(name: str) -> None:
        with closing(STORES[store_name](tmp_path)) as store:
            together.wait()
            for number in range(5):
                by_hand.remark(store, record, name, str(number), estate.now)

    threads = [threading.Thread(target=act, args=(name,)) for name in names]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    rows = handled.trace(estate.store, "INC-0001")
    assert sorted((row.by, row.note) for row in rows) == [
        (name, str(number)) for name in names for number in range(5)
    ]


def test_what_is_over_cannot_be_taken_on(estate: Estate) -> None:
    record = by_hand.find(estate.store, "INC-0001")
    by_hand.close(estate.store, record, "ada", "a planned move", estate.now)
    over = by_hand.find(estate.store, "INC-0001")
    assert over.status is IncidentStatus.CLOSED
    with pytest.raises(InputError, match="INC-0001 is closed"):
        by_hand.acknowledge(estate.store, over, "ada", "", estate.now)
    with pytest.raises(InputError, match="is closed already"):
        by_hand.close(estate.store, over, "ada", "again", estate.now)
