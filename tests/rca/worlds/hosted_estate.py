"""What a company owns that runs everything on a few Kubernetes clusters over its own machines.

Sites with racks of hypervisors; a storage cluster in each, spread over their disks; clusters whose
nodes are guests; deployments, databases, brokers and caches on them; and who looks at all that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from tests.rca.worlds.hosted_things import Things, Way


@dataclass(frozen=True, slots=True)
class Size:
    """How large an estate is: ranges."""

    sites: tuple[int, int] = (2, 3)
    hosts: tuple[int, int] = (1, 4)  # in a rack
    clusters: tuple[int, int] = (2, 4)
    workers: tuple[int, int] = (4, 14)  # of a cluster
    services: tuple[int, int] = (5, 16)  # of a cluster


USUAL = Size()
LARGE = Size((2, 3), (5, 9), (3, 4), (16, 30), (18, 30))


class Estate(Things):
    """A whole company, drawn at random."""

    def __init__(self, rng: Random, size: Size = USUAL) -> None:
        super().__init__()
        self.rng = rng
        self.hosts: dict[int, list[int]] = defaultdict(list)  # site -> hypervisors
        self.pools: dict[int, list[int]] = {}
        self.vlans: dict[int, int] = {}
        self._turn: dict[int, int] = defaultdict(int)
        self.providers = [self.add("provider") for _ in range(rng.randint(3, 5))]
        self.wans = [self.add("wan") for _ in range(rng.choice((1, 1, 2)))]
        for site in range(rng.randint(*size.sites)):
            self._site(site, size)
        sites = list(self.hosts)
        self.edge = {site: self._edge(site) for site in sites}
        self.shared: list[int] = []  # what services of every cluster may call
        self.consumers: dict[int, list[int]] = defaultdict(list)  # queue -> who empties it
        for site in sites[:2]:
            self._databases(site, sites)
        self.export = self._export(rng.choice(sites))
        # secrets and settings are of nowhere
        self.secrets = [self.add("secret") for _ in range(rng.randint(4, 7))]
        self.configs = [self.add("config") for _ in range(rng.randint(6, 12))]
        self.proms: dict[int, int] = {}
        self.apis: dict[int, int] = {}
        self.fronts: list[int] = []
        for number in range(rng.randint(*size.clusters)):
            self._cluster(number, sites[number % len(sites)], size)
        for _ in range(rng.randint(3, 6)):
            app = self.add("app")
            behind = rng.sample(self.fronts, min(len(self.fronts), rng.choice((1, 1, 2))))
            for front in behind:
                self.need(app, Way.READS, [front])
        self._lookers()

    # -- machines, lines and storage of a site

    def _site(self, site: int, size: Size) -> None:
        rng = self.rng
        place = self.add("site", site)
        grid = self.add("grid", site)
        supplies = [self.add("ups", site) for _ in range(2)]
        for ups in supplies:
            self.need(ups, Way.POWER, [grid], patience=rng.randint(8, 25))  # its battery
        spines = [self.add("spine", site) for _ in range(2)]
        self.vlans[site], storage = self.add("vlan", site), self.add("stornet", site)
        for one in spines:
            self.need(one, Way.POWER, supplies)
        racks: list[list[int]] = []
        for _ in range(3):
            rack = self.add("rack", site)
            self.need(rack, Way.PLACE, [place])
            pdus = [self.add("pdu", site) for _ in range(2)]
            for pdu, ups in zip(pdus, supplies, strict=True):
                self.need(pdu, Way.POWER, [ups])
            tors = [self.add("tor", site) for _ in range(2)]
            for tor, pdu in zip(tors, pdus, strict=True):
                self.need(tor, Way.POWER, pdus if rng.random() < 0.7 else [pdu])
                self.need(tor, Way.NET, spines)
                self.need(tor, Way.PLACE, [rack])
            made = [self._host(site, rack, pdus, tors) for _ in range(rng.randint(*size.hosts))]
            racks.append(made)
        self._storage(site, racks, storage)

    def _host(self, site: int, rack: int, pdus: list[int], tors: list[int]) -> int:
        rng, nics = self.rng, []
        for tor in tors:
            port, nic = self.add("port", site), self.add("nic", site)
            self.need(port, Way.NET, [tor])
            self.need(nic, Way.NET, [port])
            nics.append(nic)
        bond = self.add("bond", site)
        self.need(bond, Way.NET, nics)
        system = [self.add("sysdisk", site) for _ in range(rng.choice((1, 2, 2)))]
        host = self.add("hv", site)
        self.need(host, Way.POWER, pdus if rng.random() < 0.9 else [rng.choice(pdus)])
        self.need(host, Way.NET, [bond])
        self.need(host, Way.DISK, system)
        self.need(host, Way.PLACE, [rack])
        bmc = self.add("bmc", site)
        self.need(bmc, Way.POWER, pdus)
        self.listed.append((host, "MEMBER_OF", bmc)) if rng.random() < 0.3 else None
        self.hosts[site].append(host)
        return host

    def _storage(self, site: int, racks: list[list[int]], network: int) -> None:
        rng = self.rng
        mons, daemons = [], []
        for hosts in racks:
            for host in hosts:
                for _ in range(rng.randint(1, 3)):
                    disk, osd = self.add("disk", site), self.add("osd", site)
                    self.need(osd, Way.HOST, [host])
                    self.need(osd, Way.DISK, [disk])
                    self.need(osd, Way.PLUG, [network])
                    daemons.append(osd)
            mon = self.add("mon", site)
            self.need(mon, Way.HOST, [hosts[0]])
            mons.append(mon)
        ceph = self.add("ceph", site)
        self.need(ceph, Way.PART, mons, need=2)
        self.pools[site] = []
        for _ in range(2):
            pool = self.add("pool", site)
            self.need(pool, Way.PART, [ceph])
            # as many as stand in one rack may be lost at once
            lost = max(sum(self._rack(o) == k for o in daemons) for k in self.of("rack"))
            self.need(pool, Way.DISK, daemons, need=max(1, len(daemons) - lost))
            self.pools[site].append(pool)

    def _rack(self, osd: int) -> int:
        return self.rack(self.members(osd, Way.HOST)[0])

    def rack(self, host: int) -> int:
        """Return the rack in which a hypervisor stands."""
        return self.members(host, Way.PLACE)[0]

    def _edge(self, site: int) -> list[int]:
        """Return a site's two ways out, each a firewall behind a router with a carrier."""
        firewalls = []
        for _ in range(2):
            carrier, router = self.add("carrier", site), self.add("router", site)
            firewall = self.add("firewall", site)
            self.need(router, Way.NET, [carrier])
            self.need(firewall, Way.NET, [router])
            firewalls.append(firewall)
        return firewalls

    def _guest(self, role: str, site: int, cluster: int = -1, host: int | None = None) -> int:
        if host is None:  # the hosts take turns, rack by rack
            hosts = sorted(self.hosts[site], key=lambda one: (one * 7919) % 101)
            host = hosts[self._turn[site] % len(hosts)]
            self._turn[site] += 1
        shared = role == "vm" or self.rng.random() < 0.6  # or on the disks of its hypervisor
        kept = [self.volume(site)] if shared else self.members(host, Way.DISK)
        guest = self.add(role, site, cluster)
        self.need(guest, Way.HOST, [host])
        self.need(guest, Way.DISK, kept)
        self.need(guest, Way.PLUG, [self.vlans[site]])
        return guest

    def volume(self, site: int) -> int:
        """Return a new volume of the site's storage."""
        volume = self.add("volume", site)
        self.need(volume, Way.DISK, [self.rng.choice(self.pools[site])])
        return volume

    # -- what many share, outside the clusters

    def _databases(self, site: int, sites: list[int]) -> None:
        rng = self.rng
        for _ in range(rng.randint(2, 4)):
            copies = []
            spread = rng.sample(self.hosts[site], 2)
            for number in range(rng.choice((2, 2, 3))):
                there = site if number < 2 else rng.choice(sites)
                host = spread[number] if number < 2 else rng.choice(self.hosts[there])
                copies.append(self._database(there, host))
            rw = self.add("rw", site)
            self.need(rw, Way.PART, copies)
            self.shared.append(rw)
        vm, kept = self._guest("vm", site), self.volume(site)
        queue = self.add("queue", site)
        self.need(queue, Way.HOST, [vm])
        self.need(queue, Way.DISK, [kept])
        self.shared.append(queue)

    def _database(self, site: int, host: int) -> int:
        vm, data = self._guest("vm", site, host=host), self.volume(site)
        container = self.add("container", site)
        self.need(container, Way.HOST, [vm])
        db = self.add("db", site)
        self.need(db, Way.HOST, [container])
        self.need(db, Way.DISK, [data])
        return db

    def _export(self, site: int) -> int:
        vm, data = self._guest("vm", site), self.volume(site)
        export = self.add("export", site)
        self.need(export, Way.HOST, [vm])
        self.need(export, Way.DISK, [data])
        return export

    # -- a cluster

    def _cluster(self, number: int, site: int, size: Size) -> None:
        rng = self.rng
        k8s, overlay = self.add("k8s", site, number), self.add("overlay", site, number)
        etcds, servers = [], []
        for _ in range(3):
            node = self._guest("control", site, number)
            self.listed.append((node, "MEMBER_OF", k8s))
            etcd = self.add("etcd", site, number)
            self.need(etcd, Way.HOST, [node])
            self.need(etcd, Way.DISK, self.members(node, Way.DISK))
            etcds.append(etcd)
        for etcd in etcds:
            server = self.add("apiserver", site, number)
            self.need(server, Way.HOST, self.members(etcd, Way.HOST))
            self.need(server, Way.PART, etcds, need=2)
            servers.append(server)
        hook = self.add("cert", site, number)  # of the webhook that looks at all that starts
        api = self.apis[number] = self.add("api", site, number)
        self.need(api, Way.SPREAD, servers)
        self.need(api, Way.PART, [hook])
        nodes = []
        for _ in range(rng.randint(*size.workers)):
            node, cni = self._guest("worker", site, number), self.add("cni", site, number)
            self.need(cni, Way.HOST, [node])
            self.need(cni, Way.PLUG, [overlay])
            self.listed.append((node, "MEMBER_OF", k8s))
            nodes.append((node, cni))
        dns = self.deployment("dns", number, site, nodes, k8s, rng.choice((2, 3)))
        registry = self.deployment("registry", number, site, nodes, k8s, 1, kept=self.volume(site))
        deployer = self.deployment("deployer", number, site, nodes, k8s, 1)
        self.need(deployer, Way.CALL, [api])
        self.need(deployer, Way.CALL, [registry], share=0.5)
        idp = self.deployment("idp", number, site, nodes, k8s, 2)
        self._calls(idp, self.shared[:1], 0.5, patience=10)
        cache = self.deployment("cache", number, site, nodes, k8s, rng.choice((1, 2)))
        self._services(number, site, nodes, k8s, size, [dns, idp, cache])
        series = self.volume(site)
        prom = self.proms[number] = self.add("prom", site, number)
        self.need(prom, Way.HOST, [rng.choice(nodes)[0]])
        self.need(prom, Way.DISK, [series])
        self.need(prom, Way.CALL, [api], patience=30)

    def deployment(
        self,
        role: str,
        number: int,
        site: int,
        nodes: list[tuple[int, int]],
        k8s: int,
        copies: int,
        *,
        uses: Iterable[int] = (),
        kept: int | None = None,
    ) -> int:
        """Return a service over pods, each on a node of its own as far as there are any."""
        rng, pods = self.rng, []
        places = rng.sample(nodes, min(copies, len(nodes)))
        for node, cni in places:
            pod = self.add("pod", site, number)
            self.need(pod, Way.HOST, [node])
            self.need(pod, Way.PART, [cni])
            if kept is not None:
                self.need(pod, Way.DISK, [kept])
            pods.append(pod)
        service = self.add(role, site, number)
        need = 1 if copies < 3 or rng.random() < 0.5 else copies - 1
        self.need(service, Way.SPREAD, pods, need=need)
        self.need(service, Way.HOST, [k8s])
        for one in uses:
            self.need(service, Way.PART, [one])
        return service

    def _services(
        self,
        number: int,
        site: int,
        nodes: list[tuple[int, int]],
        k8s: int,
        size: Size,
        common: list[int],
    ) -> None:
        rng = self.rng
        dns, idp, cache = common
        made: list[int] = []
        elsewhere = [one for one in self.of("svc") if self.cluster[one] != number]
        for _ in range(rng.randint(*size.services)):
            uses = rng.sample(self.configs, rng.choice((0, 1, 1)))
            uses += rng.sample(self.secrets, rng.choice((0, 0, 1)))
            copies = rng.choice((1, 2, 2, 3, 3, 4))
            svc = self.deployment("svc", number, site, nodes, k8s, copies, uses=uses)
            self._calls(svc, [dns], 0.4, patience=rng.choice((0, 0, 1, 5)))
            if rng.random() < 0.4:
                self._calls(svc, [idp], rng.uniform(0.1, 0.5), patience=rng.choice((0, 5, 20)))
            if rng.random() < 0.3:
                self._calls(svc, [cache], 0.6)
            stores = rng.sample(self.shared, rng.choice((0, 1, 1, 2)))
            self._calls(svc, stores, rng.uniform(0.3, 1.0), patience=rng.choice((0, 0, 0, 3)))
            for one in stores:
                if self.roles[one] == "queue" and rng.random() < 0.5:
                    self.consumers[one].append(svc)
            peers = rng.sample(made, min(len(made), rng.choice((0, 1, 2, 2))))
            self._calls(svc, peers, rng.uniform(0.2, 0.9))
            if elsewhere and rng.random() < 0.2:
                self._calls(svc, [rng.choice(elsewhere)], rng.uniform(0.2, 0.7))
            if rng.random() < 0.15:
                self._calls(svc, [rng.choice(self.providers)], rng.uniform(0.1, 0.5))
            if rng.random() < 0.12:
                self.need(svc, Way.DISK, [self.export])
            made.append(svc)
        ingress = self.deployment("ingress", number, site, nodes, k8s, rng.choice((2, 3)))
        vip = self.add("vip", site, number)
        self.need(vip, Way.SPREAD, [ingress])
        self.need(vip, Way.NET, self.edge[site])
        for _ in range(rng.randint(2, 4)):
            cert, front = self.add("cert", site, number), self.add("front", site, number)
            self.need(front, Way.PART, [vip])
            self.need(front, Way.PART, [cert])
            self._calls(front, [rng.choice(made[len(made) // 2 :])], 1.0)
            self.fronts.append(front)

    def _calls(self, owner: int, members: list[int], share: float, patience: int = 0) -> None:
        for one in members:
            self.need(owner, Way.CALL, [one], share=share, patience=patience)
            if self.site[one] not in (-1, self.site[owner]):
                known = self.members(owner, Way.READS)
                self.need(owner, Way.READS, [w for w in self.wans if w not in known])

    def _lookers(self) -> None:
        """Add who looks, and list at what."""
        for host in self.of("hv"):
            exporter = self.add("exporter", self.site[host])
            self.need(exporter, Way.HOST, [host])
            self.listed.append((host, "WATCHED_BY", exporter))
        self.pinger = self.add("pinger", self.site[self.of("vm")[0]])
        self.need(self.pinger, Way.HOST, [self.of("vm")[0]])
        for thing, role in enumerate(self.roles):
            if role in ("pod", "worker", "control", "svc", "ingress", "dns", "cache"):
                self.listed.append((thing, "WATCHED_BY", self.proms[self.cluster[thing]]))
            elif role in ("front", "tor", "spine", "router"):
                self.listed.append((thing, "WATCHED_BY", self.pinger))
