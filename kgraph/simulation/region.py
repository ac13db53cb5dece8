"""Which healthy entities are looked at: those that share something with the ones that are not."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kgraph.simulation.world import World

Near = Callable[[int], list[int]]
_UP, _DOWN = 3, 3  # levels towards causes, then towards effects


def around(world: World, hurt: Iterable[int], limit: int) -> list[int]:
    """Return entities near the hurt ones, nearest first, the hurt ones left out.

    What they need comes first, then who else needs that: the witnesses that tell a shared cause
    from a private one. At most `limit` of them, so that time does not grow with the estate.
    """
    start = list(dict.fromkeys(hurt))
    causes = _walk(start, _UP, limit + len(start), lambda i: _needed(world, i))
    found = _walk(causes, _DOWN, limit + len(start), lambda i: [d for d, _ in world.hit_by(i)])
    known = set(start)
    return [entity for entity in found if entity not in known][:limit]


def _needed(world: World, entity: int) -> list[int]:
    return [member for need in world.needs(entity) for member in need.members]


def _walk(start: list[int], levels: int, limit: int, near: Near) -> list[int]:
    found = dict.fromkeys(start)  # keeps the order of discovery, unlike a set
    level = start
    for _ in range(levels):
        following: list[int] = []
        for entity in level:
            for neighbour in near(entity):
                if neighbour not in found:
                    found[neighbour] = None
                    following.append(neighbour)
            if len(found) >= limit:
                return list(found)
        level = following
    return list(found)
