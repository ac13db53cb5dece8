"""Earlier moments of the store in Neo4j, and what one entity went through."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from kgraph.schema import Coverage, Evidence, Observation, Relation
from kgraph.store._past import Past, Version, put_together
from kgraph.store._placing import RECENT, standing
from kgraph.store._ticks import NEVER, TICK, from_ticks, time_of, to_ticks
from kgraph.store.neo4j.evidence import changes, observation_of
from kgraph.store.neo4j.relations import TYPES
from kgraph.store.neo4j.statements import Statements
from kgraph.store.neo4j.times import native
from kgraph.store.results import EntityHistory, ScopeState, Seen, Span, Tie
from kgraph.store.view import EstateView

_ENTITIES = """\
MATCH (entity:Entity)
WHERE entity.validFrom <= $at AND (entity.validTo IS NULL OR entity.validTo > $at)
RETURN entity._id, entity.uid, entity.kind
UNION
MATCH (version:_KgEntityVersion)
WHERE version.since <= $at AND version.until > $at
MATCH (entity:Entity {_id: version.entity})
RETURN entity._id, entity.uid, entity.kind"""
_BECAME = """\
MATCH (entity:Entity)
WHERE entity._mergedInto IS NOT NULL
MATCH (new:Entity {_id: entity._mergedInto})
RETURN entity._id, new._id, new.uid, new.kind"""
_VERSIONS = """\
MATCH (record:_KgRecord)
WHERE record.live AND record.since <= $at
MATCH (scope:_KgScope {id: record.scope})
RETURN
  record.entity AS entity, record.id AS id, scope.source AS source, record.key AS key,
  record.name AS name, record.body AS body, record.since AS since,
  coalesce(scope.priority, 0) AS priority
UNION ALL
MATCH (version:_KgRecordVersion)
WHERE version.since <= $at AND version.until > $at
MATCH (record:_KgRecord {id: version.record})
MATCH (scope:_KgScope {id: record.scope})
RETURN
  version.entity AS entity, record.id AS id, scope.source AS source, record.key AS key,
  version.name AS name, version.body AS body, version.since AS since,
  coalesce(scope.priority, 0) AS priority"""
_LINKS = f"""\
MATCH (a:Entity)-[r:{TYPES}]->(b:Entity)
WHERE r.validFrom <= $at
RETURN
  a._id AS a, type(r) AS type, b._id AS b, r.group AS group, r.need AS need, r.source AS source,
  r._id AS place
UNION ALL
MATCH (past:PastRelation)
WHERE past.validFrom <= $at AND past.validTo > $at
MATCH (a:Entity {{uid: past.dependent}})
MATCH (b:Entity {{uid: past.dependency}})
RETURN
  a._id AS a, past.type AS type, b._id AS b, past.group AS group, past.need AS need,
  past.source AS source, 0 AS place"""
_OBSERVED = """\
MATCH (o:_KgObservation)
WHERE coalesce(o.since, o.at, o.receivedAt, $never) <= $at
  AND (o.expiresAt IS NULL OR o.expiresAt > $at)
MATCH (entity:Entity {_id: o.entity})
RETURN entity.uid AS uid, properties(o) AS node
UNION ALL
MATCH (o:_KgObservationVersion)
WHERE o.since <= $at AND o.until > $at
MATCH (entity:Entity {_id: o.entity})
RETURN entity.uid AS uid, properties(o) AS node"""
_COVERED = """\
MATCH (c:_KgCoverage)
WHERE coalesce(c.since, c.at) <= $at AND c.at + c.ttl >= $at
MATCH (entity:Entity {_id: c.entity})
RETURN entity.uid, c.signal, c.detector, c.at, c.ttl"""
_ENTITY = """\
MATCH (asked:Entity {uid: $uid})
OPTIONAL MATCH (new:Entity {_id: asked._mergedInto})
WITH coalesce(new, asked) AS entity
RETURN
  entity._id, entity.uid, entity.kind, entity.name, entity.validFrom, entity.validTo,
  COLLECT {
    MATCH (version:_KgEntityVersion {entity: entity._id})
    RETURN [version.since, version.until]
  }"""
_GONE = """\
MATCH (entity:Entity {name: $name})
WHERE entity.validTo IS NOT NULL AND entity._mergedInto IS NULL
RETURN entity.uid
ORDER BY entity.uid"""
_TIES = f"""\
MATCH (entity:Entity {{uid: $uid}})-[r:{TYPES}]-(:Entity)
WITH DISTINCT r, startNode(r) AS a, endNode(r) AS b
RETURN
  a.uid AS dependent, type(r) AS type, b.uid AS dependency, r.group AS group, r.need AS need,
  r.source AS source, a.kind + ' ' + a.name AS first, b.kind + ' ' + b.name AS second,
  r.validFrom AS since, null AS until
