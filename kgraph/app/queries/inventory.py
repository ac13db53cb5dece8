"""What there is."""

from __future__ import annotations

from collections import Counter, defaultdict

from kgraph.app.queries._walks import by_uid, titled
from kgraph.store import Estate


def count_by_kind(store: Estate) -> list[tuple[object, ...]]:
    """Return kind, entities."""
    return sorted(Counter(entity.kind for entity in store.find()).items())


def entities_by_owner(store: Estate) -> list[tuple[object, ...]]:
    """Return owner, kind, entities; those of nobody last."""
    counts = Counter((entity.labels.get("owner"), entity.kind) for entity in store.find())
    ordered = sorted(counts.items(), key=lambda row: (row[0][0] is None, *map(str, row[0])))
    return [(owner, kind, entities) for (owner, kind), entities in ordered]


def guests_by_host(store: Estate) -> list[tuple[object, ...]]:
    """Return uid, host, guests, names."""
    graph = store.graph()
    entities = by_uid(graph.entities)
    guests: dict[str, set[str]] = defaultdict(set)
    for relation in graph.relations:
        dependent = entities[relation.dependent]
        if relation.type == "RUNS_ON" and dependent.kind == "VirtualMachine":
            guests[relation.dependency].add(dependent.uid)
    hosts = [e for e in graph.entities if e.kind == "Host"]
    hosts.sort(key=lambda e: (-len(guests[e.uid]), e.name, e.uid))
    names = {uid: sorted(entities[guest].name for guest in guests[uid]) for uid in guests}
    return [(e.uid, e.name, len(names[e.uid]), names[e.uid]) for e in hosts]


def named_like(store: Estate, text: str) -> list[tuple[object, ...]]:
    """Return uid, kind, name."""
    found = [e for e in store.find() if text.lower() in e.name.lower()]
    return [(e.uid, e.kind, e.name) for e in sorted(found, key=titled)]


ANSWERS = (count_by_kind, entities_by_owner, guests_by_host, named_like)
