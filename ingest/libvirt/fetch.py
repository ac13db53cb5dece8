"""Everything that is read from libvirt, and nothing made of it yet.

A hung QEMU blocks each call that asks its monitor, for ever. So: only calls that libvirtd answers
from its own memory, in a process that can be killed (`ingest.libvirt.apart`). The exception is
`diskErrors` of a guest that has just told of an error: asked on a line of its own, and not for
long. It only explains.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from ingest.libvirt.binding import (
    Connection,
    ConnectionLostError,
    Described,
    Domain,
    Driver,
    ErrorCode,
    Network,
    Pool,
)
from ingest.libvirt.line import Line
from ingest.libvirt.states import DomainState, PausedReason, PoolState
from kgraph.schema import SourceError
from kgraph.schema.errors import one_line

A = TypeVar("A")
B = TypeVar("B")
_MONITOR_SECONDS = 1.0  # what a QEMU may take to tell why its disk failed


@dataclass(frozen=True, slots=True)
class GuestReading:
    """One domain: its definition, `virDomainGetState`, and failed disks (target -> errno-like)."""

    xml: str
    state: int
    reason: int
    disk_errors: tuple[tuple[str, int], ...] = ()

    @property
    def active(self) -> bool:
        """Whether it has a QEMU here of its own, and not one that waits for its arrival."""
        arriving = (self.state, self.reason) == (DomainState.PAUSED, PausedReason.MIGRATION)
        dormant = {DomainState.NOSTATE, DomainState.SHUTOFF, DomainState.CRASHED}
        return self.state not in dormant and not arriving


@dataclass(frozen=True, slots=True)
class NetworkReading:
    """One virtual network; `active` when its bridge is up, `lost` when libvirt has it no more."""

    xml: str
    active: bool
    autostart: bool
    lost: bool = False


@dataclass(frozen=True, slots=True)
class PoolReading:
    """One storage pool; `state` is a virStoragePoolState, `volumes` are XML documents.

    `lost` when libvirt has it no more.
    """

    xml: str
    state: int
    autostart: bool
    volumes: tuple[str, ...] = ()
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """All that one connection showed.

    Attributes:
        gaps: what could not be read, and why.
        unnamed: what cannot be read by anybody, and so was never known.
    """

    uri: str
    hostname: str
    hypervisor: str
    capabilities: str
    memory_mib: int = 0
    cpus: int = 0
    guests: tuple[GuestReading, ...] = ()
    networks: tuple[NetworkReading, ...] = ()
    pools: tuple[PoolReading, ...] = ()
    interfaces: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    unnamed: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether all that there is was read."""
        return not self.gaps


@dataclass(frozen=True, slots=True)
class Only:
    """What to read of a host besides what it is and its networks.

    Attributes:
        guests: UUIDs; one that is not there is left out.
        volumes: whether the pools' volumes are wanted.
    """

    guests: tuple[str, ...]
    volumes: bool


def fetch(driver: Driver, uri: str, only: Only | None = None) -> Reading:
    """Read one connection from end to end, or `only` a part of it.

    Raises:
        SourceError: it does not believe who we are.
        ConnectionLostError: no connection, or it broke on the way.
    """
    try:
        connection = driver.open(uri)
    except driver.error as error:
        if error.get_error_code() in _DISBELIEVED:  # type: ignore[attr-defined] # see Driver.error
            # It answers, so nothing is said of the host.
            raise SourceError(
                f"we and it do not trust each other: {one_line(error)}",
                where=f"libvirt {uri}",
                mend="check certificates (`?pkipath=`), or user and password (`?authfile=`)",
            ) from error
        raise ConnectionLostError(
            f"cannot connect: {one_line(error)}",
            where=f"libvirt {uri}",
            mend="check that libvirtd runs there and that you may read it",
        ) from error
    try:
        return _Reader(connection, driver, uri, only).read()
    except driver.error as error:
        raise ConnectionLostError(
            f"the connection broke: {one_line(error)}",
            where=f"libvirt {uri}",
            mend="read it again",
        ) from error
    finally:
        _close_quietly(connection, driver.error)


_DISBELIEVED = frozenset(
    {ErrorCode.AUTH_FAILED, ErrorCode.AUTH_CANCELLED, ErrorCode.AUTH_UNAVAILABLE}
)
_GONE = frozenset(
    {
        ErrorCode.NO_DOMAIN,
        ErrorCode.NO_NETWORK,
        ErrorCode.NO_STORAGE_POOL,
        ErrorCode.NO_STORAGE_VOL,
        ErrorCode.NO_INTERFACE,
    }
)


