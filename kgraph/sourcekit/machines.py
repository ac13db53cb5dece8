"""Machines that a source speaks of without knowing what they are.

An inventory, a Kubernetes node or a load balancer's server is a machine: a host, or a guest that
a hypervisor tells of. Which of them it is only the graph knows, so a source yields a `Machine`,
and it is settled when the reading is kept. What a source merely points at, as a load balancer does
with an address, is an `Alias`: it makes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from kgraph.identity import canonical
from kgraph.schema import Entity, Item, Key, Record, RelationRecord, Scalar, kind_of
from kgraph.signals import EstateIndex
from kgraph.sourcekit.naming import identifies, spelled_uuid

HOST, GUEST = "Host", "VirtualMachine"
MACHINES = (GUEST, HOST)
_UUID = {HOST: "smbiosUuid", GUEST: "vmUuid"}
_NAME = {HOST: "hostname", GUEST: "name"}


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine: a guest where the graph knows it as one, else a host.

    Attributes:
        key: the source's own name for it.
        name: its host name.
        uuid: as its firmware tells it, if known.
        addresses: IP addresses; those that many machines have are left out.
        kind: where the source itself knows; "": the graph decides.
    """

    key: str
    name: str
    uuid: str = ""
    addresses: tuple[str, ...] = ()
    machine_id: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    props: Mapping[str, Scalar] = field(default_factory=dict)
    watched: tuple[str, ...] = ()
    kind: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class Alias:
    """A dependency on what another source reports, known by a name alone.

    Attributes:
        dependent: a record key of the source.
        names: of the dependency, the most telling first: names, addresses.
        kinds: what it may be, the likeliest first.
    """

    dependent: str
    type: str
    names: tuple[str, ...]
    kinds: tuple[str, ...] = MACHINES
    group: str | None = None
    need: int | None = None


Told = Item | Machine | Alias


@dataclass(frozen=True, slots=True)
class Settled:
    """Items with nothing open any more, and one line for each alias that leads nowhere."""

    items: tuple[Item, ...]
    findings: tuple[str, ...]


def settled(items: Iterable[Told], index: EstateIndex, site: str) -> Settled:
    """Decide what machines are, and what aliases stand for."""
    told: list[Item] = []
    findings: list[str] = []
    for item in items:
        if isinstance(item, Machine):
            told.append(_record(item, index, site))
        elif isinstance(item, Alias):
            uid, trouble = _resolved(item, index)
            if uid:
                ends = (item.dependent, item.type, uid)
                told.append(RelationRecord(*ends, group=item.group, need=item.need))
            else:
                findings.append(trouble)
        else:
            told.append(item)
    return Settled(tuple(told), tuple(findings))


def _resolved(alias: Alias, index: EstateIndex) -> tuple[str, str]:
    """Return the one uid that is meant, or why there is none."""
    shown = " or ".join(alias.names)
    for name in alias.names:
        found = index.named(name, alias.kinds)
        if len(found) == 1:
            return found[0], ""
        if found:
            titles = ", ".join(sorted(index.entities[uid].title for uid in found)[:3])
            return "", f"{alias.dependent}: {name} may be any of {titles}; give one of them an IP"
    return "", f"{alias.dependent}: nothing in the graph answers to {shown}"


def _record(machine: Machine, index: EstateIndex, site: str) -> Record:
    kind, known = _kind(machine, index)
    return Record(
        machine.key,
        kind,
        machine.name,
        keys=tuple(dict.fromkeys(_keys(machine, kind, known, site))),
        labels=machine.labels,
        props=machine.props,
        watched=tuple(
            s for s in machine.watched if s in kind_of(kind).modes or s == "unreachable"
        ),
        where=machine.where,
    )


def _kind(machine: Machine, index: EstateIndex) -> tuple[str, Entity | None]:
    """Return what a machine is, and the entity that its name or address belongs to, if any."""
    for kind in (GUEST, HOST):
        of_kind = machine.kind in {"", kind}
        if of_kind and machine.uuid and index.keyed(_UUID[kind], machine.uuid):
            return kind, None  # its UUID joins it
    guest, host = (_named(machine, kind, index) for kind in (GUEST, HOST))
    if machine.kind:
        return machine.kind, guest if machine.kind == GUEST else host
    # A host that nobody tells of but by its name may be of our own making, before the guest came.
    if guest is not None and not (host is not None and _certain(host)):
        return GUEST, guest
    return HOST, host


def _named(machine: Machine, kind: str, index: EstateIndex) -> Entity | None:
    for name in (machine.name, *filter(identifies, machine.addresses)):
        found = index.named(name, (kind,)) if name else ()
        if len(found) == 1:
            return index.entities[found[0]]
    return None


def _certain(entity: Entity) -> bool:
    return any(key.namespace in kind_of(entity.kind).strong for key in entity.keys)


def _keys(machine: Machine, kind: str, known: Entity | None, site: str) -> Iterator[Key]:
    if spelled_uuid(machine.uuid):
        yield Key(_UUID[kind], machine.uuid, site)
    yield Key(_NAME[kind], machine.name, site)
    if known is not None:  # `h1` and `h1.dc1` are one machine, but two spellings of a key
        mine = machine.name.lower().partition(".")[0]
        for key in known.keys:
            same = key.value.lower().partition(".")[0] == mine
            if key.namespace == _NAME[kind] and same and key.site == site:
                yield key
    for address in filter(identifies, machine.addresses):
        yield Key("ip", address, site)
    if kind == GUEST and machine.machine_id and canonical(Key("machineId", machine.machine_id)):
        yield Key("machineId", machine.machine_id, site)
