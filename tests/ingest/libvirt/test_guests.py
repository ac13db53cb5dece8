from __future__ import annotations

from dataclasses import replace

import pytest

from ingest.libvirt.fetch import GuestReading
from ingest.libvirt.place import guest_key
from kgraph.schema import Observation, Record, SourceError, State
from tests.ingest.libvirt.fakes import (
    HOST,
    VM,
    VM_UUID,
    guest,
    items_of,
    records,
    relations,
    standing,
)

STOPS = "<driver name='qemu' type='qcow2' error_policy='stop'/>"
ARRIVING, FAILED, MIGRATED = (3, 2), (5, 6), (5, 4)


def disk(path: str, device: str = "disk", driver: str = STOPS, backing: str = "") -> str:
    return (
        f"<disk type='file' device='{device}'>{driver}<source file='{path}'/>"
        f"<target dev='vda'/>{backing}</disk>"
    )


def test_a_guest_has_its_uuid_and_size_in_bytes() -> None:
    (machine,) = records(items_of(guest()), "VirtualMachine")
    assert [(key.namespace, key.value) for key in machine.keys] == [
        ("vmUuid", VM_UUID),
        ("name", "web1"),
    ]
    assert machine.props["memoryBytes"] == 1 << 30
    assert machine.props["vcpus"] == 2
    assert "hugePagesBytes" not in machine.props


def test_a_guest_on_huge_pages_says_how_much_it_takes_of_them() -> None:
    usual = guest()
    xml = usual.xml.replace("<vcpu", "<memoryBacking><hugepages/></memoryBacking><vcpu", 1)
    (machine,) = records(items_of(replace(usual, xml=xml)), "VirtualMachine")
    assert machine.props["hugePagesBytes"] == machine.props["memoryBytes"] == 1 << 30


def test_either_byte_order_of_a_uuid_is_the_same_guest() -> None:
    assert guest_key("03020100-0504-0706-0809-0a0b0c0d0e0f") == guest_key(
        "00010203-0405-0607-0809-0a0b0c0d0e0f"
    )


@pytest.mark.parametrize("at", [(1, 1), (3, 1), (3, 5), FAILED, (6, 1)])
def test_a_guest_runs_on_the_host_where_it_is_active_or_has_died(at: tuple[int, int]) -> None:
    assert [r.dependency for r in relations(items_of(guest(at=at)), VM, "RUNS_ON")] == [HOST]


@pytest.mark.parametrize("at", [ARRIVING, MIGRATED, (5, 1), (5, 2), (5, 0)])
def test_a_guest_that_is_merely_defined_does_not_fail_with_the_host(at: tuple[int, int]) -> None:
    items = items_of(guest(at=at))
    assert relations(items, VM, "RUNS_ON") == []
    assert [r.dependency for r in relations(items, VM, "MEMBER_OF")] == [HOST]


def test_during_live_migration_one_guest_runs_on_its_source_only() -> None:
    source = items_of(guest())
    target = items_of(guest(at=ARRIVING), uri="qemu+ssh://h2.example/system")
    runs = relations(source, VM, "RUNS_ON") + relations(target, VM, "RUNS_ON")
    assert [r.dependency for r in runs] == [HOST]
    assert standing(target, VM) == {}


def test_the_host_that_a_guest_has_left_does_not_speak_for_the_one_where_it_runs() -> None:
    left = items_of(guest(at=MIGRATED), uri="qemu+ssh://h2.example/system")
    detectors = [
        {item.detector for item in items if isinstance(item, Observation) and item.entity == VM}
        for items in (items_of(guest()), left)
    ]
    assert detectors == [
        {"libvirt/qemu+ssh://h1.example/system"},
        {"libvirt/qemu+ssh://h2.example/system"},
    ]


def test_a_change_of_state_makes_no_new_version_of_a_guest() -> None:
    (machine,) = records(items_of(guest()), "VirtualMachine")
    assert machine.volatile == {"state", "stateReason"}


def test_a_disk_that_reports_errors_to_the_guest_is_no_witness_of_healthy_io() -> None:
    silent = disk("/srv/a", driver="<driver name='qemu' type='raw'/>")
    assert "ioError" not in standing(items_of(guest(silent)), VM)
    assert "ioError" not in standing(items_of(guest(disk("/srv/b") + silent)), VM)
    assert standing(items_of(guest(disk("/srv/a"))), VM)["ioError"] is State.HEALTHY


