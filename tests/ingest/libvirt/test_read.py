from __future__ import annotations

import sys

import pytest

from ingest.libvirt import ConnectionLostError, connection_lost, read
from ingest.libvirt.binding import load_binding
from ingest.libvirt.fetch import fetch
from kgraph.schema import KINDS, Observation, Record, RelationRecord, SourceError, State, unusual
from tests.ingest.libvirt.fakes import (
    HOST,
    NOW,
    URI,
    FakeConnection,
    FakeError,
    FakePool,
    driver,
)

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
        load_binding()


def test_the_connection_is_closed_after_reading() -> None:
    connection = FakeConnection()
    fetch(driver(connection), URI)
    assert connection.closed


def test_what_could_not_be_read_is_told_once_and_nothing_of_it_closes() -> None:
    stale = FakeError(38, "cannot open\ndirectory: Stale file handle")
    pools = [FakePool("<pool/>", error=stale), FakePool("<pool/>", error=stale)]
    reading = fetch(driver(FakeConnection(pools=pools)), URI)
    snapshot = read(URI, now=NOW, ask=lambda _patience, _uri, _only: reading)
    assert not snapshot.complete
    assert snapshot.findings == (
        f"libvirt {URI}: a part could not be read: cannot open directory: Stale file handle",
    )


def test_a_daemon_that_refuses_everything_is_told_in_few_lines() -> None:
    pools = [FakePool("<pool/>", error=FakeError(1, f"refused {n}")) for n in range(9)]
    reading = fetch(driver(FakeConnection(pools=pools)), URI)
    snapshot = read(URI, now=NOW, ask=lambda _patience, _uri, _only: reading)
    assert len(snapshot.findings) == 6
    assert snapshot.findings[-1] == f"libvirt {URI}: and 4 more parts"


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


def test_a_lost_connection_withdraws_what_it_called_well_of_anything_else_there() -> None:
    told = f"libvirt/{URI}"
    standing = [
        Observation("n1", "down", State.HEALTHY, at=NOW, detector=told),
        Observation("p1", "full", State.ABNORMAL, at=NOW, detector=told),
        Observation("n2", "down", State.HEALTHY, at=NOW, detector="prometheus/up"),
    ]
    items = connection_lost(URI, NOW, standing=standing).items
    withdrawn = [
        (item.entity, item.signal)
        for item in items
        if isinstance(item, Observation) and item.expires_at == item.at
    ]
    assert withdrawn == [(HOST, "down"), ("n1", "down")]
