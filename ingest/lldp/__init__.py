"""What a machine or switch hears on its wires: which port each interface is plugged into.

    lldpcli (the only I/O) -> chassis, interfaces, neighbours -> Nic, SwitchPort, Switch

Source: IEEE 802.1AB; https://lldpd.github.io/usage.html
"""

from __future__ import annotations

from pathlib import PurePath
from typing import Literal

from ingest.lldp.heard import chassis, interfaces, neighbours
from kgraph.sourcekit import Found, Here, Source, SourceEntry, folded, parsed, run
from kgraph.sourcekit.command import if_told
from kgraph.sourcekit.wires import Local, wired

NAME = "lldp"
_UUID = "/sys/class/dmi/id/product_uuid"
_DEVICES = ("find", "/sys/class/net", "-maxdepth", "1", "-type", "l", "-printf", "%l\\n")


class Entry(SourceEntry):
    """The lldpd of this machine, or of another one that `via` reaches."""

    type: Literal["lldp"]
    via: tuple[str, ...] = ()  # such as ["ssh", "h1"]
    socket: str = ""  # of lldpd, where it is not the usual one
    role: Literal["host", "switch"] = "host"  # what it is that listens here
    uplinks: tuple[str, ...] = ()  # of a switch: interfaces that lead towards the core
    hosts: tuple[str, ...] = ()  # names, with * and ?, of machines that bridge and are no switches

    @property
    def subject(self) -> str:
        """How it is reached."""
        return " ".join(filter(None, (*self.via, self.socket))) or "here"


def read(entry: Entry, here: Here) -> Found:
    """Read one lldpd.

    Raises:
        SourceError: lldpcli is missing, fails, or answers nonsense.
    """
    where = f"lldp {entry.subject}"
    own = chassis(parsed(_asked(entry, "chassis"), where))
    own_devices = _devices(entry)
    local = Local(own, _uuid(entry), entry.role, entry.uplinks, entry.hosts, own_devices)
    wires = interfaces(parsed(_asked(entry, "interfaces"), where))
    heard = neighbours(parsed(_asked(entry, "neighbors", "details"), where))
    return Found(own.name or own.id, folded(wired(local, wires, heard, here)))


def _asked(entry: Entry, *what: str) -> str:
    by_socket = ["-u", entry.socket] if entry.socket else []
    return run(["lldpcli", *by_socket, "-f", "json0", "show", *what], via=entry.via)


def _uuid(entry: Entry) -> str:
    """Return the UUID of a host's firmware, where it may be read."""
    return if_told(["cat", _UUID], via=entry.via).strip() if entry.role == "host" else ""


def _devices(entry: Entry) -> frozenset[str] | None:
    """Return the interfaces of a host that have a device behind them; None where it won't tell."""
    told = if_told(_DEVICES, via=entry.via) if entry.role == "host" else ""
    paths = [PurePath(line) for line in told.splitlines()]
    return frozenset(path.name for path in paths if "virtual" not in path.parts) if told else None


SOURCE = Source(NAME, Entry, read)
