"""What libvirt's states say about health, and where they say nothing.

An operator's own doing is no fault: a guest that was shut down, paused, saved or never started
raises nothing. It is not healthy either: it is unknown, and what was seen before is withdrawn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ingest.libvirt.fetch import NetworkReading, PoolReading
from ingest.libvirt.states import (
    CrashedReason,
    DiskError,
    DomainState,
    PausedReason,
    PoolState,
    ShutoffReason,
)
from kgraph.schema import Observation, State

LASTS = timedelta(minutes=10)  # a source that stopped being read must not vouch for ever
FULL_BELOW = 0.02  # share of a pool still available
LOST = "libvirt does not know it any longer, and guests need it"
OBSERVED_SIGNALS = ("down", "paused", "ioError", "panic", "hung")  # of a guest


@dataclass(frozen=True, slots=True)
class Look:
    """One reading: through which connection, and when.

    Each connection is a detector of its own. A guest may be defined on two hosts, and what the
    host that it has left withdraws must not silence the one where it runs.
    """

    uri: str
    now: datetime

    @property
    def detector(self) -> str:
        """Who says what is said."""
        return f"libvirt/{self.uri}"


def lost(reading: NetworkReading | PoolReading) -> dict[str, bool]:
    """Return the property that tells that a network or pool has to be defined anew."""
    return {"defined": False} if reading.lost else {}


def healthy(entity: str, signal: str, look: Look) -> Observation:
    """Return: libvirt looked, and it is well."""
    return Observation(
        entity,
        signal,
        State.HEALTHY,
        at=look.now,
        detector=look.detector,
        expires_at=look.now + LASTS,
    )


def abnormal(entity: str, signal: str, look: Look, detail: str) -> Observation:
    """Return: libvirt looked, and it is not well."""
    return Observation(
        entity,
        signal,
        State.ABNORMAL,
        at=look.now,
        detector=look.detector,
        expires_at=look.now + LASTS,
        detail=detail,
    )


def withdrawn(entity: str, signal: str, look: Look) -> Observation:
    """Return: unknown from now on.

    A row that has expired when it is made: it takes the place of what the same detector said
    before, and counts for nothing itself.
    """
    return Observation(
        entity, signal, State.HEALTHY, at=look.now, detector=look.detector, expires_at=look.now
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one state of a guest says: signals that are well, and signal -> what is wrong."""

    well: tuple[str, ...] = ()
    wrong: dict[str, str] = field(default_factory=dict)


_UNKNOWN = Verdict()
_PAUSED = {
    PausedReason.IOERROR: Verdict(wrong={"paused": "paused on an I/O error", "ioError": ""}),
    PausedReason.WATCHDOG: Verdict(wrong={"hung": "its watchdog expired"}),
    PausedReason.CRASHED: Verdict(wrong={"panic": "its kernel panicked"}),
    PausedReason.POSTCOPY_FAILED: Verdict(wrong={"down": "its live migration broke half-way"}),
}
_SHUTOFF = {
    ShutoffReason.CRASHED: Verdict(wrong={"down": "its QEMU crashed"}),
    ShutoffReason.FAILED: Verdict(wrong={"down": "its QEMU died or did not start"}),
    ShutoffReason.DAEMON: Verdict(wrong={"down": "its QEMU was gone when libvirtd came back"}),
}
_CRASHED = {CrashedReason.PANICKED: Verdict(wrong={"panic": "its kernel panicked"})}


def guest_verdict(state: int, reason: int) -> Verdict:
    """Read `virDomainGetState`.

    Running proves `panic` only where the guest has a panic device, and `ioError` only where its
    disks stop on errors: the caller withholds them otherwise. A guest that is hung runs, as far
    as libvirt knows. Paused or panicked, it is not `down` but not known to be up.
    """
    if state in {DomainState.RUNNING, DomainState.BLOCKED}:
        return Verdict(well=("down", "paused", "ioError", "panic"))
    if state == DomainState.PAUSED:
        return _PAUSED.get(PausedReason(reason), _UNKNOWN) if reason in _PAUSED else _UNKNOWN
    if state == DomainState.SHUTOFF:
        return _SHUTOFF[ShutoffReason(reason)] if reason in _SHUTOFF else _UNKNOWN
    if state == DomainState.CRASHED:
        return _CRASHED.get(CrashedReason.PANICKED, _UNKNOWN) if reason else _DIED
    return _UNKNOWN


_DIED = Verdict(wrong={"down": "it crashed"})


def observe_guest(
    entity: str,
    verdict: Verdict,
    look: Look,
    *,
    blind: frozenset[str],
    disk_errors: tuple[tuple[str, int], ...] = (),
) -> Iterator[Observation]:
    """Yield one observation per guest signal: abnormal, healthy, or withdrawn.

    Args:
        entity: the guest's record key.
        verdict: what its state says.
        look: who saw it and when.
        blind: signals that would go unnoticed on this guest, so silence is not health.
        disk_errors: target -> virDomainDiskErrorCode, as of a guest paused on an I/O error; it
            stays set after the guest was healed, so it only explains and never proves.
    """
    for signal in OBSERVED_SIGNALS:
        if signal in verdict.wrong:
            detail = verdict.wrong[signal] or _disk_detail(disk_errors)
            yield abnormal(entity, signal, look, detail)
        elif signal in verdict.well and signal not in blind:
            yield healthy(entity, signal, look)
        else:
            yield withdrawn(entity, signal, look)


def _disk_detail(errors: tuple[tuple[str, int], ...]) -> str:
    if not errors:
        return "a disk failed"
    return ", ".join(
        f"{disk}: {'no space left' if code == DiskError.NO_SPACE else 'I/O error'}"
        for disk, code in errors
    )


def observe_pool(
    entity: str,
    state: int,
    look: Look,
    *,
    autostart: bool,
    available: float | None,
) -> Iterator[Observation]:
    """Yield whether a pool is there and has room.

    Args:
        entity: its record key.
        state: virStoragePoolState.
        look: who saw it and when.
        autostart: it was meant to be there.
        available: share of it still free, in [0, 1], as of its last refresh; None: not known.
    """
    if state == PoolState.INACCESSIBLE or (state == PoolState.INACTIVE and autostart):
        why = "its storage can't be reached" if state else "not active though it starts by itself"
        yield abnormal(entity, "offline", look, why)
    elif state in {PoolState.RUNNING, PoolState.DEGRADED}:
        yield healthy(entity, "offline", look)
    else:
        yield withdrawn(entity, "offline", look)
    if state == PoolState.DEGRADED:
        yield abnormal(entity, "degraded", look, "it has lost redundancy")
    else:
        yield withdrawn(entity, "degraded", look)
    if available is None:
        yield withdrawn(entity, "full", look)
    elif available < FULL_BELOW:
        yield abnormal(entity, "full", look, f"{available:.1%} left")
    else:
        yield healthy(entity, "full", look)
