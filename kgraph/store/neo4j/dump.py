"""All nodes and relations of the store in Neo4j as plain rows, as `_sections` has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kgraph.store._sections import SECTIONS, Row
from kgraph.store._ticks import to_ticks
from kgraph.store.neo4j.relations import TYPES
from kgraph.store.neo4j.statements import Statements
from kgraph.store.neo4j.times import native

_SCOPES = """\
MATCH (s:_KgScope)
RETURN s.id, s.source, s.scope, s.generation, s.completedAt, s.records, s.digest, s.findings,
  coalesce(s.priority, 0)
ORDER BY s.id"""
_ENTITIES = """\
MATCH (e:Entity)
RETURN e._id, e.uid, e.kind, e.name, e.validFrom, e.validTo IS NULL, e._mergedInto
ORDER BY e._id"""
_ENTITY_VERSIONS = """\
MATCH (v:_KgEntityVersion) RETURN v.entity, v.since, v.until ORDER BY v.entity, v.since, v.until"""
_RECORDS = """\
MATCH (r:_KgRecord)
RETURN r.id, r.scope, r.key, r.kind, r.name, r.entity, r.hash, r.body, r.since, r.live
ORDER BY r.id"""
_RECORD_VERSIONS = """\
MATCH (v:_KgRecordVersion)
RETURN v.record, v.entity, v.name, v.body, v.since, v.until
ORDER BY v.record, v.since, v.until, v.name, v.body"""
_LINKS = f"""\
MATCH (a:Entity)-[r:{TYPES}]->(b:Entity)
RETURN r._scope, r._from, r._to, type(r), r.group, r.need, a.uid, b.uid, r.validFrom
ORDER BY r._id"""
_PAST_LINKS = """\
MATCH (p:PastRelation)
MATCH (scope:_KgScope {source: p.source, scope: p.scope})
MATCH (a:Entity {uid: p.dependent})
MATCH (b:Entity {uid: p.dependency})
RETURN scope.id, a.uid, p.type, b.uid, p.group, p.need, p.validFrom, p.validTo
ORDER BY a._id, p.type, b._id, p.validFrom, p.validTo, scope.id, coalesce(p.group, '')"""
_PENDING = """\
MATCH (p:_KgPending) RETURN p.scope, p.a, p.type, p.b, p.group, p.need ORDER BY p.id"""
_CHANGES = """\
MATCH (c:_KgChange) RETURN c.at, c.entity, c.type, c.detail, c.source ORDER BY c.id"""
_OBSERVED = """\
MATCH (o:_KgObservation)
RETURN o.entity, o.signal, o.detector, o.direction, o.caller, o.state, o.score, o.at, o.receivedAt,
  o.expiresAt, o.detail, o.since, o.dueAt
ORDER BY o.entity, o.signal, o.detector, o.direction, o.caller"""
_OBSERVED_BEFORE = """\
MATCH (o:_KgObservationVersion)
RETURN o.entity, o.signal, o.detector, o.direction, o.caller, o.state, o.score, o.at, o.receivedAt,
  o.detail, o.since, o.until, o.dueAt
