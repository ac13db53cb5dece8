"""The estate by name: what alerts' labels are looked up in, built once for many alerts."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kgraph.schema import Entity, Subgraph

_NAME_KEYS = frozenset({"name", "hostname", "ip", "serviceName"})


@dataclass(frozen=True)
class EstateIndex:
    """Look-ups over the open graph. Names fold case; a host also answers to its short name.

    Attributes:
        entities: uid -> entity.
        names: folded name -> uids.
        keys: (namespace, folded value) -> uids.
        hosts: uid -> uids of what it runs on.
    """

    entities: Mapping[str, Entity]
    names: Mapping[str, tuple[str, ...]]
    keys: Mapping[tuple[str, str], tuple[str, ...]]
    hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, graph: Subgraph) -> EstateIndex:
        """Index a graph; O(entities + relations)."""
        names: dict[str, dict[str, None]] = {}
        keys: dict[tuple[str, str], dict[str, None]] = {}
        for entity in graph.entities:
            for name in _names(entity):
                names.setdefault(name, {})[entity.uid] = None
            for key in entity.keys:
                keys.setdefault((key.namespace, key.value.lower()), {})[entity.uid] = None
        hosts: dict[str, list[str]] = {}
        for relation in graph.relations:
            if relation.type == "RUNS_ON":
                hosts.setdefault(relation.dependent, []).append(relation.dependency)
        return cls(
            {entity.uid: entity for entity in graph.entities},
            {name: tuple(uids) for name, uids in names.items()},
            {key: tuple(uids) for key, uids in keys.items()},
            {uid: tuple(uids) for uid, uids in hosts.items()},
        )

    def named(self, name: str, kinds: Iterable[str] = ()) -> tuple[str, ...]:
        """Return uids that answer to a name, of the first kind that has any; empty: any kind."""
        found = self.names.get(name.lower(), ())
        if not found and not is_address(name):
            found = self.names.get(name.lower().partition(".")[0], ())
        return self.of_kinds(found, kinds)

    def of_kinds(self, uids: Iterable[str], kinds: Iterable[str]) -> tuple[str, ...]:
        """Keep those of the first of `kinds` that any has; all where no kind is asked for."""
        found, asked = tuple(uids), tuple(kinds)
        for kind in asked:
            kept = tuple(uid for uid in found if self.entities[uid].kind == kind)
            if kept:
                return kept
        return () if asked else found

    def keyed(self, namespace: str, value: str) -> tuple[str, ...]:
        """Return uids that claim a key."""
        return self.keys.get((namespace, value.lower()), ())


def _names(entity: Entity) -> set[str]:
    found = {entity.uid.lower(), entity.name.lower()}
    found |= {key.value.lower() for key in entity.keys if key.namespace in _NAME_KEYS}
    found |= {name.partition(".")[0] for name in found if "." in name and not is_address(name)}
    return found - {""}


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
