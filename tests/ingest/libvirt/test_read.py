from __future__ import annotations

import sys
from datetime import timedelta

import pytest

from ingest.libvirt import ConnectionLostError, connection_lost, read
from kgraph.schema import KINDS, Observation, Record, RelationRecord, SourceError, State, unusual
from tests.ingest.libvirt.fakes import HOST, NOW, URI, FakeConnection, driver

MOCK = "test:///default"


@pytest.mark.libvirt
def test_libvirts_own_test_driver_is_read_completely() -> None:
    snapshot = read(MOCK, now=NOW)
    kinds = sorted(item.kind for item in snapshot.items if isinstance(item, Record))
    assert (snapshot.source, snapshot.scope, snapshot.complete) == ("libvirt", MOCK, True)
    assert kinds == [
        "Host",
        "Network",
        "Nic",
        "Probe",
        "StoragePool",
        "VirtualMachine",
        "VirtualNic",
        "Volume",
    ]


@pytest.mark.libvirt
def test_every_host_of_the_test_driver_is_known_by_its_uri_and_not_by_our_name() -> None:
    host = next(item for item in read(MOCK, now=NOW).items if isinstance(item, Record))
    assert [(key.namespace, key.value) for key in host.keys] == [("libvirtUri", MOCK)]
    assert host.name == MOCK


@pytest.mark.libvirt
def test_what_is_read_fits_the_schema_without_a_warning() -> None:
    items = list(read(MOCK, now=NOW).items)
    kind = {item.key: item.kind for item in items if isinstance(item, Record)}
    assert set(kind.values()) <= set(KINDS)
    for item in items:
        if isinstance(item, RelationRecord):
            assert not unusual(item.type, kind[item.dependent], kind[item.dependency])
        elif isinstance(item, Observation):
            assert item.entity in kind


@pytest.mark.libvirt
def test_a_refused_connection_is_one_line_that_says_where() -> None:
    with pytest.raises(ConnectionLostError) as caught:
        read("qemu+tcp://127.0.0.1:1/system", now=NOW)
    line = str(caught.value)
    assert line.startswith("libvirt qemu+tcp://127.0.0.1:1/system: cannot connect: ")
    assert "\n" not in line


@pytest.mark.libvirt
def test_nonsense_for_a_uri_is_one_line() -> None:
    with pytest.raises(SourceError, match="libvirt nonsense: cannot connect"):
        read("nonsense", now=NOW)


def test_a_missing_binding_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "libvirt", None)
    with pytest.raises(SourceError, match=r"pip install 'kgraph-rca\[libvirt\]'"):
        read(MOCK, now=NOW)


def test_a_hypervisor_that_stalls_is_given_up_on_in_time() -> None:
    connection = FakeConnection(stalls=5)
    with pytest.raises(ConnectionLostError, match="no answer within"):
        read(URI, now=NOW, patience=timedelta(seconds=0.05), driver=driver(connection))


def test_the_connection_is_closed_after_reading() -> None:
    connection = FakeConnection()
    read(URI, now=NOW, driver=driver(connection))
    assert connection.closed


def test_a_lost_connection_says_that_the_host_was_not_reached_and_closes_nothing() -> None:
    snapshot = connection_lost(URI, NOW, guests=["vm:a"])
    items = [item for item in snapshot.items if isinstance(item, Observation)]
    standing = [item for item in items if item.expires_at != item.at]
    assert not snapshot.complete
    assert [(o.entity, o.signal, o.state) for o in standing] == [
        (HOST, "unreachable", State.ABNORMAL)
    ]


def test_a_lost_connection_withdraws_what_was_seen_of_the_guests_before() -> None:
    items = connection_lost(URI, NOW, guests=["vm:a"]).items
    withdrawn = {
        item.signal for item in items if isinstance(item, Observation) and item.entity == "vm:a"
    }
    assert withdrawn == {"down", "paused", "ioError", "panic", "hung"}
