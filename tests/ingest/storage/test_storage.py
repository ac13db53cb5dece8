from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ingest.storage.devices import devices
from ingest.storage.health import degraded_arrays, path_states
from ingest.storage.iscsi import exports
from ingest.storage.lvm import reports
from ingest.storage.mounts import Mount, mounts
from ingest.storage.normalise import Told, normalise
from ingest.storage.zfs import zpools
from kgraph.schema import RelationRecord, SourceError
from kgraph.sourcekit import Place, parsed
from kgraph.sourcekit.machines import Told as Row
from tests.ingest.readings import HERE, found, keys, records, relations, well, wrong
from tests.real import PATH, need

Object = dict[str, Any]
UUID = "5f2c3ad2-7e0d-4f44-9d3c-0a1b2c3d4e5f"
OWN = Place("h1", UUID)


def _device(kname: str, type_: str, *children: Object, **more: Any) -> Object:
    told = {"name": kname, "kname": kname, "path": f"/dev/{kname}", "type": type_, "size": 1000}
    return told | {"mountpoints": [None], "children": list(children)} | more


_SRV = _device("dm-1", "lvm", name="vg-srv", path="/dev/mapper/vg-srv", mountpoints=["/srv"])
_MD = _device("md0", "raid1", _SRV)
_MAP = _device("dm-0", "mpath", name="mpatha", path="/dev/mapper/mpatha", mountpoints=["/data"])
_ROOT = _device("dm-2", "crypt", mountpoints=["/", "/run/netns"])
TREE = {
    "blockdevices": [
        _device("sda", "disk", _device("sda1", "part", _MD), wwn="0x5000A", model="X1"),
        _device("sdb", "disk", _device("sdb1", "part", _MD), wwn="0x5000b"),
        _device("sdc", "disk", _MAP, wwn="0x6000c"),
        _device("sdd", "disk", _MAP, wwn="0x6000c"),
        _device("vda", "disk", _device("vda1", "part", _ROOT), _device("vda2", "part")),
        _device("zram0", "disk", size=0),
        _device("sr0", "rom"),
    ]
}


def _told(**more: Any) -> Told:
    return Told(devices(parsed(json.dumps(TREE), "lsblk")), **more)


def _items(told: Told | None = None) -> list[Row]:
    return list(normalise(told or _told(), OWN, HERE))


def _short(ties: set[tuple[str, str, str]]) -> set[tuple[str, str, str]]:
    return {(a.replace("h1/", ""), t, b.replace("h1/", "")) for a, t, b in ties}


def test_a_stack_of_devices_is_told_without_partitions_and_encryption() -> None:
    kinds = {key.replace("h1/", ""): row.kind for key, row in records(_items()).items()}
    assert kinds == {
        "machine:h1": "Host",
        "disk:sda": "Disk",
        "disk:sdb": "Disk",
        "disk:vda": "Disk",
        "path:sdc": "StoragePath",
        "path:sdd": "StoragePath",
        "disk:0x6000c": "Disk",
        "array:md0": "StoragePool",
        "volume:vg-srv": "Volume",
        "volume:mpatha": "Volume",
        "mount:/": "StoragePool",
        "mount:/srv": "StoragePool",
        "mount:/data": "StoragePool",
    }


def test_what_lies_on_what_is_followed_down_to_disks_and_paths() -> None:
    assert _short(relations(_items())) == {
        ("array:md0", "STORED_ON", "disk:sda"),
        ("array:md0", "STORED_ON", "disk:sdb"),
        ("volume:vg-srv", "STORED_ON", "array:md0"),
        ("mount:/srv", "STORED_ON", "volume:vg-srv"),
        ("mount:/srv", "USES", "machine:h1"),
        ("volume:mpatha", "USES", "path:sdc"),
        ("volume:mpatha", "USES", "path:sdd"),
        ("volume:mpatha", "STORED_ON", "disk:0x6000c"),
        ("mount:/data", "STORED_ON", "volume:mpatha"),
        ("mount:/data", "USES", "machine:h1"),
        ("mount:/", "STORED_ON", "disk:vda"),
        ("machine:h1", "STORED_ON", "mount:/"),
    }


