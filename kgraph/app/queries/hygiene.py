"""What in the graph looks wrong."""

from __future__ import annotations

from collections import Counter, defaultdict

from kgraph.app.queries._walks import by_uid, titled
from kgraph.store import Estate

_NO_NEED = frozenset({"WATCHED_BY", "MEMBER_OF", "LOCATED_IN"})


def orphans(store: Estate) -> list[tuple[object, ...]]:
    """Return uid, kind, name of what has no relation at all."""
    graph = store.graph()
    joined = {uid for r in graph.relations for uid in (r.dependent, r.dependency)}
    found = [e for e in graph.entities if e.uid not in joined]
    return [(e.uid, e.kind, e.name) for e in sorted(found, key=titled)]


def shared_names(store: Estate) -> list[tuple[object, ...]]:
    """Return kind, name, uids of entities that have both in common."""
    uids: dict[tuple[str, str], list[str]] = defaultdict(list)
    for entity in store.find():
        uids[entity.kind, entity.name].append(entity.uid)
    return [(*name, sorted(all_)) for name, all_ in sorted(uids.items()) if len(all_) > 1]


def unwatched(store: Estate) -> list[tuple[object, ...]]:
    """Return uid, kind, name, dependents of what nothing looks at."""
    graph = store.graph()
    watched = {r.dependent for r in graph.relations if r.type == "WATCHED_BY"}
    dependents = Counter(r.dependency for r in graph.relations if r.type not in _NO_NEED)
    found = [
        (dependents[e.uid], e)
        for e in graph.entities
        if e.kind != "Probe" and not e.watched and e.uid not in watched
    ]
    found.sort(key=lambda row: (-row[0], titled(row[1])))
    return [(e.uid, e.kind, e.name, count) for count, e in found]


def guests_without_host(store: Estate) -> list[tuple[object, ...]]:
    """Return uid, name, missing of guests of which nobody says where they are."""
    graph = store.graph()
    said: dict[str, set[str]] = defaultdict(set)
    for relation in graph.relations:
        said[relation.dependent].add(relation.type)
    rows = [
        (e.name, e.uid, [t for t in ("RUNS_ON", "STORED_ON") if t not in said[e.uid]])
        for e in graph.entities
        if e.kind == "VirtualMachine"
    ]
    return [(uid, name, missing) for name, uid, missing in sorted(rows) if missing]


def in_two_places(store: Estate) -> list[tuple[object, ...]]:
    """Return uid, kind, name, type, places, sources of what is in several places of a kind."""
    graph = store.graph()
    entities = by_uid(graph.entities)
    told: dict[tuple[str, str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for r in graph.relations:
        thing, place = entities[r.dependent], entities[r.dependency]
        runs = (r.type, thing.kind, place.kind) == ("RUNS_ON", "VirtualMachine", "Host")
        if r.group is None and (runs or r.type == "LOCATED_IN"):
            told[r.dependent, r.type, place.kind][r.dependency].add(r.source)
    rows = [
        (
            entities[uid],
            type_,
            sorted(entities[place].name for place in by),
            set().union(*by.values()),
        )
        for (uid, type_, _), by in told.items()
        if len(by) > 1
    ]
    rows.sort(key=lambda row: (titled(row[0]), row[1], row[2]))
    return [(e.uid, e.kind, e.name, type_, names, sorted(by)) for e, type_, names, by in rows]


ANSWERS = (guests_without_host, in_two_places, orphans, shared_names, unwatched)
