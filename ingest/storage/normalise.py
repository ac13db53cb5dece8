"""From devices and mounts to records. Pure.

Partitions and encryption are left out: what lies on them lies on what they are made of. Of a disk
that is reached by several paths, the disk is everybody's and the paths are this machine's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ingest.storage.devices import Device
from ingest.storage.lvm import Lvm, normalise_lvm, thin_pool
from ingest.storage.mounts import Mount
from ingest.storage.zfs import Zpool
from kgraph.schema import Key, Record, RelationRecord
from kgraph.sourcekit import Here, Look, Machine, Place, local_name, spelled_uuid
from kgraph.sourcekit.machines import Told as Row

FULL_BELOW = 0.02  # share of a file system still available
_PASSED = frozenset({"part", "crypt", "dm"})
# What pods mount, the cluster tells.
_LEFT_OUT = (
    *("/run/", "/boot/", "/snap/", "/var/lib/docker/", "/var/lib/containers/"),
    "/var/lib/kubelet/",
)
# How many of its members an array can lose; of RAID 10, one for certain.
_SPARE = {"raid1": -1, "raid4": 1, "raid5": 1, "raid6": 2, "raid10": 1}


@dataclass(frozen=True, slots=True)
class Told:
    """What the tools said: arrays and paths with what ails them, "" where nothing does.

    `iscsi` is the address of the export that a device is reached from.
    """

    devices: Mapping[str, Device]
    local: tuple[Mount, ...] = ()
    remote: tuple[Mount, ...] = ()
    arrays: Mapping[str, str] | None = None
    paths: Mapping[str, str] | None = None
    zpools: tuple[Zpool, ...] = ()
    lvm: Lvm = field(default_factory=Lvm)
    iscsi: Mapping[str, str] = field(default_factory=dict)


def normalise(told: Told, own: Place, here: Here) -> Iterator[Row]:
    """Yield the machine, its devices from the disks up, then pools and what is mounted."""
    look = here.look(f"storage/{own.host}")
    yield Machine(own.machine, own.host, own.uuid)
    stack = _Stack(told, own)
    for device in told.devices.values():
        yield from _device(device, stack, here, look)
    yield from _reached(stack, here)
    yield from normalise_lvm(told.lvm, own, here, look)
    yield from _within_lvm(stack)
    for pool in told.zpools:
        yield from _zpool(pool, stack, here, look)
    for mount in told.remote:
        if _matters(mount.path):
            yield from _mounted_export(mount, own, here)
    sizes = {mount.path: mount for mount in told.local}
    for device in told.devices.values():
        for path in device.mountpoints:
            if _matters(path):
                yield from _file_system(path, device, stack, sizes.get(path), here)
                yield from _filled(path, own, sizes.get(path), look)


def _matters(path: str) -> bool:
    return not f"{path}/".startswith(_LEFT_OUT)


class _Stack:
    """Which record stands for each device."""

    def __init__(self, told: Told, own: Place) -> None:
        self.told, self.own = told, own
        self.multipath = {
            parent for d in told.devices.values() if d.type == "mpath" for parent in d.parents
        }

    def key(self, device: Device) -> str:
        """Return the record key of a device that has a record of its own, else ""."""
        if device.type == "disk" and device.size:
            what = "path" if device.name in self.multipath else "disk"
            return self.own.of(what, device.name)
        if device.type in {"lvm", "mpath"}:
            return self.own.of("volume", device.title)
        if device.type.startswith("raid") or device.type == "linear":
            return self.own.of("array", device.title)
        return ""

    def under(self, name: str) -> tuple[str, ...]:
        """Return the records that a device is, or, where it has none, is made of."""
        device = self.told.devices.get(name)
        if device is None:
            return ()
        key = self.key(device)
        if key:
            return (key,)
        return self.beneath(device) if device.type in _PASSED else ()

    def beneath(self, device: Device) -> tuple[str, ...]:
        """Return the records that a device is made of."""
        return tuple(dict.fromkeys(key for p in device.parents for key in self.under(p)))

    def at(self, path: str) -> tuple[str, ...]:
        """Return the records of the device at a path."""
        named = (d.name for d in self.told.devices.values() if d.path == path)
        return tuple(key for name in named for key in self.under(name))


def _device(device: Device, stack: _Stack, here: Here, look: Look) -> Iterator[Row]:
    key, own = stack.key(device), stack.own
    name, paths = f"{own.host}/{device.title}", tuple(_path(own, device.path, here))
    if key.startswith("path:"):
        yield Record(key, "StoragePath", name, (here.key("pathId", name),))
        state = (stack.told.paths or {}).get(device.name)
        if state is not None:
            yield look.sees(key, "down", state)
    elif key.startswith("disk:"):
        wwn = (here.key("wwn", device.wwn),) if device.wwn else ()
        model = {"model": device.model} if device.model else {}
        yield Record(key, "Disk", name, (*wwn, *paths), props={"sizeBytes": device.size, **model})
    elif key.startswith("array:"):
        yield from _array(device, key, stack, here, look)
    elif key:
        yield from _volume(device, key, stack, here)


def _volume(device: Device, key: str, stack: _Stack, here: Here) -> Iterator[Row]:
    """Yield a logical volume, or a disk that is reached by several paths, and what it lies on."""
    own, below = stack.own, stack.beneath(device)
    paths = tuple(_path(own, device.path, here))
    name, spare = f"{own.host}/{device.title}", stack.told.lvm.spare(device.title)
    yield Record(key, "Volume", name, paths, props={"path": device.path})
    if device.type == "mpath":
        yield from (RelationRecord(key, "USES", each, "paths", 1) for each in below)
        yield from _shared_disk(device, key, stack, here)
    elif spare is not None:
        yield from _images(key, below, spare, own)
    else:
        yield from (RelationRecord(key, "STORED_ON", each) for each in below)


def _images(key: str, below: tuple[str, ...], spare: int, own: Place) -> Iterator[Row]:
    """Yield that a logical volume needs so many of its images; their books lie beside them."""
    books = [each for each in below if "_rmeta_" in each.removeprefix(own.of("volume", ""))]
    images = [each for each in below if each not in books]
    need = 1 if spare < 0 else max(1, len(images) - spare)
    for each in images:
        yield RelationRecord(key, "STORED_ON", each, "images", need)


def _within_lvm(stack: _Stack) -> Iterator[Row]:
    """Yield which volume lies in which thin pool, and which disks a volume group is made of."""
    own, found = stack.own, stack.told.lvm
    here = {d.title: stack.key(d) for d in stack.told.devices.values() if d.type == "lvm"}
    thin = {(v.group, v.name) for v in found.volumes if v.used is not None}
    for volume in found.volumes:
        # What is cached, or compressed, names a pool, too: of that the kernel tells.
        if (volume.group, volume.pool) in thin and volume.title in here:
            pool = thin_pool(own, volume.group, volume.pool)
            yield RelationRecord(here[volume.title], "STORED_ON", pool)
    for group in found.groups:
        for path in group.devices:
            for below in stack.at(path):
                # Not as members that are each needed: which volume lies where, its device tells.
                yield RelationRecord(own.of("vg", group.name), "STORED_ON", below, "members", 1)


def _shared_disk(device: Device, key: str, stack: _Stack, here: Here) -> Iterator[Row]:
    """Yield the disk that all paths of a multipath device lead to."""
    wwns = (stack.told.devices[name].wwn for name in device.parents)
    for wwn in dict.fromkeys(filter(None, wwns)):
        disk = f"disk:{wwn}"
        yield Record(disk, "Disk", wwn, (here.key("wwn", wwn),))
        yield RelationRecord(key, "STORED_ON", disk)


def _array(device: Device, key: str, stack: _Stack, here: Here, look: Look) -> Iterator[Row]:
    name = f"{stack.own.host}/{device.title}"
    watched = ("degraded",)
    yield Record(key, "StoragePool", name, (here.key("name", name),), watched=watched)
    members = stack.beneath(device)
    lose = _SPARE.get(device.type, 0)
    need = 1 if lose < 0 else max(1, len(members) - lose)
    for member in members:
        yield RelationRecord(key, "STORED_ON", member, "members", need)
    lacking = (stack.told.arrays or {}).get(device.name)
    if lacking is not None:
        yield look.sees(key, "degraded", lacking)


def _zpool(pool: Zpool, stack: _Stack, here: Here, look: Look) -> Iterator[Row]:
    key, name = stack.own.of("zpool", pool.name), f"{stack.own.host}/{pool.name}"
    watched = ("degraded", "offline")
    claims = (here.key("name", local_name(stack.own.host, pool.name)),)
    yield Record(key, "StoragePool", name, claims, watched=watched)
    for group in pool.groups:
        for path in group.paths:
            for below in stack.at(path):
                yield RelationRecord(key, "STORED_ON", below, group.name, group.need)
    lost = pool.state in {"FAULTED", "UNAVAIL", "SUSPENDED", "REMOVED"}
    told = f"ZFS says {pool.state}: {pool.status}".removesuffix(": ")
    yield look.sees(key, "offline", told if lost else "")
    yield look.sees(key, "degraded", told if pool.state == "DEGRADED" else "")


def _file_system(
    path: str, device: Device, stack: _Stack, mount: Mount | None, here: Here
) -> Iterator[Row]:
    own = stack.own
    key, name = own.of("mount", path), f"{own.host}/{path}"
    claims = (here.key("name", local_name(own.host, path)),)
    sizes = {"capacityBytes": mount.size, "availableBytes": mount.available} if mount else {}
    yield Record(
        key,
        "StoragePool",
        name,
        claims,
        props={"path": path, **sizes},
        watched=("full",),
        volatile=frozenset({"availableBytes"}),
    )
    for below in stack.under(device.name):
        yield RelationRecord(key, "STORED_ON", below)
    if path == "/":
        yield RelationRecord(own.machine, "STORED_ON", key)
    else:
        yield RelationRecord(key, "USES", own.machine)


def _path(own: Place, path: str, here: Here) -> Iterator[Key]:
    """Claim a path of a machine, as libvirt does, and by its name for all others."""
    bare = path.removeprefix("/")
    if spelled_uuid(own.uuid):
        yield here.key("hostPath", f"{spelled_uuid(own.uuid)}/{bare}")
    yield here.key("hostPath", local_name(own.host, bare))


def _filled(path: str, own: Place, mount: Mount | None, look: Look) -> Iterator[Row]:
    if mount is not None and mount.size:
        full = mount.available < FULL_BELOW * mount.size
        told = f"{mount.available} of {mount.size} bytes are left" if full else ""
        yield look.sees(own.of("mount", path), "full", told)


def _mounted_export(mount: Mount, own: Place, here: Here) -> Iterator[Row]:
    key, name = own.of("mount", mount.path), f"{own.host}/{mount.path}"
    claims = (here.key("name", local_name(own.host, mount.path)),)
    yield Record(key, "StoragePool", name, claims, props={"path": mount.path})
    yield from _on_export(key, mount.export, here)
    yield RelationRecord(key, "USES", own.machine)


def _reached(stack: _Stack, here: Here) -> Iterator[Row]:
    """Yield which disks, and which paths to one, lie on exports of others."""
    for name, address in stack.told.iscsi.items():
        device = stack.told.devices.get(name)
        if device is not None and stack.key(device):
            yield from _on_export(stack.key(device), address, here)


def _on_export(key: str, address: str, here: Here) -> Iterator[Row]:
    export = f"export:{address}"
    yield Record(export, "StorageExport", address, (here.key("exportAddress", address),))
    yield RelationRecord(key, "STORED_ON", export)
