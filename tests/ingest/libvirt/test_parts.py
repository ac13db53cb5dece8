"""Reading alone what an event named, from libvirt's own test driver."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingest.libvirt import Part, host, listening, read, read_parts
from ingest.libvirt.binding import load_binding
from ingest.libvirt.events import Event, EventKind
from ingest.libvirt.fetch import Only, Reading, fetch
from ingest.libvirt.parts import part_of
from ingest.libvirt.place import guest_key, network_key, pool_key
from kgraph.schema import AllOf, Gone, Item, Record, RelationRecord, Snapshot

libvirt = pytest.importorskip("libvirt")
MOCK = "test:///default"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
NOBODY = "00000000-0000-4000-8000-0000000000aa"
_GUEST = """
<domain type='test'><name>newcomer</name><memory>1024</memory><os><type>hvm</type></os>
<devices><disk type='file'><source file='/newcomer.img'/><target dev='vda'/></disk></devices>
</domain>"""


@pytest.fixture
def connection() -> Iterator[Any]:
    """A connection that stays: the driver forgets what was changed when its last one closes."""
    opened = libvirt.open(MOCK)
    yield opened
    opened.close()


def ask(_: timedelta, uri: str, only: Only | None) -> Reading:
    """Ask in this process: what a test has changed, the driver tells nobody else."""
    return fetch(load_binding(), uri, only)


def said(*parts: Part) -> list[Item]:
    snapshot = read_parts(MOCK, parts, now=NOW, ask=ask)
    assert not snapshot.complete
    return list(snapshot.items)


def host_id(connection: Any) -> str:
    return host.host_id(connection.getCapabilities(), MOCK)


def test_a_guest_is_read_with_its_relations_and_nobody_else(connection: Any) -> None:
    uuid = connection.lookupByName("test").UUIDString()
    connection.defineXML(_GUEST)
    items = said(Part(EventKind.DOMAIN, uuid))
    keys = [i.key for i in items if isinstance(i, Record)]
    assert keys[0] == guest_key(uuid)
    assert all(guest_key(uuid).removeprefix("vm:") in key for key in keys)
    assert AllOf(guest_key(uuid)) in items
    assert RelationRecord(guest_key(uuid), "RUNS_ON", f"host:{MOCK}") in items


def test_a_part_says_what_the_whole_reading_says_of_it(connection: Any) -> None:
    uuid = connection.defineXML(_GUEST).UUIDString()
    whole = list(read(MOCK, now=NOW, ask=ask).items)
    for part in (
        Part(EventKind.DOMAIN, uuid),
        Part(EventKind.NETWORK, connection.networkLookupByName("default").UUIDString()),
        Part(EventKind.POOL, connection.storagePoolLookupByName("default-pool").UUIDString()),
    ):
        items = [item for item in said(part) if not isinstance(item, AllOf)]
        assert items
        assert [item for item in items if item not in whole] == []


def test_what_a_new_guest_stands_on_is_named_and_left_to_the_whole_reading(
    connection: Any,
) -> None:
    uuid = connection.defineXML(_GUEST).UUIDString()
    items = said(Part(EventKind.DOMAIN, uuid))
    stored = [i for i in items if isinstance(i, RelationRecord) and i.type == "STORED_ON"]
    assert [link.dependent for link in stored] == [guest_key(uuid)]
    assert not any(isinstance(i, Record) and i.kind == "Volume" for i in items)


def test_what_is_not_there_any_more_is_gone(connection: Any) -> None:
    here = host_id(connection)
    parts = [Part(kind, NOBODY) for kind in (EventKind.DOMAIN, EventKind.NETWORK, EventKind.POOL)]
    assert said(*parts) == [
        Gone(guest_key(NOBODY)),
        Gone(network_key(here, NOBODY)),
        Gone(pool_key(here, NOBODY)),
    ]


def test_only_the_life_of_guests_networks_and_pools_is_read_alone() -> None:
    named = {kind: part_of(Event(MOCK, NOW, kind, NOBODY)) for kind in EventKind}
    alone = {kind for kind, part in named.items() if part is not None}
    assert alone == {EventKind.DOMAIN, EventKind.NETWORK, EventKind.POOL}


def test_an_event_names_its_guest(connection: Any) -> None:
    heard: list[tuple[Snapshot | None, Part | None]] = []
    told = threading.Event()
    domain = connection.lookupByName("test")
    wanted = Part(EventKind.DOMAIN, domain.UUIDString())

    def tell(shown: Snapshot | None, part: Part | None) -> None:
        heard.append((shown, part))
        if part is None:
            connected.set()
        elif part == wanted:
            told.set()

    connected = threading.Event()
    listener = listening(MOCK, tell)
    try:
        assert connected.wait(30)
        domain.suspend()
        assert told.wait(30)
    finally:
        listener.stop()
        domain.resume()
    assert heard[-1][1] == wanted
