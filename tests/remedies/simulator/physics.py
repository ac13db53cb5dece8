"""What is really so in a simulated estate, whoever sees it or not."""

from __future__ import annotations

from dataclasses import dataclass, field

GIB = 1 << 30


@dataclass
class SimHost:
    """A host.

    Attributes:
        hung: its kernel stands still; it is powered all the same, and may go on.
        mgmt, data: its two networks: libvirt answers over one, guests and storage over the other.
        bmc, pdu: the two ways to its power.
        lies: its power is read back off once, and then on: a controller that is mistaken.
        stuck: its power does not change, whatever is ordered.
    """

    name: str
    power: bool = True
    hung: bool = False
    mgmt: bool = True
    data: bool = True
    bmc: bool = True
    pdu: bool = True
    lies: bool = False
    stuck: bool = False
    gib: int = 32
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def works(self) -> bool:
        return self.power and not self.hung


@dataclass
class SimGuest:
    """A guest: on which hosts a process of it really exists, and in what state."""

    name: str
    home: str
    on: set[str]
    state: str = "running"  # paused, hung, panicked, off, left (shut down by a person)
    gib: int = 4
    export: str = "nfs1"
    labels: dict[str, str] = field(default_factory=dict)
    dies: bool = False  # it stops again right after it was started


@dataclass
class SimUnit:
    """An export or a service: active, inactive, failing, or hung; and whether a restart helps."""

    name: str
    kind: str
    state: str = "active"
    sound: bool = True
    stubborn: bool = False


@dataclass
class World:
    """The estate."""

    hosts: dict[str, SimHost]
    guests: dict[str, SimGuest]
    units: dict[str, SimUnit]
    pools: dict[str, str] = field(default_factory=lambda: {"pool": "nfs1"})  # and what each is on
    full: set[str] = field(default_factory=set)  # pools
    blind: set[str] = field(default_factory=set)  # vantage points that see nothing
    rivals: dict[str, str] = field(default_factory=dict)  # entity -> who takes care of it
    hanging: set[str] = field(default_factory=set)  # actions that never come back
    failing: dict[str, int] = field(default_factory=dict)  # action -> how often it does nothing
    synced: bool = True
    rogue: set[str] = field(default_factory=set)  # guests that a rival started, asking nobody

    def settle(self) -> None:
        """Let follow what follows by itself: no power, no process; no storage, a pause."""
        for host in self.hosts.values():
            if not host.power:
                host.hung = False
        for guest in self.guests.values():
            guest.on = {name for name in guest.on if self.hosts[name].power}
            if not guest.on and guest.state not in {"left", "off"}:
                guest.state = "off"
            if guest.on and guest.state == "running" and not self.stored(guest):
                guest.state = "paused"
            if guest.dies and guest.state == "running":
                guest.state, guest.on = "off", set()

    def stored(self, guest: SimGuest) -> bool:
        """Whether a guest reaches its disk from where it is."""
        served = self.units[guest.export].state == "active"
        served = served and self.storage_of(guest) not in self.full
        return served and all(self.hosts[name].data for name in guest.on)

    def storage_of(self, guest: SimGuest) -> str:
        """What a guest's disk is in: a pool, or an export itself."""
        named = (pool for pool, export in self.pools.items() if export == guest.export)
        return next(named, guest.export)

    def heard(self, host: str) -> bool:
        """Whether libvirt on a host answers the controller."""
        found = self.hosts[host]
        return found.works and found.mgmt and "libvirt" not in self.blind

    def used(self, host: str) -> int:
        """GiB of the guests that are really on a host."""
        return sum(guest.gib for guest in self.guests.values() if host in guest.on)


def small(hosts: int = 4, guests: int = 6) -> World:
    """Hosts h1…, guests web-1… spread over all but the last, one export, one shop."""
    names = [f"h{n}" for n in range(1, hosts + 1)]
    homes = names[:-1] if hosts > 2 else names
    made = {}
    for n in range(1, guests + 1):
        home = homes[(n - 1) % len(homes)]
        made[f"web-{n}"] = SimGuest(f"web-{n}", home, {home})
    units = {
        "nfs1": SimUnit("nfs1", "StorageExport"),
        "nfs2": SimUnit("nfs2", "StorageExport"),
        "shop": SimUnit("shop", "Service"),
    }
    return World({name: SimHost(name) for name in names}, made, units)
