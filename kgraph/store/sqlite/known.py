"""What was read of the open graph, for who reads much of the same again a moment later.

One more alert has its own vicinity read, and then that of all that it belongs to; the next alert's
is mostly the same. All of it is forgotten once anything of the graph is written, also what makes
no new version of the topology, such as a property (`meta.contents`).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from kgraph.schema import Entity, Relation, Subgraph
from kgraph.store.sqlite.read import entities

MOST = 50_000  # entities; then all are forgotten


class _Known(NamedTuple):
    order: tuple[str, str, str]  # as entities are told: by kind, name, uid
    id: int
    entity: Entity


class Known:
    """Of one connection; see above."""

    def __init__(self) -> None:
        self._state: object = None
        self._entities: dict[str, _Known | None] = {}  # by uid; None: there is no open one
        self._needs: dict[str, tuple[Relation, ...]] = {}  # what each depends on, where asked

    def part(self, sql: sqlite3.Connection, inner: Iterable[str], rim: Iterable[str]) -> Subgraph:
        """Return some entities, and all that the inner ones depend on among them."""
        within = dict.fromkeys(inner)
        found = sorted(self._open(sql, within | dict.fromkeys(rim)))
        open_ = {each.entity.uid for each in found}
        starts = [each for each in found if each.entity.uid in within]
        self._read_needs(sql, [each for each in starts if each.entity.uid not in self._needs])
        relations = [
            relation
            for each in starts
            for relation in self._needs[each.entity.uid]
            if relation.dependency in open_
        ]
        return Subgraph(tuple([each.entity for each in found]), tuple(relations))

    def rows(self, sql: sqlite3.Connection, uids: Iterable[str]) -> list[int]:
        """Return the row of each open entity of some uids, in no order."""
        return [each.id for each in self._open(sql, dict.fromkeys(uids))]

    def _open(self, sql: sqlite3.Connection, uids: Mapping[str, object]) -> list[_Known]:
        """Return the open entities of some uids."""
        self._follow(sql)
        missing = [uid for uid in uids if uid not in self._entities]
        if len(self._entities) + len(missing) > MOST:
            self._forget()
            missing = list(uids)
        self._read_entities(sql, missing)
        return [each for uid in uids if (each := self._entities[uid]) is not None]

    def _follow(self, sql: sqlite3.Connection) -> None:
        """Forget all where the graph was written since."""
        state = dict(
            sql.execute("SELECT name, value FROM meta WHERE name IN ('topology', 'contents')")
        )
        if state != self._state:
            self._state = state
            self._forget()

    def _forget(self) -> None:
        self._entities.clear()
        self._needs.clear()

    def _read_entities(self, sql: sqlite3.Connection, uids: Sequence[str]) -> None:
        if not uids:
            return
        rows = sql.execute(
            "SELECT id FROM entity WHERE uid IN (SELECT value FROM json_each(?))",
            (json.dumps(uids),),
        )
        self._entities |= dict.fromkeys(uids)
        for (id_, *_), entity in entities(sql, [id_ for (id_,) in rows]):
            order = entity.kind, entity.name, entity.uid
            self._entities[entity.uid] = _Known(order, id_, entity)

    def _read_needs(self, sql: sqlite3.Connection, starts: Sequence[_Known]) -> None:
        if not starts:
            return
        uids = {each.id: each.entity.uid for each in starts}
        rows = sql.execute(
            "SELECT l.a, l.type, e.uid, l.grp, l.need, s.source FROM json_each(?) AS w"
            " CROSS JOIN link AS l ON l.a = w.value JOIN entity AS e ON e.id = l.b"
            " JOIN scope AS s ON s.id = l.scope ORDER BY l.id",
            (json.dumps(list(uids)),),
        )
        found: dict[str, list[Relation]] = {uid: [] for uid in uids.values()}
        # Several scopes of a source may tell the same.
        for a, type_, dependency, group, need, source in dict.fromkeys(rows):
            uid = uids[a]
            found[uid].append(Relation(uid, type_, dependency, group, need, source))
        self._needs |= {uid: tuple(relations) for uid, relations in found.items()}
