from __future__ import annotations

import pytest

from ingest.libvirt.fetch import PoolReading
from kgraph.schema import SourceError
from tests.ingest.libvirt.fakes import HOST_UUID, VM, guest, items_of, records, relations


def disk(source: str) -> str:
    return f"<disk type='network' device='disk'>{source}<target dev='vda'/></disk>"


DISKS = [
    (
        "<source protocol='nbd' name='vmstore'><host name='Stor1.Ex.' port='10810'/></source>",
        "nbd://stor1.ex:10810/vmstore",
        "",
    ),
    ("<source protocol='nbd'><host name='10.0.0.5'/></source>", "nbd://10.0.0.5:10809", ""),
    (
        "<source protocol='nbd' name='x'><host name='fd00::5'/></source>",
        "nbd://[fd00::5]:10809/x",
        "",
    ),
    (
        "<source protocol='nbd' name='x'><host transport='unix' socket='/run/nbd.sock'/></source>",
        f"nbd+unix://{HOST_UUID}/run/nbd.sock/x",
        "",
    ),
    (
        "<source protocol='iscsi' name='iqn.2026-11.ex:t1/2'><host name='10.0.0.6'/></source>",
        "iscsi://10.0.0.6:3260/iqn.2026-11.ex:t1",
        "2",
    ),
    (
        (
            "<source protocol='rbd' name='vms/web1'><host name='mon2'/>"
            "<host name='mon1' port='3300'/>"
            "</source>"
        ),
        "rbd://mon1:3300,mon2:6789/vms",
        "web1",
    ),
    (
        "<source protocol='gluster' name='gv0/web1.img'><host name='g1'/></source>",
        "gluster://g1:24007/gv0",
        "web1.img",
    ),
    (
        "<source protocol='nfs' name='srv/vms/web1.img'><host name='10.0.0.7'/></source>",
        "nfs://10.0.0.7/srv/vms",
        "web1.img",
    ),
    (
        "<source protocol='https' name='images/a.raw'><host name='web'/></source>",
        "https://web:443/images/a.raw",
        "",
    ),
]
NFS_POOL = """<pool type='netfs'><name>vms</name><uuid>5f0e0d0c-1111-4222-8333-444455556666</uuid>
<capacity unit='bytes'>1000</capacity><available unit='bytes'>500</available>
<source><host name='10.0.0.7'/><dir path='/srv/vms'/><format type='nfs'/></source>
<target><path>/var/lib/libvirt/vms</path></target></pool>"""
ISCSI_POOL = """<pool type='iscsi'><name>san</name>
<uuid>6f0e0d0c-1111-4222-8333-444455556666</uuid>
<source><host name='10.0.0.6' port='3260'/><device path='iqn.2026-11.ex:t1'/></source>
<target><path>/dev/disk/by-path</path></target></pool>"""


@pytest.mark.parametrize(("source", "address", "volume"), DISKS)
def test_however_a_network_disk_is_written_its_export_has_one_address(
    source: str, address: str, volume: str
) -> None:
    items = items_of(guest(disk(source)))
    (export,) = records(items, "StorageExport")
    assert [(key.namespace, key.value) for key in export.keys] == [("exportAddress", address)]
    stored = relations(items, VM, "STORED_ON")[0].dependency
    if volume:
        assert [record.name for record in records(items, "Volume")] == [volume]
        assert [r.dependency for r in relations(items, stored, "STORED_ON")] == [export.key]
    else:
        assert stored == export.key


def test_where_an_export_is_served_stays_readable() -> None:
    (export,) = records(items_of(guest(disk(DISKS[0][0]))), "StorageExport")
    assert export.props == {
        "protocol": "nbd",
        "exportName": "vmstore",
        "serverAddress": "stor1.ex",
        "port": 10810,
    }


def test_a_pool_on_nfs_and_a_disk_on_it_meet_at_one_export() -> None:
    pool = PoolReading(NFS_POOL, 2, autostart=True)
    items = items_of(guest(disk(DISKS[7][0])), pools=(pool,))
    (export,) = records(items, "StorageExport")
    (store,) = records(items, "StoragePool")
    assert export.keys[0].value == "nfs://10.0.0.7/srv/vms"
    assert [r.dependency for r in relations(items, store.key, "STORED_ON")] == [export.key]


def test_a_pool_and_a_disk_of_one_iscsi_target_meet_at_one_export() -> None:
    pool = PoolReading(ISCSI_POOL, 2, autostart=True)
    items = items_of(guest(disk(DISKS[4][0])), pools=(pool,))
    assert len(records(items, "StorageExport")) == 1


def test_a_port_that_is_no_number_is_one_line() -> None:
    source = "<source protocol='nbd' name='x'><host name='a' port='high'/></source>"
    with pytest.raises(SourceError, match="nbd port is not a whole number: 'high'"):
        items_of(guest(disk(source)))
