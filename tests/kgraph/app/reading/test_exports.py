"""Checks of the exports that the graph knows, against a real store and made-up servers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingest.exports import LOOKS, NBD, ExportError, Look, Reason
from kgraph.app.reading.parallel import Setting, sync
from kgraph.app.reading.sync import Commitment, Job, Outcome, Reading, keep, unshown
from kgraph.app.sources import Context
from kgraph.app.sources.exports import exports_job
from kgraph.config import Configuration, NbdSource, Settings
from kgraph.schema import Entity, Item, Key, Record, RelationRecord, Snapshot, State
from kgraph.store import GraphStore
from tests.stores import new_store

NOW = datetime(2026, 11, 23, 3, 8, tzinfo=UTC)
STORE1, STORE2 = "nbd://10.77.0.1:10809/vmstore", "nbd://10.77.0.2:10809/vmstore"
DISK, OTHER = Look(1 << 20, "mbr:00000001-00000000"), Look(1 << 20, "mbr:00000002-00000000")


@dataclass
class Servers:
    """What each address answers; what was asked."""

    answers: dict[str, Look | Reason] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def look(self, host: str, port: int, export: str, *, deadline: timedelta) -> Look:
        assert deadline == timedelta(seconds=3)
        address = f"nbd://{host}:{port}/{export}"
        self.asked.append(address)
        answer = self.answers.get(address, DISK)
        if isinstance(answer, Reason):
            raise ExportError(answer, answer.value, where=address)
        return answer


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Servers:
    made = Servers()
    monkeypatch.setitem(LOOKS, NBD, made.look)
    return made


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    """Two guests on one export of two, as libvirt tells it."""
    opened = new_store(tmp_path / "kgraph.db")
    estate(opened, STORE1, STORE2)
    yield opened
    opened.close()


def estate(store: GraphStore, *addresses: str) -> None:
    items: list[Item] = [
        Record("vm:a", "VirtualMachine", "a"),
        Record("vm:b", "VirtualMachine", "b"),
        *(
            Record(f"export:{each}", "StorageExport", each, keys=(Key("exportAddress", each),))
            for each in (*addresses, "nbd://localhost:10809/own", "rbd://mon:6789/pool")
        ),
        *(RelationRecord(f"vm:{n}", "STORED_ON", f"export:{STORE1}") for n in "ab"),
    ]
    if STORE1 not in addresses:
        items = [item for item in items if isinstance(item, Record)]
    keep(reading(store), Snapshot("libvirt", "qemu:///system", complete=True, items=iter(items)))


def reading(store: GraphStore, minutes: float = 0) -> Reading:
    return Reading(store, NOW + timedelta(minutes=minutes), Commitment.COMMIT, unshown)


def checks_of(*addresses: str, accept: bool = False, **settings: object) -> Job:
    source = NbdSource.model_validate({"type": "nbd", **settings})
    return exports_job(source, Context(Configuration(Settings())), addresses, accept=accept)


def run(store: GraphStore, job: Job, minutes: float = 1) -> Outcome:
    once = reading(store, minutes)
    (outcome,) = sync(Setting(once, lambda: once.at, "test"), [job])
    assert outcome.failure == ""
    return outcome


def entity(store: GraphStore, address: str) -> Entity:
    (found,) = store.find(kind="StorageExport", text=address)
    return found


def abnormal(store: GraphStore, minutes: float = 1) -> dict[str, str]:
    rows = store.evidence(now=NOW + timedelta(minutes=minutes)).observations
    return {row.signal: row.detail for row in rows if row.state is State.ABNORMAL}


def test_the_exports_of_the_graph_are_checked_without_a_list(
    store: GraphStore, servers: Servers
) -> None:
    run(store, checks_of())
    assert sorted(servers.asked) == [STORE1, STORE2]
    assert entity(store, STORE1).props["signature"] == DISK.signature
    assert len(store.find(kind="StorageExport")) == 4, "the records merge with libvirt's"


@pytest.mark.usefixtures("servers")
def test_an_export_that_has_a_name_keeps_it(store: GraphStore) -> None:
    names = {STORE1: "nbd1/vmstore", STORE2: "nbd2/vmstore"}
    told: list[Item] = [
        Record(f"e:{name}", "StorageExport", name, keys=(Key("exportAddress", address),))
        for address, name in names.items()
    ]
    keep(reading(store), Snapshot("cmdb", "site:dc1", complete=True, items=iter(told)))
    run(store, checks_of())
    run(store, checks_of(), minutes=2)
    assert {row.name for row in store.find(kind="StorageExport", text="vmstore")} == {
        "nbd1/vmstore",
        "nbd2/vmstore",
    }


def test_a_loop_that_never_calls_learn_knows_the_exports_from_the_second_round_on(
    store: GraphStore, servers: Servers
) -> None:
    job = checks_of()
    for minutes in (1, 2):
        job.fetch(NOW + timedelta(minutes=minutes))(reading(store, minutes))
    assert sorted(servers.asked) == [STORE1, STORE2]


def test_a_restart_forgets_no_baseline(store: GraphStore, servers: Servers) -> None:
    run(store, checks_of())
    servers.answers[STORE1] = OTHER
    # A new job that keeps a round before it has learned anything.
    checks_of().fetch(NOW + timedelta(minutes=2))(reading(store, 2))
    assert entity(store, STORE1).props["signature"] == DISK.signature
    run(store, checks_of(), minutes=3)
    assert "anomaly" in abnormal(store, 3)
    assert entity(store, STORE1).props["signature"] == DISK.signature


def test_a_changed_disk_is_told_round_after_round_until_a_person_accepts_it(
    store: GraphStore, servers: Servers
) -> None:
    job = checks_of()
    run(store, job)
    servers.answers[STORE1] = OTHER
    for minutes in (2, 3):
        run(store, job, minutes)
        told = abnormal(store, minutes)["anomaly"]
        assert DISK.signature in told
        assert OTHER.signature in told
    run(store, checks_of(STORE1, accept=True), minutes=4)
    assert abnormal(store, 4) == {}
    run(store, job, minutes=5)
    assert abnormal(store, 5) == {}
    assert entity(store, STORE1).props["signature"] == OTHER.signature


def test_accepting_one_export_leaves_the_others_as_they_are(
    store: GraphStore, servers: Servers
) -> None:
    run(store, checks_of())
    run(store, checks_of(STORE1, accept=True), minutes=2)
    assert servers.asked.count(STORE2) == 1
    assert entity(store, STORE2).props["signature"] == DISK.signature


def test_what_no_other_source_tells_of_any_longer_is_no_longer_checked_and_closes(
    store: GraphStore, servers: Servers
) -> None:
    job = checks_of()
    run(store, job)
    estate(store)
    run(store, job, minutes=2)
    assert store.find(kind="StorageExport", text=STORE1) == []
    assert servers.asked.count(STORE1) == 1


def test_a_named_export_is_checked_though_the_graph_knows_none(
    store: GraphStore, servers: Servers
) -> None:
    address = "nbd://localhost:10809/own"
    run(store, checks_of(addresses=[address], from_graph=False))
    assert servers.asked == [address]


def test_a_dead_server_is_evidence_and_no_failure(store: GraphStore, servers: Servers) -> None:
    servers.answers[STORE1] = Reason.REFUSED
    run(store, checks_of())
    assert abnormal(store) == {"down": "refused"}


def test_an_export_that_guards_itself_is_a_finding(store: GraphStore, servers: Servers) -> None:
    servers.answers[STORE2] = Reason.GUARDED
    outcome = run(store, checks_of())
    assert outcome.diff is not None
    assert [line for line in outcome.diff.findings if STORE2 in line]


def test_what_a_check_saw_stands_for_three_rounds_and_at_least_a_minute(
    store: GraphStore, servers: Servers
) -> None:
    servers.answers[STORE1] = Reason.REFUSED
    run(store, checks_of(every=1))
    assert abnormal(store, 1.9)
    assert not abnormal(store, 2.1)
    run(store, checks_of(every=60), minutes=3)
    assert abnormal(store, 5.9)
    assert not abnormal(store, 6.1)
