"""Walking a stored graph, always in one direction. Pure: a store brings the edges."""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from kgraph.schema import Relation
from kgraph.store.results import Toward

PATH_LIMIT = 100_000  # entities looked at when searching paths
Edge = tuple[int, int, str, str | None, int | None, str]  # near, far, type, group, need, source


@dataclass(frozen=True, slots=True)
class Walk:
    """Which way, over which types (None: all), how many hops, to how many entities."""

    toward: Toward
    types: frozenset[str] | None
    depth: int
    limit: int


def reached(
    start: Sequence[int], walk: Walk, edges_of: Callable[[Sequence[int]], Sequence[Edge]]
) -> tuple[set[int], list[Edge], bool]:
    """Return the entities that a walk meets, the edges walked, and whether a limit cut it.

    Breadth first, so that a limit cuts off the farthest.

    Args:
        start: entities to begin at.
        walk: the walk.
        edges_of: returns the edges that lead on from some entities.
    """
    frontier, truncated = list(start[: walk.limit]), len(start) > walk.limit
    seen = set(frontier)
    edges: list[Edge] = []
    for hop in range(walk.depth + 1):  # once more, for relations among the farthest
        found = edges_of(frontier)
        edges += found
        if hop == walk.depth or not found:
            break
        new = [far for far in dict.fromkeys(edge[1] for edge in found) if far not in seen]
        room = walk.limit - len(seen)
        truncated = truncated or len(new) > room
        frontier = new[:room]
        seen.update(frontier)
    return seen, edges, truncated


def relations_among(edges: Iterable[Edge], uids: dict[int, str], walk: Walk) -> list[Relation]:
    """Return the edges between known entities as relations, each once."""
    found = (
        _relation(edge, uids, walk.toward) for edge in edges if edge[0] in uids and edge[1] in uids
    )
    return list(dict.fromkeys(found))


def _relation(edge: Edge, uids: dict[int, str], toward: Toward) -> Relation:
    near, far, type_, group, need, source = edge
    a, b = (near, far) if toward is Toward.DEPENDENCIES else (far, near)
    return Relation(uids[a], type_, uids[b], group, need, source)


def shortest_paths(
    relations: Iterable[Relation], start: str, end: str, max_length: int, k: int
) -> list[tuple[Relation, ...]]:
    """Return up to `k` loop-free paths from `start` to `end`, shortest first.

    Best first by hops so far plus hops still needed at least, so that nothing which cannot
    arrive is walked. Of parallel relations between two entities the first counts.
    """
    ahead: dict[str, dict[str, Relation]] = defaultdict(dict)
    behind: dict[str, set[str]] = defaultdict(set)
    for relation in relations:
        ahead[relation.dependent].setdefault(relation.dependency, relation)
        behind[relation.dependency].add(relation.dependent)
    left = _distances(behind, end)
    heap: list[tuple[int, int, tuple[str, ...]]] = []
    if start in left and start != end:
        heap.append((left[start], 0, (start,)))
    pushed = 0
    paths: list[tuple[Relation, ...]] = []
    while heap and len(paths) < k:
        _, _, path = heapq.heappop(heap)
        if path[-1] == end:
            paths.append(tuple(ahead[a][b] for a, b in pairwise(path)))
            continue
        for step in ahead[path[-1]]:
            length = len(path) + left.get(step, max_length)
            if length <= max_length and step not in path and step in left:
                pushed += 1
                heapq.heappush(heap, (length, pushed, (*path, step)))
    return paths


def _distances(behind: dict[str, set[str]], end: str) -> dict[str, int]:
    """Return the least number of hops to `end`."""
    distance = {end: 0}
    queue = deque([end])
    while queue:
        node = queue.popleft()
        for previous in behind[node]:
            if previous not in distance:
                distance[previous] = distance[node] + 1
                queue.append(previous)
    return distance
