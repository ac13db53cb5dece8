"""Which faults nobody could tell apart: those that hit the same watched things."""

from __future__ import annotations

from collections.abc import Iterable

from kgraph.schema import kind_of
from kgraph.simulation.faults import inject
from kgraph.simulation.seeds import seeded
from kgraph.simulation.spread import spread
from kgraph.simulation.watch import WATCHED
from kgraph.simulation.world import World, carries

_DEPENDENTS = 40  # that are compared: more of one thing look like each other, not like it
_LONG = 1e6  # seconds until everything that would be hit is


def alike(world: World, uid: str) -> tuple[str, ...]:
    """Return the neighbours of an entity that, if they stopped, would hit the same watched things.

    Neighbours are what it needs and what needs it, one hop away: who is further away and looks
    the same has a neighbour that does. Empty where the entity itself is watched and they differ.
    """
    entity = world.index[uid]
    near = {member for need in world.needs(entity) for member in need.members}
    near |= set(sorted({dependent for dependent, _ in world.hit_by(entity)})[:_DEPENDENTS])
    near.discard(entity)
    look = _look(world, entity)
    return tuple(
        world.entities[other].uid for other in sorted(near) if _look(world, other) == look
    )


def usually_watched(kind: str) -> tuple[str, ...]:
    """Return the signals that the monitoring of a usual estate looks at on a kind."""
    return WATCHED.get(kind, ())


def has_redundancy(world: World) -> bool:
    """Tell whether a group is there that two to four faults at once would exhaust."""
    sizes: dict[tuple[str, str, str], list[int]] = {}
    for relation in world.relations:
        if relation.group is not None and carries(relation):
            key = relation.dependent, relation.type, relation.group
            sizes.setdefault(key, []).append(relation.need or 1)
    return any(2 <= len(needs) - needs[0] + 1 <= 4 for needs in sizes.values())


def _look(world: World, entity: int) -> frozenset[int] | int:
    """Return the watched things that are hit when an entity stops; itself where none is."""
    hit = _hit(world, entity)
    seen = frozenset(other for other in hit if world.entities[other].watched)
    return seen or entity


def _hit(world: World, entity: int) -> Iterable[int]:
    known = world.entities[entity]
    modes = kind_of(known.kind).modes
    mode = "down" if "down" in modes else next(iter(modes))
    rng = seeded(0)  # delays alone, and all of them pass
    fault = inject(known.uid, known.kind, mode, rng)
    return spread(world, [fault], rng, _LONG).health
