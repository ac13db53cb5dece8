"""Counting, in a store, how often alarms stand while nothing is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

import rca
from kgraph.app.asking import investigation
from kgraph.app.asking.investigation import Toolkit
from kgraph.app.incidents import keeping, quiet
from kgraph.app.incidents.learning import ruling, say, taught
from kgraph.app.incidents.replay import of_record
from kgraph.app.reading.sync import Commitment, Reading, keep, unshown
from kgraph.app.stored.topologies import Topologies
from kgraph.incidents.build import build
from kgraph.schema import Observation, Record, RelationRecord, Snapshot, State
from kgraph.store import GraphStore
from tests.rca.asking import chance
from tests.stores import new_store

T0 = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
BY = "prometheus/Slow"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    found = new_store(tmp_path / "kgraph.db")
    guests = [f"v{n}" for n in range(400)]
    items = (
        Record("h1", "Host", "h1"),
        *(Record(name, "VirtualMachine", name) for name in guests),
        Record("web", "Service", "web"),
        Record("pay", "Service", "pay"),
        RelationRecord("web", "RUNS_ON", "v0"),
        RelationRecord("pay", "CALLS", "web"),
        *(RelationRecord(name, "RUNS_ON", "h1") for name in guests),
    )
    keep(
        Reading(found, T0 - DAY, Commitment.COMMIT, unshown),
        Snapshot("cmdb", "all", complete=True, items=iter(items)),
    )
    yield found
    found.close()


def uid(store: GraphStore, key: str) -> str:
    found = store.locate("cmdb", key)
    assert isinstance(found, str)
    return found


def alarm(
    store: GraphStore, at: datetime, name: str = "web", state: State = State.ABNORMAL
) -> None:
    store.observe([Observation(uid(store, name), "latency", state, at=at, detector=BY)])


def tools(store: GraphStore, now: datetime) -> Toolkit:
    plain = Toolkit(rca.load_model(), lambda _answer, _incident: None, now, lambda: 0.0)
    return taught(plain, store)


def night_after_night(store: GraphStore, days: int, *names: str) -> datetime:
    """Let alerts stand for ten minutes every six hours, and count as a watch does."""
    now, end = T0, T0 + days * DAY
    while now < end:
        minutes = (now - T0) / MINUTE % 360
        if minutes in {60, 70}:
            state = State.ABNORMAL if minutes == 60 else State.HEALTHY
            for name in names or ("web",):
                alarm(store, now, name, state)
        quiet.count(store, partial(Topologies().of, store), now)
        now += 10 * MINUTE
    return end


def counted(store: GraphStore) -> list[tuple[str, int]]:
    names = {each.uid: each.name for each in store.find()}
    found = quiet.rows(store, partial(Topologies().of, store))
    return [(names[row["entity"]], row["times"]) for row in found]


def test_an_alert_of_every_night_is_counted_and_then_counts_less(store: GraphStore) -> None:
    end = night_after_night(store, 5)
    assert counted(store) == [("web", 20)]
    alarm(store, end)
    (found,) = investigation.of_store(store, tools(store, end))
    (stray,) = found.case.incident.strays
    assert (stray.entity, stray.times, stray.days) == (uid(store, "web"), 20, 5.0)
    (before,) = investigation.of_store(store, replace(tools(store, end), quiet=None))
    web = uid(store, "web")
    assert chance(found.case.answer, web) < chance(before.case.answer, web)
    assert "stood 20 times in 5 days with nothing else wrong; it counts little" in _said(found)


def _said(found: investigation.Investigation) -> str:
    return "\n".join(line for section in build(found.case).sections for line in section.lines)


def test_a_fault_that_comes_back_and_shows_elsewhere_too_is_never_excused(
    store: GraphStore,
) -> None:
    night_after_night(store, 3, "web", "pay")
    assert counted(store) == []


def test_an_incident_is_answered_from_its_bundle_as_it_was_live(store: GraphStore) -> None:
    end = night_after_night(store, 3)
    alarm(store, end)
    found = investigation.of_store(store, tools(store, end))
    keeping.save(store, keeping.sort(store, found))
    (record,) = store.incidents()
    assert '"strays":[{' in record.bundle
    assert of_record(record, tools(store, end + DAY)).identical


def test_whose_cause_somebody_confirms_is_taken_back_and_not_counted_again(
    store: GraphStore,
) -> None:
    end = night_after_night(store, 2)
    alarm(store, end)
    found = investigation.of_store(store, tools(store, end))
    keeping.save(store, keeping.sort(store, found))
    (record,) = store.incidents()
    word = ruling(record, "web", right=True, now=end, by="ann", reason="")
    say(store, record, word)
    assert counted(store) == []
    alarm(store, end + 10 * MINUTE, state=State.HEALTHY)
    for minutes in range(20, 120, 10):
        quiet.count(store, partial(Topologies().of, store), end + minutes * MINUTE)
    assert counted(store) == []


def test_who_did_not_count_for_hours_counts_nothing_of_them(store: GraphStore) -> None:
    end = night_after_night(store, 1)
    alarm(store, end + 60 * MINUTE)
    alarm(store, end + 70 * MINUTE, state=State.HEALTHY)
    for hours in (10, 11, 12):
        quiet.count(store, partial(Topologies().of, store), end + timedelta(hours=hours))
    assert counted(store) == [("web", 4)]


def test_what_is_forgotten_begins_anew(store: GraphStore) -> None:
    end = night_after_night(store, 2)
    assert quiet.forget(store) == 1
    assert counted(store) == []
    assert tools(store, end).quiet is None
