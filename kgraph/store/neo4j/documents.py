"""Documents in Neo4j: nodes of bookkeeping that no query of a person meets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kgraph.schema import AuditEvent, Document, Drawer
from kgraph.schema.audit import request_body
from kgraph.store._ticks import from_ticks, to_ticks
from kgraph.store.neo4j import audit
from kgraph.store.neo4j.part import Part
from kgraph.store.neo4j.statements import Statements

_PUT = """\
MERGE (document:_KgDocument {name: row.name})
SET document += {drawer: row.drawer, id: row.id, at: row.at, body: row.body}"""
_GET = """\
MATCH (document:_KgDocument)
WHERE document.name IN $names
RETURN document.id, document.at, document.body
ORDER BY document.at, document.id"""
_PAGE = """\
MATCH (document:_KgDocument {{drawer: $drawer}})
WHERE $at IS NULL OR document.at {beyond} $at
  OR (document.at = $at AND document.id {beyond} $id)
RETURN document.id, document.at, document.body
ORDER BY document.at {order}, document.id {order}
LIMIT $limit"""
_OLDEST = _PAGE.format(beyond=">", order="ASC")
_NEWEST = _PAGE.format(beyond="<", order="DESC")
_DROP = "MATCH (document:_KgDocument) WHERE document.name IN $names DELETE document"
_COUNT = "MATCH (document:_KgDocument {drawer: $drawer}) RETURN count(document)"


class Documents(Part):
    """See `DocumentStore`."""

    def put(self, documents: Iterable[Document]) -> None:
        """Keep documents, durably, all or none."""
        kept = list(documents)
        self._database.write(lambda s: _put(s, kept), whole=False)

    def claim(self, document: Document) -> bool:
        """Keep a document unless there is one of its id; tell whether it was kept."""
        return self._database.write(lambda s: _claim(s, document), whole=False)

    def documents(
        self,
        drawer: Drawer,
        *,
        limit: int = 100,
        after: Document | None = None,
        newest: bool = False,
    ) -> list[Document]:
        """Return documents of a drawer, oldest first unless `newest`."""
        return self._database.glance(lambda s: _page(s, drawer, limit, after, newest=newest))

    def named(self, drawer: Drawer, ids: Iterable[str]) -> list[Document]:
        """Return the documents of these ids that are there, oldest first."""
        wanted = list(ids)
        return self._database.glance(lambda s: _get(s, drawer, wanted))

    def drop(self, drawer: Drawer, ids: Iterable[str]) -> None:
        """Forget documents."""
        gone = list(ids)
        self._database.write(lambda s: _drop(s, drawer, gone), whole=False)

    def count(self, drawer: Drawer) -> int:
        """Return how many documents a drawer holds."""
        return self._database.glance(lambda s: _count(s, drawer))


def _put(statements: Statements, documents: Iterable[Document]) -> None:
    """Make or replace; the audit log has what is for the audit. The caller holds the lock."""
    documents = list(documents)
    rows = [
        {
            "name": _name(row.drawer, row.id),
            "drawer": row.drawer.value,
            "id": row.id,
            "at": to_ticks(row.at),
            "body": row.body,
        }
        for row in documents
    ]
    statements.each(_PUT, rows)
    for row in documents:
        if row.drawer is Drawer.AUDIT:
            audit.append(statements, row.at, AuditEvent.REQUEST, request_body(row))


def _claim(statements: Statements, document: Document) -> bool:
    """Make, unless there is one of its id; tell whether it was. The caller holds the lock."""
    if _get(statements, document.drawer, [document.id]):
        return False
    _put(statements, [document])
    return True


def _get(statements: Statements, drawer: Drawer, ids: Iterable[str]) -> list[Document]:
    """Return those that are there."""
    names = [_name(drawer, id_) for id_ in ids]
    return _documents(drawer, statements.rows(_GET, names=names))


def _page(
    statements: Statements, drawer: Drawer, limit: int, after: Document | None, *, newest: bool
) -> list[Document]:
    """Return documents in order, from behind one on."""
    rows = statements.rows(
        _NEWEST if newest else _OLDEST,
        drawer=drawer.value,
        at=to_ticks(after.at) if after else None,
        id=after.id if after else None,
        limit=limit,
    )
    return _documents(drawer, rows)


def _drop(statements: Statements, drawer: Drawer, ids: Iterable[str]) -> None:
    """Forget documents."""
    statements.rows(_DROP, names=[_name(drawer, id_) for id_ in ids])


def _count(statements: Statements, drawer: Drawer) -> int:
    """Return how many there are."""
    row = statements.one(_COUNT, drawer=drawer.value)
    return int(row[0]) if row else 0


def _name(drawer: Drawer, id_: str) -> str:
    return f"{drawer.value} {id_}"


def _documents(drawer: Drawer, rows: Iterable[tuple[Any, ...]]) -> list[Document]:
    return [Document(drawer, id_, from_ticks(at), body) for id_, at, body in rows]
