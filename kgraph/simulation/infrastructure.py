"""Power, network, storage and hosts of a generated estate: everything under the guests."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from kgraph.schema import Scalar
from kgraph.simulation.parts import HostPlace, Maker, Part, SitePlace, needs, needs_some
from kgraph.simulation.shape import (
    Layout,
    arrays_for,
    networks_for,
    storage_hosts_for,
)

GIB = 2**30
_TIB = 2**40
_HOSTS_PER_SPARE = 8  # a cluster keeps one host in so many as a reserve

Block = tuple[str, tuple[str, ...]]  # a storage array and its pools


class Infrastructure:
    """Yields the infrastructure site by site, and remembers where guests can go."""

    def __init__(self, layout: Layout, make: Maker, *, dense: bool) -> None:
        self._layout, self._dense = layout, dense
        self._make = make
        self._hosts_made = 0
        self.hosts: list[HostPlace] = []
        self.sites: list[SitePlace] = []

    def parts(self) -> Iterator[Part]:
        """Yield each entity before the relations that name it."""
        for site in range(self._layout.sites):
            yield from self._site(site)

    def _site(self, site: int) -> Iterator[Part]:
        make, racks = self._make, self._layout.racks_at(site)
        name = f"dc{site + 1}"
        yield make.record("Site", name, key=("cmdbId", f"site-{site + 1}"))
        for side in "ab":
            yield make.record(
                "PowerFeed",
                f"ups-{name}-{side}",
                key=("serial", make.serial()),
                props={"capacityWatts": 400_000},
            )
        for rack in racks:
            yield from self._rack(rack, name)
        yield from self._core(name, racks)
        for rack in racks:
            uplinks = [f"core-{name}-a", f"core-{name}-b"]
            for side in "ab":
                switch = f"sw-r{rack + 1}-{side}"
                yield from needs_some(switch, "CONNECTED_TO", uplinks, "uplink", 1)
        probe = yield from self._monitoring(name, f"r{racks[0] + 1}")
        networks = yield from self._networks(name, len(racks), probe)
        yield from self._watch_fabric(name, racks, probe)
        pools = yield from self._arrays(name, racks, probe)
        exports = yield from self._storage_hosts(name, racks, probe)
        self.sites.append(SitePlace(probe, networks, exports))
        for rack in racks:
            block = pools[racks.index(rack) * len(pools) // len(racks)]
            yield from self._compute(rack, site, block, probe)
            if self._dense:
                yield from self._trunks(rack, networks)

    def _rack(self, number: int, site: str) -> Iterator[Part]:
        make, rack = self._make, f"r{number + 1}"
        labels = {"rack": rack, "site": site}
        yield make.record("Rack", rack, key=("cmdbId", f"rack-{number + 1}"), labels=labels)
        yield needs(rack, "LOCATED_IN", site)
        for side in "ab":
            feed = f"pdu-{rack}-{side}"
            serial = ("serial", make.serial())
            watts = {"capacityWatts": 11_000}
            yield make.record("PowerFeed", feed, key=serial, labels=labels, props=watts)
            yield needs(feed, "POWERED_BY", f"ups-{site}-{side}")
            yield needs(feed, "LOCATED_IN", rack)
        for side in "ab":
            yield from self._switch(f"sw-{rack}-{side}", rack, labels)

    def _switch(self, name: str, rack: str, labels: dict[str, str]) -> Iterator[Part]:
        chassis = ("chassisId", f"{self._make.rng.getrandbits(48):012x}")
        yield self._make.record("Switch", name, key=chassis, labels=labels)
        yield from self._placed(name, rack)

    def _placed(self, name: str, rack: str) -> Iterator[Part]:
        yield from needs_some(name, "POWERED_BY", [f"pdu-{rack}-a", f"pdu-{rack}-b"], "power", 1)
        yield needs(name, "LOCATED_IN", rack)

    def _core(self, site: str, racks: list[int]) -> Iterator[Part]:
        # The pair stands in two racks: one rack without power must not cut off the site.
        for side, number in zip("ab", (racks[0], racks[-1]), strict=True):
            rack = f"r{number + 1}"
            yield from self._switch(f"core-{site}-{side}", rack, {"rack": rack, "site": site})

    def _monitoring(self, site: str, rack: str) -> Generator[Part, None, str]:
        host, probe = f"mon-{site}", f"prometheus-{site}"
        yield self._make.record("Probe", probe, key=("probeAddress", f"{host}:9090"))
        yield from self._host(host, rack, probe)
        yield needs(probe, "RUNS_ON", host)
        return probe

    def _networks(
        self, site: str, racks: int, probe: str
    ) -> Generator[Part, None, tuple[str, ...]]:
        names = tuple(f"vlan-{site}-{100 + i}" for i in range(networks_for(racks)))
        for name in names:
            yield self._make.record("Network", name, key=("networkUuid", self._make.uuid()))
            cores = [f"core-{site}-a", f"core-{site}-b"]
            yield from needs_some(name, "CONNECTED_TO", cores, "core", 1)
            yield needs(name, "WATCHED_BY", probe)
        return names

    def _watch_fabric(self, site: str, racks: list[int], probe: str) -> Iterator[Part]:
        for side in "ab":
            yield needs(f"ups-{site}-{side}", "WATCHED_BY", probe)
            yield needs(f"core-{site}-{side}", "WATCHED_BY", probe)
            for rack in racks:
                yield needs(f"sw-r{rack + 1}-{side}", "WATCHED_BY", probe)
                yield needs(f"pdu-r{rack + 1}-{side}", "WATCHED_BY", probe)

    def _arrays(
        self, site: str, racks: list[int], probe: str
    ) -> Generator[Part, None, list[Block]]:
        found: list[Block] = []
        count = arrays_for(len(racks))
        for number in range(count):
            rack = f"r{racks[number * len(racks) // count] + 1}"
            pools = yield from self._array(f"array-{site}-{number + 1}", rack, probe)
            found.append((f"array-{site}-{number + 1}", pools))
        return found

    def _array(self, array: str, rack: str, probe: str) -> Generator[Part, None, tuple[str, ...]]:
        make, labels = self._make, {"rack": rack}
        yield make.record("StorageArray", array, key=("serial", make.serial()), labels=labels)
        yield from self._placed(array, rack)
        yield needs(array, "WATCHED_BY", probe)
        controllers = [f"{array}-ctl-a", f"{array}-ctl-b"]
        for side, controller in zip("ab", controllers, strict=True):
            fabric = f"san-{array.removeprefix('array-')}-{side}"
            yield from self._switch(fabric, rack, labels)
            yield needs(fabric, "WATCHED_BY", probe)
            yield make.record("StorageController", controller, key=("serial", make.serial()))
            yield needs(controller, "RUNS_ON", array)
            yield needs(controller, "CONNECTED_TO", fabric)
            yield needs(controller, "WATCHED_BY", probe)
        pools = tuple(f"{array}-pool{i + 1}" for i in range(self._layout.pools_per_array))
        for pool in pools:
            yield from self._pool(pool, probe)
            yield needs(pool, "STORED_ON", array)
            yield from needs_some(pool, "USES", controllers, "controllers", 1)
        return pools

    def _pool(self, pool: str, probe: str) -> Iterator[Part]:
        """Yield a pool on RAID-6: it survives the loss of two disks."""
        make, count = self._make, self._layout.disks_per_pool
        disks = [f"{pool}-disk{i}" for i in range(count)]
        capacity = {"capacityBytes": (count - 2) * 4 * _TIB}
        yield make.record("StoragePool", pool, key=("poolUuid", make.uuid()), props=capacity)
        yield needs(pool, "WATCHED_BY", probe)
        for disk in disks:
            size = {"capacityBytes": 4 * _TIB}
            yield make.record("Disk", disk, key=("wwn", make.wwn()), props=size)
            yield needs(disk, "WATCHED_BY", probe)
        yield from needs_some(pool, "STORED_ON", disks, "raid", count - 2)

    def _storage_hosts(
        self, site: str, racks: list[int], probe: str
    ) -> Generator[Part, None, tuple[str, ...]]:
        exports: list[str] = []
        count = storage_hosts_for(len(racks))
        for number in range(count):
            host = f"stor-{site}-{number + 1}"
            rack = f"r{racks[number * len(racks) // count] + 1}"
            yield from self._host(host, rack, probe)
            yield from self._pool(f"{host}-md0", probe)
            yield needs(f"{host}-md0", "DEPENDS_ON", host)
            for protocol, port in (("nbd", 10809), ("nfs", 2049)):
                export = f"{host}/{protocol}"
                address = ("exportAddress", f"{protocol}://{host}:{port}/guests")
                props: dict[str, Scalar] = {"protocol": protocol, "port": port}
                yield self._make.record("StorageExport", export, key=address, props=props)
                yield needs(export, "RUNS_ON", host)
                yield needs(export, "STORED_ON", f"{host}-md0")
                yield needs(export, "WATCHED_BY", probe)
                exports.append(export)
        return tuple(exports)

    def _compute(self, rack: int, site: int, block: Block, probe: str) -> Iterator[Part]:
        label, hosts = f"r{rack + 1}", list[str]()
        for _ in range(self._layout.hosts_in(rack)):
            self._hosts_made += 1
            host = f"h{self._hosts_made:02d}"
            yield from self._host(host, label, probe)
            paths = yield from self._paths(host, block[0])
            place = HostPlace(host, site, f"exporter-{host}", paths, block[1])
            self.hosts.append(place)
            hosts.append(host)
        if len(hosts) > 1:
            cluster = f"cluster-{label}"
            yield self._make.record("Cluster", cluster, labels={"rack": label})
            spare = max(1, len(hosts) // _HOSTS_PER_SPARE)
            yield from needs_some(cluster, "USES", hosts, "capacity", len(hosts) - spare)
            if self._dense:
                yield from (needs(host, "MEMBER_OF", cluster) for host in hosts)

    def _trunks(self, rack: int, networks: tuple[str, ...]) -> Iterator[Part]:
        """Yield what each host of a rack has for any guest: all networks, and its two paths."""
        for place in self.hosts[len(self.hosts) - self._layout.hosts_in(rack) :]:
            yield from (needs(place.name, "ATTACHED_TO", network) for network in networks)
            yield from needs_some(place.name, "USES", place.paths, "paths", 1)

    def _host(self, host: str, rack: str, probe: str) -> Iterator[Part]:
        """Yield a host with its two links, both feeds and its own exporter."""
        make, exporter, bond = self._make, f"exporter-{host}", f"{host}-bond0"
        yield make.record(
            "Host",
            host,
            key=("smbiosUuid", make.uuid()),
            labels={"rack": rack},
            props={"memoryBytes": make.rng.choice((256, 384, 512)) * GIB, "cores": 64},
        )
        yield from self._placed(host, rack)
        yield make.record("Probe", exporter, key=("probeAddress", f"{host}:9100"))
        yield needs(exporter, "RUNS_ON", host)
        yield needs(exporter, "WATCHED_BY", probe)
        yield needs(host, "WATCHED_BY", exporter)
        yield needs(host, "WATCHED_BY", probe)
        nics = [f"{host}-eth0", f"{host}-eth1"]
        for side, nic in zip("ab", nics, strict=True):
            speed = {"speedBitsPerSecond": 25_000_000_000}
            interface = ("ownerInterface", f"{host}/{nic.removeprefix(f'{host}-')}")
            yield make.record("Nic", nic, key=interface, props=speed)
            yield needs(nic, "CONNECTED_TO", f"sw-{rack}-{side}")
            yield needs(nic, "WATCHED_BY", exporter)
        yield make.record("Bond", bond, key=("ownerInterface", f"{host}/bond0"))
        yield from needs_some(bond, "USES", nics, "links", 1)
        yield needs(bond, "WATCHED_BY", exporter)
        yield needs(host, "USES", bond)

    def _paths(self, host: str, array: str) -> Generator[Part, None, tuple[str, str]]:
        """Yield one path to each controller; a guest needs one of the two."""
        paths = (f"{host}-path-a", f"{host}-path-b")
        for side, path in zip("ab", paths, strict=True):
            controller = f"{array}-ctl-{side}"
            key = ("pathId", f"{host}:{controller}")
            yield self._make.record("StoragePath", path, key=key)
            yield needs(path, "USES", controller)
            yield needs(path, "WATCHED_BY", f"exporter-{host}")
        return paths
