"""The part of libvirt that is used here, and the one place that imports its binding."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from importlib import import_module
from typing import Any, Protocol

from kgraph.schema import SourceError


class ConnectionLostError(SourceError):
    """No connection could be made, or it broke or stalled: the host may be well or not."""


class ErrorCode(IntEnum):
    """The codes of virErrorNumber that mean "not here" rather than "gone wrong"."""

    NO_SUPPORT = 3
    NO_DOMAIN = 42
    NO_NETWORK = 43
    NO_STORAGE_POOL = 49
    NO_STORAGE_VOL = 50
    NO_INTERFACE = 57
    # And those that mean that somebody is there, and does not believe us.
    AUTH_FAILED = 45
    AUTH_CANCELLED = 79
    AUTH_UNAVAILABLE = 80


class Domain(Protocol):  # the part of libvirt.virDomain read here; tests pass a fake
    def XMLDesc(self, flags: int = 0) -> str: ...
    def state(self, flags: int = 0) -> Sequence[int]: ...
    def diskErrors(self, flags: int = 0) -> Mapping[str, int]: ...
    def info(self) -> Sequence[int]: ...
    def controlInfo(self, flags: int = 0) -> Sequence[int]: ...
    def name(self) -> str: ...
    def UUIDString(self) -> str: ...


class Network(Protocol):
    def XMLDesc(self, flags: int = 0) -> str: ...
    def isActive(self) -> int: ...
    def autostart(self) -> int: ...


class Described(Protocol):  # a volume or a host interface
    def XMLDesc(self, flags: int = 0) -> str: ...


class Pool(Protocol):
    def XMLDesc(self, flags: int = 0) -> str: ...
    def info(self) -> Sequence[int]: ...
    def autostart(self) -> int: ...
    def listAllVolumes(self, flags: int = 0) -> Sequence[Described]: ...


class Connection(Protocol):
    def getHostname(self) -> str: ...
    def getType(self) -> str: ...
    def getCapabilities(self) -> str: ...
    def getInfo(self) -> Sequence[Any]: ...
    def listAllDomains(self, flags: int = 0) -> Sequence[Domain]: ...
    def listAllNetworks(self, flags: int = 0) -> Sequence[Network]: ...
    def listAllStoragePools(self, flags: int = 0) -> Sequence[Pool]: ...
    def listAllInterfaces(self, flags: int = 0) -> Sequence[Described]: ...
    def getAllDomainStats(
        self, stats: int = 0, flags: int = 0
    ) -> Sequence[tuple[Domain, Mapping[str, Any]]]: ...
    def lookupByUUIDString(self, uuid: str) -> Domain: ...
    def isAlive(self) -> int: ...
    def close(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Driver:
    """How to connect, and what a refusal looks like.

    Attributes:
        open: makes a read-only connection to a URI; blocks until it stands.
        error: the exception that every call raises; its `get_error_code()` is a virErrorNumber.
    """

    open: Callable[[str], Connection]
    error: type[Exception]


class ControlledDomain(Protocol):  # the part of libvirt.virDomain that acts
    def state(self, flags: int = 0) -> Sequence[int]: ...
    def controlInfo(self, flags: int = 0) -> Sequence[int]: ...
    def isPersistent(self) -> int: ...
    def XMLDesc(self, flags: int = 0) -> str: ...
    def updateDeviceFlags(self, xml: str, flags: int = 0) -> int: ...
    def resume(self) -> int: ...
    def suspend(self) -> int: ...
    def create(self) -> int: ...
    def reset(self, flags: int = 0) -> int: ...
    def shutdown(self) -> int: ...
    def destroy(self) -> int: ...
    def migrate3(
        self, dconn: ControlConnection, params: Mapping[str, str], flags: int = 0
    ) -> object: ...


class ControlledPool(Protocol):
    def refresh(self, flags: int = 0) -> int: ...
    def info(self) -> Sequence[int]: ...
    def isActive(self) -> int: ...
    def create(self, flags: int = 0) -> int: ...
    def destroy(self) -> int: ...
    def undefine(self) -> int: ...
    def setAutostart(self, autostart: int) -> int: ...


class ControlledNetwork(Protocol):
    def isActive(self) -> int: ...
    def create(self) -> int: ...
    def destroy(self) -> int: ...
    def undefine(self) -> int: ...
    def setAutostart(self, autostart: int) -> int: ...


class ControlConnection(Protocol):
    def lookupByUUIDString(self, uuid: str) -> ControlledDomain: ...
    def storagePoolLookupByUUIDString(self, uuid: str) -> ControlledPool: ...
    def networkLookupByUUIDString(self, uuid: str) -> ControlledNetwork: ...
    def defineXML(self, xml: str) -> ControlledDomain: ...
    def networkDefineXML(self, xml: str) -> ControlledNetwork: ...
    def storagePoolDefineXML(self, xml: str, flags: int = 0) -> ControlledPool: ...
    def getCapabilities(self) -> str: ...
    def compareCPU(self, xml: str, flags: int = 0) -> int: ...
    def close(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Control:
    """How to connect in order to act. Nothing that reads has this.

    Attributes:
        open: makes a connection that may change things.
        look: makes a read-only one.
        error: the exception that every call raises.
    """

    open: Callable[[str], ControlConnection]
    look: Callable[[str], ControlConnection]
    error: type[Exception]


def load_binding() -> Driver:
    """Return libvirt-python, for reading.

    Raises:
        SourceError: it is not installed.
    """
    libvirt = load_library()
    return Driver(_opener(libvirt, libvirt.VIR_CONNECT_RO), libvirt.libvirtError)


def load_control() -> Control:
    """Return libvirt-python, for acting.

    Raises:
        SourceError: it is not installed.
    """
    libvirt = load_library()
    reads, acts = _opener(libvirt, libvirt.VIR_CONNECT_RO), _opener(libvirt, 0)
    return Control(acts, reads, libvirt.libvirtError)


def load_library() -> Any:  # noqa: ANN401 - libvirt has no types
    """Return the binding, silenced: it prints every error on stderr by itself otherwise.

    Raises:
        SourceError: it is not installed.
    """
    try:
        libvirt = import_module("libvirt")
    except ImportError as error:
        raise SourceError(
            "the libvirt binding is not installed",
            where="libvirt",
            mend="pip install 'kgraph-rca[libvirt]'",
        ) from error
    libvirt.registerErrorHandler(lambda *_: None, None)
    # Keepalive and events need a registered event loop. Nobody has to run it for keepalive alone:
    # inside a blocked call the client pings by itself. A second registration changes nothing.
    libvirt.virEventRegisterDefaultImpl()
    return libvirt


def _opener(libvirt: Any, flags: int) -> Callable[[str], Any]:  # noqa: ANN401 - libvirt has no types
    # SASL may ask for these. libvirt itself answers from its auth file, which the address may name
    # by `?authfile=`; nobody else is asked, and no secret passes through here.
    wanted = [libvirt.VIR_CRED_AUTHNAME, libvirt.VIR_CRED_PASSPHRASE]
    answers = [wanted, _knows_nothing, None]

    def opened(uri: str) -> Any:  # noqa: ANN401 - see above
        connection = libvirt.openAuth(uri, answers, flags)
        _keep_alive(connection, libvirt.libvirtError)
        return connection

    return opened


def _knows_nothing(_asked: list[list[Any]], _data: object) -> int:
    """Tell libvirt that what its auth file lacks is not to be had."""
    return -1


def _keep_alive(connection: Any, error: type[Exception]) -> None:  # noqa: ANN401 - libvirt has no types
    """Let a connection whose far end vanished break after 15 s, so that its thread ends."""
    try:
        connection.setKeepAlive(5, 3)
    except error:
        return  # in-process drivers have no wire to watch
