"""A layout, read off the graph: sizes, rules, and what each host is seen to reach. Pure.

Reach is never guessed. A host reaches what is bound to it, what it is connected to, and what a
guest that is on it uses already; everything else counts as out of reach.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from kgraph.schema import Entity, Relation, Scalar
from remedies.placement.layout import (
    APART,
    CORDONED,
    TOGETHER,
    GuestSize,
    HostRoom,
    Layout,
    Limits,
    Need,
)

_SHARED = frozenset({"StoragePool", "StorageExport", "StorageArray"})
_LINKS = frozenset({"USES", "CONNECTED_TO", "ATTACHED_TO"})
_BOUND = frozenset({"USES", "RUNS_ON", "MEMBER_OF"})
_IMPORTANCE: Mapping[str, int] = {"critical": 3, "high": 2, "low": -1}
_NO_LIMITS = Limits()


def read_layout(
    entities: Iterable[Entity],
    relations: Iterable[Relation],
    closed: Mapping[str, str],
    limits: Limits = _NO_LIMITS,
) -> Layout:
    """Read a layout.

    Args:
        entities: the graph's, or of the part of it with the hosts that could take guests.
        relations: between them.
        closed: uid of a host -> why nothing new may go there, besides those that are cordoned.
        limits: how full a host may be.
    """
    graph = _Graph.of(entities, relations)
    hosts = tuple(_room(graph, host, limits) for host in graph.of_kind("Host"))
    guests = tuple(_size(graph, guest) for guest in graph.of_kind("VirtualMachine"))
    on = {guest.uid: graph.host_of(guest.uid) for guest in guests}
    here = {guest: host for guest, host in on.items() if host}
    return Layout(hosts, guests, here).closing(closed)


@dataclass(frozen=True)
class _Graph:
    entities: Mapping[str, Entity]
    needs: Mapping[str, list[Relation]]
    needed_by: Mapping[str, list[Relation]]
    networks: Mapping[str, frozenset[str]]  # name -> all of that name

    @classmethod
    def of(cls, entities: Iterable[Entity], relations: Iterable[Relation]) -> _Graph:
        needs: dict[str, list[Relation]] = defaultdict(list)
        needed_by: dict[str, list[Relation]] = defaultdict(list)
        for relation in relations:
            needs[relation.dependent].append(relation)
            needed_by[relation.dependency].append(relation)
        known = {entity.uid: entity for entity in entities}
        named: dict[str, set[str]] = defaultdict(set)
        for entity in known.values():
            if entity.kind == "Network" and entity.name:
                named[entity.name].add(entity.uid)
        networks = {name: frozenset(uids) for name, uids in named.items()}
        return cls(known, needs, needed_by, networks)

    def of_kind(self, kind: str) -> list[Entity]:
        found = (entity for entity in self.entities.values() if entity.kind == kind)
        return sorted(found, key=lambda entity: (entity.name, entity.uid))

    def kind(self, uid: str) -> str:
        return self.entities[uid].kind if uid in self.entities else ""

    def host_of(self, guest: str) -> str:
        """Return where a guest runs, or else where it is defined; empty if that is not one."""
        for type_ in ("RUNS_ON", "MEMBER_OF"):
            found = {
                r.dependency
                for r in self.needs.get(guest, ())
                if r.type == type_ and self.kind(r.dependency) == "Host"
            }
            if found:
                return found.pop() if len(found) == 1 else ""
        return ""

    def below(self, start: Iterable[str], types: Collection[str]) -> set[str]:
        """Return what is reached over relations of these types, the start included."""
        seen = set(start)
        frontier = deque(seen)
        while frontier:
            for relation in self.needs.get(frontier.popleft(), ()):
                if relation.type in types and relation.dependency not in seen:
                    seen.add(relation.dependency)
                    frontier.append(relation.dependency)
        return seen

    def hosts_of(self, uid: str) -> set[str]:
        """Return the hosts that a pool or network is bound to; empty: it is bound to none."""
        # An export is served by its host, and no less reached from others.
        rows = self.needs.get(uid, ()) if self.kind(uid) != "StorageExport" else ()
        return {
            r.dependency for r in rows if r.type in _BOUND and self.kind(r.dependency) == "Host"
        }

    def guests_on(self, host: str) -> list[str]:
        rows = self.needed_by.get(host, ())
        return [
            r.dependent
            for r in rows
            if r.type == "RUNS_ON" and self.kind(r.dependent) == "VirtualMachine"
        ]

    def networks_of(self, guest: str) -> set[str]:
        """Return a guest's networks, its own or through its interfaces."""
        near = {guest, *(r.dependency for r in self.needs.get(guest, ()) if r.type == "USES")}
        return {
            r.dependency
            for uid in near
            for r in self.needs.get(uid, ())
            if r.type == "ATTACHED_TO" and self.kind(r.dependency) == "Network"
        }


