"""What exists in an estate, and how each thing can fail.

The one declaration of kinds and failure modes: documentation, validation, store constraints and
completion are derived from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from kgraph.schema.errors import InputError
from kgraph.schema.nearness import SLIP, nearest, suggest

_MOST = 3  # kinds that are suggested


class Severity(Enum):
    """A hard mode stops what depends on the entity; a gray one weakens it."""

    HARD = "hard"
    GRAY = "gray"


@dataclass(frozen=True, slots=True)
class Mode:
    """One way in which an entity fails, such as `full` of a StoragePool."""

    name: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of entity.

    Attributes:
        name: CamelCase; the Neo4j label.
        about: what it is, one phrase.
        modes: its failure modes, by name; always with the generic `down`, `failing` and `slow`.
        strong: key namespaces that identify it beyond doubt: an equal value means the same thing.
        weak: key namespaces that suggest identity: they merge only if unique on both sides.
        effect: severity -> the mode that it falls into when something it needs has that severity
            and no rule says more.
    """

    name: str
    about: str
    modes: Mapping[str, Mode]
    strong: tuple[str, ...]
    weak: tuple[str, ...]
    effect: Mapping[Severity, str]


GENERIC = "Thing"  # stands for every kind that a foreign bundle brings and we don't know
GENERIC_MODES = (
    Mode("down", Severity.HARD),
    Mode("failing", Severity.HARD),
    Mode("slow", Severity.GRAY),
)
# A mode of evidence only: the thing may be well, but the one who looks is blind.
UNOBSERVED = Mode("unobserved", Severity.GRAY)
# Foreseen: on its way to `full`. It harms nobody yet, and is mended before it does.
FILLING = Mode("filling", Severity.GRAY)
# Of a group some are gone and the others serve: monitors tell of it, and nobody feels it yet.
REDUCED = Mode("reduced", Severity.GRAY)
FORESEES = {FILLING.name: "full"}  # what comes to pass where nobody mends it
HARMLESS = frozenset({UNOBSERVED, FILLING, REDUCED})  # what nothing that depends on it feels

_STOPS = {Severity.HARD: "down", Severity.GRAY: "slow"}
_ERRS = {Severity.HARD: "failing", Severity.GRAY: "slow"}  # software answers with errors


def _kind(
    name: str,
    about: str,
    hard: str = "",
    gray: str = "",
    *,
    strong: str = "",
    weak: str = "name",
    software: bool = False,
) -> Kind:
    own = [Mode(m, Severity.HARD) for m in hard.split()]
    own += [Mode(m, Severity.GRAY) for m in gray.split()]
    modes = {mode.name: mode for mode in (*GENERIC_MODES, UNOBSERVED, *own)}
    effect = _ERRS if software else _STOPS
    return Kind(name, about, modes, tuple(strong.split()), tuple(weak.split()), effect)


