"""Who is hit, and who is needed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from kgraph.app.queries._walks import (
    DEPTH,
    HURTS,
    SOFTWARE,
    by_uid,
    hops_from,
    titled,
    toward_dependencies,
    toward_dependents,
)
from kgraph.schema import Entity
from kgraph.store import Estate, Toward

_EVERY = 10_000_000  # entities: no limit
_STEPS = {Toward.DEPENDENCIES: toward_dependencies, Toward.DEPENDENTS: toward_dependents}


def blast_radius(store: Estate, uid: str) -> list[tuple[object, ...]]:
    """Return uid, kind, name, hops of all that depends on an entity."""
    return [(e.uid, e.kind, e.name, hops) for hops, e in _near(store, uid, Toward.DEPENDENTS)]


def dependencies(store: Estate, uid: str) -> list[tuple[object, ...]]:
    """Return uid, kind, name, hops of all that an entity depends on."""
    return [(e.uid, e.kind, e.name, hops) for hops, e in _near(store, uid, Toward.DEPENDENCIES)]


def hit_by_kind(store: Estate, uid: str) -> list[tuple[object, ...]]:
    """Return kind, entities, nearest of all that depends on an entity."""
    hops: dict[str, list[int]] = defaultdict(list)
    for far, entity in _near(store, uid, Toward.DEPENDENTS):
        hops[entity.kind].append(far)
    ordered = sorted(hops.items(), key=lambda row: (-len(row[1]), row[0]))
    return [(kind, len(each), min(each)) for kind, each in ordered]


def services_at_risk(store: Estate, uid: str) -> list[tuple[object, ...]]:
    """Return uid, kind, name, owner, hops of the software that depends on an entity."""
    return [
        (e.uid, e.kind, e.name, e.labels.get("owner"), hops)
        for hops, e in _near(store, uid, Toward.DEPENDENTS)
        if e.kind in SOFTWARE
    ]


def dependency_path(store: Estate, dependent: str, dependency: str) -> list[tuple[object, ...]]:
    """Return hops, uids, relations of every shortest way."""
    part = store.neighbourhood(
        [dependent], Toward.DEPENDENCIES, types=HURTS, depth=DEPTH, limit=_EVERY
    )
    steps: dict[str, dict[tuple[str, str], None]] = defaultdict(dict)
    for relation in part.relations:
        steps[relation.dependent][relation.type, relation.dependency] = None
    hops = hops_from(dependency, toward_dependents(part.relations, HURTS)) | {dependency: 0}
    far = hops.get(dependent)

    def ways(uid: str, left: int) -> Iterator[tuple[list[str], list[str]]]:
        if left == 0:
            yield [uid], []
            return
        for type_, near in steps[uid]:
            if hops.get(near) == left - 1:
                for uids, types in ways(near, left - 1):
                    yield [uid, *uids], [type_, *types]

    if far is None:
        return []
    return [(far, uids, types) for uids, types in sorted(ways(dependent, far))]


def groups_of(store: Estate, uid: str) -> list[tuple[object, ...]]:
    """Return group, source, type, need, members, spare of an entity's groups."""
    near = store.neighbourhood([uid], Toward.DEPENDENCIES, depth=1, limit=_EVERY)
    entities = by_uid(near.entities)
    found: dict[tuple[str, str, str], tuple[int, set[str]]] = {}
    for r in near.relations:
        if r.group is not None and r.dependent == uid:
            need, names = found.get((r.group, r.source, r.type), (1, set()))
            members = names | {entities[r.dependency].name}
            found[r.group, r.source, r.type] = max(need, r.need or 1), members
    return [
        (*name, need, sorted(members), max(0, len(members) - need))
        for name, (need, members) in sorted(found.items())
    ]


def _near(store: Estate, uid: str, toward: Toward) -> list[tuple[int, Entity]]:
    part = store.neighbourhood([uid], toward, types=HURTS, depth=DEPTH, limit=_EVERY)
    hops = hops_from(uid, _STEPS[toward](part.relations, HURTS))
    entities = by_uid(part.entities)
    found = [(far, entities[near]) for near, far in hops.items()]
    return sorted(found, key=lambda pair: (pair[0], titled(pair[1])))


ANSWERS = (
    blast_radius,
    dependencies,
    dependency_path,
    groups_of,
    hit_by_kind,
    services_at_risk,
)