def _room(graph: _Graph, host: Entity, limits: Limits) -> HostRoom:
    cpus = _number(host.props, "cpus", "cores")
    memory = _number(host.props, "memoryBytes")
    # What a scheduler of the estate keeps to is kept to here, too, where ours allows more.
    overcommit = min(limits.cpu_overcommit, _number(host.props, "cpuOvercommit") or math.inf)
    kept = _number(host.props, "reservedMemoryBytes") or 0.0
    huge = _amount(host.props, "hugePagesBytes")
    most = min((memory or 0.0) * limits.memory_share, (memory or 0.0) - kept) - (huge or 0)
    why = "has no known size" if cpus is None or memory is None else ""
    if host.labels.get(CORDONED) == "true":
        why = "is cordoned"
    return HostRoom(
        host.uid,
        host.name or host.uid,
        (cpus or 0.0) * overcommit,
        int(max(0.0, most)),
        why,
        frozenset(_reached(graph, host.uid)),
        huge,
    )


def _reached(graph: _Graph, host: str) -> set[str]:
    linked = graph.below([host], _LINKS)
    guests = graph.guests_on(host)
    bound = {
        r.dependent
        for r in graph.needed_by.get(host, ())
        if r.type in _BOUND and graph.kind(r.dependent) in {"StoragePool", "Network"}
    }
    networks = {uid for guest in guests for uid in graph.networks_of(guest)}
    stored = graph.below([*guests, *linked, *bound], {"STORED_ON"})
    elsewhere = {
        uid for uid in stored | networks if graph.hosts_of(uid) and host not in graph.hosts_of(uid)
    }
    reached = (linked | bound | networks | stored) - elsewhere
    # What hangs on a switch that the host hangs on, too.
    switches = {uid for uid in linked if graph.kind(uid) in {"Switch", "SwitchPort", "Router"}}
    plugged = {
        r.dependent
        for uid in switches
        for r in graph.needed_by.get(uid, ())
        if graph.kind(r.dependent) == "Network" and not graph.hosts_of(r.dependent)
    }
    return reached | plugged


def _size(graph: _Graph, guest: Entity) -> GuestSize:
    cpus = _number(guest.props, "vcpus")
    memory = _number(guest.props, "memoryBytes")
    unknown = ""
    if cpus is None or memory is None:
        unknown = "its size is not known"
    needs = (*_storage_needs(graph, guest.uid), *_network_needs(graph, guest.uid))
    return GuestSize(
        guest.uid,
        guest.name or guest.uid,
        cpus or 0.0,
        int(memory or 0),
        needs,
        _values(guest.labels.get(APART, "")),
        guest.labels.get(TOGETHER, ""),
        _IMPORTANCE.get(guest.labels.get("importance", ""), 0),
        unknown,
        _amount(guest.props, "hugePagesBytes") or 0,
    )


def _storage_needs(graph: _Graph, guest: str) -> list[Need]:
    found = []
    for relation in graph.needs.get(guest, ()):
        if relation.type != "STORED_ON":
            continue
        below = graph.below([relation.dependency], {"STORED_ON"})
        shared = frozenset(uid for uid in below if graph.kind(uid) in _SHARED)
        found.append(Need(_title(graph, relation.dependency), shared))
    return found


def _network_needs(graph: _Graph, guest: str) -> list[Need]:
    found = []
    for uid in sorted(graph.networks_of(guest)):
        alike = {uid}
        if graph.hosts_of(uid):  # each host has its own of that name, and the guest plugs into it
            alike |= graph.networks.get(graph.entities[uid].name, frozenset())
        found.append(Need(_title(graph, uid), frozenset(alike)))
    return found


def _title(graph: _Graph, uid: str) -> str:
    entity = graph.entities.get(uid)
    return f"{entity.kind} {entity.name or uid}" if entity else uid


def _values(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(",") if part.strip())


def _amount(props: Mapping[str, Scalar], name: str) -> int | None:
    """Return a number of bytes, of which none is one."""
    value = props.get(name)
    known = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    return int(value) if known else None  # type: ignore[arg-type] # it is a number


def _number(props: Mapping[str, Scalar], *names: str) -> float | None:
    for name in names:
        value = props.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            return float(value)
    return None