@dataclass(slots=True)
class _Reader:
    """One pass over a connection, which remembers what of it could not be read."""

    connection: Connection
    driver: Driver
    uri: str
    only: Only | None = None
    gaps: list[str] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)

    def read(self) -> Reading:
        connection = self.connection
        info = connection.getInfo()
        return Reading(
            uri=self.uri,
            hostname=connection.getHostname(),
            hypervisor=connection.getType(),
            capabilities=connection.getCapabilities(),
            memory_mib=int(info[1]),
            cpus=int(info[2]),
            guests=self._guests(),
            networks=self._each(connection.listAllNetworks, _network),
            pools=self._each(connection.listAllStoragePools, self._pool),
            interfaces=self._each(connection.listAllInterfaces, _xml) if self.only is None else (),
            gaps=tuple(self.gaps),
            unnamed=tuple(self.unnamed),
        )

    def _each(
        self, list_all: Callable[[], Sequence[A]], one: Callable[[A], B | None]
    ) -> tuple[B, ...]:
        listed = self._attempt(list_all) or ()
        found = (self._attempt(partial(one, item)) for item in listed)
        return tuple(each for each in found if each is not None)

    def _attempt(self, call: Callable[[], B]) -> B | None:
        """Return None for what is not there; anything else unread makes the pass incomplete."""
        try:
            return call()
        except self.driver.error as error:
            if not self.connection.isAlive():
                raise
            code = error.get_error_code()  # type: ignore[attr-defined] # see Driver.error
            # NO_SUPPORT: this driver has no such thing. Gone: it went between list and look.
            if code != ErrorCode.NO_SUPPORT and code not in _GONE:
                self.gaps.append(one_line(error))
            return None
        except UnicodeDecodeError as error:  # the binding's: it makes text of what libvirt says
            self.gaps.append(f"a definition is not UTF-8: {one_line(error)}")
            return None

    def _guests(self) -> tuple[GuestReading, ...]:
        monitors = _Monitors(self.driver, self.uri)
        try:
            return self._each(self._domains, partial(_guest, monitors))
        finally:
            monitors.close()

    def _domains(self) -> Sequence[Domain]:
        if self.only is None:
            return self.connection.listAllDomains()
        look_up = self.connection.lookupByUUIDString
        found = (self._attempt(partial(look_up, uuid)) for uuid in self.only.guests)
        return [domain for domain in found if domain is not None]

    def _pool(self, pool: Pool) -> PoolReading:
        state = pool.info()[0]
        readable = state in {PoolState.RUNNING, PoolState.DEGRADED}
        wanted = self.only is None or self.only.volumes
        xml = pool.XMLDesc()
        one = partial(self._volume, xml.partition("<name>")[2].partition("</name>")[0])
        volumes = self._each(pool.listAllVolumes, one) if readable and wanted else ()
        return PoolReading(xml, state, bool(pool.autostart()), volumes)

    def _volume(self, pool: str, volume: Described) -> str | None:
        """Return the definition of a volume; None for a file whose name is no text."""
        try:
            return volume.XMLDesc()
        except UnicodeDecodeError:
            self.unnamed.append(f"a volume of pool {pool} has a name that is not UTF-8; rename it")
            return None


class _Monitors:
    """Asks guests' monitors for what their disks failed of, until the first does not answer."""

    def __init__(self, driver: Driver, uri: str) -> None:
        self._line, self._error = Line(driver, uri), driver.error

    def disk_errors(self, uuid: str) -> Mapping[str, int]:
        """Return target -> virDomainDiskErrorCode; nothing where it is not told in time."""
        try:
            return self._line.call(
                lambda c: dict(c.lookupByUUIDString(uuid).diskErrors()), _MONITOR_SECONDS
            )
        except (TimeoutError, self._error):
            return {}

    def close(self) -> None:
        self._line.close()


def _guest(monitors: _Monitors, domain: Domain) -> GuestReading:
    state, reason = domain.state()[:2]
    stuck = (state, reason) == (DomainState.PAUSED, PausedReason.IOERROR)
    errors = monitors.disk_errors(domain.UUIDString()) if stuck else {}
    return GuestReading(domain.XMLDesc(), state, reason, tuple(sorted(errors.items())))


def _network(network: Network) -> NetworkReading:
    return NetworkReading(network.XMLDesc(), bool(network.isActive()), bool(network.autostart()))


def _xml(described: Described) -> str:
    return described.XMLDesc()


def _close_quietly(connection: Connection, error: type[Exception]) -> None:
    with contextlib.suppress(error):  # already broken: nothing is left to close
        connection.close()
