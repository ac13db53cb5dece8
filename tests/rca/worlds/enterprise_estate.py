"""A mid-size enterprise: clusters on shared storage, networks, power, three-tier applications and
Kubernetes.

Drawn from the published schema alone, as somebody would write down an estate that he runs. What
the physics needs and a topology document does not say (weights of calls, patience, base load)
stays in `Thing.traits` and `Link`, and never reaches a bundle.
"""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Thing:
    """One entity. `role` says what it does in the estate; bundles carry `id` and `kind` only."""

    id: str
    kind: str
    role: str
    traits: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Link:
    """`source` depends on `to`; `weight` is the share of its work that needs it, `patience` in
    seconds how long caches and open connections hide a loss.
    """

    source: str
    type: str
    to: str
    group: str | None = None
    need: int | None = None
    weight: float = 1.0
    patience: float = 0.0


class Estate:
    """Entities and relations being drawn; `of(role)` lists what there is so far."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.things: dict[str, Thing] = {}
        self.links: list[Link] = []
        self._roles: dict[str, list[str]] = {}
        self._salt = rng.getrandbits(64)

    def add(self, kind: str, role: str, **traits: Any) -> str:
        name = hashlib.sha256(f"{self._salt}/{len(self.things)}".encode()).hexdigest()[:10]
        traits.setdefault("load", self.rng.uniform(0.25, 0.65))
        self.things[name] = Thing(name, kind, role, traits)
        self._roles.setdefault(role, []).append(name)
        return name

    def link(self, source: str, type_: str, to: str, **kw: Any) -> None:
        self.links.append(Link(source, type_, to, **kw))

    def group(
        self, source: str, type_: str, to: Sequence[str], name: str, need: int = 1, **kw: Any
    ) -> None:
        """One gate over `to`; a single member is written as a plain relation, as people do."""
        for member in to:
            if len(to) == 1:
                self.link(source, type_, member, **kw)
            else:
                self.link(source, type_, member, group=name, need=need, **kw)

    def of(self, *roles: str) -> list[str]:
        return [name for role in roles for name in self._roles.get(role, [])]


def draw(rng: random.Random) -> Estate:
    """An estate of some 300 to 2,500 entities."""
    estate = Estate(rng)
    site = estate.add("Site", "site")
    racks = _power(estate, site, rng.randint(3, 8))
    _network(estate, racks)
    for _ in range(rng.randint(1, 2)):
        _array(estate, rng.choice(racks))
    per_rack = rng.randint(3, 6)
    hosts = [_host(estate, rack, "host") for rack in racks for _ in range(per_rack)]
    for _ in range(rng.randint(0, 2)):
        _nfs(estate, rng.choice(racks))
    _clusters(estate, hosts)
    _monitoring(estate)
    _shared_services(estate)
    for _ in range(max(2, len(hosts) // rng.randint(4, 8))):
        _application(estate)
    if rng.random() < 0.7:
        _kubernetes(estate)
    _leftovers(estate, hosts)
    _watch(estate)
    return estate


@dataclass(frozen=True)
class Rack:
    name: str
    feeds: tuple[str, ...]


def _power(e: Estate, site: str, n: int) -> list[Rack]:
    mains, generator = e.add("PowerFeed", "mains"), e.add("PowerFeed", "generator")
    ups = [e.add("PowerFeed", "ups") for _ in range(2)]
    for one in ups:
        e.group(one, "POWERED_BY", [mains, generator], "supply")
    racks = []
    for _ in range(n):
        rack = e.add("Rack", "rack")
        e.link(rack, "LOCATED_IN", site)
        pdus = [e.add("PowerFeed", "pdu") for _ in ups]
        for pdu, source in zip(pdus, ups, strict=True):
            e.link(pdu, "POWERED_BY", source)
        racks.append(Rack(rack, tuple(pdus)))
    return racks


def _plug(e: Estate, box: str, rack: Rack, single: float) -> None:
    """Most boxes have two supplies; cheap ones have one."""
    feeds = [e.rng.choice(rack.feeds)] if e.rng.random() < single else list(rack.feeds)
    e.group(box, "POWERED_BY", feeds, "power")
    e.link(box, "LOCATED_IN", rack.name)


def _network(e: Estate, racks: list[Rack]) -> None:
    rng = e.rng
    routers = [e.add("Router", "router") for _ in range(2)]
    walls = [e.add("Router", "firewall") for _ in range(rng.randint(1, 2))]
    cores = [e.add("Switch", "core") for _ in range(2)]
    fabrics = [e.add("Switch", "san") for _ in range(2)]
    for box in (*routers, *walls, *cores, *fabrics):
        _plug(e, box, rng.choice(racks), 0.1)
    for core in cores:
        e.group(core, "CONNECTED_TO", routers, "uplink")
    e.things[e.add("ConfigItem", "rules")].traits["wall"] = walls
    for wall in walls:
        e.link(wall, "DEPENDS_ON", e.of("rules")[0])
    for _ in range(rng.randint(4, 9)):
        net = e.add("Network", "vlan")
        e.group(net, "DEPENDS_ON", cores, "trunk")
        e.group(net, "CONNECTED_TO", walls if rng.random() < 0.5 else routers, "gateway")
    doubled = rng.random() < 0.6
    for rack in racks:
        for _ in range(2 if doubled else 1):
            tor = e.add("Switch", "tor", rack=rack.name)
            _plug(e, tor, rack, 0.2)
            e.group(tor, "CONNECTED_TO", cores, "uplink")


def _array(e: Estate, rack: Rack) -> None:
    rng = e.rng
    array = e.add("StorageArray", "array")
    _plug(e, array, rack, 0.0)
    heads = [e.add("StorageController", "controller", array=array) for _ in range(2)]
    for head, fabric in zip(heads, e.of("san"), strict=True):
        e.link(head, "RUNS_ON", array)
        e.link(head, "CONNECTED_TO", fabric)
    for _ in range(rng.randint(1, 3)):
        pool = e.add("StoragePool", "pool")
        e.link(pool, "RUNS_ON", array)
        e.group(pool, "USES", heads, "heads")
        disks = [e.add("Disk", "disk") for _ in range(rng.randint(6, 12))]
        e.group(pool, "STORED_ON", disks, "raid", need=len(disks) - rng.randint(1, 2))
        for disk in disks:
            e.link(disk, "MEMBER_OF", array)
        for _ in range(rng.randint(1, 4)):
            store = e.add("Volume", "datastore", pool=pool, array=array)
            e.link(store, "STORED_ON", pool)


def _host(e: Estate, rack: Rack, role: str) -> str:
    rng = e.rng
    host = e.add("Host", role, load=rng.uniform(0.35, 0.8))
    _plug(e, host, rack, 0.12)
    tors = [t for t in e.of("tor") if e.things[t].traits["rack"] == rack.name]
    nics = [e.add("Nic", "nic") for _ in range(2)]
    for nic, tor in zip(nics, tors * 2, strict=False):
        e.link(nic, "CONNECTED_TO", tor)
    bond = e.add("Bond", "bond")
    e.group(bond, "USES", nics, "slaves")
    e.link(host, "USES", bond)
    if rng.random() < 0.7:
        bmc = e.add("Bmc", "bmc")
        e.link(bmc, "CONNECTED_TO", rng.choice(tors))
        e.link(host, "WATCHED_BY", bmc)
    paths = {}
    for array in e.of("array") if role == "host" else []:
        heads = [h for h in e.of("controller") if e.things[h].traits["array"] == array]
        paths[array] = [e.add("StoragePath", "path", host=host) for _ in heads]
        for path, head in zip(paths[array], heads, strict=True):
            e.link(path, "CONNECTED_TO", head)
    e.things[host].traits.update(paths=paths, guests=[])
    return host


def _nfs(e: Estate, rack: Rack) -> None:
    rng = e.rng
    server = _host(e, rack, "nfs")
    pool = e.add("StoragePool", "pool")
    disks = [e.add("Disk", "disk") for _ in range(rng.randint(4, 10))]
    e.group(pool, "STORED_ON", disks, "raid", need=len(disks) - rng.randint(1, 2))
    e.link(pool, "RUNS_ON", server)
    for _ in range(rng.randint(1, 3)):
        export = e.add("StorageExport", "export")
        e.link(export, "RUNS_ON", server)
        e.link(export, "STORED_ON", pool)
        store = e.add("Volume", "datastore", pool=pool, array=None)
        e.link(store, "STORED_ON", export)


def _clusters(e: Estate, hosts: list[str]) -> None:
    at = 0
    while at < len(hosts):
        size = min(len(hosts) - at, e.rng.randint(5, 12))
        cluster = e.add("Cluster", "cluster", hosts=hosts[at : at + size])
        e.group(cluster, "USES", hosts[at : at + size], "hosts", need=max(1, size - 1))
        for host in hosts[at : at + size]:
            e.link(host, "MEMBER_OF", cluster)
            e.things[host].traits["cluster"] = cluster
        at += size


def _vm(e: Estate, host: str | None = None, tag: str = "vm") -> str:
    """A guest on a host, its disk on a shared store (rarely on the host's own), its card on a
    network.
    """
    rng = e.rng
    host = host or rng.choice(e.of("host"))
    store = rng.choice(e.of("datastore"))
    where = e.things[store].traits
    vm = e.add("VirtualMachine", tag, host=host, pool=where["pool"], io=rng.uniform(0.05, 1.0))
    e.things[host].traits["guests"].append(vm)
    e.link(vm, "RUNS_ON", host)
    if rng.random() < 0.5:
        disk = e.add("Volume", "vmdisk")
        e.link(vm, "STORED_ON", disk)
        e.link(disk, "STORED_ON", store)
    else:
        e.link(vm, "STORED_ON", store)
    if where["array"] is not None:
        e.group(vm, "USES", e.things[host].traits["paths"][where["array"]], "multipath")
    net = rng.choice(e.of("vlan"))
    if rng.random() < 0.3:
        card = e.add("VirtualNic", "vnic")
        e.link(vm, "USES", card)
        e.link(card, "ATTACHED_TO", net)
    else:
        e.link(vm, "ATTACHED_TO", net)
    return vm


def _apart(e: Estate, n: int, tag: str = "vm") -> list[str]:
    """Guests on different hosts where there are enough of them."""
    hosts = e.of("host")
    return [_vm(e, host, tag) for host in (e.rng.sample(hosts, n) if n <= len(hosts) else hosts)]


def _instances(e: Estate, kind: str, role: str, n: int, need: int) -> str:
    """A service of `n` instances on guests of their own."""
    service = e.add(kind, role, io=0.3)
    parts = [e.add("ServiceInstance", "instance", io=0.3) for _ in range(n)]
    for part, vm in zip(parts, _apart(e, n), strict=True):
        e.link(part, "RUNS_ON", vm)
    e.group(service, "USES", parts, "instances", need=need)
    return service


def _monitoring(e: Estate) -> None:
    for _ in range(e.rng.randint(1, 3)):
        probe = e.add("Probe", "probe")
        e.link(probe, "RUNS_ON", _vm(e))


def _shared_services(e: Estate) -> None:
    _instances(e, "Service", "dns", 2, 1)
    _instances(e, "Service", "directory", 2, 1)
    _instances(e, "Service", "ntp", 2, 1)
    backup = _instances(e, "Service", "backup", 1, 1)
    for pool in e.of("pool"):
        e.link(backup, "USES", pool, weight=0.0)


def _database(e: Estate) -> tuple[str, str | None]:
    rng = e.rng
    main = e.add("Database", "database", io=rng.uniform(0.5, 1.0))
    e.link(main, "RUNS_ON", _vm(e))
    replica = None
    if rng.random() < 0.5:
        replica = e.add("Database", "replica", io=0.6)
        e.link(replica, "RUNS_ON", _vm(e))
        e.link(replica, "CALLS", main, weight=0.15)
    return main, replica


def _lean(e: Estate, service: str) -> None:
    """What every service leans on without thinking of it."""
    rng = e.rng
    if rng.random() < 0.6:
        dns = e.of("dns")[0]
        e.link(service, "CALLS", dns, weight=rng.uniform(0.3, 1), patience=rng.uniform(60, 600))
    if rng.random() < 0.4:
        directory = e.of("directory")[0]
        e.link(service, "CALLS", directory, weight=rng.uniform(0.1, 0.6), patience=400)
    if rng.random() < 0.15:
        e.link(service, "USES", e.of("ntp")[0], weight=0.0)


def _application(e: Estate) -> None:
    rng = e.rng
    main, replica = _database(e)
    n = rng.randint(2, 5)
    app = _instances(e, "Service", "app", n, max(1, n // 2))
    n = rng.randint(2, 4)
    web = _instances(e, "Service", "web", n, max(1, n // 2))
    e.link(app, "CALLS", main, weight=rng.uniform(0.5, 1.0))
    if replica:
        e.link(app, "CALLS", replica, weight=rng.uniform(0.1, 0.5))
    e.link(web, "CALLS", app, weight=rng.uniform(0.5, 1.0))
    if rng.random() < 0.5:
        queue = e.add("Queue", "queue", io=0.5)
        e.link(queue, "RUNS_ON", _vm(e))
        worker = _instances(e, "Service", "worker", 2, 1)
        e.link(app, "CALLS", queue, weight=rng.uniform(0.1, 0.4))
        e.link(worker, "CALLS", queue, weight=0.9)
        e.link(worker, "CALLS", main, weight=0.6)
    if rng.random() < 0.5:
        batch = e.add("Service", "batch", database=main)
        e.link(batch, "RUNS_ON", _vm(e))
        e.link(batch, "CALLS", main, weight=0.9)
    if rng.random() < 0.4 and len(e.of("app")) > 1:
        other = rng.choice([a for a in e.of("app") if a != app])
        e.link(app, "CALLS", other, weight=rng.uniform(0.1, 0.6))
    for service in (app, web):
        _lean(e, service)
    _front(e, web)


def _front(e: Estate, web: str) -> None:
    balancer = e.add("LoadBalancer", "balancer")
    e.group(balancer, "RUNS_ON", _apart(e, e.rng.randint(1, 2)), "vrrp")
    e.link(balancer, "BALANCES", web)
    endpoint = e.add("Endpoint", "endpoint")
    e.link(endpoint, "DEPENDS_ON", balancer)
    certificate = e.add("ConfigItem", "certificate")
    e.link(endpoint, "DEPENDS_ON", certificate, patience=120)
    if e.rng.random() < 0.5:
        e.link(endpoint, "DEPENDS_ON", e.rng.choice(e.of("firewall")))
    application = e.add("Application", "application")
    e.link(application, "DEPENDS_ON", endpoint)


def _kubernetes(e: Estate) -> None:
    rng = e.rng
    cluster = e.add("Cluster", "k8s")
    nodes = _apart(e, rng.randint(3, min(10, len(e.of("host")))), "node")
    e.group(cluster, "USES", nodes, "nodes", need=len(nodes) - 1)
    etcd = e.add("Database", "etcd", io=1.0)
    api = e.add("Service", "apiserver")
    e.group(etcd, "RUNS_ON", _apart(e, 3), "quorum", need=2)
    e.link(api, "CALLS", etcd, weight=1.0)
    e.link(api, "RUNS_ON", rng.choice(e.of("vm")))
    e.link(cluster, "DEPENDS_ON", api, weight=0.2)
    services: list[str] = []
    for _ in range(rng.randint(4, 14)):
        service = e.add("Service", "kube")
        n = rng.randint(1, 4)
        pods = [e.add("Pod", "pod", io=rng.uniform(0.1, 0.8)) for _ in range(n)]
        for pod in pods:
            node = rng.choice(nodes)
            e.link(pod, "RUNS_ON", node)
            e.things[pod].traits["node"] = node
            if rng.random() < 0.25:
                claim = e.add("Volume", "claim")
                e.link(pod, "USES", claim)
                e.link(claim, "STORED_ON", rng.choice(e.of("datastore")))
        e.group(service, "USES", pods, "pods", need=max(1, n // 2))
        for callee in rng.sample(services, min(len(services), rng.randint(0, 2))):
            e.link(service, "CALLS", callee, weight=rng.uniform(0.2, 1.0))
        if rng.random() < 0.3:
            e.link(service, "CALLS", rng.choice(e.of("database")), weight=rng.uniform(0.4, 1))
        _lean(e, service)
        services.append(service)
    _front(e, services[-1])


def _leftovers(e: Estate, hosts: list[str]) -> None:
    """Guests that nobody documented further: half of every estate."""
    for host in hosts:
        for _ in range(e.rng.randint(0, 8)):
            _vm(e, host)


def _watch(e: Estate) -> None:
    probes = e.of("probe")
    for name in e.of("host", "nfs", "vm", "node", "tor", "core"):
        probe = e.rng.choice(probes)
        e.things[name].traits["probe"] = probe
        e.link(name, "WATCHED_BY", probe)
