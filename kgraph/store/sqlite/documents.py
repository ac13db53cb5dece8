"""Documents in the embedded store."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from kgraph.schema import AuditEvent, Document, Drawer
from kgraph.schema.audit import request_body
from kgraph.store._ticks import from_ticks, to_ticks
from kgraph.store.sqlite import audit
from kgraph.store.sqlite.part import Part

_PAGE = """
SELECT id, at, body FROM document WHERE drawer = ?1
 AND (?2 IS NULL OR (at, id) {beyond} (?2, ?3)) ORDER BY at {order}, id {order} LIMIT ?4"""
_OLDEST = _PAGE.format(beyond=">", order="ASC")
_NEWEST = _PAGE.format(beyond="<", order="DESC")


class Documents(Part):
    """See `DocumentStore`."""

    def put(self, documents: Iterable[Document]) -> None:
        """Keep documents, durably, all or none; the audit log has what is for the audit."""
        rows = list(documents)
        with self._database.writing() as sql:
            sql.executemany(
                "INSERT OR REPLACE INTO document (drawer, id, at, body) VALUES (?, ?, ?, ?)",
                map(_row, rows),
            )
            for row in rows:
                if row.drawer is Drawer.AUDIT:
                    audit.append(sql, row.at, AuditEvent.REQUEST, request_body(row))

    def claim(self, document: Document) -> bool:
        """Keep a document unless there is one of its id; tell whether it was kept."""
        with self._database.writing() as sql:
            done = sql.execute(
                "INSERT INTO document (drawer, id, at, body) VALUES (?, ?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                _row(document),
            )
            return done.rowcount == 1

    def documents(
        self,
        drawer: Drawer,
        *,
        limit: int = 100,
        after: Document | None = None,
        newest: bool = False,
    ) -> list[Document]:
        """Return documents of a drawer, oldest first unless `newest`."""
        text = _NEWEST if newest else _OLDEST
        at, id_ = (to_ticks(after.at), after.id) if after else (None, None)
        with self._database.reading() as sql:
            rows = sql.execute(text, (drawer.value, at, id_, limit))
            return [_document(drawer, row) for row in rows]

    def named(self, drawer: Drawer, ids: Iterable[str]) -> list[Document]:
        """Return the documents of these ids that are there, oldest first."""
        with self._database.reading() as sql:
            rows = sql.execute(
                "SELECT id, at, body FROM document WHERE drawer = ? AND id IN"
                " (SELECT value FROM json_each(?)) ORDER BY at, id",
                (drawer.value, json.dumps(list(ids))),
            )
            return [_document(drawer, row) for row in rows]

    def drop(self, drawer: Drawer, ids: Iterable[str]) -> None:
        """Forget documents; one that is not there is no error."""
        with self._database.writing() as sql:
            sql.execute(
                "DELETE FROM document WHERE drawer = ? AND id IN (SELECT value FROM json_each(?))",
                (drawer.value, json.dumps(list(ids))),
            )

    def count(self, drawer: Drawer) -> int:
        """Return how many documents a drawer holds."""
        with self._database.reading() as sql:
            (found,) = sql.execute(
                "SELECT count(*) FROM document WHERE drawer = ?", (drawer.value,)
            ).fetchone()
        return int(found)


def _row(document: Document) -> tuple[str, str, int, str]:
    return document.drawer.value, document.id, to_ticks(document.at), document.body


def _document(drawer: Drawer, row: tuple[Any, ...]) -> Document:
    id_, at, body = row
    return Document(drawer, id_, from_ticks(at), body)
