"""What ails an entity, and how that looks from outside."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType


class Trouble(Enum):
    """The nature of what limits an entity's health."""

    STOPPED = "stopped"
    CUT_OFF = "cut off"  # it runs, and nobody reaches it
    NO_STORAGE = "no storage"
    NO_SPACE = "no space"
    NO_MEMORY = "no memory"
    PANICKED = "panicked"
    HUNG = "hung"
    ERRING = "erring"
    WEAK = "weak"


_OF_MODE: Mapping[str, Trouble] = MappingProxyType(
    {
        "isolated": Trouble.CUT_OFF,
        "unreachable": Trouble.CUT_OFF,
        "panicked": Trouble.PANICKED,
        "hung": Trouble.HUNG,
        "full": Trouble.NO_SPACE,
        "unwritable": Trouble.NO_STORAGE,
        "paused_io_error": Trouble.NO_STORAGE,
        "out_of_memory": Trouble.NO_MEMORY,
        "memory_pressure": Trouble.NO_MEMORY,
        "failing": Trouble.ERRING,
        "bad_release": Trouble.ERRING,
        "flapping": Trouble.ERRING,
        "lossy": Trouble.ERRING,
        "clock_off": Trouble.ERRING,
        "slow": Trouble.WEAK,
        "overloaded": Trouble.WEAK,
        "degraded": Trouble.WEAK,
        "starved": Trouble.WEAK,
        "congested": Trouble.WEAK,
        "wearing": Trouble.WEAK,
    }
)


def trouble_of(mode: str) -> Trouble:
    """Return what a fault in this mode is like; an unnamed hard mode just stops it."""
    return _OF_MODE.get(mode, Trouble.STOPPED)


def passed_on(type_: str, culprit_kind: str, culprit: Trouble, supply: float) -> Trouble:
    """Return what ails an entity that a weakness of something it needs reaches.

    Args:
        type_: the relation along which it comes.
        culprit_kind: kind of the weakest thing needed.
        culprit: what ails that.
        supply: how much of what is needed is still there, in [0, 1].
    """
    if type_ in {"ATTACHED_TO", "CONNECTED_TO"}:
        return Trouble.CUT_OFF
    if type_ == "STORED_ON" or culprit_kind in {"StoragePath", "StorageController"}:
        return Trouble.NO_STORAGE
    if type_ == "USES" and culprit_kind in {"Nic", "Bond", "Switch"}:
        return Trouble.CUT_OFF
    if type_ in {"CALLS", "BALANCES"}:
        return Trouble.WEAK if culprit is Trouble.WEAK else Trouble.ERRING
    if type_ == "USES":
        return Trouble.ERRING
    if type_ == "RUNS_ON" and culprit is Trouble.CUT_OFF:
        return Trouble.CUT_OFF
    return Trouble.STOPPED if supply < 0.1 else Trouble.WEAK


# Signals that only a clear failure shows: a state, not a measurement.
STATES = frozenset(
    {"down", "unreachable", "paused", "ioError", "panic", "hung", "full", "failed", "tripped"}
)

_ERRORS = "errors:1 availability:1 latency:.7 requests:.3"
_NO_ANSWER = f"down:1 unreachable:1 {_ERRORS}"
_BROKEN_DISK = (
    "failed:1 paused:1 ioError:1 degraded:1 disk:.8 latency:.9 errors:.6 availability:.6"
)
# Trouble -> signal -> how loud it is at full damage, in [0, 1]. A signal that nobody watches on
# that kind is simply not seen.
_LOOKS: Mapping[Trouble, str] = MappingProxyType(
    {
        Trouble.STOPPED: f"{_NO_ANSWER} tripped:1 failed:1 degraded:1",
        Trouble.CUT_OFF: f"unreachable:1 degraded:.8 {_ERRORS}",
        Trouble.NO_STORAGE: f"{_BROKEN_DISK} unreachable:.6 down:.5",
        Trouble.NO_SPACE: f"full:1 {_BROKEN_DISK}",
        Trouble.NO_MEMORY: f"memory:1 saturation:.7 latency:.6 {_ERRORS}",
        Trouble.PANICKED: f"panic:1 {_NO_ANSWER}",
        Trouble.HUNG: f"cpu:.6 {_NO_ANSWER}",
        Trouble.ERRING: f"{_ERRORS} degraded:.6 down:.3",
        Trouble.WEAK: "latency:1 cpu:.8 saturation:.9 overloaded:1 degraded:1 disk:.5 errors:.3"
        " availability:.3",
    }
)


def _read(text: str) -> Mapping[str, float]:
    pairs = (item.split(":") for item in text.split())
    loudest: dict[str, float] = {}
    for signal, gain in pairs:
        loudest[signal] = max(float(gain), loudest.get(signal, 0.0))
    return MappingProxyType(loudest)


LOOKS: Mapping[Trouble, Mapping[str, float]] = MappingProxyType(
    {trouble: _read(text) for trouble, text in _LOOKS.items()}
)
