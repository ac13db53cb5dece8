"""The host itself, and the connection that watches it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from ingest.libvirt.fetch import Reading
from ingest.libvirt.place import Place, parse, whole
from ingest.libvirt.verdicts import healthy
from kgraph.identity import canonical
from kgraph.schema import Item, Key, Record, RelationRecord

_IN_PROCESS = "test"  # libvirt's own mock: every URI of it reports the name of this machine


def locate(reading: Reading, *, site: str, now: datetime) -> Place:
    """Return where a reading was made.

    Raises:
        SourceError: the capabilities are not XML.
    """
    name = "" if _mocked(reading) else reading.hostname
    return Place(reading.uri, site, host_id(reading.capabilities, reading.uri), now, name)


def host_id(capabilities: str, uri: str) -> str:
    """Return what tells a host from all others: its SMBIOS UUID, else the URI.

    Raises:
        SourceError: the capabilities are not XML.
    """
    described = parse(capabilities, uri, "the capabilities document")
    uuid = (described.findtext("host/uuid") or "").strip()
    claimed = canonical(Key("smbiosUuid", uuid)) if uuid else None
    return claimed.value if claimed else uri


def normalise_host(place: Place, reading: Reading) -> Iterator[Item]:
    """Yield the host, the connection as its probe, and that it answers."""
    capabilities = parse(reading.capabilities, place.uri, "the capabilities document")
    yield Record(
        place.host,
        "Host",
        reading.uri if _mocked(reading) else reading.hostname,
        keys=_keys(place, reading),
        props={
            "memoryBytes": reading.memory_mib << 20,
            "cpus": reading.cpus,
            "arch": capabilities.findtext("host/cpu/arch") or "",
            "hypervisor": reading.hypervisor,
            **_set_aside(capabilities, place.uri),
        },
        watched=("down", "unreachable"),
        where=f"libvirt {place.uri}",
    )
    probe = probe_key(place)
    yield Record(
        probe,
        "Probe",
        f"libvirt {place.uri}",
        keys=(place.key("probeAddress", place.uri),),
        props={"uri": place.uri, "detector": place.look.detector},
    )
    yield RelationRecord(probe, "RUNS_ON", place.host)  # it is libvirt there that speaks
    yield RelationRecord(place.host, "WATCHED_BY", probe)
    yield healthy(place.host, "down", place.look)
    yield healthy(place.host, "unreachable", place.look)


def probe_key(place: Place) -> str:
    """Return the record key of the connection."""
    return f"probe:{place.uri}"


def _set_aside(capabilities: ET.Element, uri: str) -> dict[str, int]:
    """Return what of its memory is set aside for huge pages, all but the smallest size of pages.

    Whoever does not use them cannot have it, be it taken or not. A host that does not tell of its
    pages says nothing of them.
    """
    sizes: Counter[int] = Counter()
    for row in capabilities.iterfind("host/topology/cells/cell/pages[@size]"):
        size = whole(row.get("size", ""), uri, "the size of <pages>")
        sizes[size << 10] += whole(row.text or "", uri, "the number of <pages>")
    huge = sum(size * count for size, count in sizes.items() if size > min(sizes))
    return {"hugePagesBytes": huge} if sizes else {}


def _keys(place: Place, reading: Reading) -> tuple[Key, ...]:
    if _mocked(reading) or place.host_id == place.uri:
        # Without a UUID to trust, the address is all that tells it from others.
        strong = place.key("libvirtUri", place.uri)
    else:
        strong = place.key("smbiosUuid", place.host_id)
    if _mocked(reading):
        return (strong,)
    return (strong, place.key("hostname", reading.hostname))


def _mocked(reading: Reading) -> bool:
    return reading.hypervisor.lower() == _IN_PROCESS
