"""Neighbourhoods in the embedded store."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from kgraph.schema import Subgraph
from kgraph.store._walk import Edge, Walk, reached, relations_among
from kgraph.store.results import Toward
from kgraph.store.sqlite.read import entities

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


def neighbourhood(sql: sqlite3.Connection, seeds: Sequence[str], walk: Walk) -> Subgraph:
    """Return what a walk from the seeds reaches, and all relations walked among it."""
    rows = sql.execute(
        "SELECT id FROM entity WHERE since IS NOT NULL"
        " AND uid IN (SELECT value FROM json_each(?))",
        (json.dumps(list(seeds)),),
    )
    start = [id_ for (id_,) in rows]
    types = None if walk.types is None else json.dumps(sorted(walk.types))

    def edges_of(frontier: Sequence[int]) -> list[Edge]:
        return sql.execute(_EDGES[walk.toward], (json.dumps(frontier), types)).fetchall()

    seen, edges, truncated = reached(start, walk, edges_of)
    found = entities(sql, seen)
    uids = {row[0]: row[1] for row, _ in found}
    relations = relations_among(edges, uids, walk)
    return Subgraph(tuple(entity for _, entity in found), tuple(relations), truncated)
