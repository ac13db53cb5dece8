"""Guests find a place by what the whole estate has, however little of it was weighed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid5

import pytest

from kgraph.app.asking.investigation import Toolkit, of_store
from kgraph.app.asking.seeing_all import seeing_all
from kgraph.app.configured.toolkit import toolkit
from kgraph.app.incidents import by_hand, keeping
from kgraph.app.incidents.plans import document_of, reject
from kgraph.app.reading.sync import Commitment, Reading, keep, unshown
from kgraph.app.repairs.binding import Binding
from kgraph.app.stored.topologies import Topologies
from kgraph.config import Configuration, Settings
from kgraph.schema import (
    Actor,
    Item,
    Key,
    Observation,
    Plan,
    PlanState,
    Record,
    RelationRecord,
    Snapshot,
    State,
)
from kgraph.store import GraphStore
from kgraph.store.sqlite import SqliteStore
from remedies import Facts
from tests.remedies.fake_estate import T0

GUESTS = 40  # of each host: 80 of its 100 GiB
SETTINGS = Settings(
    endpoints=[
        {"name": "moves", "type": "libvirt", "moves": True, "definitions": "kept"},
        *(
            {
                "name": f"power-{name}",
                "type": "power",
                "select": {"kind": "Host", "name": name},
                "methods": [{"agent": ["/nowhere/fence_x"]}],
            }
            for name in ("h0", "h1")
        ),
    ]
)
CONFIGURATION = Configuration(SETTINGS)
Plans = Callable[..., list[Plan]]


def estate(hosts: int, dead: frozenset[int]) -> Iterator[Item]:
    """Yield hosts of which each runs 40 guests on one export."""
    yield Record("x", "StorageExport", "nbd://stor:vm")
    for n in range(hosts):
        state = State.ABNORMAL if n in dead else State.HEALTHY
        yield Record(f"h{n}", "Host", f"h{n}", props={"memoryBytes": 100 << 30, "cpus": 64})
        uri = {"uri": f"qemu+ssh://h{n}/system", "detector": f"libvirt/h{n}"}
        yield Record(f"p{n}", "Probe", f"p{n}", keys=(Key("probeAddress", f"p{n}"),), props=uri)
        yield RelationRecord(f"h{n}", "WATCHED_BY", f"p{n}")
        yield Observation(f"h{n}", "down", state, at=T0, detector="ping")
        for g in range(GUESTS):
            name = f"v{n}-{g}"
            key = Key("vmUuid", str(uuid5(UUID(int=7), name)))
            props = {"memoryBytes": 2 << 30, "vcpus": 2}
            yield Record(name, "VirtualMachine", name, keys=(key,), props=props)
            yield RelationRecord(name, "RUNS_ON", f"h{n}")
            yield RelationRecord(name, "STORED_ON", "x")
            yield Observation(name, "down", state, at=T0, detector=f"libvirt/h{n}")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    with closing(SqliteStore.open(tmp_path / "kgraph.db")) as opened:
        yield opened


def told(store: GraphStore, hosts: int, *dead: int) -> Toolkit:
    """Return tools, once the store knows of an estate in which some hosts are dead."""
    reading = Reading(store, T0, Commitment.COMMIT, unshown)
    items = estate(hosts, frozenset(dead))
    keep(reading, Snapshot("libvirt", "all", complete=True, items=items))
    return replace(toolkit(CONFIGURATION, T0), topologies=Topologies())


def plans(store: GraphStore, hosts: int, *dead: int) -> list[Plan]:
    tools = seeing_all(told(store, hosts, *dead), store, lambda: T0)
    found = (each.case.plan for each in of_store(store, tools))
    return [plan for plan in found if plan is not None]


def seats(plan: Plan) -> Counter[str]:
    """Return to which host how many guests are brought."""
    ours = (step for step in plan.steps if step.actor is Actor.KGRAPH)
    return Counter(step.parameters["toName"] for step in ours if "to" in step.parameters)


def test_a_host_of_whose_guests_few_were_weighed_is_not_overfilled(store: GraphStore) -> None:
    (plan,) = plans(store, 60, 0)
    assert len(store.graph().entities) > 2_000  # a larger estate is weighed in part
    found = seats(plan)
    assert sum(found.values()) == GUESTS
    assert max(found.values()) <= 7  # of two GiB, beside eighty, and 95 at most
    abnormal = frozenset((row.entity, row.signal) for row in store.symptoms(now=T0))
    facts = Facts(T0, abnormal)
    assert Binding.of(CONFIGURATION).objection(plan, store.graph(), facts, ()) == ""


def test_no_guest_is_brought_to_a_host_that_has_died_as_well(store: GraphStore) -> None:
    both = plans(store, 14, 0, 1)
    assert len(both) == 2
    for plan in both:
        assert sum(seats(plan).values()) == GUESTS
        assert not seats(plan).keys() & {"h0", "h1"}


def test_what_is_merged_by_hand_finds_room_in_the_whole_estate(store: GraphStore) -> None:
    tools = told(store, 60, 0, 1)
    keeping.save(store, keeping.sort(store, of_store(store, tools)))
    one, other = (by_hand.find(store, f"INC-{n:04d}") for n in (1, 2))
    by_hand.merge(store, other, one, "ada", "one rack", tools)
    (record,) = store.plans(incident=one.id, states={PlanState.PROPOSED})
    found = seats(document_of(record).plan)
    assert sum(found.values()) == GUESTS
    assert max(found.values()) <= 7


def test_what_was_rejected_before_a_merge_by_hand_is_not_proposed_after_it(
    store: GraphStore,
) -> None:
    tools = told(store, 14, 0, 1)
    keeping.save(store, keeping.sort(store, of_store(store, tools)))
    one, other = (by_hand.find(store, f"INC-{n:04d}") for n in (1, 2))
    for incident in (one, other):
        (record,) = store.plans(incident=incident.id, states={PlanState.PROPOSED})
        reject(store, record, "ada", "a technician is at it", T0)
    by_hand.merge(store, other, one, "ada", "one rack", tools)
    assert not store.plans(states={PlanState.PROPOSED})