@pytest.mark.parametrize(
    ("level", "members", "needed"),
    [("raid0", 2, 2), ("raid1", 3, 1), ("raid5", 3, 2), ("raid6", 4, 2), ("raid10", 4, 3)],
)
def test_an_array_needs_as_many_members_as_its_level_says(
    level: str, members: int, needed: int
) -> None:
    array = _device("md1", level)
    disks = [_device(f"sd{letter}", "disk", array) for letter in "abcd"[:members]]
    told = Told(devices(parsed(json.dumps({"blockdevices": disks}), "x")))
    ties = [i for i in _items(told) if isinstance(i, RelationRecord) and i.group == "members"]
    assert (len(ties), {tie.need for tie in ties}) == (members, {needed})


def test_disks_are_known_by_wwn_and_as_libvirt_knows_them() -> None:
    rows = records(_items())
    assert keys(rows["disk:h1/sda"]) == {
        ("wwn", "0x5000A"),
        ("hostPath", f"{UUID}/dev/sda"),
        ("hostPath", "h1/dev/sda"),
    }
    assert keys(rows["disk:0x6000c"]) == {("wwn", "0x6000c")}
    assert keys(rows["mount:h1//srv"]) == {("name", "h1//srv")}  # as systemd's mount unit


def test_a_full_file_system_and_what_ails_arrays_and_paths_is_told() -> None:
    told = _told(
        local=(Mount("/srv", "/dev/x", "xfs", 1000, 10), Mount("/", "/dev/y", "ext4", 1000, 500)),
        arrays={"md0": "1 of 2 members are left"},
        paths={"sdc": "", "sdd": "multipathd finds it faulty (failed)"},
    )
    items = _items(told)
    assert wrong(items) == {
        ("mount:h1//srv", "full"): "10 of 1000 bytes are left",
        ("array:h1/md0", "degraded"): "1 of 2 members are left",
        ("path:h1/sdd", "down"): "multipathd finds it faulty (failed)",
    }
    assert well(items) == {("mount:h1//", "full"), ("path:h1/sdc", "down")}


@pytest.mark.parametrize(
    ("source", "address"),
    [
        ("Stor1.:/srv/vm/", "nfs://stor1/srv/vm"),
        ("10.0.0.5:/", "nfs://10.0.0.5"),
        ("[2001:db8::5]:/a", "nfs://[2001:db8::5]/a"),
        ("stor1:/srv/vm[/images/a]", "nfs://stor1/srv/vm"),
    ],
)
def test_a_mounted_export_is_spelled_as_everybody_spells_it(source: str, address: str) -> None:
    items = _items(_told(remote=(Mount("/mnt", source, "nfs4"),)))
    assert ("mount:h1//mnt", "STORED_ON", f"export:{address}") in relations(items)
    assert keys(records(items)[f"export:{address}"]) == {("exportAddress", address)}


MDSTAT = """\
Personalities : [raid1] [raid6]
md0 : active raid1 sda1[0] sdb1[2](F)
      1046528 blocks super 1.2 [2/1] [U_]
      [=>...................]  recovery =  5.0% (1/2) finish=1.0min

md1 : active raid6 sdc[0] sdd[1]
      2093056 blocks level 6, 512k chunk, algorithm 2 [4/4] [UUUU]

md2 : inactive sde[0](S)
      1046528 blocks super 1.2

unused devices: <none>
"""


def test_mdstat_tells_what_arrays_lack() -> None:
    assert degraded_arrays(MDSTAT) == {
        "md0": "1 of 2 members are left",
        "md1": "",
        "md2": "it is inactive",
    }
    assert degraded_arrays("") == {}


def test_multipathd_tells_how_paths_are() -> None:
    paths = [
        {"dev": "sdc", "dm_st": "active", "chk_st": "ready"},
        {"dev": "sdd", "dm_st": "failed", "chk_st": "faulty"},
    ]
    maps = {"maps": [{"name": "mpatha", "path_groups": [{"paths": paths}]}]}
    assert path_states(json.dumps(maps), "x") == {
        "sdc": "",
        "sdd": "multipathd finds it faulty (failed)",
    }


def _zpool(state: str) -> str:
    disks = {n: {"name": n, "vdev_type": "disk", "path": f"/dev/{n}"} for n in ("sda", "sdb")}
    mirror = {"name": "mirror-0", "vdev_type": "mirror", "vdevs": disks}
    lone = {"name": "vda2", "vdev_type": "disk", "path": "/dev/vda2"}
    root = {"vdev_type": "root", "vdevs": {"mirror-0": mirror, "vda2": lone}}
    pool = {"name": "tank", "state": state, "status": "look", "vdevs": {"tank": root}}
    return json.dumps({"pools": {"tank": pool}})


