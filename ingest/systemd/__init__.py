"""The units of one machine's systemd: services, sockets, mounts, and what they require.

    systemctl (the only I/O) -> units -> ServiceInstance, Endpoint, StoragePool

Source: https://www.freedesktop.org/software/systemd/man/latest/org.freedesktop.systemd1.html
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from ingest.systemd.normalise import normalise
from ingest.systemd.units import PROPERTIES, units
from kgraph.sourcekit import Found, Here, Machine, Source, SourceEntry, folded, own_name, run
from kgraph.sourcekit.command import if_told

NAME = "systemd"
# What every machine has, and nobody builds upon.
_COMMON = ("systemd-*", "user@*", "user-runtime-dir@*", "getty@*", "serial-getty@*", "dbus.socket")


class Entry(SourceEntry):
    """The system manager of this machine, or of another one that `via` reaches."""

    type: Literal["systemd"]
    via: tuple[str, ...] = ()  # such as ["ssh", "h1"]
    units: tuple[str, ...] = ("*.service", "*.socket", "*.mount")
    ignore: tuple[str, ...] = _COMMON
    host: str = ""  # its name; empty: it is asked

    @property
    def subject(self) -> str:
        """How the machine is reached."""
        return " ".join(self.via) or "here"


def read(entry: Entry, here: Here) -> Found:
    """Read the units of one machine.

    Raises:
        SourceError: systemctl is missing, fails, or answers nonsense.
    """
    asked = ["systemctl", "show", "--no-pager", "--all", f"--property={','.join(PROPERTIES)}"]
    told = units(run([*asked, "--", *entry.units], via=entry.via), entry.subject)
    machine = _machine(entry)
    items = normalise(told, machine, entry.ignore, here)
    return Found(machine.name, folded(items))


def _machine(entry: Entry) -> Machine:
    name = entry.host or own_name(run(["uname", "-n"], via=entry.via), f"systemd {entry.subject}")
    paths = ("/etc/machine-id", "/sys/class/dmi/id/product_uuid")  # only root may read the UUID
    machine_id, uuid = (if_told(["cat", path], via=entry.via).strip() for path in paths)
    return Machine(f"machine:{name}", name, uuid, machine_id=machine_id)


SOURCE = Source(NAME, Entry, read, every=timedelta(seconds=30))
