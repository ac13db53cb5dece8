"""The kinds of faults: how each is injected, what may be done about it, and what a person does.

Every kind says beforehand what would be right, so that nobody is tempted to call right what
happened.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum

from ingest.libvirt.states import DomainState
from tests.lab.lab.estate import HOSTS, SMALL_HOST
from tests.lab.lab.guests import Disk
from tests.lab.lab.laboratory import Lab
from tests.lab.lab.processes import wait_for

EXPORT = "vmstore"  # as its address ends
_WITH_EXPORT = tuple(host for host in HOSTS if host != SMALL_HOST)


class Right(Enum):
    """What is right about a fault."""

    HEAL = "heal"  # kgraph by itself
    ASK = "ask"  # a person has to do her part; kgraph does the rest, and nothing before
    LEAVE = "leave"  # nothing is to be done to the estate


@dataclass(frozen=True)
class Case:
    """One fault that was injected.

    Attributes:
        kind: its name.
        right: what is right.
        may: names of what may be acted on; whatever else is acted on is a wrong target.
        named: any of these must be in the title of a cause; empty: nobody has to be blamed.
        person: what a person does where she has to.
        stays: what is wrong, and cannot be put right before a person mends it.
        broken: says what is wrong where the truth's own look cannot see it.
    """

    kind: str
    right: Right
    may: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()
    person: Callable[[], None] | None = None
    stays: frozenset[str] = frozenset()
    broken: Callable[[], frozenset[str]] = field(default=frozenset)


Inject = Callable[[Lab, random.Random, frozenset[str]], Case]


def _guest(lab: Lab, rng: random.Random, spared: frozenset[str], *disks: Disk) -> str:
    """Choose a guest with such a disk, none of those that something else is done to."""
    fitting = sorted(n for n, g in lab.guests.items() if g.disk in disks and n not in spared)
    return rng.choice(fitting)


def _one(kind: str, name: str, right: Right = Right.HEAL) -> Case:
    return Case(kind, right, frozenset({name}), frozenset({name}))


def killed_guest(lab: Lab, rng: random.Random, spared: frozenset[str]) -> Case:
    name = _guest(lab, rng, spared, *Disk)
    lab.kill_guest(name)
    return _one("guest killed", name)


def killed_guest_in_backup(lab: Lab, rng: random.Random, spared: frozenset[str]) -> Case:
    """Its disk is open elsewhere, so no start is accepted before somebody ends that."""
    name = _guest(lab, rng, spared, Disk.LOCAL)
    lab.kill_and_open(name)
    return replace(_one("guest killed, its disk locked", name, Right.ASK), person=lab.end_backup)


def panicked_guest(lab: Lab, rng: random.Random, spared: frozenset[str]) -> Case:
    name = _guest(lab, rng, spared, Disk.NBD, Disk.LOCAL)
    lab.panic_guest(name)
    return _one("guest panicked", name)


def hung_guest(lab: Lab, rng: random.Random, spared: frozenset[str]) -> Case:
    name = _guest(lab, rng, spared, Disk.LOCAL)
    lab.hang_guest(name)
    guest = lab.guests[name]
    seen = [guest.written]

    def broken() -> frozenset[str]:
        before, seen[0] = seen[0], guest.written
        return frozenset() if seen[0] != before else frozenset({f"{name} does not write"})

    return Case(
        "guest hung inside", Right.HEAL, frozenset({name}), frozenset({name}), broken=broken
    )


def stopped_qemu(lab: Lab, rng: random.Random, spared: frozenset[str]) -> Case:
    name = _guest(lab, rng, spared, Disk.LOCAL)
    lab.stall_guest(name)
    return _one("QEMU stopped", name)


def watchdog_pauses(lab: Lab, rng: random.Random, spared: frozenset[str]) -> Case:
    name = _guest(lab, rng, spared, Disk.LOCAL)
    lab.starve_watchdog(name)
    wait_for(f"the watchdog of {name}", lambda: lab.guests[name].is_in(DomainState.PAUSED))
    return _one("watchdog, pauses", name)


def watchdog_resets(lab: Lab, rng: random.Random, spared: frozenset[str]) -> Case:
    """The watchdog is another controller: it has mended it before anybody looks."""
    name = _guest(lab, rng, spared, Disk.NBD)
    lab.starve_watchdog(name)
    return Case("watchdog, resets by itself", Right.LEAVE)


def full_datastore(lab: Lab, _rng: random.Random, _spared: frozenset[str]) -> Case:
    lab.fill_pool()
    may = lab.guests_on(Disk.GROWING)
    return Case("datastore full", Right.ASK, may, frozenset({"small"}), lab.make_room)


def dead_export(lab: Lab, _rng: random.Random, _spared: frozenset[str]) -> Case:
    lab.kill_export()
    return Case("storage server killed", Right.HEAL, _behind(lab), frozenset({EXPORT}))


def stopped_export(lab: Lab, _rng: random.Random, _spared: frozenset[str]) -> Case:
    lab.stop_export()
    return Case("service stopped", Right.HEAL, _behind(lab), frozenset({EXPORT}))


def hung_export(lab: Lab, _rng: random.Random, _spared: frozenset[str]) -> Case:
    lab.hang_export()
    return Case("storage server hung", Right.HEAL, _behind(lab), frozenset({EXPORT}))


def slow_export(lab: Lab, rng: random.Random, _spared: frozenset[str]) -> Case:
    """It stands still for part of each second: slow, and neither dead nor hung."""
    still = rng.uniform(0.2, 0.4)
    for _ in range(6):
        lab.hang_export()
        time.sleep(still)
        lab.thaw_export()
        time.sleep(0.3)
    return Case("storage slow", Right.LEAVE)


def wrong_disk(lab: Lab, _rng: random.Random, _spared: frozenset[str]) -> Case:
    """A change is rolled out: the unit exports another disk. Guests must not resume on it."""
    lab.roll_out_wrong_disk()
    may = lab.guests_on_export()
    return Case("bad change rolled out", Right.ASK, may, person=lab.roll_back_disk)


def killed_libvirtd(lab: Lab, rng: random.Random, _spared: frozenset[str]) -> Case:
    lab.kill_libvirtd(rng.choice(HOSTS))
    return Case("libvirtd killed", Right.LEAVE)


def silent_management(lab: Lab, rng: random.Random, _spared: frozenset[str]) -> Case:
    lab.hang_libvirtd(rng.choice(HOSTS))
    return Case("management silent, guests run", Right.LEAVE)


def cut_off_host(lab: Lab, rng: random.Random, _spared: frozenset[str]) -> Case:
    lab.partition(rng.choice(HOSTS))
    return Case("host cut off", Right.LEAVE)


def host_without_power(lab: Lab, rng: random.Random, _spared: frozenset[str]) -> Case:
    host = rng.choice(_WITH_EXPORT)
    case = _lost(lab, host, "host power lost")
    lab.power_off(host)
    return case


def hung_host(lab: Lab, rng: random.Random, _spared: frozenset[str]) -> Case:
    """It has power, and all on it stands still: only once it is switched off may others start."""
    host = rng.choice(_WITH_EXPORT)
    case = _lost(lab, host, "host hung")
    lab.hang_host(host)
    return case


def _lost(lab: Lab, host: str, kind: str) -> Case:
    """Of a host that is lost, the guests on the export start elsewhere; the others cannot."""
    shared = lab.guests_at(host) & lab.guests_on_export()
    gone = lab.guests_at(host) - shared
    stay = (f"{host} is off", *(f"{name} has no process" for name in gone))
    may, named = shared | {host}, frozenset({host})
    return Case(kind, Right.HEAL, may, named, stays=frozenset(stay))


def host_and_switch_without_power(lab: Lab, rng: random.Random, spared: frozenset[str]) -> Case:
    """Nobody can read back that it is off, so nothing may start elsewhere until somebody can."""
    lab.silence_power()
    case = host_without_power(lab, rng, spared)
    return replace(
        case,
        kind="host power lost, switch silent",
        right=Right.ASK,
        person=lab.restore_power_switch,
    )


def lonely_host_without_power(lab: Lab, _rng: random.Random, _spared: frozenset[str]) -> Case:
    """None of its guests could start elsewhere, so there is nothing to fence it for."""
    lab.power_off(SMALL_HOST)
    named = frozenset({SMALL_HOST})
    return Case("host power lost, nobody can leave", Right.LEAVE, named=named)


def destroyed_network(lab: Lab, rng: random.Random, _spared: frozenset[str]) -> Case:
    """Its guests' interfaces do not come back to the new bridge by themselves."""
    host = rng.choice(HOSTS)
    lab.destroy_network(host)
    may = frozenset({"default", *lab.guests_at(host)})
    return replace(_one("network destroyed", "default"), may=may)


