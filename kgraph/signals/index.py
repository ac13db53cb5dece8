"""The estate by name: what alerts' labels are looked up in, built once for many alerts."""

from __future__ import annotations

import ipaddress
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Generic, TypeVar

from kgraph.identity import canonical
from kgraph.schema import GENERIC, Entity, Key, Relation, Subgraph

_K = TypeVar("_K", bound=Hashable)
Needs = tuple[str, ...]
SOFTWARE = ("Service", "ServiceInstance", "Application", "Database", "LoadBalancer", "Queue")
_NAME_KEYS = frozenset(
    {"name", "hostname", "ip", "serviceName", "exportAddress", "probeAddress", "libvirtUri"}
)
# What its own software may call otherwise than the graph does, in the property `alertName`.
_TOLD_AS = frozenset({"ServiceInstance", "StoragePool", "Cluster"})
# What has a host name: `h1` for `h1.dc1`. A dot in a volume's name is no domain.
_DOMAINED = frozenset(
    {
        *("Host", "VirtualMachine", "Bmc", "StorageArray", "Switch", "Router", "PowerFeed"),
        *("LoadBalancer", "Endpoint", "Database", GENERIC),
    }
)


@dataclass(frozen=True)
class EstateIndex:
    """Look-ups over the open graph. Names fold case; a machine also answers to its short name.

    Attributes:
        entities: uid -> entity.
        names: folded name -> uids.
        qualified: uids of machines that are known by their full name.
        keys: (namespace, value in its one spelling) -> uids.
        runs_on: uid -> uids of what it runs on.
        carries: uid -> uids of the software that runs on it.
        beside: uid -> uids of the hosts that any relation ties it to, either way.
        needs: uid -> uids of all that it depends on.
        found: what was looked up before, for whoever asks the same again and again.
    """

    entities: Mapping[str, Entity]
    names: Mapping[str, tuple[str, ...]]
    qualified: frozenset[str]
    keys: Mapping[tuple[str, str], tuple[str, ...]]
    runs_on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    carries: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    beside: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    needs: Mapping[str, Needs] = field(default_factory=dict)
    found: dict[Hashable, tuple[Any, Any]] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, graph: Subgraph) -> EstateIndex:
        """Index a graph; O(entities + relations)."""
        return cls({}, {}, frozenset(), {}).patched((), graph)

    def patched(self, gone: Iterable[str], fresh: Subgraph) -> EstateIndex:
        """Return the index after a change; what was there keeps its order.

        Python's work is in the size of the change; the rest is copying tables.

        Args:
            gone: uids that are no longer there; some may never have been known.
            fresh: what is new or another than before, with all relations of which it is the
                dependent.
        """
        touched = {*gone, *(entity.uid for entity in fresh.entities)}
        names, keys = _Table(self.names), _Table(self.keys)
        entities, qualified = dict(self.entities), set(self.qualified) - touched
        for uid in touched:
            entity = entities.pop(uid, None)
            if entity is not None:
                names.drop(_answers_to(entity)[0], uid)
                keys.drop(_claims(entity), uid)
        for entity in fresh.entities:
            entities[entity.uid] = entity
            answers, short = _answers_to(entity)
            names.add(answers, entity.uid)
            keys.add(_claims(entity), entity.uid)
            if short:
                qualified.add(entity.uid)
        change = (self, touched, fresh.relations, entities)
        runs_on, beside, needs = _followed(*change)
        return EstateIndex(
            entities=entities,
            names=names.rows,
            qualified=frozenset(qualified),
            keys=keys.rows,
            runs_on=runs_on,
            carries=_carried(*change),
            beside=beside,
            needs=needs,
        )

    def named(self, name: str, kinds: Iterable[str] = ()) -> tuple[str, ...]:
        """Return uids that answer to a name, of the first kind that has any; empty: any kind.

        A full name also finds what is known by the short one alone; `h1.dc2` is never `h1.dc1`.
        """
        asked = folded(name)
        found = self._of_kinds(self.names.get(asked, ()), kinds)
        if found or "." not in asked or is_address(asked):
            return found
        short = (
            uid
            for uid in self.names.get(asked.partition(".")[0], ())
            if uid not in self.qualified and self.entities[uid].kind in _DOMAINED
        )
        return self._of_kinds(short, kinds)

    def _of_kinds(self, uids: Iterable[str], kinds: Iterable[str]) -> tuple[str, ...]:
        """Keep those of the first of `kinds` that any has; all where no kind is asked for."""
        found, asked = tuple(uids), tuple(kinds)
        for kind in asked:
            kept = tuple(uid for uid in found if self.entities[uid].kind == kind)
            if kept:
                return kept
        return () if asked else found

    def keyed(self, namespace: str, value: str) -> tuple[str, ...]:
        """Return uids that claim a key; either byte order of a UUID, any spelling."""
        spelled = _spelled(namespace, value)
        return self.keys.get(spelled, ()) if spelled else ()


