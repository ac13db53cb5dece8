"""What is really so in the lab, told by the kernel and by libvirt's files: nobody is asked.

kgraph sees none of it. It is what "healed" and "never twice" are measured with, so it must work
while daemons are dead, hang, or are cut off.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.lab.lab.estate import HOSTS, SMALL_HOST
from tests.lab.lab.laboratory import Lab

_STEP = 0.2  # seconds between two looks
_YOUNG = 3.0  # seconds
_PROGRAMS = frozenset(
    {
        "libvirtd",
        "prometheus-libvirt-exporter",
        "prometheus-node-exporter",
        "qemu-nbd",
        "qemu-system-x86_64",
    }
)


@dataclass(frozen=True, slots=True)
class Process:
    """A process of the lab: its program, its words, the namespace that it is in, its state."""

    pid: int
    program: str
    words: tuple[str, ...]
    place: str
    stopped: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """One look.

    Attributes:
        wrong: what is not as it should be, a phrase each.
        twice: guests that run in two places at once.
        copies: guest -> the hosts on which a process of it exists.
    """

    at: datetime
    wrong: frozenset[str]
    twice: frozenset[str]
    copies: dict[str, frozenset[str]]


Kept = dict[int, tuple[float, Process | None]]  # pid -> since when it is known, and as what


def look(lab: Lab, kept: Kept) -> Picture:
    """Look at the whole lab; `kept` holds what is known of processes from looks before."""
    processes = _processes(kept)
    places = {host.place: name for name in HOSTS if (host := lab.host(name)).powered}
    wrong: set[str] = set()
    for name in HOSTS:
        wrong |= _host(lab, name, processes)
    copies: dict[str, frozenset[str]] = {}
    twice: set[str] = set()
    for guest in lab.guests.values():
        own = [p for p in processes if guest.uuid in p.words and p.program.startswith("qemu-s")]
        on = {places[p.place]: p for p in own if p.place in places}
        copies[guest.name] = frozenset(on)
        states = {host: lab.host(host).status_of(guest.name) for host in on}
        runs = [host for host, state in states.items() if state.startswith("running")]
        if len(runs) > 1:
            twice.add(guest.name)
        if len(runs) != 1:
            wrong.add(f"{guest.name} {', '.join(states.values()) or 'has no process'}")
        elif on[runs[0]].stopped:
            wrong.add(f"{guest.name} stands still")
    exports = [p for p in processes if p.program == "qemu-nbd" and lab.export_disk in p.words]
    if not exports or any(p.stopped for p in exports):
        wrong.add("the export does not answer")
    return Picture(datetime.now(UTC), frozenset(wrong), frozenset(twice), copies)


def _host(lab: Lab, name: str, processes: list[Process]) -> set[str]:
    host = lab.host(name)
    if not host.powered:
        return {f"{name} is off"}
    here = {p.program: p for p in processes if p.place == host.place}
    wrong = set()
    if host.partitioned:
        wrong.add(f"{name} is cut off")
    for program in ("libvirtd", "prometheus-libvirt-exporter", "prometheus-node-exporter"):
        if program not in here or here[program].stopped:
            wrong.add(f"{program} of {name} does not answer")
    if not host.network_active:
        wrong.add(f"the network of {name} is gone")
    if name == SMALL_HOST and host.small_is_full:
        wrong.add(f"the pool of {name} is full")
    return wrong


def _processes(kept: Kept) -> list[Process]:
    """Read /proc; what a process is changes only while it is young, between fork and exec."""
    now = time.monotonic()
    pids = [int(each.name) for each in Path("/proc").glob("[0-9]*")]
    for gone in kept.keys() - set(pids):
        del kept[gone]
    found = []
    for pid in pids:
        since, known = kept.get(pid, (now, None))
        if now - since < _YOUNG:
            known = _known(pid)
            kept[pid] = since, known
        if known is None:
            continue
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state not in {"Z", "X"}:
            found.append(Process(pid, known.program, known.words, known.place, state in "Tt"))
    return found


def _known(pid: int) -> Process | None:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        program = Path(words[0]).name
        if program not in _PROGRAMS:
            return None
        place = str(Path(f"/proc/{pid}/ns/pid").readlink())
    except OSError:  # it has just ended
        return None
    return Process(pid, program, tuple(words), place, stopped=False)


@dataclass
class Witness:
    """Looks five times a second, in a thread of its own, and keeps what changes.

    Attributes:
        pictures: each differs from the one before.
        looks: how often it has looked.
    """

    lab: Lab
    pictures: list[Picture] = field(default_factory=list)
    looks: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._watch, name="witness", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join(timeout=5)

    def now(self) -> Picture:
        """Return the newest picture; one of at least one look after this call."""
        seen, end = self.looks, time.monotonic() + 5
        while self.looks < seen + 2 and time.monotonic() < end:
            time.sleep(_STEP / 2)
        return self.pictures[-1]

    def since(self, at: datetime) -> list[Picture]:
        """Return what was seen from a moment on, and what held then."""
        pictures = list(self.pictures)
        first = max((n for n, p in enumerate(pictures) if p.at <= at), default=0)
        return pictures[first:]

    def _watch(self) -> None:
        kept: Kept = {}
        while not self._over.wait(_STEP):
            picture = look(self.lab, kept)
            before = self.pictures[-1] if self.pictures else None
            if before is None or _told(before) != _told(picture):
                self.pictures.append(picture)
            self.looks += 1


def _told(picture: Picture) -> tuple[object, ...]:
    return picture.wrong, picture.twice, picture.copies
