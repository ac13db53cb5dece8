"""Walking the stored graph, always in one direction."""

from __future__ import annotations

import heapq
import json
import sqlite3
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from kgraph.schema import Relation, Subgraph
from kgraph.store._read import entities
from kgraph.store.protocol import Toward

_EDGES = {
    Toward.DEPENDENCIES: (
        "SELECT l.a, l.b, l.type, l.grp, l.need, s.source FROM json_each(?1) AS w"
        " CROSS JOIN link AS l ON l.a = w.value JOIN scope AS s ON s.id = l.scope"
        " WHERE ?2 IS NULL OR l.type IN (SELECT value FROM json_each(?2)) ORDER BY l.id"
    ),
    Toward.DEPENDENTS: (
        "SELECT l.b, l.a, l.type, l.grp, l.need, s.source FROM json_each(?1) AS w"
        " CROSS JOIN link AS l ON l.b = w.value JOIN scope AS s ON s.id = l.scope"
        " WHERE ?2 IS NULL OR l.type IN (SELECT value FROM json_each(?2)) ORDER BY l.id"
    ),
}
_Edge = tuple[int, int, str, str | None, int | None, str]  # near, far, type, group, need, source


@dataclass(frozen=True, slots=True)
class Walk:
    """Which way, over which types (None: all), how many hops, to how many entities."""

    toward: Toward
    types: frozenset[str] | None
    depth: int
    limit: int


def neighbourhood(sql: sqlite3.Connection, seeds: Sequence[str], walk: Walk) -> Subgraph:
    """Return what a walk from the seeds reaches, and all relations walked among it."""
    seen, edges, truncated = _reach(sql, seeds, walk)
    found = entities(sql, seen)
    uids = {row[0]: row[1] for row, _ in found}
    relations = dict.fromkeys(
        _relation(edge, uids, walk.toward) for edge in edges if edge[0] in uids and edge[1] in uids
    )
    return Subgraph(tuple(entity for _, entity in found), tuple(relations), truncated)


def _reach(
    sql: sqlite3.Connection, seeds: Sequence[str], walk: Walk
) -> tuple[set[int], list[_Edge], bool]:
    """Breadth first, so that a limit cuts off the farthest."""
    rows = sql.execute(
        "SELECT id FROM entity WHERE since IS NOT NULL"
        " AND uid IN (SELECT value FROM json_each(?))",
        (json.dumps(list(seeds)),),
    )
    start = [id_ for (id_,) in rows]
    frontier, truncated = start[: walk.limit], len(start) > walk.limit
    seen = set(frontier)
    types = None if walk.types is None else json.dumps(sorted(walk.types))
    edges: list[_Edge] = []
    for hop in range(walk.depth + 1):  # once more, for relations among the farthest
        found = sql.execute(_EDGES[walk.toward], (json.dumps(frontier), types)).fetchall()
        edges += found
        if hop == walk.depth or not found:
            break
        new = [far for far in dict.fromkeys(edge[1] for edge in found) if far not in seen]
        room = walk.limit - len(seen)
        truncated = truncated or len(new) > room
        frontier = new[:room]
        seen.update(frontier)
    return seen, edges, truncated


def _relation(edge: _Edge, uids: dict[int, str], toward: Toward) -> Relation:
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