def silent_exporters(lab: Lab, rng: random.Random, _spared: frozenset[str]) -> Case:
    lab.silence_exporters(rng.choice(HOSTS))
    return Case("exporters of one host hang", Right.LEAVE)


def monitoring_outage(lab: Lab, _rng: random.Random, _spared: frozenset[str]) -> Case:
    lab.blind_monitoring()
    return Case("monitoring outage", Right.LEAVE)


def nothing(lab: Lab, _rng: random.Random, _spared: frozenset[str]) -> Case:
    lab.nothing()
    return Case("nothing is wrong", Right.LEAVE)


def suspended_by_hand(lab: Lab, rng: random.Random, spared: frozenset[str]) -> Case:
    lab.nothing()
    lab.guests[_guest(lab, rng, spared, *Disk)].domain.suspend()
    return Case("a person suspends a guest", Right.LEAVE)


def migrated_by_hand(lab: Lab, rng: random.Random, spared: frozenset[str]) -> Case:
    lab.nothing()
    name = _guest(lab, rng, spared, Disk.NBD)
    home = lab.guests[name].host.name
    lab.migrate_guest(name, rng.choice([host for host in HOSTS if host != home]))
    return Case("a person migrates a guest", Right.LEAVE)


def broken_migration(lab: Lab, rng: random.Random, spared: frozenset[str]) -> Case:
    """A person migrates a guest, and the other host's libvirtd restarts midway: it stays."""
    name = _guest(lab, rng, spared, Disk.NBD)
    home = lab.guests[name].host.name
    lab.break_migration(name, rng.choice([host for host in HOSTS if host != home]))
    return Case("libvirtd restarts in a migration", Right.LEAVE)


