"""Two machines with one short name have parts of the same name, and each has its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingest.detect.logs.places import ENTRY, labels_of
from kgraph.app.reading.sync import Commitment, Reading, unshown
from kgraph.app.sources.declared import bring
from kgraph.schema import Key, Record, RelationRecord
from kgraph.signals import Alert, EstateIndex, resolve
from kgraph.sourcekit import Found, Machine, local_name
from kgraph.store import GraphStore
from tests.stores import new_store

NOW = datetime(2026, 11, 28, 7, 0, tzinfo=UTC)
UUIDS = ("5f2c3ad2-7e0d-4f44-9d3c-0a1b2c3d4e5f", "6f2c3ad2-7e0d-4f44-9d3c-0a1b2c3d4e5f")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    found = new_store(tmp_path / "kgraph.db")
    yield found
    found.close()


def _read(store: GraphStore, source: str, name: str, minute: int, uuid: str = "") -> None:
    """Read a machine with one unit, named as systemd's and Ceph's sources do."""
    machine, unit = Machine(f"m:{name}", name, uuid), f"u:{name}"
    claims = (Key("name", local_name(name, "nginx.service")),)
    record = Record(unit, "ServiceInstance", f"{name}/nginx.service", claims)
    items = (machine, record, RelationRecord(unit, "RUNS_ON", machine.key))
    at = NOW + timedelta(minutes=minute)
    reading = Reading(store, at, Commitment.COMMIT, unshown)
    bring(reading, source, "default", Found(name, items))


def _units(store: GraphStore) -> dict[str, set[str]]:
    """Return the name of each unit -> the names of the machines that it runs on."""
    graph = store.graph()
    names = {entity.uid: entity.name for entity in graph.entities}
    found: dict[str, set[str]] = {
        e.name: set() for e in graph.entities if e.kind == "ServiceInstance"
    }
    for tie in graph.relations:
        found[names[tie.dependent]].add(names[tie.dependency])
    return found


@pytest.mark.parametrize("uuids", [UUIDS, ("", "")])
def test_units_of_two_machines_are_two_however_often_they_are_read(
    store: GraphStore, uuids: tuple[str, str]
) -> None:
    for minute in range(4):
        which = minute % 2
        _read(store, "systemd", f"web1.dc{which + 1}", minute, uuids[which])
    assert _units(store) == {
        "web1.dc1/nginx.service": {"web1.dc1"},
        "web1.dc2/nginx.service": {"web1.dc2"},
    }


def test_a_line_of_a_log_is_of_the_unit_on_its_own_machine(store: GraphStore) -> None:
    for minute, name in enumerate(("web1.dc1", "web1.dc2", "web1.dc1")):
        _read(store, "systemd", name, minute)
    index = EstateIndex.of(store.graph())
    alert = Alert({"alertname": "x", **labels_of(("web1.dc2", "nginx.service"))})
    uid = resolve(alert, ENTRY, index).uid
    assert uid is not None
    assert index.entities[uid].name == "web1.dc2/nginx.service"


def test_a_machine_that_others_know_by_more_or_less_of_its_name_is_still_one(
    store: GraphStore,
) -> None:
    _read(store, "systemd", "web1.dc1.example", 0, UUIDS[0])
    _read(store, "ceph", "web1", 1)
    _read(store, "pacemaker", "web1.dc1", 2, UUIDS[0])
    (machines,) = _units(store).values()
    assert len(machines) == 1


def test_a_reading_of_both_machines_names_the_parts_of_neither_in_full(
    store: GraphStore,
) -> None:
    for minute, name in enumerate(("web1.dc1", "web1.dc2", "web1.dc1")):
        _read(store, "systemd", name, minute)
    machines = [Machine(f"m:{name}", name) for name in ("web1.dc1", "web1.dc2")]
    claims = (Key("name", local_name("web1.dc1", "nginx.service")),)
    unit = Record("u", "ServiceInstance", "web1.dc1/nginx.service", claims)
    tie = RelationRecord("u", "RUNS_ON", machines[0].key)
    reading = Reading(store, NOW + timedelta(minutes=9), Commitment.COMMIT, unshown)
    bring(reading, "ceph", "default", Found("both", (*machines, unit, tie)))
    assert all(len(machines) == 1 for machines in _units(store).values())
