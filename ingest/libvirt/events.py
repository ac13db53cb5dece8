"""What libvirt tells unasked, and what that says about health. Pure.

The numbers are those of libvirt-domain.h, libvirt-network.h and libvirt-storage.h. An event says
what a reading of that moment would say, by the same detector, so the next reading replaces it.
What an event alone cannot judge (was this network stopped on purpose?) it withdraws: the next
reading judges.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, IntEnum

from ingest.libvirt.place import guest_key, host_key, network_key, pool_key
from ingest.libvirt.states import CrashedReason, DomainState, PausedReason, ShutoffReason
from ingest.libvirt.verdicts import (
    Look,
    abnormal,
    guest_verdict,
    healthy,
    observe_guest,
    withdrawn,
)
from kgraph.schema import Observation


class EventKind(Enum):
    """What is told of."""

    DOMAIN = "guest"  # its life cycle
    IO_ERROR = "I/O error"
    WATCHDOG = "watchdog"
    REBOOT = "reboot"
    NETWORK = "network"  # its life cycle
    POOL = "pool"  # its life cycle
    LOST = "connection lost"
    BACK = "connection back"  # made, or made again


class DomainEvent(IntEnum):
    """virDomainEventType."""

    DEFINED = 0
    UNDEFINED = 1
    STARTED = 2
    SUSPENDED = 3
    RESUMED = 4
    STOPPED = 5
    SHUTDOWN = 6
    PMSUSPENDED = 7
    CRASHED = 8


class LifecycleEvent(IntEnum):
    """What virNetworkEventLifecycleType and virStoragePoolEventLifecycleType have in common."""

    DEFINED = 0
    UNDEFINED = 1
    STARTED = 2
    STOPPED = 3


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that libvirt told, or that its connection did.

    Attributes:
        uri: the connection.
        at: when it arrived, by our clock.
        uuid, name: of the guest, network or pool; empty for the connection itself.
        code: what happened, as libvirt numbers it.
        reason: why, as libvirt numbers it.
        host_id: what tells its host from others; see `ingest.libvirt.place.Place`.
        detail: one phrase for people.
    """

    uri: str
    at: datetime
    kind: EventKind
    uuid: str = ""
    name: str = ""
    code: int = 0
    reason: int = 0
    host_id: str = ""
    detail: str = ""


def observations_of(event: Event) -> list[Observation]:
    """Return what an event says about health; entities are record keys of the source.

    Of a lost connection only the host is spoken of: `ingest.libvirt.connection_lost` withdraws
    what was seen of its guests, too.
    """
    look = Look(event.uri, event.at)
    guest = guest_key(event.uuid)
    match event.kind:
        case EventKind.DOMAIN:
            return _lifecycle(guest, event, look)
        case EventKind.IO_ERROR:
            return [abnormal(guest, "ioError", look, event.detail)]
        case EventKind.WATCHDOG:
            return [abnormal(guest, "hung", look, event.detail)]
        case EventKind.REBOOT:
            return []  # guests reboot all the time
        case EventKind.NETWORK:
            return _active(network_key(event.host_id, event.uuid), ("down",), event, look)
        case EventKind.POOL:
            signals = ("offline", "degraded", "full")
            return _active(pool_key(event.host_id, event.uuid), signals, event, look)
        case EventKind.LOST:
            host = host_key(event.uri)
            return [
                abnormal(host, "unreachable", look, event.detail),
                withdrawn(host, "down", look),
            ]
        case EventKind.BACK:
            host = host_key(event.uri)
            return [healthy(host, "unreachable", look), healthy(host, "down", look)]


def _lifecycle(guest: str, event: Event, look: Look) -> list[Observation]:
    state = _state_after(event.code, event.reason)
    if state is None:
        return []
    rows = observe_guest(guest, guest_verdict(*state), look, blind=_BLIND)
    if state == (DomainState.PAUSED, PausedReason.IOERROR):
        # The I/O error's own event came first, and names the disk.
        return [row for row in rows if row.signal != "ioError"]
    return list(rows)


# Whether a guest has what would show these is in its definition, and an event does not bring that.
_BLIND = frozenset({"panic", "ioError"})


def _state_after(code: int, reason: int) -> tuple[int, int] | None:
    """Return the virDomainState and reason that a life cycle event leads to; None: no change."""
    match code:
        case DomainEvent.STARTED | DomainEvent.RESUMED:
            return DomainState.RUNNING, 0
        case DomainEvent.SUSPENDED:
            return DomainState.PAUSED, _SUSPENDED.get(reason, PausedReason.UNKNOWN)
        case DomainEvent.STOPPED:
            return DomainState.SHUTOFF, _STOPPED.get(reason, ShutoffReason.UNKNOWN)
        case DomainEvent.SHUTDOWN:
            return DomainState.SHUTDOWN, 0
        case DomainEvent.PMSUSPENDED:
            return DomainState.PMSUSPENDED, 0
        case DomainEvent.CRASHED:
            return DomainState.CRASHED, CrashedReason.PANICKED
        case _:
            return None


# virDomainEventSuspendedDetailType and virDomainEventStoppedDetailType -> reason of the state.
_SUSPENDED = {
    0: PausedReason.USER,
    1: PausedReason.MIGRATION,
    2: PausedReason.IOERROR,
    3: PausedReason.WATCHDOG,
    5: PausedReason.FROM_SNAPSHOT,
    7: PausedReason.POSTCOPY,
    8: PausedReason.POSTCOPY_FAILED,
}
_STOPPED = {
    0: ShutoffReason.SHUTDOWN,
    1: ShutoffReason.DESTROYED,
    2: ShutoffReason.CRASHED,
    3: ShutoffReason.MIGRATED,
    4: ShutoffReason.SAVED,
    5: ShutoffReason.FAILED,
    6: ShutoffReason.FROM_SNAPSHOT,
}


def _active(entity: str, signals: tuple[str, ...], event: Event, look: Look) -> list[Observation]:
    """Read the life cycle of a network or a pool: `signals[0]` is the one of being there."""
    if event.code == LifecycleEvent.STARTED:
        return [healthy(entity, signals[0], look)]
    if event.code in {LifecycleEvent.STOPPED, LifecycleEvent.UNDEFINED}:
        return [withdrawn(entity, signal, look) for signal in signals]
    return []