UNION ALL
MATCH (past:PastRelation)
WHERE past.dependent = $uid OR past.dependency = $uid
MATCH (a:Entity {{uid: past.dependent}})
MATCH (b:Entity {{uid: past.dependency}})
RETURN
  past.dependent AS dependent, past.type AS type, past.dependency AS dependency,
  past.group AS group, past.need AS need, past.source AS source,
  a.kind + ' ' + a.name AS first, b.kind + ' ' + b.name AS second,
  past.validFrom AS since, past.validTo AS until"""
_SEEN = """\
MATCH (o:_KgObservation {entity: $entity})
RETURN properties(o) AS node
UNION ALL
MATCH (o:_KgObservationVersion {entity: $entity})
RETURN properties(o) AS node"""


_ALARMS = """\
CALL () {
  MATCH (o:_KgObservationVersion)
  WHERE o.until >= $since AND o.since <= $until AND o.state = 'abnormal'
  RETURN o, o.since AS began, o.until AS ended
  UNION ALL
  MATCH (o:_KgObservation)
  WHERE o.state = 'abnormal' AND coalesce(o.since, o.at, o.receivedAt) <= $until
    AND (o.expiresAt IS NULL OR o.expiresAt >= $since)
  RETURN o, coalesce(o.since, o.at, o.receivedAt) AS began, o.expiresAt AS ended
}
MATCH (entity:Entity {_id: o.entity})
RETURN entity.uid AS uid, properties(o) AS node, began, ended
ORDER BY began, uid, o.signal, o.detector, o.direction, o.caller
LIMIT $limit"""


def at(statements: Statements, moment: datetime, scopes: Iterable[ScopeState]) -> EstateView:
    """Return the estate as it was, by when things are said to have held."""
    ticks = to_ticks(moment)
    past = _graph(statements, moment)
    here = {entity.uid for entity in past.graph.entities}
    return EstateView(
        past.graph,
        _evidence(statements, moment, here),
        past.spelled,
        tuple(scope for scope in scopes if scope.completed_at <= moment),
        tuple(changes(statements, NEVER, ticks, None)),
    )


def of_entity(statements: Statements, uid: str) -> EntityHistory | None:
    """Return what one entity went through; None for one that was never known."""
    row = statements.one(_ENTITY, uid=uid)
    if row is None:
        return None
    id_, own, kind, name, since, until, earlier = row
    spans = [Span(native(start), native(end)) for start, end in earlier]
    spans.sort(key=lambda span: span.since)
    if until is None:
        spans.append(Span(native(since)))
    return EntityHistory(
        own,
        kind,
        name,
        tuple(spans),
        tuple(_ties(statements, own)),
        tuple(_seen(statements, own, id_)),
        tuple(changes(statements, NEVER, None, [own])),
    )


def alarms(statements: Statements, since: datetime, until: datetime, limit: int) -> list[Seen]:
    """Return what stood as abnormal at any time between two moments, the earliest first."""
    last, found = to_ticks(until), []
    rows = statements.rows(_ALARMS, since=to_ticks(since), until=last, limit=limit)
    for uid, node, began, ended in rows:
        end = None if ended is None or ended > last else from_ticks(ended)
        seen = observation_of(uid, {**node, "expiresAt": None})
        found.append(Seen(seen, Span(from_ticks(began), end)))
    return found


def gone(statements: Statements, name: str) -> list[str]:
    """Return the uids of closed entities that were last called so."""
    return [uid for (uid,) in statements.rows(_GONE, name=name)]


def _graph(statements: Statements, moment: datetime) -> Past:
    ticks = to_ticks(moment)
    links = sorted(statements.rows(_LINKS, at=moment), key=lambda row: int(row[6]))
    return put_together(
        statements.rows(_ENTITIES, at=moment),
        (Version(*row) for row in statements.rows(_VERSIONS, at=ticks)),
        (row[:6] for row in links),
        {row[0]: row[1:] for row in statements.rows(_BECAME)},
    )


def _evidence(statements: Statements, moment: datetime, here: set[str]) -> Evidence:
    ticks = to_ticks(moment)
    seen = [
        observation_of(
            uid, {**node, "expiresAt": None if "until" in node else node.get("expiresAt")}
        )
        for uid, node in statements.rows(_OBSERVED, at=ticks, never=NEVER)
    ]
    seen.sort(
        key=lambda o: (
            o.entity,
            o.signal,
            o.detector,
            o.direction.value if o.direction else "",
            o.caller or "",
        )
    )
    # Until when a detector has looked in the end says nothing of that moment.
    covered = sorted(
        (uid, signal, detector, min(from_ticks(looked), moment), ttl * TICK)
        for uid, signal, detector, looked, ttl in statements.rows(_COVERED, at=ticks)
    )
    recent = changes(statements, to_ticks(moment - RECENT), ticks, None)
    return standing(
        tuple(row for row in seen if row.entity in here),
        tuple(Coverage(*row) for row in covered if row[0] in here),
        [row for row in recent if row.entity in here],
        moment,
    )


def _observation(uid: str, node: dict[str, Any]) -> Observation:
    """Return what a node says; one that is over has ended, and not expired."""
    return observation_of(uid, {**node, "expiresAt": None} if "until" in node else node)


def _ties(statements: Statements, uid: str) -> Iterator[Tie]:
    rows = statements.rows(_TIES, uid=uid)
    rows.sort(key=lambda row: (row[8], row[1], row[0], row[2]))
    for *relation, first, second, since, until in rows:
        span = Span(native(since), None if until is None else native(until))
        yield Tie(Relation(*relation), first, second, span)


def _seen(statements: Statements, uid: str, entity: int) -> Iterator[Seen]:
    found = []
    for (node,) in statements.rows(_SEEN, entity=entity):
        since = next(
            (node[n] for n in ("since", "at", "receivedAt") if node.get(n) is not None), None
        )
        if since is not None:
            span = Span(from_ticks(since), time_of(node.get("until")))
            found.append(Seen(_observation(uid, node), span))
    yield from sorted(
        found, key=lambda s: (s.span.since, s.observation.signal, s.observation.detector)
    )