ORDER BY o.entity, o.since, o.until, o.signal, o.detector, o.direction, o.caller"""
_COVERED = """\
MATCH (c:_KgCoverage)
RETURN c.entity, c.signal, c.detector, c.at, c.ttl, c.since
ORDER BY c.entity, c.signal, c.detector"""
_DECISIONS = """\
MATCH (d:_KgDecision) RETURN d.verdict, d.a, d.b, d.at, d.by, d.reason ORDER BY d.id"""
_INCIDENTS = """\
MATCH (i:Incident)
MATCH (document:_KgIncident {id: i.id})
RETURN i.id, i.status, i.openedAt, i.updatedAt, i.title, document.bundle, document.answer
ORDER BY i.openedAt, i.id"""
_RULINGS = """\
MATCH (r:_KgRuling)
RETURN r.incident, r.uid, r.kind, r.mode, r.right, r.posterior, r.changeType, r.at, r.by, r.reason
ORDER BY r.at, r.incident, r.uid"""
_PLANS = """\
MATCH (p:Plan)
RETURN p.id, p.incident, p.state, p.createdAt, p.updatedAt, p.document, p.because
ORDER BY p.createdAt, p.id"""
_JOURNAL = """\
MATCH (j:_KgJournal)
RETURN j.plan, j.step, j.attempt, j.state, j.at, j.detail, j.token
ORDER BY j.id"""
_LEASES = "MATCH (l:_KgLease) RETURN l.name, l.token ORDER BY l.name"
_HALT = "MATCH (h:_KgHalt) RETURN h.at, h.reason"
_AUDIT = "MATCH (a:_KgAudit) RETURN a.at, a.event, a.body, a.hash ORDER BY a.id"
_DOCUMENTS = """\
MATCH (d:_KgDocument) RETURN d.drawer, d.id, d.at, d.body ORDER BY d.drawer, d.at, d.id"""

_SEEN = {
    "observation": _OBSERVED,
    "observationVersion": _OBSERVED_BEFORE,
    "coverage": _COVERED,
}
# Those that name nothing by its row.
_WITHOUT_ROWS = {
    "decision": _DECISIONS,
    "incident": _INCIDENTS,
    "ruling": _RULINGS,
    "plan": _PLANS,
    "journal": _JOURNAL,
    "lease": _LEASES,
    "halt": _HALT,
    "audit": _AUDIT,
    "document": _DOCUMENTS,
}


def dump(statements: Statements) -> list[Row]:
    """Return every row of every section; all of them, as only then it is sure that they agree."""
    return list(_dump(statements))


def _dump(statements: Statements) -> Iterator[Row]:
    place: dict[int, int] = {}  # id of a scope -> its place
    for id_, *row, digest, findings, priority in statements.rows(_SCOPES):
        place[id_] = len(place) + 1
        yield "scope", (*row, digest.hex() if digest else None, list(findings), priority)
    uids: dict[int, str] = {}
    yield from _of_entities(statements, uids)
    yield from _of_records(statements, uids, place)
    for scope, *row in statements.rows(_PENDING):
        yield "pending", (place[scope], *row)
    for at, entity, *row in statements.rows(_CHANGES):
        yield "change", (at, uids[entity], *row)
    for section, text in _SEEN.items():
        for entity, *row in statements.rows(text):
            yield section, (uids[entity], *row)
    for section, text in _WITHOUT_ROWS.items():
        yield from _plain(section, statements.rows(text))


def _of_entities(statements: Statements, uids: dict[int, str]) -> Iterator[Row]:
    """Yield entities with their versions; `uids` is filled."""
    entities = statements.rows(_ENTITIES)
    uids.update((row[0], row[1]) for row in entities)
    for _, uid, kind, name, since, is_open, into in entities:
        yield "entity", (uid, kind, name, _ticks(since) if is_open else None, uids.get(into))
    for entity, since, until in statements.rows(_ENTITY_VERSIONS):
        yield "entityVersion", (uids[entity], _ticks(since), _ticks(until))


def _of_records(
    statements: Statements, uids: Mapping[int, str], place: Mapping[int, int]
) -> Iterator[Row]:
    """Yield records with their versions and relations."""
    number: dict[int, int] = {}  # id of a record -> its place
    for id_, scope, key, kind, name, entity, hashed, *row in statements.rows(_RECORDS):
        number[id_] = len(number) + 1
        yield "record", (place[scope], key, kind, name, uids[entity], hashed.hex(), *row)
    for record, entity, *row in statements.rows(_RECORD_VERSIONS):
        yield "recordVersion", (number[record], uids[entity], *row)
    for scope, start, end, type_, group, need, a, b, since in statements.rows(_LINKS):
        ends = (place[scope], number[start], number[end])
        yield "relation", (*ends, type_, group, need, a, b, _ticks(since))
    for scope, *row, since, until in statements.rows(_PAST_LINKS):
        yield "pastRelation", (place[scope], *row, _ticks(since), _ticks(until))


def _plain(section: str, rows: Iterable[tuple[Any, ...]]) -> Iterator[Row]:
    """Yield rows of a section whose times are nodes' own."""
    times = {n for n, name in enumerate(SECTIONS[section]) if name.endswith("At")}
    for row in rows:
        yield section, [_ticks(cell) if n in times else cell for n, cell in enumerate(row)]


def _ticks(moment: Any) -> int:  # noqa: ANN401 - the driver's own type of time
    return to_ticks(native(moment))