class _Table(Generic[_K]):
    """Key -> uids, being changed; what others still read stays as it is."""

    def __init__(self, rows: Mapping[_K, tuple[str, ...]]) -> None:
        self.rows = dict(rows)

    def add(self, keys: Iterable[_K], uid: str) -> None:
        for key in keys:
            known = self.rows.get(key, ())
            if uid not in known:
                self.rows[key] = (*known, uid)

    def drop(self, keys: Iterable[_K], uid: str) -> None:
        for key in keys:
            left = tuple(each for each in self.rows.get(key, ()) if each != uid)
            if left:
                self.rows[key] = left
            else:
                self.rows.pop(key, None)

    def forget(self, key: _K) -> None:
        self.rows.pop(key, None)

    def unpair(self: _Table[str], one: str, other: str) -> None:
        self.drop([one], other)
        self.drop([other], one)


_Ties = Mapping[str, tuple[str, ...]]


def _followed(
    index: EstateIndex,
    touched: Iterable[str],
    relations: Iterable[Relation],
    entities: Mapping[str, Entity],
) -> tuple[_Ties, _Ties, Mapping[str, Needs]]:
    """Return what runs on what, what is beside which host, and who needs what, after a change."""
    needs, runs_on, beside = dict(index.needs), _Table(index.runs_on), _Table(index.beside)
    loose: set[str] = set()  # what was tied to something that is touched
    for uid in touched:
        runs_on.forget(uid)
        for other in needs.pop(uid, ()):
            beside.unpair(uid, other)
            loose.add(other)
    rows: dict[str, dict[str, None]] = {}
    for relation in relations:
        rows.setdefault(relation.dependent, {})[relation.dependency] = None
        if relation.type == "RUNS_ON":
            runs_on.add([relation.dependent], relation.dependency)
    needs |= {uid: tuple(row) for uid, row in rows.items()}
    # A tie the other way, of something that is not touched, was cut with it: it still holds.
    for uid in {*rows, *(other for other in loose if other in needs)}:
        for other in needs[uid]:
            for one, host in ((uid, other), (other, uid)):
                if host in entities and entities[host].kind == "Host":
                    beside.add([one], host)
    return runs_on.rows, beside.rows, needs


def _carried(
    index: EstateIndex,
    touched: Iterable[str],
    relations: Iterable[Relation],
    entities: Mapping[str, Entity],
) -> _Ties:
    """Return which software each thing carries, after a change."""
    carries = _Table(index.carries)
    for uid in touched:
        for carrier in index.runs_on.get(uid, ()):
            carries.drop([carrier], uid)
    for relation in relations:
        dependent = entities.get(relation.dependent)
        if relation.type == "RUNS_ON" and dependent is not None and dependent.kind in SOFTWARE:
            carries.add([relation.dependency], dependent.uid)
    return carries.rows


def _answers_to(entity: Entity) -> tuple[list[str], set[str]]:
    """Return all names of an entity, and which of them are short for a full one."""
    claimed = _names(entity)
    short = {name.partition(".")[0] for name in claimed if _has_domain(entity, name)}
    return sorted((claimed | short) - {""}), short


def _claims(entity: Entity) -> list[tuple[str, str]]:
    spelled = (_spelled(key.namespace, key.value) for key in entity.keys)
    return [each for each in spelled if each]


def _spelled(namespace: str, value: str) -> tuple[str, str] | None:
    key = canonical(Key(namespace, value))
    return (namespace, key.value.lower()) if key else None  # None: a placeholder


def _names(entity: Entity) -> set[str]:
    found = {folded(entity.uid), folded(entity.name)}
    told = entity.props.get("alertName") if entity.kind in _TOLD_AS else None
    path = entity.props.get("path") if entity.kind == "StoragePool" else None  # a mount point
    found |= {folded(each) for each in (told, path) if isinstance(each, str)}
    return found | {folded(key.value) for key in entity.keys if key.namespace in _NAME_KEYS}


def _has_domain(entity: Entity, name: str) -> bool:
    return (
        entity.kind in _DOMAINED
        and name != folded(entity.uid)
        and "." in name
        and "/" not in name
        and not is_address(name)
    )


def folded(name: str) -> str:
    """Return the one spelling in which names are compared; an IPv6 address has many."""
    if ":" in name and is_address(name):
        return str(ipaddress.ip_address(name))
    return name.lower().rstrip(".")


@lru_cache(maxsize=65_536)  # most names are none, and that is found out by an exception
def is_address(text: str) -> bool:
    """Tell whether a text is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def without_port(instance: str) -> str:
    """Return the host part of `instance`: `h1:9100`, `[::1]:9100`, `https://h1:443/x`."""
    rest = instance.partition("://")[2] or instance
    rest = rest.partition("/")[0]
    if rest.startswith("["):
        return rest[1:].partition("]")[0]
    host, colon, port = rest.rpartition(":")
    return host if colon and port.isdigit() and ":" not in host else rest
