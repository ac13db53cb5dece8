"""A store's rows, taken out and put into another one of either kind, are the same store."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kgraph.schema import (
    Change,
    Coverage,
    Decision,
    Direction,
    Document,
    Drawer,
    Halt,
    IncidentRecord,
    IncidentStatus,
    JournalEntry,
    Key,
    Observation,
    PlanRecord,
    PlanState,
    Record,
    RecordName,
    RelationRecord,
    Ruling,
    Sameness,
    State,
    StepState,
    StoreError,
)
from kgraph.store import Diff, GraphStore, open_store
from kgraph.store._sections import SECTIONS, Row
from kgraph.store.archive import check_archive, read_archive, write_archive
from tests.neo4j.served import Served

Sync = Callable[..., Diff]
T0 = datetime(2026, 1, 1, tzinfo=UTC)
NOW = T0 + timedelta(days=1, microseconds=7)
RULING = Ruling(
    "INC-1", "", "Host", "down", right=True, posterior=0.5, change="", at=NOW, by="ada", reason="ä"
)
GUEST = Key("vmUuid", "6c1a8d8e-4a9f-4d51-9f57-6b7a5f0c1d2e")


def rows_of(store: GraphStore) -> list[Row]:
    with store.dump() as rows:
        return [(section, list(values)) for section, values in rows]


def fill(store: GraphStore, sync: Sync) -> None:
    """Let something of everything be in the store."""
    host, other = Record("h1", "Host", "h-1", props={"cores": 8}), Record("h2", "Host")
    guest = Record("v", "VirtualMachine", "web", (GUEST,), {"owner": "ä"}, {"ok": True}, ("down",))
    sync(host, other, guest, RelationRecord("v", "RUNS_ON", "h1"), priority=3)
    sync(host, other, guest, RelationRecord("v", "RUNS_ON", "h2", "copies", 1))
    sync(Record("h1", "Host", "h-1", props={"cores": 16}), guest, source="twin", scope="x")
    sync(RelationRecord("v", "USES", "nowhere"), source="twin", scope="x", complete=False)
    sync(Record("gone", "Disk"), source="disks")
    sync(Record("d", "Disk"), source="disks")
    uid = {entity.name: entity.uid for entity in store.find()}
    first = store.locate("doc", "h1")
    second = store.locate("twin", "h1")
    assert isinstance(first, str)
    assert isinstance(second, str)
    store.merge(Decision(Sameness.SAME, first, second, NOW, "ada", "one machine"))
    both = store.locate("doc", "v")
    assert isinstance(both, str)
    store.split(both, [RecordName("twin", "v")], Decision(Sameness.APART, both, "", NOW, "ada"))
    web = store.find(text="web")[0].uid
    seen = [
        Observation(web, "paused", State.ABNORMAL, 0.5, at=NOW, detector="libvirt"),
        Observation(web, "latency", State.HEALTHY, None, Direction.UP, NOW, "prom", first),
    ]
    looked = [Coverage(web, "down", "prom", NOW, timedelta(minutes=2))]
    store.observe(seen, looked, [Change(web, "deploy", NOW, "v2", "ci")])
    later = NOW + timedelta(minutes=1)
    store.observe([Observation(web, "paused", State.HEALTHY, at=later, detector="libvirt")])
    answer = {
        "causes": [{"entity": uid["h2"], "mode": "down", "posterior": 0.9}],
        "hypotheses": [
            {"members": [{"entity": uid["h2"], "mode": "down"}], "posterior": 0.9},
        ],
    }
    told = json.dumps(answer)
    for n in range(2):
        record = IncidentRecord(f"INC-{n}", IncidentStatus.OPEN, NOW, later, "t", "{}", told)
        store.save_incident(record)
    store.rule(replace(RULING, entity=uid["h2"]))
    store.save_plan(PlanRecord("P-1", "INC-1", PlanState.PROPOSED, NOW, later, "{}", "full"))
    lease = store.acquire("entity:x", "me", ttl=timedelta(minutes=1), now=NOW)
    assert lease is not None
    store.write_journal(JournalEntry("P-1", 0, StepState.RUNNING, NOW, "go", 1, 0), lease)
    store.halt(Halt(NOW, "enough"))
    store.put([Document(Drawer.AUDIT, "a-1", NOW, "{}"), Document(Drawer.DEAD, "d", NOW, "{}")])


@pytest.fixture
def filled(store: GraphStore, sync: Sync) -> GraphStore:
    fill(store, sync)
    return store


def test_the_test_fills_every_section(filled: GraphStore) -> None:
    assert {section for section, _ in rows_of(filled)} == set(SECTIONS)


def test_a_copy_into_the_embedded_store_is_the_same(filled: GraphStore, tmp_path: Path) -> None:
    rows = rows_of(filled)
    with closing(open_store(tmp_path / "copy.db")) as copy:
        copy.load(lambda: rows)
        assert rows_of(copy) == rows
        _same(filled, copy)


@pytest.mark.neo4j
def test_a_copy_goes_to_a_server_and_comes_back_the_same(
    neo4j_database: Served, tmp_path: Path
) -> None:
    with (
        closing(open_store(tmp_path / "a.db")) as there,
        closing(open_store(neo4j_database.target)) as server,
        closing(open_store(tmp_path / "b.db")) as back,
    ):
        fill(there, _syncing(there))
        rows = rows_of(there)
        server.load(lambda: rows)
        assert rows_of(server) == rows
        assert server.check() == []
        _same(there, server)
        back.load(lambda: rows_of(server))
        assert rows_of(back) == rows


def _syncing(store: GraphStore) -> Sync:
    minutes = iter(range(1000))

    def run(*items: object, source: str = "doc", scope: str = "", **more: object) -> Diff:
        at = T0 + timedelta(minutes=next(minutes))
        complete, priority = more.get("complete", True), more.get("priority")
        with store.sync(source, scope, complete=bool(complete), at=at, priority=priority) as r:  # type: ignore[arg-type]
            r.stage(items)  # type: ignore[arg-type]
            return r.commit()

    return run


def _same(one: GraphStore, other: GraphStore) -> None:
    """Ask both the same."""
    assert other.graph() == one.graph()
    for moment in (T0, T0 + timedelta(minutes=1, seconds=30), NOW):
        assert other.at(moment).graph() == one.at(moment).graph()
    soon = NOW + timedelta(minutes=1)
    assert other.evidence(now=soon) == one.evidence(now=soon)
    assert other.incidents() == one.incidents()
    assert other.plans() == one.plans()
    assert other.journal("P-1") == one.journal("P-1")
    assert other.halted() == one.halted()
    # How often a source is read is measured anew.
    assert other.scopes() == [replace(row, interval=None) for row in one.scopes()]
    assert other.decisions() == one.decisions()
    for entity in one.find():
        assert other.provenance(entity.uid) == one.provenance(entity.uid)
        assert other.history(entity.uid) == one.history(entity.uid)


def test_what_was_copied_goes_on_as_before(filled: GraphStore, tmp_path: Path) -> None:
    rows = rows_of(filled)
    with closing(open_store(tmp_path / "copy.db")) as copy:
        copy.load(lambda: rows)
        at = NOW + timedelta(hours=1)
        for store in (filled, copy):
            with store.sync("disks", "", complete=True, at=at) as run:
                run.stage([Record("d", "Disk")])
                assert run.commit().unchanged == 1
            with store.sync("disks", "", complete=True, at=at + timedelta(minutes=1)) as run:
                run.stage([Record("d", "Disk", props={"bytes": 1}), Record("gone", "Disk")])
                run.commit()
        assert copy.graph() == filled.graph()
        lease = copy.acquire("entity:x", "you", ttl=timedelta(minutes=1), now=at)
        assert lease is not None
        assert lease.token == 2  # no token comes twice
        assert copy.check() == []


def test_only_an_empty_store_takes_rows(filled: GraphStore) -> None:
    rows = rows_of(filled)
    with pytest.raises(StoreError, match="not empty"):
        filled.load(lambda: rows)
    assert rows_of(filled) == rows


def _rows_from(folder: Path) -> list[Row]:
    with closing(open_store(folder / "there.db")) as there:
        fill(there, _syncing(there))
        return rows_of(there)


def test_a_store_that_somebody_tried_to_fill_before_takes_rows(
    store: GraphStore, tmp_path: Path
) -> None:
    """As by a sync whose sources did not answer: it has left the leases that it took."""
    rows = _rows_from(tmp_path)
    for number in range(5):
        at = NOW + timedelta(hours=number)
        assert store.acquire("entity:x", f"me {number}", ttl=timedelta(minutes=1), now=at)
    store.load(lambda: rows)
    at = NOW + timedelta(hours=4)
    assert store.leases(now=at) == []
    lease = store.acquire("entity:x", "you", ttl=timedelta(minutes=1), now=at)
    assert lease is not None
    assert lease.token == 6  # no token comes twice


def test_a_store_with_an_audit_log_of_its_own_takes_no_rows(
    store: GraphStore, tmp_path: Path
) -> None:
    rows = _rows_from(tmp_path)
    for touch in (lambda: store.halt(Halt(NOW, "wait")), lambda: store.lift_halt(NOW)):
        touch()
        with pytest.raises(StoreError, match="not empty"):
            store.load(lambda: rows)


def test_rows_that_contradict_each_other_leave_the_store_empty(
    filled: GraphStore, tmp_path: Path
) -> None:
    rows = rows_of(filled)
    broken = [
        (section, [*values[:-1], False] if section == "record" else values)
        for section, values in rows
    ]
    with closing(open_store(tmp_path / "copy.db")) as copy:
        with pytest.raises(StoreError, match="contradicts itself"):
            copy.load(lambda: broken)
        assert rows_of(copy) == []
        copy.load(lambda: rows)


def test_an_archive_holds_it_all(filled: GraphStore, tmp_path: Path) -> None:
    file = tmp_path / "a.kgraph.gz"
    rows = rows_of(filled)
    with filled.dump() as dumped:
        written = write_archive(file, dumped, NOW)
    at, counts = check_archive(file)
    assert (at, counts) == (NOW.replace(microsecond=0), written)
    assert [(section, list(values)) for section, values in read_archive(file)] == rows
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.glob(".*partial")) == []
