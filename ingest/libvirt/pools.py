"""Storage pools, their volumes, and which of them a path on the host belongs to."""

from __future__ import annotations

import posixpath
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ingest.libvirt.exports import normalise_export, pool_export
from ingest.libvirt.fetch import PoolReading
from ingest.libvirt.place import Place, parse, pool_key, required, size_bytes
from ingest.libvirt.verdicts import LOST, abnormal, lost, observe_pool
from kgraph.schema import Item, Key, Record, RelationRecord


@dataclass(frozen=True, slots=True)
class PoolHere:
    """One pool: its record key, definition and volumes, parsed."""

    key: str
    name: str
    target: str  # where its volumes appear on the host; empty for pools that aren't mounted
    reading: PoolReading
    xml: ET.Element
    volumes: tuple[ET.Element, ...]


@dataclass(frozen=True, slots=True)
class Pools:
    """The pools of one host, by name."""

    by_name: Mapping[str, PoolHere]

    @classmethod
    def of(cls, place: Place, readings: tuple[PoolReading, ...]) -> Pools:
        """Parse all pools.

        Raises:
            SourceError: not XML, or without name or UUID.
        """
        pools = (_parsed(place, reading) for reading in readings)
        return cls({pool.name: pool for pool in pools})

    def holding(self, path: str) -> PoolHere | None:
        """Return the pool that a path lies in: the one with the deepest target."""
        within = [pool for pool in self.by_name.values() if _contains(pool.target, path)]
        return max(within, key=lambda pool: len(pool.target), default=None)

    def volume_path(self, pool: str, volume: str) -> str:
        """Return where a volume named by pool and name lies; empty when the pool is unknown."""
        if pool not in self.by_name:
            return ""
        here = self.by_name[pool]
        for xml in here.volumes:
            if xml.findtext("name") == volume:
                return xml.findtext("target/path") or xml.findtext("key") or volume
        return posixpath.join(here.target or pool, volume)


def normalise_pools(place: Place, pools: Pools) -> Iterator[Item]:
    """Yield each pool with what it is stored on, its volumes and its health."""
    for pool in pools.by_name.values():
        yield from _pool(place, pool)
        for volume in pool.volumes:
            yield from _volume(place, pool, volume)


def normalise_path(place: Place, pools: Pools, path: str, kind: str = "") -> Iterator[Item]:
    """Yield the volume at a path of the host, and the pool that it lies in, if any.

    A file outside all pools may still lie on network storage that the administrator has mounted
    himself; libvirt doesn't say.
    """
    yield Record(
        path_key(place, path),
        "Volume",
        posixpath.basename(path),
        keys=(place.key("volumeKey", place.under(path)), place.key("hostPath", place.under(path))),
        props={"path": path} | ({"format": kind} if kind else {}),
    )
    pool = pools.holding(path)
    if pool is not None:
        yield RelationRecord(path_key(place, path), "STORED_ON", pool.key)


def path_key(place: Place, path: str) -> str:
    """Return the record key of the volume at a path of the host."""
    return f"volume:{place.under(path)}"


def _parsed(place: Place, reading: PoolReading) -> PoolHere:
    xml = parse(reading.xml, place.uri, "a storage pool")
    uuid, name = required(xml, "uuid", place.uri), required(xml, "name", place.uri)
    path = xml.findtext("target/path") or ""
    target = posixpath.normpath(path) if path else ""
    volumes = tuple(parse(each, place.uri, f"a volume of pool {name}") for each in reading.volumes)
    # /dev holds every disk of the host, not just those of one iSCSI or SCSI pool.
    shared = target.startswith("/dev") and xml.get("type") != "logical"
    key = pool_key(place.host_id, uuid)
    return PoolHere(key, name, "" if shared else target, reading, xml, volumes)


def _contains(target: str, path: str) -> bool:
    return bool(target) and posixpath.normpath(path).startswith(f"{target.rstrip('/')}/")


def _pool(place: Place, pool: PoolHere) -> Iterator[Item]:
    reading, xml = pool.reading, pool.xml
    sizes = {
        f"{name}Bytes": size_bytes(xml, name, place.uri)
        for name in ("capacity", "allocation", "available")
    }
    yield Record(
        pool.key,
        "StoragePool",
        pool.name,
        # Images cloned to two hosts carry the same pool UUID, so the host is part of the name.
        keys=(
            place.key("poolUuid", place.under(required(xml, "uuid", place.uri))),
            *_named(place, xml),
        ),
        props={"type": xml.get("type", ""), "path": pool.target, **lost(reading), **sizes},
        watched=("offline", "full"),
        volatile=frozenset(sizes),
        where=f"libvirt {place.uri}",
    )
    yield RelationRecord(pool.key, "USES", place.host)
    yield from _foundation(place, pool)
    capacity = sizes["capacityBytes"]
    share = sizes["availableBytes"] / capacity if capacity and reading.state else None
    if reading.lost:
        yield abnormal(pool.key, "offline", place.look, LOST)
        return
    yield from observe_pool(
        pool.key, reading.state, place.look, autostart=reading.autostart, available=share
    )


_OF_THE_HOST = frozenset({"logical", "zfs"})


def _named(place: Place, xml: ET.Element) -> tuple[Key, ...]:
    """Claim, weakly, a pool that is the host's own: who reads its storage knows it by name."""
    if xml.get("type") not in _OF_THE_HOST:
        return ()
    # ZFS pools may be given as a data set in one.
    return place.local("name", (xml.findtext("source/name") or "").partition("/")[0])


def _controllers(place: Place, xml: ET.Element) -> Iterator[tuple[str, Item]]:
    """Yield the Fibre Channel adapters that a pool is reached through."""
    for adapter in xml.iterfind("source/adapter[@wwpn]"):
        wwpn = adapter.attrib["wwpn"].lower().replace(":", "")
        key = f"adapter:{wwpn}"
        yield key, Record(key, "StorageController", wwpn, (place.key("serial", wwpn),))


def _foundation(place: Place, pool: PoolHere) -> Iterator[Item]:
    """Yield the export, or the adapters and disks, that a pool is made of."""
    export = pool_export(place, pool.xml)
    if export is not None:
        yield from normalise_export(place, export)
        yield RelationRecord(pool.key, "STORED_ON", export.key)
        return
    for controller, item in _controllers(place, pool.xml):
        yield item
        yield RelationRecord(pool.key, "USES", controller)
    for device in pool.xml.iterfind("source/device[@path]"):
        path = device.attrib["path"]
        key = f"disk:{place.under(path)}"
        yield Record(key, "Disk", path, keys=(place.key("hostPath", place.under(path)),))
        yield RelationRecord(pool.key, "STORED_ON", key)


def _volume(place: Place, pool: PoolHere, xml: ET.Element) -> Iterator[Item]:
    name = required(xml, "name", place.uri)
    path = xml.findtext("target/path") or xml.findtext("key") or f"{pool.name}/{name}"
    form = xml.find("target/format")
    kind = form.get("type", "") if form is not None else ""
    sizes = {
        "capacityBytes": size_bytes(xml, "capacity", place.uri),
        "allocationBytes": size_bytes(xml, "allocation", place.uri),
    }
    yield Record(
        path_key(place, path),
        "Volume",
        name,
        keys=(place.key("volumeKey", place.under(path)), place.key("hostPath", place.under(path))),
        props={"path": path, "format": kind, **sizes},
        volatile=frozenset({"allocationBytes"}),
    )
    yield RelationRecord(path_key(place, path), "STORED_ON", pool.key)
