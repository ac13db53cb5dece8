"""Opening, naming and closing entities, by the live records that support them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

from kgraph.store._outcome import EntityRow, Settled, given_names, settlement


def settle(sql: sqlite3.Connection, touched: Iterable[int], at: int) -> Settled:
    """Open what a live record supports, close the rest; the newest given name counts."""
    ids = json.dumps(sorted(touched))
    names = given_names(
        sql.execute(
            "SELECT r.entity, r.key, r.name, s.priority, r.since, r.id FROM json_each(?) AS e"
            " CROSS JOIN record AS r ON r.entity = e.value JOIN scope AS s ON s.id = r.scope"
            " WHERE r.live",
            (ids,),
        )
    )
    rows = sql.execute(
        "SELECT id, uid, name, since FROM entity WHERE id IN (SELECT value FROM json_each(?))"
        " ORDER BY id",
        (ids,),
    )
    settled = settlement([EntityRow(*row) for row in rows], names)
    sql.executemany(
        "UPDATE entity SET since = ?, name = ? WHERE id = ?",
        ((at, names[id_], id_) for id_ in settled.opened),
    )
    sql.executemany(
        "UPDATE entity SET name = ? WHERE id = ?", ((names[id_], id_) for id_ in settled.renamed)
    )
    closed = [(at, id_) for id_ in settled.closed]
    sql.executemany(
        "INSERT INTO entity_history SELECT id, since, ? FROM entity WHERE id = ?", closed
    )
    sql.executemany("UPDATE entity SET since = NULL WHERE id = ?", ((id_,) for _, id_ in closed))
    return settled
