"""A private cloud of two sites, as the one who runs it would put it into an inventory.

What a thing *is* to physics is its role (`tor`, `osd`, `cache`); which kind and which relations an
inventory says it with is a habit of that inventory, and differs from estate to estate.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from random import Random

from kgraph.schema import Entity, Relation

# Role -> the kinds by which inventories call it; the first is the commonest.
KINDS = {
    "ups": ("PowerFeed",),
    "pdu": ("PowerFeed",),
    "site": ("Site",),
    "rack": ("Rack",),
    "core": ("Switch",),
    "tor": ("Switch",),
    "port": ("SwitchPort",),
    "router": ("Router",),
    "vlan": ("Network",),
    "cluster": ("Cluster",),
    "host": ("Host",),
    "nic": ("Nic",),
    "bond": ("Bond",),
    "disk": ("Disk",),
    "pool": ("StoragePool",),
    "volume": ("Volume",),
    "array": ("StorageArray",),
    "controller": ("StorageController",),
    "path": ("StoragePath",),
    "export": ("StorageExport",),
    "osd": ("ServiceInstance", "Service", "CephOsd"),
    "mon": ("ServiceInstance", "Service", "CephMon"),
    "vm": ("VirtualMachine",),
    "instance": ("ServiceInstance", "Pod", "Container"),
    "service": ("Service",),
    "cache": ("Service", "Database"),
    "batch": ("Application", "Service"),
    "database": ("Database",),
    "replica": ("Database",),
    "queue": ("Queue",),
    "dns": ("Service", "ServiceInstance"),
    "ntp": ("Service",),
    "balancer": ("LoadBalancer",),
    "endpoint": ("Endpoint",),
    "certificate": ("ConfigItem", "Certificate"),
    "app": ("Application",),
    "exporter": ("Probe",),
    "prometheus": ("Probe", "Service"),
}


def detector_of(exporter: str) -> str:
    """Return under which name a probe reports."""
    return f"scrape/{exporter}"


class Estate:
    """One cloud.

    Attributes:
        role: entity -> what it is.
        kind: entity -> what the inventory calls it.
        relations: as the inventory has them.
        home: guest -> its cluster, which starts it elsewhere when its host dies.
        optional: (caller, called) of calls that the caller can do without.
        props: entity -> what else the inventory says of it.
    """

    def __init__(self, rng: Random) -> None:
        """Build it."""
        self.rng = rng
        self.role: dict[str, str] = {}
        self.kind: dict[str, str] = {}
        self.relations: list[Relation] = []
        self.home: dict[str, str] = {}
        self.optional: set[tuple[str, str]] = set()
        self.props: dict[str, dict[str, str]] = {}
        self._called = {role: self.one_of(kinds) for role, kinds in KINDS.items()}
        self._fine = rng.random() < 0.6  # ports, interfaces and bonds are in the inventory
        self._in_group = defaultdict(int)
        sites = [self.add("site") for _ in range(2)]
        wheres = [_Site(self, site) for site in sites]
        self.certificates = [self.add("certificate") for _ in range(2)]
        for where in wheres:
            where.build()
        self._applications([vm for where in wheres for vm in where.vms], wheres)
        for where in wheres:
            where.monitoring()

    def one_of(self, habits: Sequence[str]) -> str:
        """Draw a habit; the first is the commonest."""
        return habits[0] if self.rng.random() < 0.7 else self.rng.choice(habits)

    def add(self, role: str) -> str:
        """Return a new thing of this role."""
        uid = f"{role}-{sum(each == role for each in self.role.values())}"
        self.role[uid] = role
        self.kind[uid] = self._called[role]
        return uid

    def needs(self, who: str, how: str, *what: str, of: int | None = None) -> None:
        """Say that one needs others: each of them, or `of` of them."""
        group = None
        if of is not None:
            self._in_group[who] += 1
            group = f"g{self._in_group[who]}"
        self.relations += [Relation(who, how, one, group, of) for one in what]

    def entities(self, watched: dict[str, tuple[str, ...]]) -> tuple[Entity, ...]:
        """Return them as the inventory has them."""
        return tuple(
            Entity(uid, kind, props=self.props.get(uid, {}), watched=watched.get(uid, ()))
            for uid, kind in self.kind.items()
        )

    def plugged(self, host: str, tors: Sequence[str]) -> None:
        """Connect a machine to both switches of its rack."""
        if not self._fine:
            self.needs(host, "CONNECTED_TO", *tors, of=1)
            return
        bond = self.add("bond")
        nics = [self.add("nic") for _ in tors]
        for nic, tor in zip(nics, tors, strict=True):
            port = self.add("port")
            self.needs(nic, "CONNECTED_TO", port)
            self.needs(port, self.one_of(("CONNECTED_TO", "USES")), tor)
        self.needs(bond, "USES", *nics, of=1)
        self.needs(host, self.one_of(("USES", "CONNECTED_TO")), bond)

    def _applications(self, vms: list[str], wheres: Sequence[_Site]) -> None:
        free = iter(self.rng.sample(vms, len(vms)))
        names = [self._software("dns", next(free)) for _ in range(2)]
        self._clock(next(free), [host for where in wheres for host in where.hosts])
        data = [self._software("database", next(free)) for _ in range(self.rng.randint(2, 3))]
        for database in data:
            replica = self._software("replica", next(free))
            self.needs(replica, self.one_of(("CALLS", "DEPENDS_ON")), database)
        queue, cache = (self._software(role, next(free)) for role in ("queue", "cache"))
        batch = self._software("batch", next(free))
        self.needs(batch, "CALLS", self.rng.choice(data))
        rest = list(free)
        services: list[str] = []
        for at in range(self.rng.randint(5, 9)):
            service = self._service(rest)
            called = self.rng.sample(services, min(len(services), self.rng.randint(0, 2)))
            if at < 4 or self.rng.random() < 0.3:
                called.append(self.rng.choice(data))
            self._calls(service, called, queue, cache)
            if self.rng.random() < 0.5:
                self.needs(service, self.one_of(("USES", "CALLS")), *names, of=1)
            services.append(service)
        for certificate in self.certificates:
            self._front(services[2:], certificate, rest)

    def _software(self, role: str, machine: str) -> str:
        one = self.add(role)
        self.needs(one, "RUNS_ON", machine)
        return one

    def _clock(self, machine: str, hosts: Sequence[str]) -> None:
        clock = self._software("ntp", machine)
        keeps_time = self.one_of(("CALLS", "USES", "DEPENDS_ON"))
        for host in hosts:
            if self.rng.random() < 0.5:
                self.needs(host, keeps_time, clock)

    def _service(self, machines: Sequence[str]) -> str:
        service = self.add("service")
        count = self.rng.randint(1, 3)
        copies = [self._software("instance", self.rng.choice(machines)) for _ in range(count)]
        self.needs(service, self.one_of(("USES", "RUNS_ON")), *copies, of=max(1, count - 1))
        return service

    def _calls(self, service: str, called: list[str], queue: str, cache: str) -> None:
        called += [cache] if self.rng.random() < 0.4 else []
        called += [queue] if self.rng.random() < 0.3 else []
        for one in called:
            self.needs(service, "CALLS", one)
            if self.rng.random() < 0.25:
                self.optional.add((service, one))

    def _front(self, services: Sequence[str], certificate: str, machines: Sequence[str]) -> None:
        pair = [self._software("balancer", self.rng.choice(machines)) for _ in range(2)]
        behind = self.rng.sample(services, self.rng.randint(2, 3))
        for balancer in pair:
            self.needs(balancer, "BALANCES", *behind)
        for service in behind:
            endpoint, app = self.add("endpoint"), self.add("app")
            self.needs(endpoint, self.one_of(("USES", "RUNS_ON")), *pair, of=1)
            self.needs(endpoint, self.one_of(("CALLS", "DEPENDS_ON")), service)
            self.needs(endpoint, "DEPENDS_ON", certificate)
            self.needs(app, self.one_of(("USES", "CALLS")), endpoint)


class _Site:
    """One data centre of an estate."""

    def __init__(self, estate: Estate, uid: str) -> None:
        self.e = estate
        self.uid = uid
        self.hosts: list[str] = []
        self.machines: list[str] = []
        self.vms: list[str] = []
        self._racks: list[tuple[list[str], list[str], str]] = []

    def build(self) -> None:
        """Set up power, network, storage and guests."""
        e = self.e
        supplies = [e.add("ups") for _ in range(2)]
        cores = [e.add("core") for _ in range(2)]
        routers = [e.add("router") for _ in range(2)]
        for one in (*cores, *routers):
            e.needs(one, "POWERED_BY", *supplies, of=1)
        for router in routers:
            e.needs(router, "CONNECTED_TO", *cores, of=1)
        vlans = [e.add("vlan") for _ in range(3)]
        for vlan in vlans:
            e.needs(vlan, e.one_of(("CONNECTED_TO", "DEPENDS_ON")), *routers, of=1)
        for _ in range(2):
            self._rack(supplies, cores)
        self._storage()
        for at in range(2):
            self._cluster(at, vlans)

    def _rack(self, supplies: Sequence[str], cores: Sequence[str]) -> None:
        e = self.e
        rack = e.add("rack")
        e.needs(rack, "LOCATED_IN", self.uid)
        feeds = [e.add("pdu") for _ in supplies]
        for feed, supply in zip(feeds, supplies, strict=True):
            e.needs(feed, "POWERED_BY", supply)
        tors = [e.add("tor") for _ in range(2)]
        for tor, feed in zip(tors, feeds, strict=True):
            e.needs(tor, "POWERED_BY", feed)
            e.needs(tor, "CONNECTED_TO", *cores, of=1)
        self._racks.append((feeds, tors, rack))

    def _cluster(self, rack: int, vlans: Sequence[str]) -> None:
        e, rng = self.e, self.e.rng
        cluster = e.add("cluster")
        members = [self._machine(rack) for _ in range(rng.randint(2, 4))]
        self.hosts += members
        e.needs(cluster, "DEPENDS_ON", *members, of=len(members) - 1)
        for host in members:
            if rng.random() < 0.5:
                e.needs(host, "MEMBER_OF", cluster)
            paths = [e.add("path") for _ in self._controllers]
            for path, controller in zip(paths, self._controllers, strict=True):
                e.needs(path, e.one_of(("USES", "CONNECTED_TO")), controller)
            for _ in range(rng.randint(2, 4)):
                self._guest(host, cluster, paths, vlans)

    def _machine(self, rack: int) -> str:
        e = self.e
        feeds, tors, where = self._racks[rack % len(self._racks)]
        host = e.add("host")
        self.machines.append(host)
        e.needs(host, "LOCATED_IN", where)
        e.needs(host, "POWERED_BY", *feeds, of=1)
        disks = [e.add("disk") for _ in range(e.rng.randint(1, 2))]
        e.needs(host, e.one_of(("STORED_ON", "USES")), *disks, of=1)
        e.plugged(host, tors)
        return host

    def _guest(self, host: str, cluster: str, paths: Sequence[str], vlans: Sequence[str]) -> None:
        e, rng = self.e, self.e.rng
        vm = e.add("vm")
        self.vms.append(vm)
        e.home[vm] = cluster
        e.needs(vm, "RUNS_ON", host)
        e.needs(vm, "ATTACHED_TO", rng.choice(vlans))
        if (sort := rng.random()) < 0.4:
            volume = e.add("volume")
            e.needs(volume, "STORED_ON", self._ceph)
            e.needs(vm, e.one_of(("STORED_ON", "USES")), volume)
        elif sort < 0.7:
            e.needs(vm, "STORED_ON", self._export)
        else:
            volume = e.add("volume")
            e.needs(volume, "STORED_ON", self._san)
            e.needs(vm, "STORED_ON", volume)
            e.needs(vm, "USES", *paths, of=1)

    def _storage(self) -> None:
        e, rng = self.e, self.e.rng
        # Distributed: each daemon on a disk of its own, and a quorum of three.
        self._ceph = e.add("pool")
        nodes = [self._machine(at) for at in range(3)]
        osds = []
        for node in nodes:
            for _ in range(2):
                osd, disk = e.add("osd"), e.add("disk")
                e.needs(osd, "RUNS_ON", node)
                e.needs(osd, "STORED_ON", disk)
                osds.append(osd)
        e.needs(self._ceph, e.one_of(("USES", "STORED_ON", "DEPENDS_ON")), *osds, of=len(osds) - 2)
        quorum = [e.add("mon") for _ in nodes]
        for mon, node in zip(quorum, nodes, strict=True):
            e.needs(mon, "RUNS_ON", node)
        e.needs(self._ceph, "DEPENDS_ON", *quorum, of=2)
        # A file server.
        filer, pool = self._machine(0), e.add("pool")
        e.needs(pool, "STORED_ON", *(e.add("disk") for _ in range(rng.randint(4, 6))), of=3)
        self._export = e.add("export")
        e.needs(self._export, "RUNS_ON", filer)
        e.needs(self._export, "STORED_ON", pool)
        # An array with two controllers and several ways.
        array, self._san = e.add("array"), e.add("pool")
        e.needs(array, "POWERED_BY", *self._racks[1][0], of=1)
        self._controllers = [e.add("controller") for _ in range(2)]
        for controller in self._controllers:
            e.needs(controller, "RUNS_ON", array)
        e.needs(self._san, "USES", *self._controllers, of=1)
        e.needs(self._san, "STORED_ON", array)

    def monitoring(self) -> None:
        """Set a monitoring server beside all that it looks at: an exporter on each machine."""
        e, rng = self.e, self.e.rng
        server = e.add("prometheus")
        named = rng.random() < 0.5  # the inventory knows under which name each probe reports
        e.needs(server, "RUNS_ON", rng.choice(self.machines))
        guests = defaultdict(list)
        for one in e.relations:
            if e.role[one.dependent] == "vm" and one.type == "RUNS_ON":
                guests[one.dependency].append(one.dependent)
        for host in self.machines:
            exporter = e.add("exporter")
            if named:
                e.props[exporter] = {"detector": detector_of(exporter)}
            e.needs(exporter, "RUNS_ON", host)
            e.needs(host, "WATCHED_BY", exporter)
            for guest in guests[host]:
                e.needs(guest, "WATCHED_BY", exporter)
            e.needs(exporter, e.one_of(("WATCHED_BY", "DEPENDS_ON")), server)
