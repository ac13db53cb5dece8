"""One guest, network or pool of a host, read alone because an event named it.

Everything else is left as the last whole reading had it. What the part stands on is named by key
and not reported again: a whole reading knows more of it. What is not known yet waits until then.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from ingest.libvirt.events import Event, EventKind
from ingest.libvirt.fetch import Only, Reading
from ingest.libvirt.guests import normalise_guest
from ingest.libvirt.host import locate
from ingest.libvirt.networks import Networks, normalise_networks
from ingest.libvirt.place import Place, folded, guest_key, network_key, parse, pool_key
from ingest.libvirt.pools import Pools, normalise_pools
from kgraph.schema import AllOf, Coverage, Gone, Item, Observation, Record, RelationRecord


@dataclass(frozen=True, slots=True)
class Part:
    """What an event named: a guest, a network or a pool."""

    kind: EventKind
    uuid: str


_READABLE = frozenset({EventKind.DOMAIN, EventKind.NETWORK, EventKind.POOL})


def part_of(event: Event) -> Part | None:
    """Return what to read alone after an event; None: everything is to be looked at."""
    return Part(event.kind, event.uuid) if event.kind in _READABLE else None


def only(parts: Iterable[Part]) -> Only:
    """Return what has to be read to know some parts."""
    chosen = list(parts)
    return Only(
        guests=tuple(p.uuid for p in chosen if p.kind is EventKind.DOMAIN),
        volumes=any(p.kind is EventKind.POOL for p in chosen),
    )


def normalise_parts(
    reading: Reading, parts: Iterable[Part], *, site: str, now: datetime
) -> Iterator[Item]:
    """Yield what a reading of `only(parts)` says of them; what is not there any more is gone.

    Raises:
        SourceError: a document is not XML or lacks what libvirt always writes.
    """
    place = locate(reading, site=site, now=now)
    return folded(_items(place, reading, parts))


def _items(place: Place, reading: Reading, parts: Iterable[Part]) -> Iterator[Item]:
    networks, pools = Networks.of(place, reading.networks), Pools.of(place, reading.pools)
    guests = dict(_guests(place, reading, networks, pools))
    by_uuid = {network.uuid: network for network in networks.by_name.values()}
    keys = {pool.key for pool in pools.by_name.values()}
    for part in dict.fromkeys(parts):
        if part.kind is EventKind.DOMAIN:
            key = guest_key(part.uuid)
            yield from guests.get(key, [Gone(key)])
        elif part.kind is EventKind.NETWORK:
            key = network_key(place.host_id, part.uuid)
            found = part.uuid in by_uuid
            said = normalise_networks(place, networks, frozenset()) if found else ()
            # Whether it should be up is for a reading that knows who is plugged into it.
            no_evidence = [item for item in said if not isinstance(item, Observation)]
            yield from (*_of(no_evidence, {key}), AllOf(key)) if found else (Gone(key),)
        else:
            key = pool_key(place.host_id, part.uuid)
            yield from _pool(place, pools, key) if key in keys else (Gone(key),)


def _guests(
    place: Place, reading: Reading, networks: Networks, pools: Pools
) -> Iterator[tuple[str, list[Item]]]:
    """Yield each guest that was read with what is said of it and its virtual NICs."""
    for guest in reading.guests:
        domain = parse(guest.xml, place.uri, "a domain")
        items = list(normalise_guest(place, guest, domain, networks, pools))
        own = {i.key for i in items if isinstance(i, Record) and i.kind in _OWN}
        said = list(_of(items, own))
        key = guest_key(domain.findtext("uuid") or "")
        if _has_named_volume(domain):  # where those lie is told by volumes, which were not read
            own.discard(key)
            said = [i for i in said if not _stored(i)]
        yield key, [*said, *(AllOf(name) for name in sorted(own))]


_OWN = frozenset({"VirtualMachine", "VirtualNic"})


def _pool(place: Place, pools: Pools, key: str) -> Iterator[Item]:
    """Yield a pool with its volumes; what they are backed by, their guests tell."""
    mine = Pools({name: pool for name, pool in pools.by_name.items() if pool.key == key})
    items = list(normalise_pools(place, mine))
    own = {i.key for i in items if isinstance(i, Record) and i.kind in {"StoragePool", "Volume"}}
    yield from _of(items, own)
    yield AllOf(key)


def _of(items: Iterable[Item], own: set[str]) -> Iterator[Item]:
    """Return what is said of some things themselves."""
    for item in items:
        if isinstance(item, Record):
            about = item.key
        elif isinstance(item, RelationRecord):
            about = item.dependent
        elif isinstance(item, Observation | Coverage):
            about = item.entity
        else:
            continue
        if about in own:
            yield item


def _has_named_volume(domain: ET.Element) -> bool:
    return domain.find("devices/disk/source[@volume]") is not None


def _stored(item: Item) -> bool:
    return isinstance(item, RelationRecord) and item.type == "STORED_ON"
