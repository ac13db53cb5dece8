"""A data centre with two of everything, as its planner would draw it: parts, and what each needs.

What is drawn here is true; what a bundle says of it is another matter (`datacentre_survey`). How
a relation is called is the habit of a house: each estate draws its own among those that fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from math import ceil, exp, log
from random import Random
from typing import NamedTuple


class Way(Enum):
    """By which way a need is felt; the number is the channel that it is felt in."""

    POWER = 0
    PART = -1  # what it is made of: felt in its own running
    NET = 1
    STORE = 2
    CALL = 3
    HOSTING = -2  # all that happens to the host happens to it, channel by channel


CHANNELS = 4  # running, network, storage, calls


class Part(NamedTuple):
    """What is usual of a role: its kind, how busy it is, and how fast it shows a change."""

    kind: str
    least: float  # of its capacity in use on a good day, from ... to
    most: float
    haste: float  # share of the way to its new state that it goes in one step


PARTS = {
    "feed": Part("PowerFeed", 0.30, 0.48, 1.0),
    "pdu": Part("PowerFeed", 0.25, 0.52, 1.0),
    "core": Part("Switch", 0.20, 0.45, 0.9),
    "tor": Part("Switch", 0.15, 0.45, 0.9),
    "san": Part("Switch", 0.20, 0.50, 0.9),
    "nic": Part("Nic", 0.10, 0.45, 0.9),
    "bond": Part("Bond", 0.10, 0.40, 0.8),
    "host": Part("Host", 0.30, 0.70, 0.7),
    "path": Part("StoragePath", 0.15, 0.50, 0.7),
    "controller": Part("StorageController", 0.25, 0.60, 0.6),
    "array": Part("StorageArray", 0.20, 0.60, 0.6),
    "disk": Part("Disk", 0.20, 0.60, 0.6),
    "pool": Part("StoragePool", 0.20, 0.60, 0.5),
    "volume": Part("Volume", 0.10, 0.60, 0.5),
    "vlan": Part("Network", 0.10, 0.40, 0.8),
    "vm": Part("VirtualMachine", 0.20, 0.60, 0.5),
    "copy": Part("ServiceInstance", 0.35, 0.75, 0.4),
    "service": Part("Service", 0.30, 0.60, 0.4),
    "balancer": Part("LoadBalancer", 0.20, 0.50, 0.5),
    "endpoint": Part("Endpoint", 0.20, 0.40, 0.6),
    "app": Part("Application", 0.20, 0.40, 0.4),
    "database": Part("Database", 0.30, 0.70, 0.4),
    "queue": Part("Queue", 0.20, 0.60, 0.3),
    "dns": Part("Service", 0.20, 0.50, 0.5),
    "certificate": Part("ConfigItem", 0.10, 0.20, 1.0),
    "settings": Part("ConfigItem", 0.10, 0.20, 1.0),
    "probe": Part("Probe", 0.20, 0.50, 0.8),
    "rack": Part("Rack", 0.10, 0.20, 1.0),
}


class Gate(NamedTuple):
    """One need of one part.

    Attributes:
        owner: who has it.
        suppliers: who can serve it, in turn or together.
        need: below so many that live, it is not served at all; the others share the work.
        said: the number that the plan names, from what the others could carry.
        heed: how much of the suppliers' trouble is felt, 0 to 1.
    """

    owner: int
    way: Way
    type: str
    suppliers: tuple[int, ...]
    need: int
    said: int
    heed: float
    group: str | None


class Estate:
    """Parts by number, and their needs."""

    def __init__(self, rng: Random, size: tuple[int, int]) -> None:
        self.rng = rng
        self.roles: list[str] = []
        self.kinds: list[str] = []
        self._by_role: dict[str, list[int]] = {}
        self.gates: list[Gate] = []
        self.listed: list[tuple[int, str, int]] = []  # relations that carry nothing
        self.house = _house(rng)
        self._build(round(exp(rng.uniform(log(size[0]), log(size[1])))))

    def of(self, role: str) -> list[int]:
        """Return the parts of one role."""
        return self._by_role.get(role, [])

    def needs(self, part: int, way: Way) -> list[Gate]:
        """Return what a part needs by one way."""
        return [gate for gate in self.gates if gate.owner == part and gate.way is way]

    def _add(self, role: str) -> int:
        self._by_role.setdefault(role, []).append(len(self.roles))
        self.roles.append(role)
        self.kinds.append("Container" if role == self.house["copies"] else PARTS[role].kind)
        return len(self.roles) - 1

    def _pair(self, role: str, count: int = 2) -> list[int]:
        return [self._add(role) for _ in range(count)]

    def _need(
        self,
        owner: int,
        way: Way,
        type_: str,
        suppliers: Sequence[int],
        *,
        need: int = 1,
        said: int | None = None,
        heed: float = 1.0,
    ) -> None:
        group = f"{way.name.lower()}-{len(self.gates)}" if len(suppliers) > 1 else None
        self.gates.append(
            Gate(owner, way, type_, tuple(suppliers), need, said or need, heed, group)
        )

    def _build(self, size: int) -> None:
        hosts = max(10, round((size - 60) / 20))
        racks = ceil(hosts / 8)
        halls = [self._pair("feed") for _ in range(ceil(racks / 6))]
        self.core = self._pair("core")
        for one, feed in zip(self.core, halls[0], strict=True):
            self._need(one, Way.POWER, "POWERED_BY", [feed])
        self.fabric = self._pair("san")
        for one in self.fabric:
            self._need(one, Way.POWER, "POWERED_BY", halls[0])
        self.pools = [
            pool
            for _ in range(max(1, round(hosts / 25)))
            for pool in self._array(self.rng.choice(halls))
        ]
        self.vlans = self._pair("vlan", self.rng.randint(2, 5))
        for vlan in self.vlans:
            self._need(vlan, Way.NET, "CONNECTED_TO", self.core)
        self.hosts: list[int] = []
        for number in range(racks):
            self._rack(halls[number % len(halls)], min(8, hosts - 8 * number))
        self.dns = self._tier("dns", 2, callees=False)
        while len(self.roles) < size - 10:
            self._application()
        self._probes()

    def _array(self, feeds: list[int]) -> list[int]:
        array = self._add("array")
        self._need(array, Way.POWER, "POWERED_BY", feeds)
        controllers = self._pair("controller")
        for one, fabric in zip(controllers, self.fabric, strict=True):
            self._need(one, Way.PART, "RUNS_ON", [array])
            self._need(one, Way.NET, "CONNECTED_TO", [fabric])
        pools = []
        for _ in range(self.rng.randint(1, 3)):
            pool = self._add("pool")
            disks = self._pair("disk", self.rng.randint(5, 9))
            spare = self.rng.choice([1, 2])
            self._need(pool, Way.PART, "STORED_ON", disks, need=len(disks) - spare)
            self._need(pool, Way.STORE, self.house["served"], controllers)
            pools.append(pool)
        return pools

    def _rack(self, feeds: list[int], hosts: int) -> None:
        rack = self._add("rack")
        pdus = self._pair("pdu")
        for pdu, feed in zip(pdus, feeds, strict=True):
            self._need(pdu, Way.POWER, "POWERED_BY", [feed])
        tors = self._pair("tor")
        for tor, pdu in zip(tors, pdus, strict=True):
            self._need(tor, Way.POWER, "POWERED_BY", [pdu])
            self._need(tor, Way.NET, "CONNECTED_TO", self.core)
        for _ in range(hosts):
            host = self._add("host")
            self.hosts.append(host)
            self.listed.append((host, "LOCATED_IN", rack))
            self._need(host, Way.POWER, "POWERED_BY", pdus)
            nics = self._pair("nic")
            for nic, tor in zip(nics, tors, strict=True):
                self._need(nic, Way.NET, "CONNECTED_TO", [tor])
            bond = self._add("bond")
            self._need(bond, Way.PART, "USES", nics)
            self._need(host, Way.NET, self.house["bonded"], [bond])
            paths = self._pair("path")
            for path, fabric in zip(paths, self.fabric, strict=True):
                self._need(path, Way.NET, self.house["cabled"], [fabric])
            self._need(host, Way.STORE, "USES", paths)

    def _vm(self) -> int:
        vm, volume = self._add("vm"), self._add("volume")
        self._need(volume, Way.STORE, "STORED_ON", [self.rng.choice(self.pools)])
        self._need(vm, Way.HOSTING, "RUNS_ON", [self.rng.choice(self.hosts)])
        self._need(vm, Way.STORE, self.house["kept"], [volume])
        self._need(vm, Way.NET, "ATTACHED_TO", [self.rng.choice(self.vlans)])
        return vm

    def _tier(self, role: str, copies: int, *, callees: bool = True) -> int:
        """Add a service with so many copies; it asks the dns, if it asks anybody."""
        service = self._add(role)
        made = []
        for _ in range(copies):
            copy = self._add("copy")
            self._need(copy, Way.HOSTING, "RUNS_ON", [self._vm()])
            made.append(copy)
        said = max(1, ceil(copies * self.rng.uniform(0.45, 0.75) - 1e-9))
        self._need(service, Way.PART, self.house["made"], made, said=min(said, copies))
        if callees:
            heed = self.rng.uniform(0.3, 0.9)
            self._need(service, Way.CALL, self.house["asks"], [self.dns], heed=heed)
            if self.rng.random() < 0.4:
                self._need(service, Way.CALL, "USES", [self._add("settings")])
        return service

    def _store(self, role: str) -> int:
        store, volume = self._add(role), self._add("volume")
        self._need(volume, Way.STORE, "STORED_ON", [self.rng.choice(self.pools)])
        self._need(store, Way.HOSTING, "RUNS_ON", [self._vm()])
        self._need(store, Way.STORE, "STORED_ON", [volume])
        return store

    def _application(self) -> None:
        """Add tiers that call each other downwards, a way in for users, and what they share."""
        rng = self.rng
        stores = [[self._store("database") for _ in range(rng.randint(1, 2))] for _ in "ab"]
        queue = [self._store("queue")]
        tiers: list[int] = []
        for _ in range(rng.randint(2, 5)):
            tier = self._tier("service", rng.randint(2, 6))
            callees = [[rng.choice(tiers)] for _ in range(rng.randint(1, 2)) if tiers]
            callees.append(rng.choice([*stores, *stores, queue]))
            for callee in callees:
                heed = rng.uniform(0.4, 1.0)
                self._need(tier, Way.CALL, "CALLS", callee, heed=heed)
            tiers.append(tier)
        app, endpoint, balancer = self._add("app"), self._add("endpoint"), self._add("balancer")
        self._need(balancer, Way.HOSTING, "RUNS_ON", [self._vm()])
        self._need(balancer, Way.CALL, "BALANCES", [tiers[-1]])
        self._need(endpoint, Way.CALL, self.house["fronted"], [balancer])
        self._need(endpoint, Way.CALL, self.house["proved"], [self._add("certificate")])
        self._need(app, Way.CALL, self.house["shown"], [endpoint])

    def _probes(self) -> None:
        """Give every part that is watched one probe; they run on guests like the rest."""
        probes = self._pair("probe", max(2, len(self.hosts) // 30))
        self.watcher: dict[int, int] = {}
        for probe in probes:
            self._need(probe, Way.HOSTING, "RUNS_ON", [self._vm()])
        for part, role in enumerate(self.roles):
            if role not in ("probe", "rack", "settings"):
                self.watcher[part] = self.rng.choice(probes)


def _house(rng: Random) -> dict[str, str]:
    """Draw how this house calls what could be called otherwise."""
    return {
        "copies": rng.choice(["copy", ""]),
        "served": rng.choice(["USES", "DEPENDS_ON"]),
        "bonded": rng.choice(["USES", "CONNECTED_TO"]),
        "cabled": rng.choice(["CONNECTED_TO", "ATTACHED_TO", "DEPENDS_ON"]),
        "kept": rng.choice(["STORED_ON", "STORED_ON", "USES"]),
        "made": rng.choice(["USES", "RUNS_ON", "DEPENDS_ON"]),
        "asks": rng.choice(["CALLS", "DEPENDS_ON", "USES"]),
        "fronted": rng.choice(["DEPENDS_ON", "RUNS_ON", "CALLS"]),
        "proved": rng.choice(["USES", "DEPENDS_ON"]),
        "shown": rng.choice(["USES", "CALLS", "DEPENDS_ON"]),
    }