def two_guests(lab: Lab, rng: random.Random, spared: frozenset[str]) -> Case:
    first = killed_guest(lab, rng, spared)
    second = panicked_guest(lab, rng, spared | first.may)
    return Case(
        "two guests at once", Right.HEAL, first.may | second.may, first.named | second.named
    )


def export_and_guest(lab: Lab, rng: random.Random, spared: frozenset[str]) -> Case:
    name = _guest(lab, rng, spared, Disk.LOCAL)
    lab.kill_export()
    lab.kill_guest(name)
    return Case("export and a guest at once", Right.HEAL, _behind(lab) | {name})


def _behind(lab: Lab) -> frozenset[str]:
    return lab.guests_on_export() | {EXPORT}


KINDS: tuple[Inject, ...] = (
    killed_guest,
    killed_guest_in_backup,
    panicked_guest,
    hung_guest,
    stopped_qemu,
    watchdog_pauses,
    watchdog_resets,
    full_datastore,
    dead_export,
    stopped_export,
    hung_export,
    slow_export,
    wrong_disk,
    killed_libvirtd,
    silent_management,
    cut_off_host,
    host_without_power,
    hung_host,
    host_and_switch_without_power,
    lonely_host_without_power,
    destroyed_network,
    silent_exporters,
    monitoring_outage,
    nothing,
    suspended_by_hand,
    migrated_by_hand,
    broken_migration,
    two_guests,
    export_and_guest,
)


def drawn(seed: int, count: int) -> list[Inject]:
    """Return so many kinds in random order: each about equally often, the rare ones included."""
    rng, found = random.Random(seed), list[Inject]()
    while len(found) < count:
        found += rng.sample(KINDS, len(KINDS))
    return found[:count]
