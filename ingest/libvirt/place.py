"""Where a reading was made, and how things there are named.

Two hosts have the same file names, and images that were cloned have the same network and pool
UUIDs. So whatever exists only on its host is named under that host; what several hosts share (an
export, a guest) is named by itself.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from ingest.libvirt.verdicts import Look
from kgraph.identity import canonical
from kgraph.schema import Item, Key, Record, RelationRecord, SourceError
from kgraph.sourcekit import local_name


@dataclass(frozen=True, slots=True)
class Place:
    """One host as one connection sees it.

    Attributes:
        uri: the connection; the scope of all records.
        site: the estate.
        host_id: what tells this host from all others: its SMBIOS UUID, else the URI.
        now: what the observations are dated.
        hostname: what other sources call this host; "" where it tells nothing.
    """

    uri: str
    site: str
    host_id: str
    now: datetime
    hostname: str = ""

    @property
    def look(self) -> Look:
        """Who sees, and when."""
        return Look(self.uri, self.now)

    @property
    def host(self) -> str:
        """The record key of the host itself."""
        return host_key(self.uri)

    def key(self, namespace: str, value: str) -> Key:
        """Return an identity claim within this site."""
        return Key(namespace, value, self.site)

    def under(self, name: str) -> str:
        """Name something that exists only on this host."""
        return under(self.host_id, name)

    def local(self, namespace: str, name: str) -> tuple[Key, ...]:
        """Claim, weakly, what others know by the name of this host: they have no UUID of it."""
        value = local_name(self.hostname, name)
        return (self.key(namespace, value),) if value else ()


def host_key(uri: str) -> str:
    """Return the record key of a host; known from the URI alone, for when nothing answers."""
    return f"host:{uri}"


def guest_key(uuid: str) -> str:
    """Return the record key of a guest; the same for either byte order of its UUID."""
    claim = canonical(Key("vmUuid", uuid))
    return f"vm:{claim.value if claim else uuid}"


def under(host_id: str, name: str) -> str:
    """Name something that exists only on one host."""
    return f"{host_id}/{name.removeprefix('/')}"


def network_key(host_id: str, uuid: str) -> str:
    """Return the record key of a virtual network."""
    return f"network:{under(host_id, uuid)}"


def pool_key(host_id: str, uuid: str) -> str:
    """Return the record key of a storage pool."""
    return f"pool:{under(host_id, uuid)}"


def parse(xml: str, uri: str, what: str) -> ET.Element:
    """Parse one document of libvirt's.

    Raises:
        SourceError: it is not XML.
    """
    try:
        return ET.fromstring(xml)  # noqa: S314 - written by our own hypervisor
    except ET.ParseError as error:
        raise SourceError(
            f"{what} is not XML: {error}: {xml[:60]!r}",
            where=f"libvirt {uri}",
            mend="report it to whoever runs that libvirt",
        ) from error


def required(node: ET.Element, path: str, uri: str) -> str:
    """Return the text at `path`, which libvirt always writes.

    Raises:
        SourceError: it is missing or empty.
    """
    found = (node.findtext(path) or "").strip()
    if not found:
        name = node.findtext("name") or "without a name"
        raise SourceError(f"{node.tag} {name}: <{path}> is missing", where=f"libvirt {uri}")
    return found


def size_bytes(node: ET.Element, path: str, uri: str) -> int:
    """Return a size in bytes; libvirt answers in `unit`, KiB for memory and bytes for storage.

    Raises:
        SourceError: not a number, or an unknown unit.
    """
    found = node.find(path)
    if found is None:
        return 0
    what = f"{node.tag} {node.findtext('name')}: <{path}>"
    unit = found.get("unit", "KiB" if path == "memory" else "bytes")
    if unit not in _UNITS:
        raise SourceError(f"{what} has an unknown unit: {unit!r}", where=f"libvirt {uri}")
    return whole(found.text or "", uri, what) * _UNITS[unit]


def whole(text: str, uri: str, what: str) -> int:
    """Read a whole number.

    Raises:
        SourceError: it is none.
    """
    try:
        return int(text)
    except ValueError as error:
        raise SourceError(
            f"{what} is not a whole number: {text!r}", where=f"libvirt {uri}"
        ) from error


_UNITS = {
    "bytes": 1,
    "b": 1,
    "KiB": 1 << 10,
    "k": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
    "TiB": 1 << 40,
}


def folded(items: Iterable[Item]) -> Iterator[Item]:
    """Drop what was said before: two guests on one export both bring that export.

    The first record of a key stands, so whoever knows more of a thing is to speak first.
    """
    records: set[str] = set()
    relations: set[tuple[str, str, str]] = set()
    for item in items:
        if isinstance(item, Record):
            if item.key in records:
                continue
            records.add(item.key)
        elif isinstance(item, RelationRecord):
            ends = (item.dependent, item.type, item.dependency)
            if ends in relations:
                continue
            relations.add(ends)
        yield item
