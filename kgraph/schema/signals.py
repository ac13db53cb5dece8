"""What a signal says about the modes of the entity that shows it.

A signal named like a failure mode of its kind is evidence of that mode; the others reach the
modes through channels. An unknown name is treated like `anomaly`: something is wrong here.
"""

from __future__ import annotations

from enum import Enum
from types import MappingProxyType

from kgraph.schema.kinds import KINDS, kind_of
from kgraph.schema.nearness import suggest


class Direction(Enum):
    """Which way a measurement left its normal range."""

    UP = "up"
    DOWN = "down"


class Channel(Enum):
    """How closely a signal speaks of the entity's own ability to serve."""

    MODE = "mode"  # names one failure mode of the kind
    MAIN = "main"  # what dependents feel: slowness, errors
    EVERY = "every"  # something is wrong, no word of how
    CALL = "call"  # measured by somebody who calls it: of it, or of the way there
    WAITING = "waiting"  # it waits for what it calls
    RESOURCE = "resource"  # the entity's own means are exhausted
    WORKLOAD = "workload"  # it is asked for more or less than usual
    IGNORED = "ignored"  # the good direction of a one-sided signal


SIGNALS = MappingProxyType(
    {
        "down": "it is not running",
        "unreachable": "a probe got no answer; says nothing of why",
        "paused": "a guest is paused by its hypervisor",
        "ioError": "reads or writes failed",
        "panic": "the kernel stopped",
        "hung": "it runs but does not move on",
        "full": "no space left",
        "latency": "seconds to answer",
        "errors": "failed requests",
        "availability": "share of requests answered well; bad when low",
        "clientLatency": "seconds that it waits for what it calls",
        "requests": "requests a second that it is asked",
        "behaviour": "it does something unusual",
        "cpu": "processor use",
        "memory": "memory use",
        "disk": "reads and writes",
        "network": "bytes sent and received",
        "saturation": "work waiting for a resource",
        "anomaly": "a detector that does not say which mode",
    }
)
# Of a probe or the machine it speaks from: whatever it would have told of is unknown.
GONE = frozenset({"down", "unreachable", "hung"})
RESOURCES = frozenset({"cpu", "memory", "disk", "saturation"})
_EVERY = frozenset({"anomaly", "down", "behaviour", "unreachable"})
_CHANNELS = MappingProxyType(
    dict.fromkeys(("latency", "errors", "availability"), Channel.MAIN)
    | dict.fromkeys(RESOURCES, Channel.RESOURCE)
    | dict.fromkeys(("requests", "network"), Channel.WORKLOAD)
    | {"clientLatency": Channel.WAITING}
)
_HARMLESS = frozenset({("availability", Direction.UP), ("errors", Direction.DOWN)})
_LESS_WORK = RESOURCES | {"latency", "clientLatency"}  # where they are less than usual
# Published names that mean a mode of another name.
_ALIASES = MappingProxyType(
    {"paused": "paused_io_error", "ioError": "paused_io_error", "panic": "panicked"}
)


def mode_named(kind: str, signal: str) -> str | None:
    """Return the mode of `kind` that the signal names, or None."""
    modes = kind_of(kind).modes
    name = signal if signal in modes else _ALIASES.get(signal, "")
    return name if name in modes else None


def is_known(kind: str | None, signal: str) -> bool:
    """Tell whether a signal on an entity of `kind` is more than "something is wrong".

    Args:
        kind: the entity's kind; None where it is not told: then a mode of any kind will do.
        signal: the signal's name.
    """
    kinds = KINDS if kind is None else (kind,)
    return signal in SIGNALS or any(mode_named(each, signal) is not None for each in kinds)


def suggest_signal(kind: str, signal: str) -> str:
    """Return a phrase that helps whoever wrote a signal that nothing of `kind` can show."""
    known = dict.fromkeys((*SIGNALS, *kind_of(kind).modes))
    return suggest(signal, known, f"known signals: {', '.join(known)}")


def channel_of(
    kind: str, signal: str, direction: Direction | None, *, foreign_caller: bool = False
) -> Channel:
    """Tell how a signal on an entity of `kind` is to be read.

    Args:
        kind: the entity's kind, known or not.
        signal: the signal's name, known or not.
        direction: which way it left its normal range; None where nothing says.
        foreign_caller: the observation was made on a call by somebody else.
    """
    if (signal, direction) in _HARMLESS:
        return Channel.IGNORED
    if direction is Direction.DOWN and signal in _LESS_WORK:
        return Channel.WORKLOAD
    if signal == "latency" and foreign_caller:
        return Channel.CALL
    if signal in _CHANNELS:
        return _CHANNELS[signal]
    if signal not in _EVERY and mode_named(kind, signal) is not None:
        return Channel.MODE
    return Channel.EVERY


def main_modes(signal: str) -> frozenset[str]:
    """Return the generic modes that a main-channel signal speaks of."""
    return frozenset({"slow"}) if signal == "latency" else frozenset({"failing", "down"})
