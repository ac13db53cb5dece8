"""A region: clusters side by side under one controller, and faults that come upon it at random."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.remedies.simulator.physics import SimGuest, SimHost, SimUnit, World

HOSTS, GUESTS, EXPORTS = 10, 200, 5  # of one cluster; the last host is the spare
_SIZES = (2, 2, 4, 4, 8)


@dataclass
class Region(World):
    """A world of clusters; a guest goes nowhere but to hosts of its own.

    Attributes:
        cluster_of: name of anything -> number of its cluster.
        touched: clusters in which something has happened: only there does anything follow.
    """

    cluster_of: dict[str, int] = field(default_factory=dict)
    touched: set[int] = field(default_factory=set)

    def settle(self) -> None:
        """Let follow what follows by itself, where something has happened."""
        for number in self.touched:
            self.cluster(number).settle()

    def cluster(self, number: int) -> World:
        """Return the part of one cluster; its things are the same, not copies."""
        own = self.members()[number]
        return World(
            {name: self.hosts[name] for name in own if name in self.hosts},
            {name: self.guests[name] for name in own if name in self.guests},
            {name: self.units[name] for name in own if name in self.units},
            {name: self.pools[name] for name in own if name in self.pools},
            full=self.full,
            blind=self.blind,
            rivals=self.rivals,
            synced=self.synced,
        )

    def members(self) -> dict[int, list[str]]:
        if not self._kept:
            for name, number in self.cluster_of.items():
                self._kept.setdefault(number, []).append(name)
        return self._kept

    _kept: dict[int, list[str]] = field(default_factory=dict)


def region(clusters: int, rng: random.Random) -> Region:
    """Make so many clusters, each of 10 hosts, 200 guests, five exports and a service."""
    made = Region({}, {}, {}, {})
    for number in range(clusters):
        names = [f"c{number}-h{n}" for n in range(HOSTS)]
        exports = [f"c{number}-nfs{n}" for n in range(EXPORTS)]
        made.pools[f"c{number}-pool"] = exports[0]
        for export in exports:
            made.units[export] = SimUnit(export, "StorageExport")
        made.units[f"c{number}-shop"] = SimUnit(f"c{number}-shop", "Service")
        for name in names:
            made.hosts[name] = SimHost(name, gib=192)
        for n in range(GUESTS):
            name, home = f"c{number}-v{n}", names[n % (HOSTS - 1)]
            guest = SimGuest(name, home, {home}, gib=rng.choice(_SIZES))
            guest.export = exports[n % EXPORTS]
            if n % 20 < 2:  # ten pairs that must be apart: n and n + 1 are on different hosts
                guest.labels["antiAffinity"] = f"pair-{n // 20}"
            made.guests[name] = guest
        own = (*names, *(f"c{number}-v{n}" for n in range(GUESTS)), *exports)
        own = (*own, f"c{number}-shop", f"c{number}-pool")
        made.cluster_of |= dict.fromkeys(own, number)
    return made


@dataclass(frozen=True)
class Blow:
    """One fault: what happens, to what, what is right, and what people do about it later.

    Attributes:
        target: what it is done to.
        right: heal, leave, or ask: a person has to do her part.
        begins, ends: commands of the simulator; `ends` is what a person does.
        after: seconds until then.
        may: actions that are right all the same where the thing is to be left alone.
    """

    kind: str
    target: str
    right: str
    begins: tuple[str, ...]
    ends: tuple[str, ...] = ()
    after: float = 0.0
    may: frozenset[str] = frozenset()


def blows(world: Region, rng: random.Random, count: int) -> Iterator[Blow]:
    """Yield faults: all kinds in random order, again and again; each in a cluster of its own.

    Clusters come round, so that what one fault has left to do is done before the next is there.
    """
    clusters = sorted(set(world.cluster_of.values()))
    kinds: list[str] = []
    for n in range(count):
        if not kinds:
            kinds = rng.sample(sorted(_KINDS), len(_KINDS))
        yield _blow(world, rng, kinds.pop(), clusters[n % len(clusters)])


_GUEST = {"guest killed": "kill", "guest hung": "hang", "guest panicked": "panic"}
_KINDS = {
    **dict.fromkeys(_GUEST, "heal"),
    "export killed": "heal",
    "export hung": "heal",
    "host power lost": "heal",
    "host hung": "heal",
    "two guests at once": "heal",
    "guest and export at once": "heal",
    "service fails": "heal",
    "bad change: another disk": "ask",
    "pool full": "ask",
    "management partition": "leave",
    "host cut off from data": "ask",
    "power switch lies": "leave",
    "libvirt blind": "leave",
    "all monitoring blind": "leave",
    "a person shuts a guest down": "leave",
    "another controller's guest dies": "leave",
    "nothing": "leave",
}


def _blow(world: Region, rng: random.Random, kind: str, cluster: int) -> Blow:
    part = world.cluster(cluster)
    pool = next(iter(part.pools))
    guest, other = rng.sample(sorted(part.guests), 2)
    host = rng.choice(sorted({g.home for g in part.guests.values()}))
    export = rng.choice([n for n, unit in part.units.items() if unit.kind == "StorageExport"])
    shop = next(name for name, unit in part.units.items() if unit.kind == "Service")
    back = (f"power {host} on", f"host {host} thaw")
    told: dict[str, tuple[str, tuple[str, ...], tuple[str, ...], float]] = {
        **{kind: (guest, (f"vm {guest} {word}",), (), 0) for kind, word in _GUEST.items()},
        "export killed": (export, (f"unit {export} kill",), (), 0),
        "export hung": (export, (f"unit {export} hang",), (), 0),
        "host power lost": (host, (f"power {host} off",), back, 400),
        "host hung": (host, (f"host {host} hang",), back, 400),
        "two guests at once": (guest, (f"vm {guest} kill", f"vm {other} panic"), (), 0),
        "guest and export at once": (export, (f"vm {guest} panic", f"unit {export} kill"), (), 0),
        "service fails": (shop, (f"unit {shop} fail",), (), 0),
        "bad change: another disk": (
            export,
            (f"unit {export} swap", f"unit {export} kill"),
            (f"unit {export} mend", f"unit {export} run"),
            90,
        ),
        "pool full": (pool, (f"pool full {pool}",), (f"pool roomy {pool}",), 60),
        "management partition": (host, (f"network {host} off mgmt",), (f"network {host} on",), 90),
        "host cut off from data": (
            host,
            (f"network {host} off data",),
            (f"network {host} on data",),
            60,
        ),
        "power switch lies": (host, (f"host {host} lies", f"power {host} off"), back, 120),
        "libvirt blind": ("", ("blind libvirt",), ("blind libvirt off",), 25),
        "all monitoring blind": (
            "",
            ("blind libvirt", "blind ping", "blind scraper"),
            ("blind libvirt off", "blind ping off", "blind scraper off"),
            25,
        ),
        "a person shuts a guest down": (guest, (f"vm {guest} leave",), (f"vm {guest} run",), 60),
        "another controller's guest dies": (
            guest,
            (f"own {guest} Pacemaker", f"vm {guest} kill"),
            (f"vm {guest} run", f"disown {guest}"),
            60,
        ),
        "nothing": ("", (), (), 0),
    }
    target, begins, ends, after = told[kind]
    lies = kind == "power switch lies"
    if lies:
        ends = (*ends, f"host {host} honest")
    # It may be switched off, and is not off as long as nobody can say so.
    may = frozenset({"fence"} if lies else ())
    return Blow(kind, target, _KINDS[kind], begins, ends, after, may)
