"""A campus: two rooms' worth of racks, and all that an operator keeps running in them.

Every thing is made after what it needs, so its index is an order in which a failure travels;
only load, queues and failovers go the other way.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from random import Random

HOSTS = (11, 40)  # about 27 things a host
MANY = (60, 100)
KINDS = {
    "rack": "Rack",
    "ups": "PowerFeed",
    "pdu": "PowerFeed",
    "uplink": "Network",
    "edge": "Router",
    "internet": "Network",
    "spine": "Switch",
    "tor": "Switch",
    "san": "Switch",
    "vlan": "Network",
    "bmc": "Bmc",
    "port": "SwitchPort",
    "nic": "Nic",
    "bond": "Bond",
    "host": "Host",
    "bridge": "Network",
    "exporter": "Probe",
    "snmp": "Probe",
    "prometheus": "Probe",
    "array": "StorageArray",
    "controller": "StorageController",
    "path": "StoragePath",
    "disk": "Disk",
    "osd": "ServiceInstance",
    "mon": "ServiceInstance",
    "raid": "StoragePool",
    "export": "StorageExport",
    "pool": "StoragePool",
    "volume": "Volume",
    "vm": "VirtualMachine",
    "kube": "Cluster",
    "pod": "Pod",
    "resolver": "ServiceInstance",
    "helper": "Service",
    "member": "Database",
    "database": "Database",
    "queue": "Queue",
    "cache": "Service",
    "instance": "ServiceInstance",
    "service": "Service",
    "balancer": "LoadBalancer",
    "certificate": "ConfigItem",
    "vip": "Endpoint",
    "application": "Application",
}


class Way(Enum):
    """What goes from a supplier to who needs it."""

    HOST = "a machine to run on"
    POWER = "current"
    COOL = "air"
    NET = "packets"
    STORE = "blocks"
    CALL = "answers"
    PART = "its parts' work"


@dataclass(frozen=True, slots=True)
class Gate:
    """One need: of `members`, `need` have to work.

    Attributes:
        heed: share of the owner's work that comes to nothing without it, in [0, 1].
        patience: seconds that the owner lives on what it remembers.
    """

    owner: int
    way: Way
    type: str
    members: tuple[int, ...]
    need: int = 1
    heed: float = 1.0
    patience: float = 0.0


class Estate:
    """Things by index, their needs, and what the lists of the operator say besides."""

    def __init__(self, rng: Random, hosts: tuple[int, int] = HOSTS) -> None:
        """Draw a campus of so many hosts."""
        self.rng = rng
        self.roles: list[str] = []
        self.gates: dict[int, list[Gate]] = defaultdict(list)
        self.serves: dict[int, list[Gate]] = defaultdict(list)
        self.listed: list[tuple[int, str, int]] = []  # relations without a physics
        self.parts: dict[int, tuple[int, ...]] = {}  # host -> host, bridge, paths: what guests use
        self.watcher: dict[int, int] = {}  # machine or device -> the exporter that tells of it
        self.consumers: dict[int, list[int]] = defaultdict(list)  # queue -> who empties it
        self.restarts = rng.random() < 0.5  # guests of a dead host are started elsewhere
        self._site(round(math.exp(rng.uniform(*map(math.log, hosts)))))
        self._guests()
        self._helpers()
        self._software()

    def of(self, *roles: str) -> list[int]:
        """Return all things of these roles."""
        return [i for i, role in enumerate(self.roles) if role in roles]

    def machine(self, thing: int) -> int | None:
        """Return the host or guest that a thing runs on, or that it is."""
        while self.roles[thing] not in ("host", "vm"):
            on = next((g for g in self.gates[thing] if g.way is Way.HOST), None)
            if on is None:
                return None
            thing = on.members[0]
        return thing

    def _add(self, role: str) -> int:
        self.roles.append(role)
        return len(self.roles) - 1

    def _need(
        self,
        owner: int,
        way: Way,
        type_: str,
        on: Sequence[int] | int,
        need: int = 1,
        **how: float,
    ) -> None:
        members = (on,) if isinstance(on, int) else tuple(on)
        gate = Gate(owner, way, type_, members, need, **how)
        self.gates[owner].append(gate)
        for member in members:
            self.serves[member].append(gate)

    def _site(self, hosts: int) -> None:
        rng = self.rng
        ups = [self._add("ups") for _ in range(2)]
        uplinks = [self._add("uplink") for _ in range(2)]
        edges = [self._add("edge") for _ in uplinks]
        for edge, uplink in zip(edges, uplinks, strict=True):
            self._need(edge, Way.POWER, "POWERED_BY", ups)
            self._need(edge, Way.NET, "CONNECTED_TO", uplink)
        self._need(self._add("internet"), Way.NET, "CONNECTED_TO", edges)
        spines = [self._add("spine") for _ in range(2 if hosts < 40 else 4)]
        sans = [self._add("san") for _ in range(2)]
        for switch in (*spines, *sans):
            self._need(switch, Way.POWER, "POWERED_BY", ups)
        for _ in range(3 + hosts // 25):
            self._need(self._add("vlan"), Way.NET, "CONNECTED_TO", spines)
        for _ in range(1 + hosts // 50):
            array = self._add("array")
            self._need(array, Way.POWER, "POWERED_BY", ups)
            for _ in range(2):
                self._need(self._add("controller"), Way.HOST, "RUNS_ON", array)
        per_rack = rng.randint(5, 12)
        for number in range(hosts):
            if number % per_rack == 0:
                rack, pdus = self._add("rack"), [self._add("pdu") for _ in range(2)]
                tors = [self._add("tor") for _ in range(2)]
                for pdu, tor, one in zip(pdus, tors, ups, strict=True):
                    self._need(pdu, Way.POWER, "POWERED_BY", one)
                    self._need(tor, Way.POWER, "POWERED_BY", pdu)
                    self._need(tor, Way.NET, "CONNECTED_TO", spines)
            self._host(rack, pdus, tors)
        self._storage()

    def _host(self, rack: int, pdus: list[int], tors: list[int]) -> None:
        nics = []
        for tor in tors:
            port, nic = self._add("port"), self._add("nic")
            self._need(port, Way.NET, "CONNECTED_TO", tor)
            self._need(nic, Way.NET, "CONNECTED_TO", port)
            nics.append(nic)
        bond, host, bmc, bridge = (self._add(r) for r in ("bond", "host", "bmc", "bridge"))
        self._need(bond, Way.NET, "USES", nics)
        self._need(host, Way.POWER, "POWERED_BY", pdus)
        self._need(host, Way.NET, "USES", bond)
        self._need(host, Way.COOL, "LOCATED_IN", rack)
        self._need(bmc, Way.POWER, "POWERED_BY", pdus)
        self._need(bridge, Way.NET, "CONNECTED_TO", bond)
        self._watch(host)
        self.parts[host] = (host, bridge)

    def _watch(self, machine: int) -> None:
        exporter = self._add("exporter")
        self._need(exporter, Way.HOST, "RUNS_ON", machine)
        self.watcher[machine] = exporter

    def _storage(self) -> None:
        rng, hosts = self.rng, self.of("host")
        keepers = rng.sample(hosts, max(3, len(hosts) // 9) + 1)
        filer, keepers = keepers[0], keepers[1:]
        osds, each = [], rng.randint(2, 4)
        for host in keepers:
            for _ in range(each):
                disk, osd = self._add("disk"), self._add("osd")
                self._need(osd, Way.HOST, "RUNS_ON", host)
                self._need(osd, Way.STORE, "STORED_ON", disk)
                osds.append(osd)
        mons = [self._add("mon") for _ in range(3)]
        for mon, host in zip(mons, keepers, strict=False):
            self._need(mon, Way.HOST, "RUNS_ON", host)
        for _ in range(2):
            pool = self._add("pool")
            self._need(pool, Way.STORE, "STORED_ON", osds, len(osds) - each)
            self._need(pool, Way.PART, "USES", mons, 2)
        disks = [self._add("disk") for _ in range(6)]
        raid = self._add("raid")
        self._need(raid, Way.STORE, "STORED_ON", disks, 5)
        export, pool = self._add("export"), self._add("pool")
        self._need(export, Way.HOST, "RUNS_ON", filer)
        self._need(export, Way.STORE, "STORED_ON", raid)
        self._need(pool, Way.STORE, "STORED_ON", export)
        for array in self.of("array"):
            self._need(self._add("pool"), Way.STORE, "STORED_ON", array)
        self.hypervisors = [h for h in hosts if h not in {filer, *keepers}]
        for host in self.hypervisors:
            for array in self.of("array"):
                controllers = [g.owner for g in self.serves[array] if g.way is Way.HOST]
                for san, controller in zip(self.of("san"), controllers, strict=True):
                    path = self._add("path")
                    self._need(path, Way.NET, "CONNECTED_TO", san)
                    self._need(path, Way.STORE, "USES", controller)
                    self.parts[host] += (path,)

    def _guests(self) -> None:
        rng, pools, arrays = self.rng, self.of("pool"), self.of("array")
        for host in self.hypervisors:
            for _ in range(rng.randint(3, 6)):
                volume, vm = self._add("volume"), self._add("vm")
                pool = rng.choice(pools)
                self._need(volume, Way.STORE, "STORED_ON", pool)
                self._need(vm, Way.HOST, "RUNS_ON", host)
                self._need(vm, Way.NET, "ATTACHED_TO", self.parts[host][1])
                self._need(vm, Way.NET, "ATTACHED_TO", rng.choice(self.of("vlan")))
                self._need(vm, Way.STORE, "STORED_ON", volume)
                on = self.gates[pool][0].members[0]
                if on in arrays:
                    at = 2 + 2 * arrays.index(on)
                    self._need(vm, Way.STORE, "USES", self.parts[host][at : at + 2])
                self._watch(vm)
        self.free = self.of("vm")
        rng.shuffle(self.free)

    def _on_guests(self, role: str, count: int) -> list[int]:
        """Return so many new things, each on a guest of its own while there are any."""
        made = []
        for _ in range(count):
            vm = self.free.pop() if self.free else self.rng.choice(self.of("vm"))
            made.append(self._add(role))
            self._need(made[-1], Way.HOST, "RUNS_ON", vm)
        return made

    def _helpers(self) -> None:
        self.helpers = []
        for _ in ("names", "accounts", "time"):
            copies = self._on_guests("resolver", 2)
            self.helpers.append(self._add("helper"))
            self._need(self.helpers[-1], Way.PART, "USES", copies)
        (snmp,), (prometheus,) = self._on_guests("snmp", 1), self._on_guests("prometheus", 1)
        for device in self.of("spine", "tor", "san", "edge", "pdu", "ups", "array"):
            self.watcher[device] = snmp
        self.listed += [(thing, "WATCHED_BY", by) for thing, by in self.watcher.items()]
        self.listed += [(e, "WATCHED_BY", prometheus) for e in self.of("exporter")]

    def _software(self) -> None:
        guests = len(self.of("vm"))
        masters = [self.free.pop() for _ in range(3)]
        workers = [self.free.pop() for _ in range(max(2, guests // 4))]
        kube = self._add("kube")
        self._need(kube, Way.PART, "USES", masters, 2)
        self.listed += [(vm, "MEMBER_OF", kube) for vm in (*masters, *workers)]
        self.queues = self._on_guests("queue", max(1, guests // 30))
        self.caches = self._on_guests("cache", max(1, guests // 30))
        self.databases = [self._database() for _ in range(max(1, guests // 14))]
        tiers: list[list[int]] = [[], [], []]
        count = max(6, guests // 4)
        for number in range(count):
            tier = number * 3 // count
            callees = tiers[tier - 1] if tier else self.databases
            tiers[tier].append(self._service(tier, callees, workers))
        self._front(tiers[2])

    def _database(self) -> int:
        members = []
        for _ in range(self.rng.randint(2, 3)):
            volume = self._add("volume")
            self._need(volume, Way.STORE, "STORED_ON", self.rng.choice(self.of("pool")))
            members += self._on_guests("member", 1)
            self._need(members[-1], Way.STORE, "STORED_ON", volume)
        for copy in members[1:]:
            self._need(copy, Way.CALL, "CALLS", members[0], heed=0.0)
        database = self._add("database")
        self._need(database, Way.PART, "USES", members)
        return database

    def _service(self, tier: int, callees: list[int], workers: list[int]) -> int:
        rng = self.rng
        if rng.random() < 0.55:
            parts = [self._add("pod") for _ in range(rng.randint(2, 5))]
            for pod in parts:
                self._need(pod, Way.HOST, "RUNS_ON", rng.choice(workers))
        else:
            parts = self._on_guests("instance", rng.randint(1, 3))
        service = self._add("service")
        self._need(service, Way.PART, "USES", parts)
        called = dict.fromkeys(rng.choices(callees, k=rng.randint(1, 3)))
        if tier and rng.random() < 0.5:
            called[rng.choice(self.databases)] = None
        for callee in called:
            self._need(service, Way.CALL, "CALLS", callee, heed=rng.uniform(0.3, 1))
        if rng.random() < 0.3:
            self._need(service, Way.CALL, "CALLS", rng.choice(self.caches), heed=0.1)
        if rng.random() < 0.35:
            queue = rng.choice(self.queues)
            self._need(service, Way.CALL, "CALLS", queue, heed=rng.uniform(0.2, 0.7))
            if tier == 0:
                self.consumers[queue].append(service)
        names, accounts, _ = self.helpers
        self._need(service, Way.CALL, "CALLS", names, heed=0.5, patience=rng.uniform(60, 900))
        if tier == 2:  # who serves people asks who they are
            self._need(service, Way.CALL, "CALLS", accounts, heed=0.4, patience=300)
        return service

    def _front(self, services: list[int]) -> None:
        pair = self._on_guests("balancer", 2)
        (internet,) = self.of("internet")
        self.listed += [(one, "BALANCES", service) for one in pair for service in services]
        for service in services:
            certificate, vip, application = (
                self._add(r) for r in ("certificate", "vip", "application")
            )
            self._need(vip, Way.PART, "USES", certificate)
            self._need(vip, Way.PART, "RUNS_ON", pair)
            if self.rng.random() < 0.6:
                self._need(vip, Way.NET, "ATTACHED_TO", internet)
            self._need(application, Way.CALL, "CALLS", vip)
            self._need(application, Way.CALL, "CALLS", service)
