"""Reading entities and relations from the embedded store."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache

from kgraph.schema import Entity, Relation, Subgraph
from kgraph.store._bodies import joined
from kgraph.store._lookup import canonical_value, one, spellings
from kgraph.store._ticks import from_ticks, span_of
from kgraph.store.results import Ambiguous, ScopeState

_RECORDS = (
    "SELECT r.entity, r.body FROM json_each(?) AS e CROSS JOIN record AS r ON r.entity = e.value"
    " JOIN scope AS s ON s.id = r.scope WHERE r.live ORDER BY s.priority, r.since, r.id"
)
_ALL_RECORDS = (
    "SELECT r.entity, r.body FROM record AS r JOIN scope AS s ON s.id = r.scope"
    " WHERE r.live ORDER BY s.priority, r.since, r.id"
)


_REMEMBERED = 20_000  # entities
# The vicinities of alerts overlap: what is read of some entities was mostly read a moment ago.
_joined = lru_cache(maxsize=_REMEMBERED)(joined)


def by_uid(sql: sqlite3.Connection, uids: Iterable[str]) -> list[Entity]:
    """Return the open entities, in the order asked; one that was merged, as what it became."""
    asked = list(uids)
    rows = sql.execute(
        "SELECT e.uid, coalesce(n.id, e.id), coalesce(n.uid, e.uid)"
        " FROM json_each(?) AS w JOIN entity AS e ON e.uid = w.value"
        " LEFT JOIN entity AS n ON n.id = e.merged_into",
        (json.dumps(asked),),
    )
    ids = {uid: id_ for uid, id_, _ in rows}
    found = {row[0]: entity for row, entity in entities(sql, list(set(ids.values())))}
    order = dict.fromkeys(ids[uid] for uid in asked if uid in ids)
    return [found[id_] for id_ in order if id_ in found]


def entities(
    sql: sqlite3.Connection, ids: Iterable[int] | None
) -> list[tuple[tuple[int, str, str], Entity]]:
    """Return open entities with their rows, ordered by kind, name, uid; None: all of them."""
    bodies: dict[int, list[str]] = defaultdict(list)
    if ids is None:
        rows = sql.execute("SELECT id, uid, kind, name FROM entity WHERE since IS NOT NULL")
        records = sql.execute(_ALL_RECORDS)
    else:
        wanted = json.dumps(list(ids))
        rows = sql.execute(
            "SELECT e.id, e.uid, e.kind, e.name FROM json_each(?) AS w"
            " CROSS JOIN entity AS e ON e.id = w.value WHERE e.since IS NOT NULL",
            (wanted,),
        )
        records = sql.execute(_RECORDS, (wanted,))
    for id_, body in records:
        bodies[id_].append(body)
    join = joined if ids is None else _joined
    found = [
        ((id_, uid, kind), join(uid, kind, name, tuple(bodies[id_])))
        for id_, uid, kind, name in rows
    ]
    return sorted(found, key=lambda pair: (pair[1].kind, pair[1].name, pair[1].uid))


def find(
    sql: sqlite3.Connection, kind: str | None, text: str | None, limit: int | None
) -> list[Entity]:
    """Return open entities, ordered by kind, name, uid; `text` as the protocol says."""
    rows = sql.execute(
        "SELECT e.id FROM entity AS e WHERE e.since IS NOT NULL AND (?1 IS NULL OR e.kind = ?1)"
        " AND (?2 IS NULL OR instr(casefold(e.name), casefold(?2)) OR e.uid = ?2 OR e.id IN ("
        "  SELECT entity FROM record WHERE live AND key = ?2 UNION"
        "  SELECT r.entity FROM claim AS c JOIN record AS r ON r.id = c.record"
        "  WHERE r.live AND c.value IN (SELECT value FROM json_each(?3))))"
        " ORDER BY e.kind, e.name, e.uid LIMIT ?4",
        (kind, text, json.dumps(spellings(text)), -1 if limit is None else limit),
    )
    return [entity for _, entity in entities(sql, [id_ for (id_,) in rows])]


def resolve(sql: sqlite3.Connection, namespace: str, value: str) -> str | Ambiguous | None:
    """Return which open entity claims a key, in any site; names count as keys, too."""
    rows = sql.execute(
        "SELECT e.uid FROM claim AS c JOIN record AS r ON r.id = c.record"
        " JOIN entity AS e ON e.id = r.entity"
        " WHERE r.live AND c.namespace = ?1 AND c.value = ?2"
        " UNION SELECT uid FROM entity WHERE since IS NOT NULL AND name = ?3"
        "  AND (?1 = 'name' OR (?1 = 'hostname' AND kind = 'Host')) ORDER BY 1",
        (namespace, canonical_value(namespace, value), value),
    )
    return one(uid for (uid,) in rows)


def locate(sql: sqlite3.Connection, source: str, key: str) -> str | Ambiguous | None:
    """Return which open entity a source's own key stands for."""
    rows = sql.execute(
        "SELECT DISTINCT e.uid FROM scope AS s CROSS JOIN record AS r ON r.scope = s.id"
        " JOIN entity AS e ON e.id = r.entity"
        " WHERE s.source = ? AND r.key = ? AND r.live ORDER BY 1",
        (source, key),
    )
    return one(uid for (uid,) in rows)


def own_keys(sql: sqlite3.Connection, source: str) -> dict[str, list[str]]:
    """Return uid -> the keys that a source has for it, by scope and key."""
    rows = sql.execute(
        "SELECT e.uid, r.key FROM scope AS s CROSS JOIN record AS r ON r.scope = s.id"
        " JOIN entity AS e ON e.id = r.entity"
        " WHERE s.source = ? AND r.live ORDER BY s.scope, r.key",
        (source,),
    )
    found: dict[str, list[str]] = defaultdict(list)
    for uid, key in rows:
        found[uid].append(key)
    return found


def graph(sql: sqlite3.Connection) -> Subgraph:
    """Return every open entity and relation."""
    found = entities(sql, None)
    uids = {row[0]: row[1] for row, _ in found}
    sources = dict(sql.execute("SELECT id, source FROM scope").fetchall())
    rows = sql.execute("SELECT a, type, b, grp, need, scope FROM link ORDER BY id")
    # Two records of one entity may say the same: once is enough.
    relations = dict.fromkeys(
        (uids[a], type_, uids[b], group, need, sources[scope])
        for a, type_, b, group, need, scope in rows
    )
    return Subgraph(tuple(entity for _, entity in found), tuple(Relation(*r) for r in relations))


def scopes(sql: sqlite3.Connection) -> list[ScopeState]:
    """Return when each source was last read for each scope."""
    rows = sql.execute(
        "SELECT source, scope, generation, completed_at, records, findings, interval"
        " FROM scope"
        " WHERE completed_at IS NOT NULL ORDER BY source, scope"
    )
    return [
        ScopeState(
            source,
            scope,
            generation,
            from_ticks(at),
            records,
            tuple(json.loads(found)),
            span_of(interval),
        )
        for source, scope, generation, at, records, found, interval in rows
    ]
