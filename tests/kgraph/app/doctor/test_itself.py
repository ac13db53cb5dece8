from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kgraph.app.doctor import itself
from kgraph.app.doctor.itself import Machine, carriers, keys_of_host, own_machine
from kgraph.schema import Key, Record, RelationRecord
from kgraph.store import GraphStore, open_store

UUID = "6c1a8d8e-4a9f-4d51-9f57-6b7a5f0c1d2e"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    """A guest for monitoring on a host, with its disk on a pool."""
    with closing(open_store(tmp_path / "k.db")) as opened:
        with opened.sync("cmdb", "", complete=True, at=datetime(2026, 1, 1, tzinfo=UTC)) as run:
            run.stage(
                [
                    Record("m", "VirtualMachine", "mon-1", (Key("vmUuid", UUID),)),
                    Record("h", "Host", "h1.dc1", (Key("ip", "192.0.2.7"),)),
                    Record("p", "StoragePool", "pool"),
                    RelationRecord("m", "RUNS_ON", "h"),
                    RelationRecord("m", "STORED_ON", "p"),
                ]
            )
            run.commit()
        yield opened


def test_what_carries_us_is_found_by_any_key_once_with_what_it_needs(store: GraphStore) -> None:
    us = Machine("kgraph", (Key("name", "mon-1"), Key("vmUuid", UUID.upper()), Key("ip", "::9")))
    (found,) = carriers(store, [us])
    assert (found.role, found.title, found.by.namespace) == (
        "kgraph",
        "VirtualMachine mon-1",
        "name",
    )
    assert found.needs == ("Host h1.dc1", "StoragePool pool")
    assert list(carriers(store, [Machine("kgraph", (Key("name", "elsewhere"),))])) == []


def test_a_server_is_looked_for_by_its_address_unless_it_is_this_machine() -> None:
    assert list(keys_of_host("192.0.2.7")) == [Key("ip", "192.0.2.7")]
    assert list(keys_of_host("127.0.0.1")) == list(keys_of_host("::1")) == []
    assert list(keys_of_host("localhost")) == list(keys_of_host("")) == []


def test_this_machine_is_known_by_its_name_and_ids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "uuid").write_text(f"{UUID}\n")
    monkeypatch.setattr(itself, "_PRODUCT_UUID", tmp_path / "uuid")
    monkeypatch.setattr(itself, "_MACHINE_ID", tmp_path / "none")
    monkeypatch.setattr("socket.gethostname", lambda: "mon-1")
    monkeypatch.setattr("socket.getfqdn", lambda: "mon-1.example")
    keys = own_machine().keys
    assert {Key("hostname", "mon-1"), Key("name", "mon-1.example"), Key("vmUuid", UUID)} <= {*keys}
    assert len(keys) == len(set(keys))
