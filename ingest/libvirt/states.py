"""libvirt's state numbers, as its libvirt-domain.h and libvirt-storage.h have them.

Written down here so that what they mean can be tested where no binding is installed.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag


class DomainState(IntEnum):
    """virDomainState."""

    NOSTATE = 0
    RUNNING = 1
    BLOCKED = 2  # waits for a resource; Xen says so of idle guests
    PAUSED = 3
    SHUTDOWN = 4  # on its way down
    SHUTOFF = 5
    CRASHED = 6
    PMSUSPENDED = 7


class PausedReason(IntEnum):
    """virDomainPausedReason."""

    UNKNOWN = 0
    USER = 1
    MIGRATION = 2
    SAVE = 3
    DUMP = 4
    IOERROR = 5
    WATCHDOG = 6
    FROM_SNAPSHOT = 7
    SHUTTING_DOWN = 8
    SNAPSHOT = 9
    CRASHED = 10
    STARTING_UP = 11
    POSTCOPY = 12
    POSTCOPY_FAILED = 13


class ShutoffReason(IntEnum):
    """virDomainShutoffReason."""

    UNKNOWN = 0
    SHUTDOWN = 1
    DESTROYED = 2
    CRASHED = 3
    MIGRATED = 4
    SAVED = 5
    FAILED = 6
    FROM_SNAPSHOT = 7
    DAEMON = 8  # QEMU was gone when libvirtd came back


class CrashedReason(IntEnum):
    """virDomainCrashedReason."""

    UNKNOWN = 0
    PANICKED = 1


class PoolState(IntEnum):
    """virStoragePoolState."""

    INACTIVE = 0
    BUILDING = 1
    RUNNING = 2
    DEGRADED = 3
    INACCESSIBLE = 4


class DiskError(IntEnum):
    """virDomainDiskErrorCode."""

    NONE = 0
    UNSPEC = 1
    NO_SPACE = 2


class ControlState(IntEnum):
    """virDomainControlState: what keeps a guest's monitor busy."""

    OK = 0
    JOB = 1
    OCCUPIED = 2  # somebody waits for its answer
    ERROR = 3


class DomainStats(IntFlag):
    """The virDomainStatsTypes read here."""

    STATE = 1
    INTERFACE = 16
    BLOCK = 32


class StatsFlag(IntFlag):
    """The virConnectGetAllDomainStatsFlags used here."""

    ACTIVE = 1
    NOWAIT = 1 << 29
