"""Guests of one boot sector, under QEMU's own emulation: they boot anywhere, without KVM."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any

from ingest.libvirt.states import DomainState
from tests.lab.lab.hypervisor import Hypervisor
from tests.lab.lab.processes import run, wait_for
from tests.lab.lab.storage import EXPORT, NBD_PORT, PACED, PACED_PORT, StorageServer

_DISK_BYTES = 8 << 20  # what the boot sector writes on, round and round
_KEYS = {"c": 46, "d": 32, "h": 35, "i": 23, "p": 25, "w": 17}
_LIVE, _PERSIST_THERE = 1, 8  # virDomainMigrateFlags
_LINUX_KEYCODES = 0  # virKeycodeSet
_INACTIVE = 2  # VIR_DOMAIN_XML_INACTIVE
_DOMAIN = """\
<domain type='qemu'><name>{name}</name><memory unit='MiB'>4</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/></os><features><acpi/></features>
<on_crash>preserve</on_crash>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
<disk type='{type}' device='disk'>
<driver name='qemu' type='{format}' error_policy='stop' rerror_policy='stop'/>
{source}<target dev='vda' bus='virtio'/></disk>
<interface type='network'><source network='default'/><model type='virtio'/><rom enabled='no'/>
</interface><controller type='usb' model='none'/><memballoon model='none'/>
<panic model='isa'/><watchdog model='ib700' action='{watchdog}'/></devices></domain>
"""
_NBD = "<source protocol='nbd' name='{export}'><host name='{address}' port='{port}'/></source>"


class Disk(Enum):
    """Where a guest's disk is."""

    NBD = "the export, over the network"
    PACED = "the export whose speed can be set"
    LOCAL = "a raw file in the pool `local`"
    GROWING = "a qcow2 file in the pool `small`; it begins small, and so it stays until it's told"


_EXPORTS = {Disk.NBD: (EXPORT, NBD_PORT), Disk.PACED: (PACED, PACED_PORT)}


class Leaving(Enum):
    """What a guest that moves away leaves behind, as a virDomainMigrateFlags."""

    DEFINITION = 0
    NOTHING = 16


