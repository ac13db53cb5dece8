"""What may be lost once, and what may not."""

from __future__ import annotations

from collections import defaultdict

from kgraph.app.queries._walks import (
    FIRM,
    by_uid,
    groups,
    hops_from,
    titled,
    toward_dependencies,
    toward_dependents,
)
from kgraph.store import Estate

_BEHIND = 4  # hops within which a shared cause is looked for


def single_points_of_failure(store: Estate) -> list[tuple[object, ...]]:
    """Return uid, kind, name, dependents of what stops a direct dependent."""
    graph = store.graph()
    hit: dict[str, set[str]] = defaultdict(set)
    firm = [r for r in graph.relations if r.type in FIRM]
    for (dependent, _, _), (need, members) in groups(firm).items():
        if need >= len(members):
            for member in members:
                hit[member].add(dependent)
    for relation in firm:
        if relation.group is None:
            hit[relation.dependency].add(relation.dependent)
    entities = by_uid(graph.entities)
    rows = sorted(hit.items(), key=lambda row: (-len(row[1]), titled(entities[row[0]])))
    return [(u, entities[u].kind, entities[u].name, len(dependents)) for u, dependents in rows]


def groups_without_spare(store: Estate) -> list[tuple[object, ...]]:
    """Return uid, kind, name, group, need, members of groups that can lose no more."""
    graph = store.graph()
    entities = by_uid(graph.entities)
    rows = [
        (*titled(entities[dependent]), group, need, len(members))
        for (dependent, _, group), (need, members) in groups(graph.relations).items()
        if len(members) <= need and need > 1
    ]
    return [(uid, kind, name, *rest) for kind, name, uid, *rest in sorted(rows)]


def hidden_shared_causes(store: Estate) -> list[tuple[object, ...]]:
    """Return uid, dependent, group, shared, sharedKind, sharedName, hops."""
    graph = store.graph()
    entities = by_uid(graph.entities)
    steps = toward_dependencies(graph.relations, FIRM)
    rows = []
    for (dependent, _, group), (need, members) in groups(graph.relations).items():
        if len(members) <= need:
            continue
        reached = [hops_from(member, steps, _BEHIND) for member in members]
        for uid in set.intersection(*(set(each) for each in reached)) - members:
            hops = max(each[uid] for each in reached)
            rows.append((entities[dependent].name, group, hops, *titled(entities[uid]), dependent))
    return [
        (uid, dependent, group, shared, kind, name, hops)
        for dependent, group, hops, kind, name, shared, uid in sorted(rows)
    ]


def most_depended_on(store: Estate, limit: int) -> list[tuple[object, ...]]:
    """Return uid, kind, name, dependents of what the most depend on."""
    graph = store.graph()
    steps = toward_dependents(graph.relations, FIRM)
    counts = [(len(hops_from(e.uid, steps, _BEHIND)), e) for e in graph.entities]
    ordered = sorted((row for row in counts if row[0]), key=lambda row: (-row[0], titled(row[1])))
    return [(e.uid, e.kind, e.name, dependents) for dependents, e in ordered[:limit]]


ANSWERS = (
    groups_without_spare,
    hidden_shared_causes,
    most_depended_on,
    single_points_of_failure,
)
