"""From one reading to records, relations and observations. Pure."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import datetime

from ingest.libvirt.fetch import GuestReading, Reading
from ingest.libvirt.guests import normalise_guest
from ingest.libvirt.host import locate, normalise_host
from ingest.libvirt.networks import Networks, normalise_interfaces, normalise_networks
from ingest.libvirt.place import folded, parse
from ingest.libvirt.pools import Pools, normalise_pools
from kgraph.schema import Item


def normalise(reading: Reading, *, site: str, now: datetime) -> Iterator[Item]:
    """Yield the host first, then networks and storage, then the guests that use them.

    Raises:
        SourceError: a document is not XML or lacks what libvirt always writes; nothing of the
            reading may be kept then.
    """
    return folded(_everything(reading, site, now))


def _everything(reading: Reading, site: str, now: datetime) -> Iterator[Item]:
    place = locate(reading, site=site, now=now)
    guests = [(guest, parse(guest.xml, place.uri, "a domain")) for guest in reading.guests]
    networks = Networks.of(place, reading.networks)
    pools = Pools.of(place, reading.pools)
    yield from normalise_host(place, reading)
    yield from normalise_networks(place, networks, _networks_in_use(guests))
    yield from normalise_interfaces(place, networks, reading.interfaces)
    yield from normalise_pools(place, pools)
    for guest, domain in guests:
        yield from normalise_guest(place, guest, domain, networks, pools)


def _networks_in_use(guests: list[tuple[GuestReading, ET.Element]]) -> frozenset[str]:
    """Return the names of the networks that running guests are plugged into."""
    return frozenset(
        source.attrib["network"]
        for guest, domain in guests
        if guest.active
        for source in domain.iterfind("devices/interface/source[@network]")
    )
