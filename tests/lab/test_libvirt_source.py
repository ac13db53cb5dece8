"""What the libvirt source reads off three real hosts, well and broken."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from ingest.libvirt import ConnectionLostError, connection_lost, read
from ingest.libvirt.place import guest_key
from ingest.libvirt.states import DomainState
from kgraph.schema import Item, Observation, Record, RelationRecord, State
from tests.lab.lab.estate import ESTATE, HOSTS
from tests.lab.lab.guests import Disk, Leaving
from tests.lab.lab.laboratory import Lab, Storm

pytestmark = pytest.mark.lab

ON_NBD = {name for _, name, disk in ESTATE if disk is Disk.NBD}
ON_FILES = {name for _, name, disk in ESTATE if disk is not Disk.NBD}


def read_all(lab: Lab) -> list[Item]:
    """Read all hosts, and merge what several say of one thing by its record key."""
    items: list[Item] = []
    for uri in lab.uris:
        snapshot = read(uri, now=datetime.now(UTC))
        assert snapshot.complete
        items += snapshot.items
    return items


def records(items: list[Item]) -> dict[str, Record]:
    return {item.key: item for item in items if isinstance(item, Record)}


def witnesses(items: list[Item], signal: str, state: State) -> set[str]:
    """Return the names of entities with this standing observation."""
    known = records(items)
    return {
        known[item.entity].name
        for item in items
        if isinstance(item, Observation)
        and (item.signal, item.state) == (signal, state)
        and item.expires_at != item.at
    }


def test_three_hosts_read_one_after_the_other_give_one_estate(lab: Lab) -> None:
    items = read_all(lab)
    kinds = Counter(record.kind for record in records(items).values())
    assert kinds == {
        "Host": 3,
        "Probe": 3,
        "VirtualMachine": 10,
        "VirtualNic": 10,
        "Network": 3,
        "Nic": 3,
        "StoragePool": 6,
        "Volume": 6,
        "StorageExport": 1,
    }
    relations = {item for item in items if isinstance(item, RelationRecord)}
    # The guests, and the libvirt of each host, which speaks from there.
    assert Counter(relation.type for relation in relations)["RUNS_ON"] == 10 + 3


def test_guests_of_two_hosts_are_stored_on_the_same_export(lab: Lab) -> None:
    items = read_all(lab)
    known = records(items)
    export = f"export:{lab.export_address}"
    on_it = {
        known[item.dependent].name
        for item in items
        if isinstance(item, RelationRecord) and item.dependency == export
    }
    assert on_it == ON_NBD
    assert known[export].props["serverAddress"] == lab.storage_address


def test_a_file_disk_lies_in_its_pool(lab: Lab) -> None:
    items = read_all(lab)
    known = records(items)
    held = {
        known[item.dependent].name
        for item in items
        if isinstance(item, RelationRecord)
        and item.type == "STORED_ON"
        and known[item.dependency].kind == "StoragePool"
    }
    suffix = {Disk.LOCAL: "raw", Disk.GROWING: "qcow2"}
    assert held == {f"{name}.{suffix[disk]}" for _, name, disk in ESTATE if disk in suffix}


def test_on_a_well_estate_every_guest_and_host_is_seen_healthy(lab: Lab) -> None:
    items = read_all(lab)
    assert witnesses(items, "down", State.HEALTHY) >= ON_NBD | ON_FILES | {*HOSTS}
    assert witnesses(items, "paused", State.HEALTHY) == ON_NBD | ON_FILES
    assert witnesses(items, "ioError", State.HEALTHY) == ON_NBD | ON_FILES
    assert not [i for i in items if isinstance(i, Observation) and i.state is State.ABNORMAL]


def test_a_killed_export_pauses_its_guests_on_both_hosts_and_nobody_else(lab: Lab) -> None:
    lab.kill_export()
    items = read_all(lab)
    assert witnesses(items, "paused", State.ABNORMAL) == ON_NBD
    assert witnesses(items, "ioError", State.ABNORMAL) == ON_NBD
    assert witnesses(items, "down", State.ABNORMAL) == set()
    # Paused is not known to be up: no witness against a cause that stops guests.
    assert witnesses(items, "down", State.HEALTHY) & ON_NBD == set()
    assert witnesses(items, "down", State.HEALTHY) >= ON_FILES | {*HOSTS}


def test_a_killed_export_raises_one_alert_per_paused_guest(killed_export: Storm) -> None:
    payload = json.loads(killed_export.payload.read_text())
    assert payload["version"] == "4"
    guests = killed_export.lab.guests
    firing = {a["labels"]["uuid"] for a in payload["alerts"] if a["status"] == "firing"}
    listed = {alert["labels"]["uuid"] for alert in killed_export.lab.alerts()}
    assert firing == listed == {guests[name].uuid for name in ON_NBD}


def test_a_killed_qemu_is_that_guest_alone(killed_guest: Storm) -> None:
    items = read_all(killed_guest.lab)
    assert witnesses(items, "down", State.ABNORMAL) == killed_guest.hurt
    others = ON_NBD | ON_FILES | {*HOSTS}
    assert witnesses(items, "down", State.HEALTHY) >= others - killed_guest.hurt
    payload = json.loads(killed_guest.payload.read_text())
    firing = [a["labels"]["domain"] for a in payload["alerts"] if a["status"] == "firing"]
    assert firing == ["mail-2"]


def test_a_guest_that_died_still_runs_on_the_host_where_it_died(lab: Lab) -> None:
    lab.kill_guest("mail-2")
    items = read_all(lab)
    key = guest_key(lab.guests["mail-2"].uuid)
    relations = [item for item in items if isinstance(item, RelationRecord)]
    assert [r.dependency for r in relations if (r.dependent, r.type) == (key, "RUNS_ON")] == [
        f"host:{lab.host('h2').uri}"
    ]


def test_a_panicked_guest_is_seen_panicked(lab: Lab) -> None:
    lab.panic_guest("wiki-1")
    items = read_all(lab)
    assert witnesses(items, "panic", State.ABNORMAL) == {"wiki-1"}


def test_a_guest_that_an_operator_shut_off_is_unknown_and_no_fault(lab: Lab) -> None:
    lab.guests["mail-1"].domain.destroy()
    items = read_all(lab)
    for signal in ("down", "paused", "ioError"):
        assert "mail-1" not in witnesses(items, signal, State.ABNORMAL)
        assert "mail-1" not in witnesses(items, signal, State.HEALTHY)


def test_a_hung_qemu_does_not_hang_the_reading(lab: Lab) -> None:
    guest = lab.guests["mail-1"]
    guest.host.signal_guest("mail-1", "STOP")
    try:
        started = datetime.now(UTC)
        items = read_all(lab)
        assert datetime.now(UTC) - started < timedelta(seconds=5)
    finally:
        guest.host.signal_guest("mail-1", "CONT")
    assert "VirtualMachine" in {record.kind for record in records(items).values()}


def test_a_dead_libvirtd_is_told_in_one_line_and_its_guests_live(lab: Lab) -> None:
    host = lab.host("h2")
    host.kill_libvirtd()
    with pytest.raises(ConnectionLostError) as caught:
        read(host.uri, now=datetime.now(UTC))
    assert str(caught.value).startswith(f"libvirt {host.uri}: cannot connect: ")
    assert "\n" not in str(caught.value)
    assert len(read_alive(lab)) == len(HOSTS) - 1
    lost = connection_lost(host.uri, datetime.now(UTC))
    first = next(iter(lost.items))
    assert isinstance(first, Observation)
    assert (first.entity, first.signal, first.state) == (
        f"host:{host.uri}",
        "unreachable",
        State.ABNORMAL,
    )
    lab.wait_for_alerts({("HypervisorDown", "h2")})
    host.start_libvirtd()
    assert {guest.state[0] for guest in lab.guests.values()} == {DomainState.RUNNING}


def test_a_migrated_guest_stays_one_and_runs_where_it_went(lab: Lab) -> None:
    guest = lab.guests["shop-1"]
    key, home, away = guest_key(guest.uuid), lab.host("h1"), lab.host("h2")
    guest.migrate(away, Leaving.DEFINITION)
    try:
        items = read_all(lab)
        related = {
            (item.type, item.dependency)
            for item in items
            if isinstance(item, RelationRecord) and item.dependent == key
        }
        assert ("RUNS_ON", f"host:{away.uri}") in related
        assert ("RUNS_ON", f"host:{home.uri}") not in related
        assert ("MEMBER_OF", f"host:{home.uri}") in related
        assert "shop-1" in witnesses(items, "down", State.HEALTHY)
        assert ("GuestDown", "shop-1") not in lab.firing()
    finally:
        guest.migrate(home, Leaving.NOTHING)


def read_alive(lab: Lab) -> list[str]:
    """Return the hosts that can be read."""
    alive = []
    for uri in lab.uris:
        try:
            read(uri, now=datetime.now(UTC))
        except ConnectionLostError:
            continue
        alive.append(uri)
    return alive
