"""Earlier moments of the embedded store: intervals that held, and what one entity went through."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import datetime

from kgraph.schema import Coverage, Evidence, Observation, Relation
from kgraph.store._past import EntityRow, Past, Version, put_together
from kgraph.store._placing import RECENT, standing
from kgraph.store._ticks import NEVER, TICK, from_ticks, time_of, to_ticks
from kgraph.store.results import EntityHistory, ScopeState, Seen, Span, Tie
from kgraph.store.sqlite.evidence import changes, observation_of
from kgraph.store.view import EstateView

_ENTITIES = """
SELECT id, uid, kind FROM entity WHERE since <= :at
UNION SELECT e.id, e.uid, e.kind FROM entity_history AS h JOIN entity AS e ON e.id = h.entity
WHERE h.since <= :at AND h.until > :at"""
_BECAME = """
SELECT e.id, n.id, n.uid, n.kind FROM entity AS e JOIN entity AS n ON n.id = e.merged_into"""
_VERSIONS = """
SELECT r.entity, r.id, s.source, r.key, r.name, r.body, r.since, s.priority FROM record AS r
JOIN scope AS s ON s.id = r.scope WHERE r.live AND r.since <= :at
UNION ALL SELECT h.entity, r.id, s.source, r.key, h.name, h.body, h.since,
 s.priority FROM record_history AS h
JOIN record AS r ON r.id = h.record JOIN scope AS s ON s.id = r.scope
WHERE h.since <= :at AND h.until > :at"""
_LINKS = """
SELECT l.a, l.type, l.b, l.grp, l.need, s.source FROM link AS l
JOIN scope AS s ON s.id = l.scope WHERE l.since <= :at
UNION ALL SELECT l.a, l.type, l.b, l.grp, l.need, s.source FROM link_history AS l
JOIN scope AS s ON s.id = l.scope WHERE l.since <= :at AND l.until > :at"""
_OBSERVED = """
SELECT e.uid, o.signal, o.state, o.score, o.direction, o.at, o.detector, o.caller, o.received_at,
 o.expires_at, o.detail, o.due_at FROM observation AS o JOIN entity AS e ON e.id = o.entity
WHERE coalesce(o.since, o.at, o.received_at, :never) <= :at
 AND (o.expires_at IS NULL OR o.expires_at > :at)
UNION ALL SELECT e.uid, o.signal, o.state, o.score, o.direction, o.at, o.detector, o.caller,
 o.received_at, NULL, o.detail, o.due_at FROM observation_history AS o
JOIN entity AS e ON e.id = o.entity
WHERE o.since <= :at AND o.until > :at ORDER BY 1, 2, 7, 5, 8"""
_ALARMS = """
SELECT e.uid, o.signal, o.state, o.score, o.direction, o.at, o.detector, o.caller, o.received_at,
 NULL, o.detail, o.due_at, o.began, o.ended FROM
 (SELECT entity, signal, state, score, direction, at, detector, caller, received_at, detail,
   due_at, coalesce(since, at, received_at) AS began, expires_at AS ended FROM observation
  WHERE state = 'abnormal' AND coalesce(since, at, received_at) <= :until
   AND (expires_at IS NULL OR expires_at >= :since)
  UNION ALL SELECT entity, signal, state, score, direction, at, detector, caller, received_at,
   detail, due_at, since, until FROM observation_history
  WHERE until >= :since AND since <= :until AND state = 'abnormal') AS o
