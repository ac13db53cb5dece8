"""Guests of one boot sector, under QEMU's own emulation: they boot anywhere, without KVM."""

from __future__ import annotations

import contextlib
import time
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any

from ingest.libvirt.states import DomainState
from tests.lab.lab.fabric import ADDRESS, EXPORT, NBD_PORT
from tests.lab.lab.hypervisor import Hypervisor
from tests.lab.lab.processes import run, wait_for

_DISK_BYTES = 32 << 20
_KEYS = {"d": 32, "p": 25}
_LIVE, _PERSIST_THERE = 1, 8  # virDomainMigrateFlags
_LINUX_KEYCODES = 0  # virKeycodeSet
_DOMAIN = """\
<domain type='qemu'><name>{name}</name><memory unit='MiB'>4</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/></os><features><acpi/></features>
<on_crash>preserve</on_crash>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
<disk type='{type}' device='disk'>
<driver name='qemu' type='raw' error_policy='stop' rerror_policy='stop'/>
{source}<target dev='vda' bus='virtio'/></disk>
<interface type='network'><source network='default'/><model type='virtio'/><rom enabled='no'/>
</interface><controller type='usb' model='none'/><memballoon model='none'/>
<panic model='isa'/></devices></domain>
"""
_NBD = (
    f"<source protocol='nbd' name='{EXPORT}'><host name='{ADDRESS}' port='{NBD_PORT}'/></source>"
)


class Disk(Enum):
    """Where a guest's disk is."""

    NBD = "network"
    LOCAL = "file"


class Leaving(Enum):
    """What a guest that moves away leaves behind, as a virDomainMigrateFlags."""

    DEFINITION = 0
    NOTHING = 16


class Guest:
    """One guest on one host."""

    def __init__(self, host: Hypervisor, name: str, disk: Disk, image: Path) -> None:
        self.host, self.name, self.disk = host, name, disk
        if disk is Disk.LOCAL:
            path = host.disks / f"{name}.raw"
            path.write_bytes(image.read_bytes())
            host.connection.storagePoolLookupByName("local").refresh()
            source = f"<source file='{path}'/>"
        else:
            source = _NBD
        xml = _DOMAIN.format(name=name, type=disk.value, source=source)
        self.uuid: str = host.connection.defineXML(xml).UUIDString()

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

    def start(self) -> None:
        """Power it on, wait until it has booted, and have it write."""
        self.domain.create()
        self._write()

    def _write(self) -> None:
        """Press `d` until blocks are written: a key pressed during boot is lost."""

        def writes() -> bool:
            self.press("d")
            return bool(self.domain.blockStats("vda")[2] > 0)

        wait_for(f"{self.name} to write", writes)

    def migrate(self, target: Hypervisor, leaving: Leaving) -> None:
        """Move it, running, to another host; its disk must be the export."""
        flags = _LIVE | _PERSIST_THERE | leaving.value
        parameters = {"migrate_uri": f"tcp://{target.address}"}
        self.domain.migrate3(target.connection, parameters, flags)
        self.host = target

    def press(self, key: str) -> None:
        """Press one key that the boot sector obeys."""
        self.domain.sendKey(_LINUX_KEYCODES, 50, [_KEYS[key]], 1, 0)

    def heal(self) -> None:
        """Bring it back to running and writing, whatever was done to it."""
        state = self.state[0]
        if state == DomainState.CRASHED:
            self.domain.destroy()
            state = DomainState.SHUTOFF
        if state == DomainState.SHUTOFF:
            self.start()
        elif state == DomainState.PAUSED:
            # The first attempt on a lost NBD connection only makes QEMU connect again.
            wait_for(f"{self.name} to resume", self._resume)

    def _resume(self) -> bool:
        if self.is_in(DomainState.PAUSED):
            with contextlib.suppress(import_module("libvirt").libvirtError):  # asked again
                self.domain.resume()
        before = self.domain.blockStats("vda")[2]
        time.sleep(0.15)  # it writes every 55 ms
        return bool(self.domain.blockStats("vda")[2] > before)


def build_image(folder: Path) -> Path:
    """Assemble the boot sector and return a raw disk image that starts with it."""
    source = Path(__file__).with_name("boot.S")
    run("as", "--32", str(source), "-o", str(folder / "boot.o"))
    image = folder / "boot.raw"
    link = ("ld", "-m", "elf_i386", "-Ttext", "0x7c00", "--oformat", "binary")
    run(*link, str(folder / "boot.o"), "-o", str(image))
    with image.open("r+b") as disk:
        disk.truncate(_DISK_BYTES)
    return image
