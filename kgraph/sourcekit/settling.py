"""Deciding what a source's machines are, and what its aliases stand for. Pure.

A weak key joins only a record that is new, and only what is unique. So one machine may be several
entities for a while, where sources that spell its name differently were read in an unlucky order.
Whoever then sees that another of them is surer gives its own record up and points at that one;
once it alone is left, the record comes again, under another key, since under the first it would
return to what it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from kgraph.identity import canonical
from kgraph.schema import (
    AllOf,
    Coverage,
    Entity,
    Gone,
    Item,
    Key,
    Observation,
    Record,
    RelationRecord,
    kind_of,
)
from kgraph.signals import EstateIndex
from kgraph.sourcekit.machines import GUEST, HOST, Alias, Machine, Told
from kgraph.sourcekit.naming import identifies, is_here, spelled_uuid
from kgraph.sourcekit.qualified import ambiguous, in_full

_UUID = {HOST: "smbiosUuid", GUEST: "vmUuid"}
_NAME = {HOST: "hostname", GUEST: "name"}
_JOINED = "@"  # between a machine's key and the entity that its record joins by name


@dataclass(frozen=True, slots=True)
class Estate:
    """What the graph knows.

    Attributes:
        site: names of other sites are other things.
        own: uid -> the source's own keys, of what it speaks of already.
        shared: addresses that several machines of this reading have, and that tell none of them.
    """

    index: EstateIndex
    site: str
    own: Mapping[str, Sequence[str]]
    shared: frozenset[str] = frozenset()

    def named(self, name: str, kinds: tuple[str, ...]) -> tuple[str, ...]:
        """Return uids of this site that answer to a name, of the first kind that has any."""
        found = self.index.named(name, kinds) if name else ()
        return tuple(uid for uid in found if self._here(self.index.entities[uid]))

    def _here(self, entity: Entity) -> bool:
        return not entity.keys or any(key.site == self.site for key in entity.keys)


@dataclass(frozen=True, slots=True)
class Settled:
    """Items with nothing open any more, and one line for each alias that leads nowhere."""

    items: tuple[Item, ...]
    findings: tuple[str, ...]


def settled(
    items: Iterable[Told],
    index: EstateIndex,
    site: str,
    own: Mapping[str, Sequence[str]] | None = None,
) -> Settled:
    """Decide what machines are, and what aliases stand for.

    Args:
        items: what a source yields.
        index: what the graph knows at present.
        site: the site of the source.
        own: uid -> the source's own keys, of what it has told of before.
    """
    items = list(items)
    estate = Estate(index, site, own or {}, _shared(items))
    told: list[Item] = []
    findings: list[str] = []
    moved: dict[str, str] = {}
    for item in items:
        if isinstance(item, Machine):
            kind, known = _kind(item, estate)
            if known is not None and known.given_up:
                moved[item.key] = known.entity.uid
            else:
                record = _record(item, kind, known.entity if known else None, estate)
                told.append(record)
                if record.key != item.key:
                    moved[item.key] = record.key
        elif isinstance(item, Alias):
            uid, trouble = _resolved(item, estate)
            if uid:
                ends = (item.dependent, item.type, uid)
                told.append(RelationRecord(*ends, group=item.group, need=item.need))
            else:
                findings.append(trouble)
        else:
            told.append(item)
    rows = (_renamed(item, moved) for item in told) if moved else told
    shared = ambiguous(items, index)
    if shared:
        rows = (in_full(row, shared) if isinstance(row, Record) else row for row in rows)
    return Settled(tuple(rows), tuple(findings))


def _shared(items: Iterable[Told]) -> frozenset[str]:
    machines = {item.key: item for item in items if isinstance(item, Machine)}
    count = Counter(ip for each in machines.values() for ip in set(each.addresses))
    return frozenset(address for address, times in count.items() if times > 1)


def _renamed(item: Item, moved: Mapping[str, str]) -> Item:
    """Return an item that names a machine as it was settled: by another key, or another's uid."""
    if isinstance(item, RelationRecord):
        dependent, dependency = (moved.get(end, end) for end in (item.dependent, item.dependency))
        return item._replace(dependent=dependent, dependency=dependency)
    if isinstance(item, Gone | AllOf):
        return replace(item, key=moved.get(item.key, item.key))
    if isinstance(item, Observation | Coverage):
        return replace(item, entity=moved.get(item.entity, item.entity))
    return item


def _resolved(alias: Alias, estate: Estate) -> tuple[str, str]:
    """Return the one uid that is meant, or why there is none."""
    for name in alias.names:
        if is_here(name):  # whoever says so means another machine
            continue
        found = estate.named(name, alias.kinds)
        if len(found) == 1:
            return found[0], ""
        if found:
            titles = sorted(estate.index.entities[uid].title for uid in found)
            shown = ", ".join(titles[:3])
            return "", f"{alias.dependent}: {name} may be any of {shown}; give one of them an IP"
    shown = " or ".join(alias.names)
    return "", f"{alias.dependent}: nothing in the graph answers to {shown}"


