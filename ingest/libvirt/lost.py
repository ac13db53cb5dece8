"""Networks and pools that libvirt has lost: undefined, and somebody still needs them.

libvirt tells nothing of what it does not know. What it told before is kept, and where a guest that
is still there needs such a part, it is down; where none does, somebody has taken it away. Pure.
"""

from __future__ import annotations

import posixpath
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from ingest.libvirt.fetch import NetworkReading, PoolReading, Reading
from ingest.libvirt.place import parse
from ingest.libvirt.states import PoolState

NETWORK, POOL = "network", "pool"


@dataclass(frozen=True, slots=True)
class Definition:
    """What a network or pool is.

    Attributes:
        kind: `network` or `pool`.
        uuid: unique on its host only.
        autostart: whether it is to start with its host.
    """

    kind: str
    uuid: str
    xml: str
    autostart: bool


class Shelf(Protocol):
    """Where definitions are kept; a later one is kept in place of an earlier one."""

    def keep_guest(self, uuid: str, xml: str, *, runs: bool) -> None:
        """Keep what a guest is, whichever host it is on.

        Where it does not run it may have been left behind: that takes the place of nothing.
        """

    def keep_part(self, host: str, definition: Definition) -> None:
        """Keep what a network or pool of a host is."""

    def parts(self, host: str) -> list[Definition]:
        """Return the networks and pools that are kept of a host."""


def definitions_of(reading: Reading) -> Iterator[Definition]:
    """Yield what each network and pool of a reading is, without secrets."""
    for kind, each in _parts(reading):
        uuid = parse(each.xml, reading.uri, f"a {kind}").findtext("uuid") or ""
        if uuid:
            yield Definition(kind, uuid, without_secrets(each.xml, reading.uri), each.autostart)


def with_lost(reading: Reading, kept: list[Definition]) -> Reading:
    """Return a reading together with what is lost: kept, not there, and needed by a guest."""
    lost = missing(reading, kept)
    if not lost:
        return reading
    needs = _Needs.of(reading)
    taken = {(kind, _name(each.xml)) for kind, each in _parts(reading)}
    found = [each for each in lost if needs.needs(each) and _named(each) not in taken]
    networks = tuple(
        NetworkReading(each.xml, active=False, autostart=each.autostart, lost=True)
        for each in found
        if each.kind == NETWORK
    )
    pools = tuple(
        PoolReading(each.xml, PoolState.INACTIVE, each.autostart, lost=True)
        for each in found
        if each.kind == POOL
    )
    return replace(
        reading, networks=(*reading.networks, *networks), pools=(*reading.pools, *pools)
    )


def missing(reading: Reading, kept: list[Definition]) -> list[Definition]:
    """Return those of the kept that a reading does not have."""
    there = {(each.kind, each.uuid) for each in definitions_of(reading)}
    return [each for each in kept if (each.kind, each.uuid) not in there]


def without_secrets(xml: str, uri: str) -> str:
    """Return a definition as it is; passwords, which old versions wrote into it, are taken out.

    A reader is told none by libvirt today; this does not depend on it.
    """
    if "passwd" not in xml:
        return xml
    root = parse(xml, uri, "a definition")
    for node in root.iter():
        node.attrib.pop("passwd", None)
    return ET.tostring(root, encoding="unicode")


@dataclass(frozen=True, slots=True)
class _Needs:
    """What the guests of a reading are plugged into, and where their disks lie.

    Attributes:
        networks: names; of guests that run.
        pools: names.
        files: paths.
    """

    networks: frozenset[str]
    pools: frozenset[str]
    files: tuple[str, ...]

    @classmethod
    def of(cls, reading: Reading) -> _Needs:
        every = [(guest, parse(guest.xml, reading.uri, "a domain")) for guest in reading.guests]
        return cls(
            frozenset(
                source.attrib["network"]
                for guest, domain in every
                if guest.active
                for source in domain.iterfind("devices/interface/source[@network]")
            ),
            frozenset(
                source.attrib["pool"]
                for _, domain in every
                for source in domain.iterfind("devices/disk/source[@pool]")
            ),
            tuple(
                posixpath.normpath(source.attrib["file"])
                for _, domain in every
                for source in domain.iterfind("devices/disk/source[@file]")
            ),
        )

    def needs(self, definition: Definition) -> bool:
        """Tell whether a guest needs it."""
        root = ET.fromstring(definition.xml)  # noqa: S314 - written by our own hypervisor
        name = root.findtext("name") or ""
        if definition.kind == NETWORK:
            return name in self.networks
        path = posixpath.normpath(root.findtext("target/path") or "/")
        inside = path != "/" and any(file.startswith(f"{path}/") for file in self.files)
        return name in self.pools or inside


def _parts(reading: Reading) -> Iterator[tuple[str, NetworkReading | PoolReading]]:
    yield from ((NETWORK, each) for each in reading.networks)
    yield from ((POOL, each) for each in reading.pools)


def _named(definition: Definition) -> tuple[str, str]:
    return definition.kind, _name(definition.xml)


def _name(xml: str) -> str:
    return ET.fromstring(xml).findtext("name") or ""  # noqa: S314 - as above
