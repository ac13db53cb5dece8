"""A libvirt made of plain data, for states that the test:/// driver can't be brought into."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ingest.libvirt.binding import Connection, Driver
from ingest.libvirt.fetch import GuestReading, NetworkReading, PoolReading, Reading
from ingest.libvirt.normalise import normalise
from ingest.libvirt.place import guest_key
from kgraph.schema import Item, Observation, Record, RelationRecord, State

NOW = datetime(2026, 11, 23, 3, 7, tzinfo=UTC)
URI = "qemu+ssh://h1.example/system"
HOST = f"host:{URI}"
HOST_UUID = "0c4d2f10-8a5e-4f35-9d7b-1f2a3b4c5d6e"
VM_UUID = "7a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
VM = guest_key(VM_UUID)
RUNNING = (1, 1)
CAPABILITIES = (
    "<capabilities><host><uuid>{uuid}</uuid><cpu><arch>x86_64</arch></cpu></host></capabilities>"
)


class FakeError(Exception):
    """Stands for libvirt.libvirtError."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self._code = code

    def get_error_code(self) -> int:
        return self._code


@dataclass
class FakeDescribed:
    xml: str
    error: FakeError | None = None

    def XMLDesc(self, flags: int = 0) -> str:
        assert flags == 0
        if self.error:
            raise self.error
        return self.xml


@dataclass
class FakeDomain(FakeDescribed):
    at: tuple[int, int] = RUNNING
    failed: Mapping[str, int] = field(default_factory=dict)
    asked_monitor: bool = False
    stalls: float = 0
    released: threading.Event = field(default_factory=threading.Event)

    def state(self, flags: int = 0) -> Sequence[int]:
        assert flags == 0
        return self.at

    def UUIDString(self) -> str:
        return self.xml.partition("<uuid>")[2].partition("</uuid>")[0]

    def diskErrors(self, flags: int = 0) -> Mapping[str, int]:
        assert flags == 0
        self.asked_monitor = True
        self.released.wait(self.stalls)
        return self.failed


@dataclass
class FakePool(FakeDescribed):
    at: int = 2
    volumes: Sequence[FakeDescribed] = ()
    listing: FakeError | None = None

    def info(self) -> Sequence[int]:
        return (self.at, 0, 0, 0)

    def autostart(self) -> int:
        return 1

    def listAllVolumes(self, flags: int = 0) -> Sequence[FakeDescribed]:
        assert flags == 0
        if self.listing:
            raise self.listing
        return self.volumes


@dataclass
class FakeConnection:
    """`stalls`: seconds that the first question takes; `interfaces`: an error, as where there is
    no such driver."""

    domains: Sequence[FakeDomain] = ()
    pools: Sequence[FakePool] = ()
    interfaces: FakeError | None = None
    alive: int = 1
    stalls: float = 0
    closed: bool = False

    def getHostname(self) -> str:
        return "h1.example"

    def getType(self) -> str:
        return "QEMU"

    def getCapabilities(self) -> str:
        return CAPABILITIES.format(uuid=HOST_UUID)

    def getInfo(self) -> Sequence[object]:
        time.sleep(self.stalls)
        return ("x86_64", 65536, 32, 2400, 1, 2, 16, 1)

    def listAllDomains(self, flags: int = 0) -> Sequence[FakeDomain]:
        assert flags == 0
        return self.domains

    def lookupByUUIDString(self, uuid: str) -> FakeDomain:
        return next(domain for domain in self.domains if domain.UUIDString() == uuid)

    def listAllNetworks(self, flags: int = 0) -> Sequence[object]:
        assert flags == 0
        return ()

    def listAllStoragePools(self, flags: int = 0) -> Sequence[FakePool]:
        assert flags == 0
        return self.pools

    def listAllInterfaces(self, flags: int = 0) -> Sequence[FakeDescribed]:
        assert flags == 0
        if self.interfaces:
            raise self.interfaces
        return ()

    def isAlive(self) -> int:
        return self.alive

    def close(self) -> int:
        self.closed = True
        return 0


def driver(connection: FakeConnection) -> Driver:
    """Return a binding that always makes this connection."""

    def connect(_: str) -> Connection:
        return connection  # type: ignore[return-value]  # its networks are never there

    return Driver(connect, FakeError)


def domain_xml(devices: str = "", *, name: str = "web1", uuid: str = VM_UUID) -> str:
    return (
        f"<domain type='kvm'><name>{name}</name><uuid>{uuid}</uuid>"
        "<memory unit='KiB'>1048576</memory><vcpu placement='static'>2</vcpu>"
        f"<os><type arch='x86_64'>hvm</type></os><devices>{devices}</devices></domain>"
    )


def guest(devices: str = "", at: tuple[int, int] = RUNNING, **names: str) -> GuestReading:
    return GuestReading(domain_xml(devices, **names), *at)


def items_of(
    *guests: GuestReading,
    networks: tuple[NetworkReading, ...] = (),
    pools: tuple[PoolReading, ...] = (),
    interfaces: tuple[str, ...] = (),
    host_uuid: str = HOST_UUID,
    uri: str = URI,
    topology: str = "",
) -> list[Item]:
    """Normalise a reading of one host."""
    capabilities = CAPABILITIES.format(uuid=host_uuid)
    reading = Reading(
        uri=uri,
        hostname="h1.example",
        hypervisor="QEMU",
        capabilities=capabilities.replace("</host>", f"{topology}</host>"),
        guests=guests,
        networks=networks,
        pools=pools,
        interfaces=interfaces,
    )
    return list(normalise(reading, site="default", now=NOW))


def records(items: list[Item], kind: str) -> list[Record]:
    return [item for item in items if isinstance(item, Record) and item.kind == kind]


def relations(items: list[Item], dependent: str, type_: str = "") -> list[RelationRecord]:
    return [
        item
        for item in items
        if isinstance(item, RelationRecord)
        and item.dependent == dependent
        and type_ in {"", item.type}
    ]


def standing(items: Iterable[Item], entity: str) -> dict[str, State]:
    """Return signal -> state of the observations that count; withdrawn ones don't."""
    return {
        item.signal: item.state
        for item in items
        if isinstance(item, Observation)
        and item.entity == entity
        and item.at is not None
        and item.expires_at is not None
        and item.expires_at > item.at
    }
