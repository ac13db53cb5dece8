"""What says anew how an entity is: the export itself, the hypervisor of a guest's host."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kgraph.app.sources.rereading import rereading
from kgraph.config import Configuration, LibvirtSource, Settings
from kgraph.schema import Key, Record, RelationRecord
from kgraph.store import GraphStore
from tests.stores import new_store

URI = "qemu+ssh://h1/system"
BOTH = frozenset({"libvirt", "nbd"})
CONFIGURED = Configuration(
    Settings(
        sources=(
            LibvirtSource(type="libvirt", uri=URI),
            LibvirtSource(type="libvirt", uri="qemu+ssh://h2/system"),
        )
    )
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    address, local = "nbd://10.77.0.1:10809/vmstore", "nbd://127.0.0.1:10809/vmstore"
    with closing(new_store(tmp_path / "kgraph.db")) as opened:
        with opened.sync("cmdb", "", complete=True, at=datetime.now(UTC)) as run:
            run.stage(
                [
                    Record("h1", "Host", "h1", (Key("libvirtUri", URI),)),
                    Record("v1", "VirtualMachine", "web-1"),
                    Record("v2", "VirtualMachine", "web-2"),
                    Record("x", "StorageExport", "far", (Key("exportAddress", address),)),
                    Record("y", "StorageExport", "near", (Key("exportAddress", local),)),
                    RelationRecord("v1", "RUNS_ON", "h1"),
                ]
            )
            run.commit()
        yield opened


def _titles(store: GraphStore, *names: str, wanted: frozenset[str] = BOTH) -> list[str]:
    entities = [next(e for e in store.find(text=name) if e.name == name) for name in names]
    return [job.title for job in rereading(entities, store, CONFIGURED, wanted)]


def test_a_guest_is_read_from_the_connection_of_the_host_that_it_runs_on(
    store: GraphStore,
) -> None:
    assert _titles(store, "web-1") == [f"libvirt {URI}"]
    assert _titles(store, "web-1", "h1") == [f"libvirt {URI}"]
    assert _titles(store, "web-2") == []


def test_an_export_is_looked_at_itself_unless_its_address_means_another_machine_to_each(
    store: GraphStore,
) -> None:
    assert _titles(store, "far", "near") == ["nbd exports"]
    assert _titles(store, "near") == []


def test_only_what_is_wanted_is_asked(store: GraphStore) -> None:
    assert _titles(store, "web-1", "far", wanted=frozenset({"nbd"})) == ["nbd exports"]
    assert _titles(store, "web-1", "far", wanted=frozenset()) == []
