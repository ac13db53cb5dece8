"""A retailer's estate: a centre, and many small sites that live from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from random import Random

KINDS = {
    # the centre
    "mains": "PowerFeed", "ups": "PowerFeed", "core": "Switch", "firewall": "Router",
    "hub": "Router", "carrier": "Network", "card": "Nic", "bond": "Bond", "node": "Host",
    "controller": "StorageController", "array": "StorageArray", "lun": "StoragePool",
    "volume": "Volume", "guest": "VirtualMachine", "names": "Service", "accounts": "Service",
    "licences": "Service", "provider": "Endpoint", "database": "Database",
    "broker": "Queue", "pod": "Pod", "service": "Service", "certificate": "ConfigItem",
    "ingress": "LoadBalancer", "ring": "ConfigItem", "poller": "Probe", "portal": "Application",
    # a site
    "street": "PowerFeed", "battery": "PowerFeed", "cabinet": "Rack", "line": "Network",
    "lte": "Network", "router": "Router", "switch": "Switch", "port": "Nic", "machine": "Host",
    "lan": "Network", "disk": "Disk", "export": "StorageExport", "pool": "StoragePool",
    "vm": "VirtualMachine", "replica": "Database", "outbox": "Queue", "pos": "Service",
    "till": "Host", "wifi": "Switch", "agent": "Probe", "shop": "Application", "site": "Site",
}  # fmt: skip
MINUTE, HOUR = 60.0, 3600.0
Range = tuple[int, int]
SITES, MANY = (30, 75), (90, 150)


class Way(Enum):
    """What of a thing passes over to who needs it."""

    POWER = auto()
    HEAT = auto()
    HOST = auto()
    NET = auto()  # all members carry a share
    SPARE = auto()  # the first that works carries everything
    STORE = auto()  # what is written goes to all members
    PART = auto()  # copies that share the work
    LOCAL = auto()  # asked within the site
    CALL = auto()  # asked over the wide network
    FORWARD = auto()  # handed on when it can be
    RULE = auto()  # a certificate, a release


@dataclass(frozen=True, slots=True)
class Gate:
    """What one thing needs of some others.

    Attributes:
        need: members that must work.
        share: of the requests that go there, in (0, 1].
        patience: seconds before its loss is felt: a battery, a cache, a grace, a takeover.
    """

    owner: int
    type: str
    members: tuple[int, ...]
    way: Way
    need: int = 1
    share: float = 1.0
    patience: float = 0.0


class Estate:
    """Things by number, each made after what it needs.

    Attributes:
        roles: of each thing, a key of `KINDS`.
        site: of each thing, the number of its site; -1 in the centre.
        listed: relations that carry nothing, which the lists have nevertheless.
        agents: machine -> the exporter on it; sites without any are blind but for pings.
        refuge: guest -> (seconds, host) where it is started again.
    """

    def __init__(self, rng: Random, sites: Range) -> None:
        self.rng = rng
        self.roles: list[str] = []
        self.site: list[int] = []
        self.gates: defaultdict[int, list[Gate]] = defaultdict(list)
        self.serves: defaultdict[int, list[Gate]] = defaultdict(list)
        self.listed: list[tuple[int, str, int]] = []
        self.agents: dict[int, int] = {}
        self.refuge: dict[int, tuple[float, int]] = {}
        self._here = -1
        self._centre()
        for self._here in range(rng.randint(*sites)):
            self._site()

    def of(self, *roles: str) -> list[int]:
        """Return the things of some roles."""
        return [thing for thing, role in enumerate(self.roles) if role in roles]

    def members(self, thing: int, way: Way) -> tuple[int, ...]:
        """Return everything that a thing needs in one way."""
        return tuple(m for gate in self.gates[thing] if gate.way is way for m in gate.members)

    def machine(self, thing: int) -> int | None:
        """Return the host that a thing runs on, itself if it is one, or None."""
        while self.roles[thing] not in ("node", "machine", "till"):
            under = self.members(thing, Way.HOST)
            if not under:
                return None
            thing = under[0]
        return thing

    def _new(self, role: str) -> int:
        self.roles.append(role)
        self.site.append(self._here)
        return len(self.roles) - 1

    def _many(self, role: str, count: int) -> list[int]:
        return [self._new(role) for _ in range(count)]

    def _gate(
        self,
        owner: int,
        type_: str,
        members: int | Sequence[int],
        way: Way,
        need: int = 1,
        share: float = 1.0,
        patience: float = 0.0,
    ) -> None:
        some = (members,) if isinstance(members, int) else tuple(members)
        gate = Gate(owner, type_, some, way, need, share, patience)
        self.gates[owner].append(gate)
        for one in some:
            self.serves[one].append(gate)

    def _centre(self) -> None:
        rng = self.rng
        feeds = []
        for mains in self._many("mains", 2):
            feeds.append(self._new("ups"))
            self._gate(feeds[-1], "POWERED_BY", mains, Way.POWER, patience=rng.uniform(600, 5400))
        self.cores = self._many("core", 2)
        walls, self.hubs = self._many("firewall", 2), self._many("hub", 2)
        self.carriers = self._many("carrier", 2)
        for thing in (*self.cores, *walls, *self.hubs):
            self._gate(thing, "POWERED_BY", feeds, Way.POWER)
        for wall in walls:
            self._gate(wall, "CONNECTED_TO", self.cores, Way.NET)
        active = rng.sample(walls, 2)
        for hub in self.hubs:
            takeover = rng.uniform(20, 120)
            self._gate(hub, "CONNECTED_TO", active, Way.SPARE, patience=takeover)
        nodes = [self._node(feeds) for _ in range(rng.randint(4, 9))]
        array = self._new("array")
        self._gate(array, "POWERED_BY", feeds, Way.POWER)
        controllers = self._many("controller", 2)
        for one in controllers:
            self._gate(one, "RUNS_ON", array, Way.HOST)
        luns = self._many("lun", rng.randint(2, 4))
        for lun in luns:
            self._gate(lun, "STORED_ON", array, Way.STORE)
            self._gate(lun, "USES", controllers, Way.STORE)
        self.nodes, self.luns = nodes, luns
        self._helpers()
        self._shared()

    def _node(self, feeds: Sequence[int]) -> int:
        cards = self._many("card", 2)
        for card, core in zip(cards, self.cores, strict=True):
            self._gate(card, "CONNECTED_TO", core, Way.NET)
        bond = self._new("bond")
        self._gate(bond, "USES", cards, Way.NET)
        node = self._new("node")
        self._gate(node, "POWERED_BY", feeds, Way.POWER)
        self._gate(node, "USES", bond, Way.NET)
        return node

    def _guest(self) -> int:
        rng = self.rng
        volume = self._new("volume")
        self._gate(volume, "STORED_ON", rng.choice(self.luns), Way.STORE)
        guest = self._new("guest")
        node, other = rng.sample(self.nodes, 2)
        self._gate(guest, "RUNS_ON", node, Way.HOST)
        self._gate(guest, "STORED_ON", volume, Way.STORE)
        if rng.random() < 0.75:
            self.refuge[guest] = (rng.uniform(120, 400), other)
        return guest

    def _on(self, role: str, guest: int) -> int:
        thing = self._new(role)
        self._gate(thing, "RUNS_ON", guest, Way.HOST)
        return thing

    def _helpers(self) -> None:
        """Make what everybody asks: names, accounts, licences, data, what carries sales."""
        rng = self.rng
        self.names = [self._on("names", self._guest()) for _ in range(2)]
        self.accounts = [self._on("accounts", self._guest()) for _ in range(rng.randint(1, 2))]
        self.licences = self._on("licences", self._guest())
        self.providers = self._many("provider", 2)  # of cards, of gift cards
        self.databases = [self._on("database", self._guest()) for _ in range(3)]
        self.brokers = [self._on("broker", self._guest()) for _ in range(rng.randint(1, 2))]
        self.poller = self._on("poller", self._guest())
        for database in self.databases:
            self._ask(database, self.accounts, 0.1, 1200)

    def _shared(self) -> None:
        """Make services in the cluster of containers, their way in, and rings of releases."""
        rng = self.rng
        workers = [self._guest() for _ in range(rng.randint(3, 6))]
        behind: list[int] = []
        for number in range(rng.randint(6, 10)):
            chosen = rng.sample(workers, rng.randint(2, 3))
            pods = [self._on("pod", worker) for worker in chosen]
            service = self._new("service")
            self._gate(service, "RUNS_ON", pods, Way.PART)
            if number < 2:
                self._ask(service, [self.providers[number]], 0.8, 0)
            self._ask(service, [rng.choice(self.databases)], rng.uniform(0.3, 0.9), 0)
            if behind and rng.random() < 0.6:
                self._ask(service, [rng.choice(behind)], rng.uniform(0.2, 0.7), 0)
            if rng.random() < 0.4:
                self._ask(service, [rng.choice(self.brokers)], 0.3, rng.uniform(60, 600))
            self._ask(service, self.names, 0.5, rng.uniform(60, 900))
            if rng.random() < 0.5:
                self._ask(service, self.accounts, 0.3, rng.uniform(300, 1800))
            behind.append(service)
        self.services = behind
        certificate = self._new("certificate")
        self.ways = []
        for _ in range(2):
            way = self._on("ingress", rng.choice(workers))
            self._gate(way, "USES", certificate, Way.RULE)
            self._gate(way, "BALANCES", rng.sample(behind, 4), Way.CALL, share=0.25)
            self.ways.append(way)
        for _ in range(2):
            portal = self._new("portal")
            self._ask(portal, [rng.choice(self.ways)], 1, 0)
            self._ask(portal, [rng.choice(behind)], 0.5, 0)
        self.rings = self._many("ring", 3)

    def _ask(self, who: int, whom: Sequence[int], share: float, patience: float) -> None:
        self._gate(who, "CALLS", whom, Way.CALL, share=share, patience=patience)

    def _site(self) -> None:
        rng = self.rng
        power, cabinet = self._new("street"), self._new("cabinet")
        if rng.random() < 0.6:
            battery = self._new("battery")
            self._gate(battery, "POWERED_BY", power, Way.POWER, patience=rng.uniform(300, 2700))
            power = battery
        switches, router = self._network(power)
        lan = self._new("lan")
        self._gate(lan, "CONNECTED_TO", switches, Way.NET)
        machines = [self._machine(power, switches) for _ in range(rng.choice((1, 1, 2)))]
        for thing in (router, *switches, *machines):
            self._gate(thing, "LOCATED_IN", cabinet, Way.HEAT)
        vms = self._vms(machines, lan)
        pos = self._software(vms)
        tills = self._many("till", rng.randint(2, 5))
        for till in tills:
            self._gate(till, "CONNECTED_TO", rng.choice(switches), Way.NET)
            self._gate(till, "CALLS", pos, Way.LOCAL)
        for wifi in self._many("wifi", rng.randint(0, 2)):
            self._gate(wifi, "CONNECTED_TO", rng.choice(switches), Way.NET)
        shop, site = self._new("shop"), self._new("site")
        self._gate(shop, "CALLS", pos, Way.LOCAL)
        self._gate(shop, "USES", tills, Way.PART)
        self._gate(site, "USES", router, Way.NET)
        self.listed += [(thing, "LOCATED_IN", site) for thing in (shop, cabinet)]
        if rng.random() < 0.8:
            for machine in machines:
                agent = self._on("agent", machine)
                self.agents[machine] = agent
                self.listed.append((machine, "WATCHED_BY", agent))
        self.listed += [(one, "WATCHED_BY", self.poller) for one in (router, *switches)]

    def _network(self, power: int) -> tuple[list[int], int]:
        rng = self.rng
        ways = []
        for role in ("line", "lte")[: 2 if rng.random() < 0.6 else 1]:
            way = self._new(role)
            carrier = self.carriers[role == "lte" or rng.random() < 0.3]
            self._gate(way, "DEPENDS_ON", carrier, Way.NET)
            hubs = rng.sample(self.hubs, 2)
            self._gate(way, "CONNECTED_TO", hubs, Way.SPARE, patience=rng.uniform(30, 300))
            ways.append(way)
        router = self._new("router")
        self._gate(router, "POWERED_BY", power, Way.POWER)
        self._gate(router, "CONNECTED_TO", ways, Way.SPARE, patience=rng.uniform(30, 200))
        switches: list[int] = []
        for _ in range(rng.choice((1, 1, 2))):
            switch = self._new("switch")
            self._gate(switch, "POWERED_BY", power, Way.POWER)
            above = router if not switches or rng.random() < 0.5 else switches[0]
            self._gate(switch, "CONNECTED_TO", above, Way.NET)
            switches.append(switch)
        return switches, router

    def _machine(self, power: int, switches: Sequence[int]) -> int:
        ports = self._many("port", len(switches))
        for port, switch in zip(ports, switches, strict=True):
            self._gate(port, "CONNECTED_TO", switch, Way.NET)
        machine = self._new("machine")
        self._gate(machine, "POWERED_BY", power, Way.POWER)
        self._gate(machine, "USES", ports, Way.NET)
        return machine

    def _vms(self, machines: Sequence[int], lan: int) -> list[int]:
        """Return the guests: of two machines with one pool that is kept twice, or of each."""
        rng = self.rng
        twice = len(machines) == 2 and rng.random() < 0.6
        pools = []
        if twice:
            exports = []
            for machine in machines:
                disk, export = self._new("disk"), self._new("export")
                self._gate(export, "STORED_ON", disk, Way.STORE)
                self._gate(export, "RUNS_ON", machine, Way.HOST)
                exports.append(export)
            pool = self._new("pool")
            self._gate(pool, "STORED_ON", exports, Way.STORE)
            pools = [pool, pool]
        else:
            for _ in machines:
                disks, pool = self._many("disk", 2), self._new("pool")
                self._gate(pool, "STORED_ON", disks, Way.STORE)
                pools.append(pool)
        vms = []
        for number in range(rng.randint(2, 4)):
            vm = self._new("vm")
            at = number % len(machines)
            self._gate(vm, "RUNS_ON", machines[at], Way.HOST)
            self._gate(vm, "STORED_ON", pools[at], Way.STORE)
            self._gate(vm, "ATTACHED_TO", lan, Way.NET)
            if twice:
                self.refuge[vm] = (rng.uniform(150, 600), machines[1 - at])
            vms.append(vm)
        return vms

    def _software(self, vms: Sequence[int]) -> int:
        rng = self.rng
        replica = self._on("replica", vms[1])
        self._gate(
            replica, "CALLS", self.databases[0], Way.FORWARD, patience=rng.uniform(300, 1200)
        )
        outbox = self._on("outbox", vms[0])
        self._gate(outbox, "CALLS", self.brokers, Way.FORWARD, patience=rng.uniform(200, 900))
        pos = self._on("pos", vms[0])
        self._gate(pos, "CALLS", replica, Way.LOCAL, share=rng.uniform(0.6, 0.95))
        self._gate(pos, "CALLS", outbox, Way.LOCAL, share=0.3)
        self._gate(pos, "DEPENDS_ON", rng.choice(self.rings), Way.RULE)
        self._ask(pos, [rng.choice(self.ways)], rng.uniform(0.2, 0.5), 0)  # cards
        self._ask(pos, self.accounts, rng.uniform(0.1, 0.5), rng.uniform(600, 2 * HOUR))
        self._ask(pos, [self.licences], rng.uniform(0.1, 0.6), rng.uniform(600, 3 * HOUR))
        self._ask(pos, self.names, rng.uniform(0.2, 0.6), rng.uniform(60, HOUR))
        return pos
