from __future__ import annotations

from dataclasses import replace

import pytest

from ingest.libvirt.fetch import PoolReading
from kgraph.schema import State
from tests.ingest.libvirt.fakes import HOST, VM, guest, items_of, records, relations, standing

VOLUME = """<volume type='file'><name>web1.img</name><key>/srv/vms/web1.img</key>
<capacity unit='bytes'>100</capacity><allocation unit='bytes'>40</allocation>
<target><path>/srv/vms/web1.img</path><format type='raw'/></target></volume>"""


def pool(
    path: str = "/srv/vms",
    *,
    state: int = 2,
    available: int = 500,
    extra: str = "",
    uuid: str = "5",
) -> PoolReading:
    xml = f"""<pool type='dir'><name>vms{uuid}</name>
<uuid>{uuid}f0e0d0c-1111-4222-8333-444455556666</uuid><capacity unit='bytes'>1000</capacity>
<allocation unit='bytes'>{1000 - available}</allocation>
<available unit='bytes'>{available}</available><source>{extra}</source>
<target><path>{path}</path></target></pool>"""
    return PoolReading(xml, state, autostart=True, volumes=(VOLUME,) if state == 2 else ())


def file_disk(path: str) -> str:
    return f"<disk type='file' device='disk'><source file='{path}'/><target dev='vda'/></disk>"


def test_a_file_disk_is_the_volume_that_its_pool_lists() -> None:
    items = items_of(guest(file_disk("/srv/vms/web1.img")), pools=(pool(),))
    (volume,) = records(items, "Volume")
    (store,) = records(items, "StoragePool")
    assert volume.props["capacityBytes"] == 100
    assert [r.dependency for r in relations(items, VM, "STORED_ON")] == [volume.key]
    assert [r.dependency for r in relations(items, volume.key, "STORED_ON")] == [store.key]


def test_a_file_that_the_pool_has_not_listed_yet_lies_in_it_all_the_same() -> None:
    items = items_of(guest(file_disk("/srv/vms/new.img")), pools=(pool(),))
    stored = relations(items, VM, "STORED_ON")[0].dependency
    assert [r.dependency.split(":")[0] for r in relations(items, stored, "STORED_ON")] == ["pool"]


def test_a_file_lies_in_the_innermost_pool() -> None:
    outer, inner = pool("/srv", uuid="5"), pool("/srv/vms", uuid="6", state=0)
    items = items_of(guest(file_disk("/srv/vms/new.img")), pools=(outer, inner))
    stored = relations(items, VM, "STORED_ON")[0].dependency
    assert "/6f0e" in relations(items, stored, "STORED_ON")[0].dependency


def test_a_file_beside_a_pool_of_a_similar_name_is_not_in_it() -> None:
    items = items_of(guest(file_disk("/srv/vms-old/a.img")), pools=(pool(),))
    stored = relations(items, VM, "STORED_ON")[0].dependency
    assert relations(items, stored, "STORED_ON") == []


def test_a_disk_named_by_pool_and_volume_is_that_volume() -> None:
    named = (
        "<disk type='volume' device='disk'><source pool='vms5' volume='web1.img'/>"
        "<target dev='vda'/></disk>"
    )
    items = items_of(guest(named), pools=(pool(),))
    (volume,) = records(items, "Volume")
    assert [r.dependency for r in relations(items, VM, "STORED_ON")] == [volume.key]


def test_a_pool_stands_on_its_disks_and_its_host() -> None:
    items = items_of(pools=(pool(extra="<device path='/dev/sdb1'/>"),))
    (store,) = records(items, "StoragePool")
    (disk,) = records(items, "Disk")
    assert [r.dependency for r in relations(items, store.key, "STORED_ON")] == [disk.key]
    assert [r.dependency for r in relations(items, store.key, "USES")] == [HOST]


def test_a_pool_with_one_percent_left_is_full() -> None:
    items = items_of(pools=(pool(available=10),))
    (store,) = records(items, "StoragePool")
    assert standing(items, store.key) == {"offline": State.HEALTHY, "full": State.ABNORMAL}


def test_a_pool_that_fills_makes_no_new_version() -> None:
    (store,) = records(items_of(pools=(pool(),)), "StoragePool")
    assert store.volatile == {"capacityBytes", "allocationBytes", "availableBytes"}


def test_a_pool_that_should_have_started_is_offline_and_not_full() -> None:
    items = items_of(pools=(pool(state=0, available=0),))
    (store,) = records(items, "StoragePool")
    assert standing(items, store.key) == {"offline": State.ABNORMAL}


def _of_type(kind: str, source: str) -> PoolReading:
    reading = pool(extra=source, state=0)
    return replace(reading, xml=reading.xml.replace("type='dir'", f"type='{kind}'"))


@pytest.mark.parametrize(
    ("kind", "source", "name"),
    [
        ("logical", "<device path='/dev/sdb'/><name>vg0</name>", "h1/vg0"),
        ("zfs", "<name>tank/vms</name>", "h1/tank"),
    ],
)
def test_a_pool_of_the_host_is_known_to_who_reads_its_storage(
    kind: str, source: str, name: str
) -> None:
    (store,) = records(items_of(pools=(_of_type(kind, source),)), "StoragePool")
    assert ("name", name) in {(key.namespace, key.value) for key in store.keys}


def test_a_pool_of_fibre_channel_uses_its_adapter_and_is_no_name_of_the_host() -> None:
    source = "<adapter type='fc_host' wwnn='20000000C9831B4B' wwpn='10:00:00:00:c9:83:1b:4b'/>"
    items = items_of(pools=(_of_type("scsi", source),))
    (controller,) = records(items, "StorageController")
    (store,) = records(items, "StoragePool")
    assert controller.name == "10000000c9831b4b"
    assert controller.key in {r.dependency for r in relations(items, store.key, "USES")}
    assert {key.namespace for key in store.keys} == {"poolUuid"}
