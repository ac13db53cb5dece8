"""Where an entity of the embedded store comes from, and which entities claim the same."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

from kgraph.schema import (
    KINDS,
    Decision,
    Key,
    Provenance,
    Sameness,
    SharedKey,
    SourcedRecord,
)
from kgraph.store._bodies import record_of
from kgraph.store._ticks import from_ticks

_DECISIONS = (
    "SELECT d.verdict, a.uid, b.uid, d.at, d.by, d.reason,"
    " coalesce(an.uid, a.uid), coalesce(bn.uid, b.uid) FROM decision AS d"
    " JOIN entity AS a ON a.id = d.a LEFT JOIN entity AS an ON an.id = a.merged_into"
    " JOIN entity AS b ON b.id = d.b LEFT JOIN entity AS bn ON bn.id = b.merged_into"
    " ORDER BY d.id"
)


def strong_names() -> list[str]:
    """Return the strong key namespaces of all kinds, as `Kind namespace`."""
    return [f"{kind.name} {namespace}" for kind in KINDS.values() for namespace in kind.strong]


def decisions(sql: sqlite3.Connection, uid: str | None = None) -> list[Decision]:
    """Return what a person has decided, oldest first: of one entity that lives on, or of all."""
    return [
        Decision(Sameness(verdict), a, b, from_ticks(at), by, reason)
        for verdict, a, b, at, by, reason, *alive in sql.execute(_DECISIONS)
        if uid is None or uid in alive
    ]


def of_entity(sql: sqlite3.Connection, uid: str) -> Provenance | None:
    """Return where one entity comes from; None for one that was never known."""
    row = sql.execute(
        "SELECT n.id, n.uid, n.kind, n.name FROM entity AS e"
        " JOIN entity AS n ON n.id = coalesce(e.merged_into, e.id) WHERE e.uid = ?",
        (uid,),
    ).fetchone()
    if row is None:
        return None
    id_, own, kind, name = row
    aliases = sql.execute("SELECT uid FROM entity WHERE merged_into = ? ORDER BY uid", (id_,))
    return Provenance(
        own,
        kind,
        name,
        tuple(alias for (alias,) in aliases.fetchall()),
        tuple(_records(sql, id_)),
        tuple(decisions(sql, own)),
    )


def _records(sql: sqlite3.Connection, entity: int) -> Iterable[SourcedRecord]:
    rows = sql.execute(
        "SELECT s.source, s.scope, r.key, r.kind, r.name, r.body, r.live, r.since, s.priority"
        " FROM record AS r JOIN scope AS s ON s.id = r.scope WHERE r.entity = ?"
        " ORDER BY s.priority, r.since, r.id",
        (entity,),
    )
    for source, scope, key, kind, name, body, live, since, priority in rows:
        record = record_of(key, kind, name, body)
        yield SourcedRecord(source, scope, record, bool(live), from_ticks(since), priority)


def shared_keys(sql: sqlite3.Connection) -> list[SharedKey]:
    """Return the strong keys that live records of several entities of one kind claim."""
    rows = sql.execute(
        "SELECT e.kind, c.namespace, c.value, c.site, json_group_array(DISTINCT e.uid)"
        " FROM claim AS c JOIN record AS r ON r.id = c.record JOIN entity AS e ON e.id = r.entity"
        " WHERE r.live AND e.kind || ' ' || c.namespace IN (SELECT value FROM json_each(?))"
        " GROUP BY e.kind, c.namespace, c.value, c.site HAVING count(DISTINCT e.id) > 1"
        " ORDER BY e.kind, c.namespace, c.value, c.site",
        (json.dumps(strong_names()),),
    )
    return [
        SharedKey(kind, Key(namespace, value, site), tuple(sorted(json.loads(uids))))
        for kind, namespace, value, site, uids in rows
    ]
