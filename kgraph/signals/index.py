"""The estate by name: what alerts' labels are looked up in, built once for many alerts."""

from __future__ import annotations

import ipaddress
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from kgraph.identity import canonical
from kgraph.schema import GENERIC, Entity, Key, Subgraph

_K = TypeVar("_K", bound=Hashable)
_NAME_KEYS = frozenset(
    {"name", "hostname", "ip", "serviceName", "exportAddress", "probeAddress", "libvirtUri"}
)
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
        beside: uid -> uids of the hosts that any relation ties it to, either way.
    """

    entities: Mapping[str, Entity]
    names: Mapping[str, tuple[str, ...]]
    qualified: frozenset[str]
    keys: Mapping[tuple[str, str], tuple[str, ...]]
    runs_on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    beside: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, graph: Subgraph) -> EstateIndex:
        """Index a graph; O(entities + relations)."""
        entities = {entity.uid: entity for entity in graph.entities}
        names: list[tuple[str, str]] = []
        qualified = set()
        for entity in graph.entities:
            claimed = _names(entity)
            short = {name.partition(".")[0] for name in claimed if _has_domain(entity, name)}
            names += [(name, entity.uid) for name in sorted((claimed | short) - {""})]
            if short:
                qualified.add(entity.uid)
        keys = (
            (spelled, entity.uid)
            for entity in graph.entities
            for key in entity.keys
            if (spelled := _spelled(key.namespace, key.value))
        )
        hosts = {uid for uid, entity in entities.items() if entity.kind == "Host"}
        ends = [(r.dependent, r.dependency) for r in graph.relations]
        ends += [(b, a) for a, b in ends]
        runs_on = ((r.dependent, r.dependency) for r in graph.relations if r.type == "RUNS_ON")
        beside = ((a, b) for a, b in ends if b in hosts)
        return cls(
            entities,
            _gathered(names),
            frozenset(qualified),
            _gathered(keys),
            _gathered(runs_on),
            _gathered(beside),
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


def _gathered(pairs: Iterable[tuple[_K, str]]) -> dict[_K, tuple[str, ...]]:
    found: dict[_K, dict[str, None]] = {}
    for key, uid in pairs:
        found.setdefault(key, {})[uid] = None
    return {key: tuple(uids) for key, uids in found.items()}


def _spelled(namespace: str, value: str) -> tuple[str, str] | None:
    key = canonical(Key(namespace, value))
    return (namespace, key.value.lower()) if key else None  # None: a placeholder


def _names(entity: Entity) -> set[str]:
    found = {folded(entity.uid), folded(entity.name)}
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
