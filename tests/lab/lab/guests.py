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
from tests.lab.lab.storage import EXPORT, NBD_PORT, StorageServer

_DISK_BYTES = 8 << 20  # what the boot sector writes on, round and round
_KEYS = {"c": 46, "d": 32, "i": 23, "p": 25}
_LIVE, _PERSIST_THERE = 1, 8  # virDomainMigrateFlags
_LINUX_KEYCODES = 0  # virKeycodeSet
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
<panic model='isa'/></devices></domain>
"""
_NBD = "<source protocol='nbd' name='{export}'><host name='{address}' port='{port}'/></source>"


class Disk(Enum):
    """Where a guest's disk is, and with it what the guest does when all is well."""

    NBD = "on the export; the guest writes all the time"
    LOCAL = "a raw file in the pool `local`; the guest writes all the time"
    GROWING = "a qcow2 file in the pool `small`, as small as can be; the guest does not write"


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
        self.computes = False
        if disk is not Disk.NBD:
            self._make_disk()
        xml = _DOMAIN.format(
            name=name,
            type="network" if disk is Disk.NBD else "file",
            format="qcow2" if disk is Disk.GROWING else "raw",
            source=self._source(storage),
        )
        self.uuid: str = home.connection.defineXML(xml).UUIDString()

    def _source(self, storage: StorageServer) -> str:
        if self.disk is Disk.NBD:
            return _NBD.format(export=EXPORT, address=storage.address, port=NBD_PORT)
        return f"<source file='{self._path}'/>"

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
        """How many blocks it has written since it was started."""
        return int(self.domain.blockStats("vda")[2])

    def start(self) -> None:
        """Power it on."""
        self.computes = False
        self.domain.create()

    def wait(self) -> None:
        """Wait until it has booted: until it writes, if it is one that does."""
        if self.disk is not Disk.GROWING:
            before = self.written
            wait_for(f"{self.name} to write", lambda: self.written > before)

    def migrate(self, target: Hypervisor, leaving: Leaving) -> None:
        """Move it, running, to another host; its disk must be the export."""
        flags = _LIVE | _PERSIST_THERE | leaving.value
        parameters = {"migrate_uri": f"tcp://{target.address}"}
        self.domain.migrate3(target.connection, parameters, flags)
        self.host = target

    def write(self) -> None:
        """Have a guest write that does not when all is well: press `d` until it does."""

        def writes() -> bool:
            self.press("d")  # lost during boot
            return self.written > 0

        wait_for(f"{self.name} to write", writes)

    def press(self, key: str) -> None:
        """Press one key that the boot sector obeys."""
        self.domain.sendKey(_LINUX_KEYCODES, 50, [_KEYS[key]], 1, 0)

    def compute(self) -> None:
        """Have it use all the processor time that it can get, and write on."""
        self.press("c")
        self.computes = True

    def heal(self, elsewhere: Iterable[Hypervisor]) -> None:
        """Have it run at home and nowhere else, whatever was done to it; its hosts are up."""
        for other in elsewhere:
            self._leave(other)
        self.host = self.home
        state = self.state[0]
        spoilt = self.disk is Disk.GROWING and (state != DomainState.RUNNING or self.written > 0)
        if state != DomainState.SHUTOFF and (state == DomainState.CRASHED or spoilt):
            self.domain.destroy()
            state = DomainState.SHUTOFF
        if state == DomainState.SHUTOFF:
            if self.disk is Disk.GROWING:
                self._make_disk()
            self.start()
        elif state == DomainState.PAUSED:
            # The first attempt on a lost NBD connection only makes QEMU connect again.
            wait_for(f"{self.name} to resume", self._resume)
        if self.computes:
            self.press("i")
            self.computes = False

    def _leave(self, other: Hypervisor) -> None:
        """Have no trace of it on a host that is not its home; come home running if it can."""
        libvirt = import_module("libvirt")
        try:
            there = other.connection.lookupByName(self.name)
        except libvirt.libvirtError:
            return
        self.host = other
        if there.isActive():
            with contextlib.suppress(libvirt.libvirtError):
                self.migrate(self.home, Leaving.NOTHING)
                return
            there.destroy()
        there.undefine()

    def _resume(self) -> bool:
        with contextlib.suppress(import_module("libvirt").libvirtError):  # asked again
            self.domain.resume()
        time.sleep(0.3)  # longer than it takes to the next write
        return self.is_in(DomainState.RUNNING)


def build_image(folder: Path, *, writes: bool) -> Path:
    """Assemble the boot sector and return a raw disk image that starts with it."""
    source, image = Path(__file__).with_name("boot.S"), folder / f"boot-{writes:d}.raw"
    parts = str(image.with_suffix(".o"))
    run("as", "--32", "--defsym", f"writes={writes:d}", str(source), "-o", parts)
    link = ("ld", "-m", "elf_i386", "-Ttext", "0x7c00", "--oformat", "binary")
    run(*link, parts, "-o", str(image))
    with image.open("r+b") as disk:
        disk.truncate(_DISK_BYTES)
    return image