class Guest:
    """One guest: where it is, and where it belongs."""

    def __init__(
        self, home: Hypervisor, name: str, disk: Disk, image: Path, storage: StorageServer
    ) -> None:
        self.home = self.host = home
        self.name, self.disk, self._image = name, disk, image
        self.computes = self.grows = self.hangs = False
        if disk not in _EXPORTS:
            self._make_disk()
        xml = _DOMAIN.format(
            name=name,
            type="network" if disk in _EXPORTS else "file",
            format="qcow2" if disk is Disk.GROWING else "raw",
            source=self._source(storage),
            watchdog=self.watchdog,
        )
        defined = home.connection.defineXML(xml)
        self.uuid: str = defined.UUIDString()
        self._xml: str = defined.XMLDesc(_INACTIVE)

    def _source(self, storage: StorageServer) -> str:
        if self.disk in _EXPORTS:
            export, port = _EXPORTS[self.disk]
            return _NBD.format(export=export, address=storage.address, port=port)
        return f"<source file='{self._path}'/>"

    @property
    def watchdog(self) -> str:
        """What its watchdog does once it is not petted: `reset` mends it, `pause` leaves it so."""
        return "pause" if self.disk is Disk.LOCAL else "reset"

    @property
    def _path(self) -> Path:
        if self.disk is Disk.LOCAL:
            return self.home.disks / f"{self.name}.raw"
        return self.home.small / f"{self.name}.qcow2"

    def _make_disk(self) -> None:
        """Write the disk anew."""
        # On the host: its small file system is nobody else's. Clusters as small as the writes, so
        # that every write of a growing disk needs room.
        to = ["raw"] if self.disk is Disk.LOCAL else ["qcow2", "-o", "cluster_size=4k"]
        image, path = str(self._image), str(self._path)
        self.home.inside("qemu-img", "convert", "-f", "raw", "-O", *to, image, path)
        pool = "local" if self.disk is Disk.LOCAL else "small"
        self.home.connection.storagePoolLookupByName(pool).refresh()

    @property
    def domain(self) -> Any:
        """The guest as its host's libvirt knows it."""
        return self.host.connection.lookupByName(self.name)

    @property
    def state(self) -> tuple[int, int]:
        """virDomainState and reason."""
        state, reason = self.domain.state()
        return state, reason

    def is_in(self, state: DomainState) -> bool:
        """Tell whether it is in this state."""
        return self.state[0] == state

    @property
    def written(self) -> int:
        """How often it has written since it was started."""
        return int(self.domain.blockStats("vda")[2])

    def wrote_since(self, written: int) -> bool:
        """Tell whether it has written since `written` was that many."""
        return self.written > written

    def start(self) -> None:
        """Power it on."""
        self.computes = self.grows = self.hangs = False
        self.domain.create()

    def remove(self) -> None:
        """Power it off and have no trace of it."""
        if self.domain.isActive():
            self.domain.destroy()
        self.domain.undefine()

    def migrate(self, target: Hypervisor, leaving: Leaving, *, slowly: bool = False) -> None:
        """Move it, running, to another host; its disk must be the export."""
        flags = _LIVE | _PERSIST_THERE | leaving.value
        parameters: dict[str, str | int] = {"migrate_uri": f"tcp://{target.address}"}
        if slowly:
            parameters["bandwidth"] = 1  # MiB/s
        self.domain.migrate3(target.connection, parameters, flags)
        self.host = target
        if self.computes:
            target.favour_guest(self.name)

    def stopped_by_growing(self) -> bool:
        """Have its disk grow; tell whether that has stopped it."""
        self.grows = True
        self.press("d")  # again and again: a key is lost during boot
        return self.is_in(DomainState.PAUSED)

    def press(self, key: str) -> None:
        """Press one key that the boot sector obeys."""
        self.domain.sendKey(_LINUX_KEYCODES, 50, [_KEYS[key]], 1, 0)

    def hang(self) -> None:
        """Have it never write again."""
        self.hangs = True
        wait_for(f"{self.name} to hang", lambda: not self._writes_after("h"))

    def _writes_after(self, key: str) -> bool:
        """Press a key, again and again because one may get lost; tell whether it writes then."""
        self.press(key)
        time.sleep(0.6)
        before = self.written
        time.sleep(1.1)  # two writes
        return self.wrote_since(before)

    def compute(self) -> None:
        """Have it use all the processor time that it can get, and write on."""
        self.computes = True
        self.host.favour_guest(self.name)
        wait_for(f"{self.name} to compute", lambda: self._busy_after("c"))

    def calm(self) -> None:
        """Undo `compute`."""
        wait_for(f"{self.name} to be calm", lambda: not self._busy_after("i"))
        self.computes = False

    def _busy_after(self, key: str) -> bool:
        """Press a key, again and again because one may get lost; tell whether it is busy then."""
        self.press(key)
        before, began = self._processor_seconds, time.monotonic()
        time.sleep(0.5)
        share = (self._processor_seconds - before) / (time.monotonic() - began)
        return share > 0.15  # 0.04 is what it uses to write; see rules.yml

    @property
    def _processor_seconds(self) -> float:
        return float(self.domain.info()[4]) / 1e9

    def heal(self, elsewhere: Iterable[Hypervisor]) -> None:
        """Have it run at home and nowhere else, whatever was done to it; its hosts are up."""
        for other in elsewhere:
            self._leave(other)
        self.host = self.home
        if not self._known(self.home):
            self.home.connection.defineXML(self._xml)
        state = self.state[0]
        spoilt = state == DomainState.CRASHED or (
            (self.grows or self.hangs) and state != DomainState.SHUTOFF
        )
        # A resume is in vain until QEMU has its NBD connection again, which it tries more and more
        # rarely, at last every 16 s: a new start is quicker.
        if spoilt or (state == DomainState.PAUSED and not self._resume()):
            self._end()
            state = DomainState.SHUTOFF
        if state == DomainState.SHUTOFF:
            if self.grows:
                self._make_disk()
            self.start()
        if self.computes:
            self.calm()

    def _known(self, host: Hypervisor) -> bool:
        return self.name in {domain.name() for domain in host.connection.listAllDomains()}

    def _leave(self, other: Hypervisor) -> None:
        """Have no trace of it on a host that is not its home; come home running if it can."""
        if not self._known(other):
            return
        self.host = other
        if self.domain.isActive():
            with contextlib.suppress(import_module("libvirt").libvirtError):
                self.migrate(self.home, Leaving.NOTHING)
                return
            self._end()
        self.domain.undefine()

    def _end(self) -> None:
        """Power it off, after whatever libvirt still does with it: a migration, a question."""
        wait_for(f"{self.name} to be off", self._off, seconds=120)

    def _off(self) -> bool:
        with contextlib.suppress(import_module("libvirt").libvirtError):  # its job lock is taken
            self.domain.destroy()
        return not self.domain.isActive()

    def _resume(self) -> bool:
        with contextlib.suppress(import_module("libvirt").libvirtError):  # it tells by its state
            self.domain.resume()
        time.sleep(0.6)  # longer than it takes to the next write
        return self.is_in(DomainState.RUNNING)


def build_images(folder: Path) -> dict[Disk, Path]:
    """Assemble the boot sector; return raw disk images that start with it."""
    whole, little = _DISK_BYTES // 512 - 1, 0x7F
    whole_of = dict.fromkeys((Disk.NBD, Disk.PACED, Disk.LOCAL), whole)
    windows = {**whole_of, Disk.GROWING: little}
    return {disk: _build_image(folder, window) for disk, window in windows.items()}


def _build_image(folder: Path, window: int) -> Path:
    source, image = Path(__file__).with_name("boot.S"), folder / f"boot-{window:x}.raw"
    parts = str(image.with_suffix(".o"))
    run("as", "--32", "--defsym", f"window={window}", str(source), "-o", parts)
    link = ("ld", "-m", "elf_i386", "-Ttext", "0x7c00", "--oformat", "binary")
    run(*link, parts, "-o", str(image))
    with image.open("r+b") as disk:
        disk.truncate(_DISK_BYTES)
    return image