def test_only_a_guest_with_a_panic_device_is_seen_not_to_panic() -> None:
    assert "panic" not in standing(items_of(guest()), VM)
    assert "panic" in standing(items_of(guest("<panic model='isa'/>")), VM)


def test_a_guest_does_not_depend_on_its_cd_rom() -> None:
    items = items_of(guest(disk("/srv/install.iso", device="cdrom") + disk("/srv/a")))
    assert [record.name for record in records(items, "Volume")] == ["a"]


def test_an_empty_drive_depends_on_nothing() -> None:
    items = items_of(guest("<disk type='file' device='disk'><target dev='vda'/></disk>"))
    assert relations(items, VM, "STORED_ON") == []


def test_a_disk_is_stored_on_its_chain_of_backing_images() -> None:
    backing = (
        "<backingStore type='file'><format type='qcow2'/><source file='/srv/base'/>"
        "<backingStore/></backingStore>"
    )
    items = items_of(guest(disk("/srv/overlay", backing=backing)))
    top = relations(items, VM, "STORED_ON")[0].dependency
    below = relations(items, top, "STORED_ON")[0].dependency
    assert (top.rpartition("/")[2], below.rpartition("/")[2]) == ("overlay", "base")


def test_the_same_path_on_two_hosts_is_two_volumes() -> None:
    here = records(items_of(guest(disk("/srv/a"))), "Volume")
    there = records(
        items_of(guest(disk("/srv/a")), host_uuid="11111111-2222-4333-8444-555555555555"), "Volume"
    )
    assert set(here[0].keys).isdisjoint(there[0].keys)


def test_a_virtual_nic_belongs_to_its_guest_and_weakly_to_its_mac() -> None:
    items = items_of(
        guest("<interface type='user'><mac address='52:54:00:aa:bb:01'/></interface>")
    )
    (nic,) = records(items, "VirtualNic")
    assert [(key.namespace, key.value) for key in nic.keys] == [
        ("ownerInterface", f"{VM.removeprefix('vm:')}/52:54:00:aa:bb:01"),
        ("mac", "52:54:00:aa:bb:01"),
    ]
    assert [r.dependency for r in relations(items, VM, "USES")] == [nic.key]
    assert standing(items, nic.key) == {"unplugged": State.HEALTHY}


def test_a_link_that_is_set_down_is_seen() -> None:
    items = items_of(
        guest(
            "<interface type='user'><mac address='52:54:00:aa:bb:01'/><link state='down'/>"
            "</interface>"
        )
    )
    (nic,) = records(items, "VirtualNic")
    assert standing(items, nic.key) == {"unplugged": State.ABNORMAL}


@pytest.mark.parametrize(
    ("xml", "complaint"),
    [
        ("<domain><name>web1</name", "a domain is not XML"),
        ("<domain><name>web1</name></domain>", "domain web1: <uuid> is missing"),
        ("<domain><uuid>u</uuid></domain>", "<name> is missing"),
        (
            "<domain><uuid>u</uuid><name>w</name><memory unit='KiB'>much</memory></domain>",
            "domain w: <memory> is not a whole number: 'much'",
        ),
        (
            "<domain><uuid>u</uuid><name>w</name><memory unit='acre'>1</memory></domain>",
            "domain w: <memory> has an unknown unit: 'acre'",
        ),
    ],
)
def test_malformed_xml_is_one_line_that_names_the_connection(xml: str, complaint: str) -> None:
    with pytest.raises(SourceError) as caught:
        items_of(GuestReading(xml, 1, 1))
    line = str(caught.value)
    assert line.startswith("libvirt qemu+ssh://h1.example/system: ")
    assert complaint in line
    assert "\n" not in line


def test_each_record_is_said_once_though_many_guests_share_it() -> None:
    other = "2a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
    items = items_of(guest(disk("/srv/a")), guest(disk("/srv/a"), name="web2", uuid=other))
    keys = [item.key for item in items if isinstance(item, Record)]
    assert len(keys) == len(set(keys))
