"""How fast a host of 60 real guests is read, and with one of them hung.

    python -m tests.bench.bench_guests [GUESTS]      # root; beside no other lab

Prints a table; asserts nothing. One host of the lab, with a libvirtd and a QEMU for each guest
(16 MiB, emulated, a disk, a NIC; paused from the start, so that the processors are free to
answer). One hangs as a guest of a dead disk does: its QEMU is stopped, and its monitor silent.
`read` is all that is read of a host; `counters` is what `kgraph watch` samples besides.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from ingest.libvirt import CountersApart, read
from kgraph.schema import Record
from tests.bench.lacking import left_out
from tests.lab.lab.fabric import Fabric
from tests.lab.lab.hypervisor import Hypervisor
from tests.lab.lab.requirements import missing

_GUESTS, _ROUNDS = 60, 5
_PAUSED = 1  # VIR_DOMAIN_START_PAUSED
_DOMAIN = """\
<domain type='qemu'><name>vm{number}</name><memory unit='MiB'>16</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type></os><devices>
<emulator>/usr/bin/qemu-system-x86_64</emulator>
<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{disk}'/>
<target dev='vda' bus='virtio'/></disk>
<interface type='network'><source network='default'/><model type='virtio'/><rom enabled='no'/>
</interface><controller type='usb' model='none'/><memballoon model='none'/></devices></domain>
"""


def _populate(host: Hypervisor, count: int) -> None:
    for number in range(count):
        disk = host.disks / f"{number}.img"
        with disk.open("wb") as image:
            image.truncate(1 << 20)
        host.connection.createXML(_DOMAIN.format(number=number, disk=disk), _PAUSED)


def _row(what: str, work: Callable[[], object]) -> None:
    spans = []
    for _ in range(_ROUNDS):
        begin = time.monotonic()
        work()
        spans.append(time.monotonic() - begin)
    ordered = sorted(spans)
    middle = ordered[len(ordered) // 2]
    sys.stdout.write(f"{what:44}{ordered[0]:8.2f} s best{middle:8.2f} s median\n")
    sys.stdout.flush()


def _measure(host: Hypervisor, what: str) -> None:
    uri = host.uri.replace("libvirt-sock", "libvirt-sock-ro")

    def whole() -> int:
        snapshot = read(uri, now=datetime.now(UTC))
        kinds = [item.kind for item in snapshot.items if isinstance(item, Record)]
        return kinds.count("VirtualMachine")

    found = whole()  # the process that others are forked from is up
    _row(f"{found} guests{what}: read", whole)
    with closing(CountersApart(uri)) as counters:
        counters.sample(datetime.now(UTC))
        _row(f"{found} guests{what}: counters", lambda: counters.sample(datetime.now(UTC)))


def main() -> None:
    if left_out("the lab", missing()):
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else _GUESTS
    import_module("libvirt")
    with tempfile.TemporaryDirectory(prefix="kgb-") as name:
        folder = Path(name)
        fabric = Fabric(folder)
        try:
            fabric.open()
            (folder / "h1").mkdir()
            host = Hypervisor(folder / "h1", "h1", 1, fabric)
            try:
                host.power_on()
                host.wait()
                host.furnish_libvirt()
                begin = time.monotonic()
                _populate(host, count)
                sys.stdout.write(f"{count} guests started in {time.monotonic() - begin:.0f} s\n")
                _measure(host, "")
                host.signal_guest("vm7", "STOP")
                _measure(host, ", one hung")
            finally:
                host.power_off()
        finally:
            fabric.close()


if __name__ == "__main__":
    main()