_ALL = (
    _kind("Site", "a data centre or region", strong="cmdbId"),
    _kind("Rack", "a rack or cabinet", strong="cmdbId"),
    _kind(
        "PowerFeed",
        "a power feed, PDU or UPS",
        "tripped",
        "overloaded on_battery",
        strong="serial cmdbId",
    ),
    _kind("Cluster", "hosts managed as one", gray="degraded reduced", strong="cmdbId"),
    _kind(
        "Host",
        "a server or hypervisor: what runs guests or services",
        "isolated panicked hung storage_lost",
        "overloaded memory_pressure degraded filling lossy clock_off reduced",
        strong="smbiosUuid vendorSerial cmdbId libvirtUri",
        weak="hostname ip name",
    ),
    _kind(
        "Nic",
        "a network interface of a host",
        gray="flapping",
        strong="ownerInterface",
        weak="mac hostInterface",
    ),
    _kind(
        "Bond",
        "interfaces bundled into one",
        gray="degraded reduced",
        strong="ownerInterface",
        weak="mac hostInterface",
    ),
    _kind(
        "Switch",
        "a network switch",
        gray="overloaded lossy reduced",
        strong="chassisId serial",
        weak="ip name",
    ),
    _kind("SwitchPort", "a port of a switch", gray="flapping", strong="chassisPort", weak="name"),
    _kind(
        "Router",
        "a router or gateway",
        gray="overloaded lossy reduced",
        strong="chassisId serial",
        weak="ip name",
    ),
    _kind(
        "Network",
        "a VLAN, bridge or overlay",
        "isolated",
        "congested lossy",
        strong="networkUuid",
        weak="name hostBridge",
    ),
    _kind(
        "VirtualNic",
        "a network interface of a guest",
        "unplugged",
        strong="ownerInterface",
        weak="mac portId",
    ),
    _kind(
        "VirtualMachine",
        "a guest",
        "paused_io_error unreachable panicked hung stalled out_of_memory",
        "starved overloaded filling lossy clock_off",
        strong="vmUuid",
        weak="name ip machineId",
    ),
    _kind("StorageArray", "a storage system", gray="degraded reduced", strong="serial cmdbId"),
    _kind(
        "StorageController", "a controller of an array or host", gray="degraded", strong="serial"
    ),
    _kind("StoragePath", "one way from a host to storage", gray="flapping", strong="pathId"),
    _kind("StorageExport", "an NBD, NFS or iSCSI export", "hung", strong="exportAddress"),
    _kind("Disk", "a disk", "failed", "wearing", strong="wwn", weak="hostPath"),
    _kind(
        "StoragePool",
        "a pool, datastore or file system",
        "full offline hung",
        "degraded filling reduced",
        strong="poolUuid",
    ),
    _kind(
        "Volume",
        "a virtual disk or share",
        "unwritable hung",
        "filling",
        strong="volumeKey poolImage wwn",
        weak="hostPath",
    ),
    _kind(
        "Service",
        "something that answers requests",
        "bad_release isolated",
        "overloaded reduced",
        strong="clusterService",  # cluster/namespace/name: names alone come again elsewhere
        weak="serviceName name",
        software=True,
    ),
    _kind(
        "ServiceInstance", "one running copy of a service", "killed", "overloaded", software=True
    ),
    _kind("Container", "a container", "killed", "overloaded", strong="containerId", software=True),
    _kind(
        "Pod", "a Kubernetes pod", "killed evicted", "overloaded", strong="podUid", software=True
    ),
    _kind(
        "LoadBalancer", "spreads requests over back ends", "expired", "overloaded", software=True
    ),
    _kind("Endpoint", "an address that answers", "unreachable expired", software=True),
    _kind("Database", "a database", "full", "overloaded", software=True),
    _kind("Queue", "a message queue", "full", "overloaded", software=True),
    _kind(
        "Application",
        "what users call by a name",
        "bad_release",
        "degraded reduced",
        software=True,
    ),
    _kind(
        "ConfigItem",
        "a configuration file or object, a certificate",
        "changed expired",
        strong="cmdbId",
    ),
    _kind("Bmc", "a management controller", strong="serial", weak="ip name"),
    _kind("Probe", "an exporter or check", "hung", strong="probeAddress"),
)
KINDS: dict[str, Kind] = {kind.name: kind for kind in _ALL}
THING = replace(_kind(GENERIC, "anything else", software=True), strong=())


def kind_of(name: str) -> Kind:
    """Return the declared kind, or the generic one: outside data must still be explained."""
    return KINDS.get(name, THING)


def suggest_kind(name: str) -> str:
    """Return a phrase that helps whoever wrote an unknown kind.

    After a slip of the pen, what a kind is said to be counts before what merely looks like its
    name: a `Server` is a Host and no Service, a `VM` is what its capitals say.
    """
    word = name.casefold()
    if nearest(name, KINDS, SLIP):
        return suggest(name, KINDS, "")
    said = [kind for kind in _ALL if word in {*_words(kind.about), *_capitals(kind.name)}]
    if said:
        said.sort(key=lambda kind: len(kind.about))
        return f"did you mean {' or '.join(kind.name for kind in said[:_MOST])}?"
    return suggest(name, KINDS, f"known kinds: {', '.join(sorted(KINDS))}")


def _words(about: str) -> list[str]:
    """Return the words of a phrase that say what something is: those before `of` and the like."""
    return re.findall(r"\w\w+", re.split(r" of | for | that |:", about.casefold())[0])


def _capitals(name: str) -> Iterator[str]:
    capitals = "".join(letter for letter in name if letter.isupper())
    if len(capitals) > 1:
        yield capitals.casefold()


def unknown_mode(kind: str, mode: str) -> InputError:
    """Return what to raise where things of a kind do not fail in the way that was named."""
    modes = kind_of(kind).modes
    mend = suggest(mode, modes, f"one of: {', '.join(modes)}")
    return InputError(f"{kind} has no failure mode {mode!r}", mend=mend)