def _record(machine: Machine, kind: str, known: Entity | None, estate: Estate) -> Record:
    watched = (s for s in machine.watched if s in kind_of(kind).modes or s == "unreachable")
    return Record(
        _key(machine, known, estate),
        kind,
        known.name if known is not None and machine.nameless else machine.name,
        keys=tuple(dict.fromkeys(_claims(machine, kind, known, estate.site))),
        labels=machine.labels,
        props=machine.props,
        watched=tuple(watched),
        where=machine.where,
    )


def _key(machine: Machine, known: Entity | None, estate: Estate) -> str:
    if known is None or machine.uuid:
        return machine.key
    return _own(machine, known, estate) or f"{machine.key}{_JOINED}{known.uid}"


def _own(machine: Machine, known: Entity, estate: Estate) -> str:
    """Return the key by which the source has told of this machine as that entity, if it has."""
    joined = f"{machine.key}{_JOINED}"
    keys = estate.own.get(known.uid, ())
    return next((key for key in keys if key == machine.key or key.startswith(joined)), "")


@dataclass(frozen=True, slots=True)
class _Known:
    """The entity that answers for a machine; `given_up`: our own record makes way for it."""

    entity: Entity
    given_up: bool = False


def _kind(machine: Machine, estate: Estate) -> tuple[str, _Known | None]:
    """Return what a machine is, and the entity that its name or address belongs to, if any."""
    for kind in (GUEST, HOST):
        of_kind = machine.kind in {"", kind}
        found = estate.index.keyed(_UUID[kind], machine.uuid) if of_kind and machine.uuid else ()
        if found:  # its UUID joins it
            return kind, _Known(estate.index.entities[found[0]])
    guest, host = (_known(machine, kind, estate) for kind in (GUEST, HOST))
    if machine.kind:
        return machine.kind, guest if machine.kind == GUEST else host
    # A host that nobody tells of but by its name may be of our own making, before the guest came.
    if guest is not None and not (host is not None and _certain(host.entity)):
        return GUEST, guest
    return HOST, host


def _known(machine: Machine, kind: str, estate: Estate) -> _Known | None:
    """Return the one entity that answers to a machine's name or address; of parts, the surest."""
    has_name = not machine.nameless and canonical(Key("hostname", machine.name)) is not None
    named = (machine.name,) if has_name else ()
    addresses = (each for each in machine.addresses if each not in estate.shared)
    for name in (*named, *filter(identifies, addresses)):
        found = [estate.index.entities[uid] for uid in estate.named(name, (kind,))]
        if len(found) == 1:
            return _Known(found[0])
        if found and _one_machine(found):
            best = max(found, key=lambda e: (_certain(e), _has_domain(e), e.uid))
            own = _own(machine, best, estate)
            return _Known(best, given_up=not own and not machine.uuid)
    return None


def _one_machine(found: list[Entity]) -> bool:
    """Tell whether entities of one short name can be one machine: nothing tells them apart."""
    sure = [entity for entity in found if _certain(entity)]
    full = {name for entity in found for name in _names(entity) if "." in name}
    return len(sure) <= 1 and len(full) <= 1


def _names(entity: Entity) -> set[str]:
    named = {key.value for key in entity.keys if key.namespace == _NAME[entity.kind]}
    return {name.lower().rstrip(".") for name in (*named, entity.name)}


def _has_domain(entity: Entity) -> bool:
    return any("." in name for name in _names(entity))


def _certain(entity: Entity) -> bool:
    return any(key.namespace in kind_of(entity.kind).strong for key in entity.keys)


def _claims(machine: Machine, kind: str, known: Entity | None, site: str) -> Iterator[Key]:
    if spelled_uuid(machine.uuid):
        yield Key(_UUID[kind], machine.uuid, site)
    yield from machine.claims
    if not machine.nameless:
        yield Key(_NAME[kind], machine.name, site)
    if (
        known is not None and not machine.nameless
    ):  # `h1` and `h1.dc1` are one machine, but two spellings of a key
        mine = machine.name.lower().partition(".")[0]
        for key in known.keys:
            same = key.value.lower().partition(".")[0] == mine
            if key.namespace == _NAME[kind] and same and key.site == site:
                yield key
    for address in filter(identifies, machine.addresses):
        yield Key("ip", address, site)
    if kind == GUEST and machine.machine_id and canonical(Key("machineId", machine.machine_id)):
        yield Key("machineId", machine.machine_id, site)