def test_a_zfs_pool_needs_each_of_its_vdevs() -> None:
    items = _items(_told(zpools=zpools(_zpool("ONLINE"), "x")))
    ties = [
        (i.dependency, i.group, i.need)
        for i in items
        if isinstance(i, RelationRecord) and i.dependent == "zpool:h1/tank"
    ]
    assert ties == [
        ("disk:h1/sda", "tank/mirror-0", 1),
        ("disk:h1/sdb", "tank/mirror-0", 1),
        ("disk:h1/vda", "tank/vda2", 1),
    ]


@pytest.mark.parametrize(
    ("state", "signal"), [("DEGRADED", "degraded"), ("SUSPENDED", "offline"), ("ONLINE", "")]
)
def test_a_zfs_pool_tells_how_it_is(state: str, signal: str) -> None:
    seen = wrong(_items(_told(zpools=zpools(_zpool(state), "x"))))
    assert seen == ({("zpool:h1/tank", signal): f"ZFS says {state}: look"} if signal else {})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("lsblk: oops", "not JSON"),
        ('{"blockdevices": {}}', "blockdevices is not a list"),
        ('{"blockdevices": [{"kname": "sda"}]}', r"\[0\].type is missing"),
        (
            '{"blockdevices": [{"kname": "a", "path": "/a", "type": "disk", "size": "big"}]}',
            "size is not a whole number: 'big'",
        ),
    ],
)
def test_what_is_no_list_of_devices_is_refused(text: str, told: str) -> None:
    with pytest.raises(SourceError, match=told):
        devices(parsed(text, "lsblk"))


def test_what_pods_mount_is_left_out_and_what_only_begins_like_it_is_not() -> None:
    pods, other = "/var/lib/kubelet/pods/u/volumes/x", "/runner"
    disk = _device("vdb", "disk", mountpoints=[f"{pods}/local", other])
    told = Told(
        devices(parsed(json.dumps({"blockdevices": [disk]}), "lsblk")),
        remote=(Mount(f"{pods}/nfs", "stor1:/srv", "nfs4"), Mount("/mnt", "stor1:/srv", "nfs4")),
    )
    mounted = {key for key in records(_items(told)) if key.startswith("mount:")}
    assert mounted == {"mount:h1//mnt", "mount:h1//runner"}


_OLD = """\
#!/bin/sh
case "$*" in
  *uname*) echo h1 ;;
  *PATH*) echo "lsblk: unknown column: PATH,TYPE" >&2; exit 1 ;;
  *lsblk*) cat "$TREE" ;;
  *) exit 1 ;;
esac
"""


