"""Opening, naming and closing entities, by the live records that support them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settled:
    """Which entities opened, closed, or stayed open with something about them changed."""

    opened: tuple[int, ...]
    kept: tuple[int, ...]
    closed: tuple[int, ...]
    uids: Mapping[int, str]


def settle(sql: sqlite3.Connection, touched: Iterable[int], at: int) -> Settled:
    """Open what a live record supports, close the rest; the newest given name counts."""
    ids = json.dumps(sorted(touched))
    names: dict[int, str] = dict(
        sql.execute(
            # The last row wins: a given name before a mere key, then the newest.
            "SELECT r.entity, iif(r.name = '', r.key, r.name) FROM json_each(?) AS e"
            " CROSS JOIN record AS r ON r.entity = e.value WHERE r.live"
            " ORDER BY r.name != '', r.since, r.id",
            (ids,),
        ).fetchall()
    )
    rows = sql.execute(
        "SELECT id, uid, name, since FROM entity WHERE id IN (SELECT value FROM json_each(?))"
        " ORDER BY id",
        (ids,),
    ).fetchall()
    opened = tuple(id_ for id_, _, _, since in rows if since is None and id_ in names)
    kept = tuple(id_ for id_, _, _, since in rows if since is not None and id_ in names)
    closed = tuple(id_ for id_, _, _, since in rows if since is not None and id_ not in names)
    sql.executemany(
        "UPDATE entity SET since = ?, name = ? WHERE id = ?",
        ((at, names[id_], id_) for id_ in opened),
    )
    sql.executemany(
        "UPDATE entity SET name = ? WHERE id = ?",
        (
            (names[id_], id_)
            for id_, _, name, since in rows
            if since is not None and names.get(id_, name) != name
        ),
    )
    sql.executemany(
        "INSERT INTO entity_history SELECT id, since, ? FROM entity WHERE id = ?",
        ((at, id_) for id_ in closed),
    )
    sql.executemany("UPDATE entity SET since = NULL WHERE id = ?", ((id_,) for id_ in closed))
    return Settled(opened, kept, closed, {id_: uid for id_, uid, _, _ in rows})
