"""The audit log in Neo4j: written in the transaction of what it tells of."""

from __future__ import annotations

from datetime import datetime

from kgraph.schema import AuditEntry, AuditEvent
from kgraph.schema.audit import ORIGIN, chained
from kgraph.store._ticks import from_ticks, to_ticks
from kgraph.store.neo4j.ids import Ids
from kgraph.store.neo4j.statements import Statements

_LAST = """\
MATCH (entry:_KgAudit)
RETURN entry.at, entry.hash
ORDER BY entry.id DESC
LIMIT 1"""
_WRITE = "CREATE (entry:_KgAudit) SET entry = $node"
_ENTRIES = """\
MATCH (entry:_KgAudit)
RETURN entry.at, entry.event, entry.body, entry.hash
ORDER BY entry.id"""


def append(statements: Statements, at: datetime | None, event: AuditEvent, body: str) -> None:
    """Add an entry; one without a time of its own has that of the entry before.

    The caller holds the lock.
    """
    last = statements.one(_LAST)
    when = from_ticks(to_ticks(at) if at else last[0] if last else 0)
    entry = chained(last[1] if last else ORIGIN, when, event, body)
    ids = Ids.read(statements)
    node = {
        "id": ids.next_row(),
        "at": to_ticks(when),
        "event": event.value,
        "body": body,
        "hash": entry.hash,
    }
    statements.rows(_WRITE, node=node)
    ids.write(statements)


def entries(statements: Statements) -> list[AuditEntry]:
    """Return all of it, oldest first."""
    return [
        AuditEntry(from_ticks(at), AuditEvent(event), body, hash_)
        for at, event, body, hash_ in statements.rows(_ENTRIES)
    ]