def test_an_old_lsblk_is_asked_for_what_it_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tells one mount point, no path, and numbers as text."""

    def row(kname: str, type_: str, **more: Any) -> Object:
        return {"name": kname, "kname": kname, "type": type_, "size": "1000"} | more

    root = row("dm-0", "lvm", name="vg-root", mountpoint="/")
    tree = {"blockdevices": [row("sda", "disk", mountpoint=None, children=[root])]}
    (tmp_path / "tree").write_text(json.dumps(tree))
    tool = tmp_path / "reach"
    tool.write_text(_OLD)
    tool.chmod(0o755)
    monkeypatch.setenv("TREE", str(tmp_path / "tree"))
    items = list(found("storage", via=[str(tool)]).items)
    assert records(items)["volume:h1/vg-root"].props["path"] == "/dev/mapper/vg-root"
    assert records(items)["disk:h1/sda"].props["sizeBytes"] == 1000
    assert {
        ("mount:h1//", "STORED_ON", "volume:h1/vg-root"),
        ("volume:h1/vg-root", "STORED_ON", "disk:h1/sda"),
    } <= relations(items)


def test_mounts_of_another_shape_are_refused() -> None:
    with pytest.raises(SourceError, match=r"filesystems\[0\].source is missing"):
        mounts('{"filesystems": [{"target": "/"}]}', "findmnt")
    assert mounts("\n", "findmnt") == ()


def test_the_storage_of_this_machine_is_read_with_its_own_tools() -> None:
    need("lsblk", "findmnt")
    reading = found("storage", host="h1")
    items = list(reading.items)
    rows = records(items)
    assert reading.scope == "h1"
    assert rows["machine:h1"].kind == "Host"
    told = set(rows)
    ties = [i for i in items if isinstance(i, RelationRecord)]
    assert {end for tie in ties for end in (tie.dependent, tie.dependency)} <= told
    assert any(row.kind in {"Disk", "Volume"} for row in rows.values())


_BY_PATH = """\
ip-192.0.2.5:3260-iscsi-iqn.2026-11.example:stor1-lun-1 ../../sdb
ip-192.0.2.5:3260-iscsi-iqn.2026-11.example:stor1-lun-1-part1 ../../sdb1
pci-0000:00:05.0-ip-[fd00::A]:3260-iscsi-iqn.2026-11.example:stor2-lun-0 ../../sdc
"""
_STOR1 = "iscsi://192.0.2.5:3260/iqn.2026-11.example:stor1"
_STOR2 = "iscsi://[fd00::a]:3260/iqn.2026-11.example:stor2"


def test_a_disk_by_iscsi_lies_on_its_export_and_each_path_on_that_of_its_portal() -> None:
    told = _told(iscsi=exports(_BY_PATH, "x"))
    on = {tie for tie in _short(relations(_items(told))) if tie[2].startswith("export:iscsi")}
    assert on == {
        ("disk:sdb", "STORED_ON", f"export:{_STOR1}"),
        ("path:sdc", "STORED_ON", f"export:{_STOR2}"),
    }
    assert ("exportAddress", _STOR1) in keys(records(_items(told))[f"export:{_STOR1}"])


def test_exports_of_disks_that_are_gone_are_left_out_and_other_links_refused() -> None:
    assert exports("", "x") == {}
    gone = exports(_BY_PATH.replace("/sdb", "/sdz"), "x")
    assert f"export:{_STOR1}" not in records(_items(_told(iscsi=gone)))
    with pytest.raises(SourceError, match="is no path of an iSCSI disk"):
        exports("pci-0000:00:1f.2-ata-1 ../../sda", "x")


def _report(what: str, *rows: Object) -> str:
    return json.dumps({"report": [{what: list(rows)}]})


def _lv(name: str, segtype: str, **more: str) -> Object:
    blank = dict.fromkeys(("pool_lv", "data_percent", "metadata_percent", "lv_health_status"), "")
    return {"vg_name": "vg-a", "lv_name": name, "segtype": segtype} | blank | more


VGS = _report("vg", {"vg_name": "vg-a", "vg_missing_pv_count": "0", "pv_count": "2"})
PVS = _report(
    "pv",
    {"pv_name": "/dev/sda", "vg_name": "vg-a", "pv_missing": ""},
    {"pv_name": "/dev/sdb1", "vg_name": "vg-a", "pv_missing": ""},
    {"pv_name": "/dev/sdz", "vg_name": "", "pv_missing": ""},
)
LVS = _report(
    "lv",
    _lv("db", "raid1"),
    _lv("pool", "thin-pool", data_percent="40.5", metadata_percent="98.2"),
    _lv("home", "thin", pool_lv="pool"),
)


def _lvm_tree() -> str:
    """A mirror of two images and a volume in a thin pool, as lsblk shows them."""
    parts = [_device(f"dm-{n}", "lvm", name=f"vg--a-db_{what}") for n, what in enumerate(
        ("rimage_0", "rmeta_0", "rimage_1", "rmeta_1"))]  # fmt: skip
    mirror = _device("dm-9", "lvm", name="vg--a-db", path="/dev/mapper/vg--a-db")
    for part in parts:
        part["children"] = [mirror]
    thin = _device("dm-8", "lvm", name="vg--a-home", path="/dev/mapper/vg--a-home")
    first = _device("sda", "disk", parts[0], parts[1], thin)
    second = _device("sdb", "disk", _device("sdb1", "part", parts[2], parts[3]))
    return json.dumps({"blockdevices": [first, second]})


def _lvm_items(vgs: str = VGS, pvs: str = PVS, lvs: str = LVS) -> list[Row]:
    tree = devices(parsed(_lvm_tree(), "lsblk"))
    return list(normalise(Told(tree, lvm=reports(vgs, pvs, lvs, "storage here")), OWN, HERE))


def test_a_mirrored_volume_survives_the_loss_of_an_image() -> None:
    ties = [i for i in _lvm_items() if isinstance(i, RelationRecord)]
    mirror = [(t.dependency, t.group, t.need) for t in ties if t.dependent.endswith("/vg--a-db")]
    assert sorted(mirror) == [
        ("volume:h1/vg--a-db_rimage_0", "images", 1),
        ("volume:h1/vg--a-db_rimage_1", "images", 1),
    ]


def test_a_volume_group_and_a_thin_pool_are_pools_and_say_what_lies_on_what() -> None:
    items = _lvm_items()
    assert {
        ("vg:h1/vg-a", "STORED_ON", "disk:h1/sda"),
        ("vg:h1/vg-a", "STORED_ON", "disk:h1/sdb"),
        ("thin:h1/vg-a/pool", "STORED_ON", "vg:h1/vg-a"),
        ("volume:h1/vg--a-home", "STORED_ON", "thin:h1/vg-a/pool"),
    } <= relations(items)
    assert wrong(items) == {("thin:h1/vg-a/pool", "full"): "98.2 % are used"}
    assert ("vg:h1/vg-a", "degraded") in well(items)


@pytest.mark.parametrize(
    ("segtype", "pool"), [("cache", "[home_cpool]"), ("writecache", "[c]"), ("vdo", "vpool0")]
)
def test_a_volume_that_is_cached_or_compressed_lies_in_no_pool_that_is_not_told(
    segtype: str, pool: str
) -> None:
    lvs = _report(
        "lv", _lv("home", segtype, pool_lv=pool), _lv(pool.strip("[]"), f"{segtype}-pool")
    )
    items = _lvm_items(lvs=lvs)
    ends = {end for tie in relations(items) for end in (tie[0], tie[2])}
    assert ends <= set(records(items))
    assert ("volume:h1/vg--a-home", "STORED_ON", "disk:h1/sda") in relations(items)


def test_a_volume_group_tells_what_it_lacks_and_which_volumes_suffer() -> None:
    vgs = VGS.replace('"vg_missing_pv_count": "0"', '"vg_missing_pv_count": "1"')
    lvs = _report("lv", _lv("db", "raid1", lv_health_status="partial"))
    assert wrong(_lvm_items(vgs, lvs=lvs)) == {
        ("vg:h1/vg-a", "degraded"): "1 of 2 physical volumes are missing; db: partial"
    }


@pytest.mark.parametrize(
    ("lvs", "told"),
    [
        ('{"report": [{"lv": 7}]}', "lvs: the answer.report"),
        (_report("lv", _lv("p", "thin-pool", data_percent="many")), "shares in percent"),
        (LVS[:-20], "lvs: not JSON"),
    ],
)
def test_what_is_no_report_of_lvm_is_refused(lvs: str, told: str) -> None:
    with pytest.raises(SourceError, match=told):
        _lvm_items(lvs=lvs)


@pytest.mark.sources
def test_a_real_volume_group_that_lost_a_disk_is_degraded(tmp_path: Path) -> None:
    """Volumes need the kernel's mapper, which is not everywhere; groups and members do not."""
    need("losetup", "pvcreate", "vgcreate", "vgs", "lsblk", root=True)
    name = f"kgraph{os.getpid()}"
    loops = []

    def run(*words: str) -> str:
        done = subprocess.run(
            words, check=True, capture_output=True, text=True, env={"PATH": PATH}
        )
        return done.stdout.strip()

    try:
        for number in range(2):
            image = tmp_path / f"{number}.img"
            with image.open("wb") as disk:
                disk.truncate(16 << 20)
            loops.append(run("losetup", "--find", "--show", str(image)))
        run("pvcreate", "-y", *loops)
        run("vgcreate", "-An", name, *loops)  # no copy of it is kept
        key = (f"vg:h1/{name}", "degraded")
        assert key in well(found("storage", host="h1", also=["lvm"]).items)
        run("losetup", "--detach", loops.pop())
        seen = wrong(found("storage", host="h1", also=["lvm"]).items)
        assert seen[key] == "1 of 2 physical volumes are missing"
    finally:
        for loop in loops:
            run("losetup", "--detach", loop)