JOIN entity AS e ON e.id = o.entity
ORDER BY o.began, e.uid, o.signal, o.detector, o.direction, o.caller LIMIT :limit"""
_COVERED = """
SELECT e.uid, c.signal, c.detector, c.at, c.ttl FROM coverage AS c
JOIN entity AS e ON e.id = c.entity
WHERE coalesce(c.since, c.at) <= :at AND c.at + c.ttl >= :at ORDER BY 1, 2, 3"""


def at(sql: sqlite3.Connection, moment: datetime, scopes: Iterable[ScopeState]) -> EstateView:
    """Return the estate as it was, by when things are said to have held."""
    ticks = to_ticks(moment)
    past = _graph(sql, ticks)
    feed = changes(sql, NEVER, ticks, None)
    here = {entity.uid for entity in past.graph.entities}
    return EstateView(
        past.graph,
        _evidence(sql, moment, here),
        past.spelled,
        tuple(scope for scope in scopes if scope.completed_at <= moment),
        tuple(feed),
    )


def of_entity(sql: sqlite3.Connection, uid: str) -> EntityHistory | None:
    """Return what one entity went through; None for one that was never known."""
    row = sql.execute(
        "SELECT n.id, n.uid, n.kind, n.name, n.since FROM entity AS e"
        " JOIN entity AS n ON n.id = coalesce(e.merged_into, e.id) WHERE e.uid = ?",
        (uid,),
    ).fetchone()
    if row is None:
        return None
    id_, own, kind, name, since = row
    spans = sql.execute(
        "SELECT since, until FROM entity_history WHERE entity = ? ORDER BY since", (id_,)
    ).fetchall()
    if since is not None:
        spans.append((since, None))
    return EntityHistory(
        own,
        kind,
        name,
        tuple(Span(from_ticks(start), time_of(end)) for start, end in spans),
        tuple(_ties(sql, id_)),
        tuple(_seen(sql, id_)),
        tuple(changes(sql, NEVER, None, f'["{own}"]')),
    )


def alarms(sql: sqlite3.Connection, since: datetime, until: datetime, limit: int) -> list[Seen]:
    """Return what stood as abnormal at any time between two moments, the earliest first."""
    asked = {"since": to_ticks(since), "until": to_ticks(until), "limit": limit}
    found = []
    for *row, began, ended in sql.execute(_ALARMS, asked):
        end = None if ended is None or ended > asked["until"] else from_ticks(ended)
        found.append(Seen(observation_of(tuple(row)), Span(from_ticks(began), end)))
    return found


def gone(sql: sqlite3.Connection, name: str) -> list[str]:
    """Return the uids of closed entities that were last called so."""
    rows = sql.execute(
        "SELECT uid FROM entity WHERE since IS NULL AND merged_into IS NULL AND name = ?"
        " ORDER BY uid",
        (name,),
    )
    return [uid for (uid,) in rows]


def _graph(sql: sqlite3.Connection, ticks: int) -> Past:
    asked = {"at": ticks}
    became: dict[int, EntityRow] = {row[0]: row[1:] for row in sql.execute(_BECAME)}
    return put_together(
        sql.execute(_ENTITIES, asked),
        map(Version._make, sql.execute(_VERSIONS, asked)),
        sql.execute(_LINKS, asked),
        became,
    )


def _evidence(sql: sqlite3.Connection, moment: datetime, here: set[str]) -> Evidence:
    asked = {"at": to_ticks(moment), "never": NEVER}
    seen = (observation_of(row) for row in sql.execute(_OBSERVED, asked))
    # Until when a detector has looked in the end says nothing of that moment.
    covered = (
        Coverage(uid, signal, detector, min(from_ticks(looked), moment), ttl * TICK)
        for uid, signal, detector, looked, ttl in sql.execute(_COVERED, asked)
    )
    recent = changes(sql, to_ticks(moment - RECENT), to_ticks(moment), None)
    return standing(
        tuple(row for row in seen if row.entity in here),
        tuple(row for row in covered if row.entity in here),
        [row for row in recent if row.entity in here],
        moment,
    )


def _ties(sql: sqlite3.Connection, entity: int) -> Iterator[Tie]:
    rows = sql.execute(
        "SELECT a.uid, l.type, b.uid, l.grp, l.need, s.source, l.since, l.until,"
        " a.kind || ' ' || a.name, b.kind || ' ' || b.name FROM"
        " (SELECT scope, a, type, b, grp, need, since, NULL AS until FROM link"
        "   WHERE a = :entity OR b = :entity"
        "  UNION ALL SELECT scope, a, type, b, grp, need, since, until FROM link_history"
        "   WHERE a = :entity OR b = :entity) AS l"
        " JOIN scope AS s ON s.id = l.scope JOIN entity AS a ON a.id = l.a"
        " JOIN entity AS b ON b.id = l.b ORDER BY l.since, l.type, a.uid, b.uid",
        {"entity": entity},
    )
    for a, type_, b, group, need, source, since, until, dependent, dependency in rows:
        span = Span(from_ticks(since), time_of(until))
        yield Tie(Relation(a, type_, b, group, need, source), dependent, dependency, span)


def _seen(sql: sqlite3.Connection, entity: int) -> Iterator[Seen]:
    rows = sql.execute(
        "SELECT e.uid, o.signal, o.state, o.score, o.direction, o.at, o.detector, o.caller,"
        " o.received_at, o.expires_at, o.detail, o.due_at, o.since, o.until FROM"
        " (SELECT entity, signal, state, score, direction, at, detector, caller, received_at,"
        "   expires_at, detail, due_at, coalesce(since, at, received_at) AS since, NULL AS until"
        "   FROM observation WHERE entity = :entity"
        "  UNION ALL SELECT entity, signal, state, score, direction, at, detector, caller,"
        "   received_at, NULL, detail, due_at, since, until FROM observation_history"
        "   WHERE entity = :entity) AS o JOIN entity AS e ON e.id = o.entity"
        " ORDER BY o.since, o.signal, o.detector",
        {"entity": entity},
    )
    for *row, since, until in rows:
        seen: Observation = observation_of(tuple(row))
        if since is not None:
            yield Seen(seen, Span(from_ticks(since), time_of(until)))
