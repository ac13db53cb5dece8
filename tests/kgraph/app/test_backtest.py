"""Replaying alerts on an estate that has changed since."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

import rca
from ingest.prometheus import Firing, Stretch
from kgraph.app.asking.investigation import Toolkit
from kgraph.app.backtest import Look, Past, Replay, judged, past_labels, replay, score
from kgraph.app.reading.sync import Commitment, Reading, keep, unshown
from kgraph.schema import Item, Observation, Record, RelationRecord, Snapshot, State
from kgraph.store import GraphStore
from tests.ingest.prometheus.answers import NOW, PACKS
from tests.stores import new_store

MINUTE = timedelta(minutes=1)
GUESTS = ("web", "mail", "shop")


def items(export: str) -> Iterable[Item]:
    """Two exports with a host each; all guests are on one of them."""
    for name in ("old", "new"):
        yield Record(name, "StorageExport", f"{name}-store")
    yield Record("h1", "Host", "h1")
    for guest in GUESTS:
        yield Record(guest, "VirtualMachine", guest)
        yield RelationRecord(guest, "RUNS_ON", "h1")
        yield RelationRecord(guest, "STORED_ON", export)


def told(store: GraphStore, export: str, minutes: float) -> None:
    at = NOW + minutes * MINUTE
    reading = Reading(store, at, Commitment.COMMIT, unshown)
    keep(reading, Snapshot("cmdb", "all", complete=True, items=iter(items(export))))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    """The guests were moved from one export to the other after an hour."""
    found = new_store(tmp_path / "kgraph.db")
    told(found, "old", 0)
    told(found, "new", 60)
    yield found
    found.close()


def paused(*minutes: tuple[float, float], guests: Iterable[str] = GUESTS) -> Stretch:
    firings = tuple(
        Firing({"alertname": "GuestPaused", "domain": guest}, NOW + a * MINUTE, NOW + b * MINUTE)
        for a, b in minutes
        for guest in guests
    )
    return Stretch(NOW, NOW + 500 * MINUTE, MINUTE, firings)


def replayed(store: GraphStore, stretch: Stretch) -> Replay:
    tools = Toolkit(rca.load_model(), lambda _answer, _incident: None, NOW, lambda: 0.0)
    return replay(stretch, Past(store, PACKS, tools))


def first_named(found: Replay) -> list[str]:
    return [
        row.titles[next(iter(row.looks[0].posteriors))].rpartition(" ")[2]
        for row in found.incidents
    ]


def test_each_incident_is_explained_on_the_graph_of_its_own_time(store: GraphStore) -> None:
    found = replayed(store, paused((10, 20), (120, 130)))
    assert first_named(found) == ["old-store", "new-store"]
    assert not found.unstored


def test_before_the_first_reading_the_graph_of_today_stands_in(store: GraphStore) -> None:
    found = replayed(store, paused((-20, -10)))
    assert first_named(found) == ["new-store"]
    assert found.unstored


def test_what_other_probes_found_well_at_the_time_speaks_too(store: GraphStore) -> None:
    """Two guests paused: their store, or each by itself; a store seen well leaves the guests."""
    uid = store.locate("cmdb", "old")
    assert isinstance(uid, str)
    before = replayed(store, paused((10, 20), guests=GUESTS[:2])).incidents[0].looks[0]
    seen = [Observation(uid, s, State.HEALTHY, at=NOW, detector="nbd") for s in ("down", "hung")]
    store.observe(seen)
    after = replayed(store, paused((10, 20), guests=GUESTS[:2])).incidents[0].looks[0]
    assert after.posteriors.get(uid, 0.0) < before.posteriors[uid]


def test_a_label_is_found_in_the_graph_of_its_time_and_scored_from_its_first_alert(
    store: GraphStore, tmp_path: Path
) -> None:
    path = tmp_path / "truth.jsonl"
    since, until = (NOW + 5 * MINUTE).isoformat(), (NOW + 30 * MINUTE).isoformat()
    path.write_text(
        f'{{"id": "a", "from": "{since}", "to": "{until}", "truth": ["old"], "source": "cmdb"}}\n'
    )
    found = replayed(store, paused((10, 20), (120, 130)))
    (verdict,) = judged(found, past_labels(str(path), store), [MINUTE])
    assert verdict.incident is found.incidents[0]
    assert verdict.first_alert == NOW + 10 * MINUTE
    assert verdict.right_after == timedelta(0)
    scored = score(found, [verdict], [MINUTE])
    assert scored.first[MINUTE].value == 1.0
    assert scored.unlabelled == (found.incidents[1].id,)


def test_an_answer_that_comes_right_late_is_late(store: GraphStore, tmp_path: Path) -> None:
    """One guest is down, and five minutes later all are paused: only then is it the store."""
    path = tmp_path / "truth.jsonl"
    since, until = NOW.isoformat(), (NOW + 60 * MINUTE).isoformat()
    path.write_text(f'{{"id": "a", "from": "{since}", "to": "{until}", "truth": ["old-store"]}}\n')
    rest = paused((15, 40))
    down = {"alertname": "GuestDown", "domain": "web"}
    first = Firing(down, NOW + 10 * MINUTE, NOW + 40 * MINUTE)
    both = Stretch(NOW, rest.until, MINUTE, (first, *rest.firings))
    found = replayed(store, both)
    (verdict,) = judged(found, past_labels(str(path), store), [0 * MINUTE, 6 * MINUTE])
    assert verdict.places[0 * MINUTE][0] < verdict.places[6 * MINUTE][0] == 1.0
    assert verdict.right_after == 5 * MINUTE


def flapping(hours: int) -> list[Firing]:
    """One guest is said to be down for five minutes every hour."""
    down = {"alertname": "GuestDown", "domain": "web"}
    began = (NOW + hour * 60 * MINUTE for hour in range(hours))
    return [Firing(down, at, at + 5 * MINUTE) for at in began]


def last_look(store: GraphStore, firings: Iterable[Firing], since: float = 0) -> Look:
    stretch = Stretch(NOW + since * MINUTE, NOW + 3_000 * MINUTE, MINUTE, tuple(firings))
    return replayed(store, stretch).incidents[-1].looks[0]


def test_an_alert_that_went_off_for_nothing_before_counts_less(store: GraphStore) -> None:
    uid = store.locate("cmdb", "web")
    rows = flapping(48)
    before, after = last_look(store, rows[-1:]), last_look(store, rows)
    assert after.posteriors[str(uid)] < before.posteriors[str(uid)]


def test_of_each_moment_only_what_lies_before_it_is_counted(store: GraphStore) -> None:
    rows = flapping(48)
    stretch = Stretch(NOW, NOW + 3_000 * MINUTE, MINUTE, tuple(rows))
    alone = Stretch(NOW, NOW + 3_000 * MINUTE, MINUTE, tuple(rows[:1]))
    early, only = (replayed(store, each).incidents[0].looks[0] for each in (stretch, alone))
    assert early == only


def test_a_fault_that_comes_back_is_not_excused_with_what_it_shows(store: GraphStore) -> None:
    hours = [(60.0 * hour + 70, 60.0 * hour + 80) for hour in range(24)]
    found = replayed(store, replace(paused(*hours), until=NOW + 3_000 * MINUTE)).incidents
    # At the first of them nobody knows of anybody that he is well.
    assert found[-1].looks[0].posteriors == found[3].looks[0].posteriors
