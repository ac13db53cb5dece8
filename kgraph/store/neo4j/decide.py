"""What a person decides on identity, made so in Neo4j: in a transaction, under the lock."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from kgraph.schema import Decision, Entity, RecordName
from kgraph.store._decisions import (
    Named,
    Party,
    known,
    merge_told,
    refuse_unlike,
    split_off,
    split_told,
    splittable,
)
from kgraph.store._endpoints import LinkRow
from kgraph.store._feed import MERGED, SPLIT
from kgraph.store._outcome import LinkOutcome, Outcome, RecordOutcome
from kgraph.store._ticks import from_ticks, to_ticks
from kgraph.store.neo4j import relations
from kgraph.store.neo4j.entities import node_of
from kgraph.store.neo4j.evidence import write_changes
from kgraph.store.neo4j.identify import used_uids
from kgraph.store.neo4j.ids import Ids
from kgraph.store.neo4j.links import drop_loops, follow_records, scopes_of
from kgraph.store.neo4j.records import Written, merge_entities
from kgraph.store.neo4j.settle import CREATE, settle
from kgraph.store.neo4j.statements import Statements
from kgraph.store.neo4j.topology import advance

_PARTY = """\
MATCH (asked:Entity {uid: $uid})
OPTIONAL MATCH (became:Entity {_id: asked._mergedInto})
WITH coalesce(became, asked) AS entity
RETURN entity._id, entity.uid, entity.kind, entity.name"""
_RECORDS = """\
MATCH (record:_KgRecord {entity: $entity})
MATCH (scope:_KgScope {id: record.scope})
RETURN record.id, scope.source, record.key, scope.scope, record.live
ORDER BY record.id"""
_RETIRE = """\
MATCH (record:_KgRecord {id: row})
WHERE record.live AND record.since < $at
CREATE (version:_KgRecordVersion)
SET version += {
  record: record.id, entity: record.entity, name: record.name, body: record.body,
  since: record.since, until: $at
}
SET record.versions = record.versions + 1, record.since = $at"""
_GIVE = "MATCH (record:_KgRecord {id: row}) SET record.entity = $to"
# What was a relation to itself may be one between two now: their sources are to be read anew.
_REREAD = """\
MATCH (record:_KgRecord {entity: row})
MATCH (scope:_KgScope {id: record.scope})
REMOVE scope.digest"""
_KEEP = """\
CREATE (decision:_KgDecision)
SET decision += {id: $id, verdict: $verdict, a: $a, b: $b, at: $at, by: $by, reason: $reason}"""


def merge(statements: Statements, decision: Decision) -> None:
    """Let the second entity of a decision be the first from now on."""
    ids = Ids.read(statements)
    first, second = _party(statements, decision.uid), _party(statements, decision.other)
    refuse_unlike(first, second)
    at = to_ticks(decision.at)
    merged = {second.id: first.id}
    merge_entities(statements, merged)
    written = _written(ids, frozenset({first.id, second.id}), frozenset({first.id}), merged)
    settled = settle(statements, written, at)
    follow_records(statements, merged)
    looped = drop_loops(statements, {first.id}, at)
    links = LinkOutcome((), tuple(looped), ())
    advance(statements, ids, Outcome(written.outcome, links, settled))
    _keep(statements, ids, decision, first.uid, second.uid)
    rows = [(at, first.id, MERGED, merge_told(second, decision), decision.by)]
    write_changes(statements, ids, rows)
    ids.write(statements)


def split(
    statements: Statements, uid: str, names: Collection[RecordName], decision: Decision
) -> str:
    """Make an entity of some records of another; returns its uid."""
    ids = Ids.read(statements)
    first = _party(statements, uid)
    taken = splittable(first, _records(statements, first.id), names)
    at = to_ticks(decision.at)
    new_uid = split_off(first.uid, taken, lambda each: bool(used_uids(statements, [each])))
    fresh = ids.entities + 1
    both = frozenset({first.id, fresh})
    written = _written(ids, both, both, {})
    ids.entities = fresh
    statements.each(CREATE[first.kind], [_not_yet(Entity(new_uid, first.kind, ""), fresh, at)])
    moved = [record.id for record in taken]
    statements.each(_RETIRE, moved, at=at)
    statements.each(_GIVE, moved, to=fresh)
    settled = settle(statements, written, at)
    links = _move_links(statements, ids, first.id, (moved, fresh), at)
    statements.each(_REREAD, sorted(both))
    advance(statements, ids, Outcome(written.outcome, links, settled))
    _keep(statements, ids, decision, first.uid, new_uid)
    told = split_told(taken, decision)
    rows = [(at, entity, SPLIT, told, decision.by) for entity in (first.id, fresh)]
    write_changes(statements, ids, rows)
    ids.write(statements)
    return new_uid


def _party(statements: Statements, uid: str) -> Party:
    row = statements.one(_PARTY, uid=uid)
    return known(Party(*row) if row else None, uid)


def _records(statements: Statements, entity: int) -> list[Named]:
    rows = statements.rows(_RECORDS, entity=entity)
    return [
        Named(id_, RecordName(source, key, scope), live) for id_, source, key, scope, live in rows
    ]


def _move_links(
    statements: Statements,
    ids: Ids,
    left: int,
    moved: tuple[Sequence[int], int],
    at: int,
) -> LinkOutcome:
    """Let the relations of records that are another entity now be that one's."""
    records, to = set(moved[0]), moved[1]
    links = [
        link
        for link in relations.of_entities(statements, {left})
        if link.a_record in records or link.b_record in records
    ]
    rows: list[LinkRow] = [
        (
            link.scope, link.a_record, link.type, link.b_record, link.group, link.need,
            to if link.a_record in records else link.a,
            to if link.b_record in records else link.b,
            at,
        )
        for link in links
    ]  # fmt: skip
    closed = relations.close(statements, links, from_ticks(at))
    opened = relations.create(statements, ids, rows, scopes_of(statements))
    return LinkOutcome(tuple(opened), tuple(closed), ())


def _written(
    ids: Ids,
    touched: frozenset[int],
    regrouped: frozenset[int],
    merged: Mapping[int, int],
) -> Written:
    outcome = RecordOutcome({}, frozenset(), touched, regrouped, ids.entities + 1, 0, {}, ())
    return Written(outcome, {}, merged, frozenset(merged), frozenset(), 0)


def _not_yet(entity: Entity, row: int, at: int) -> dict[str, Any]:
    """Return the node of an entity that is closed until it is settled."""
    now = from_ticks(at)
    return {**node_of(entity, row, now), "validTo": now}


def _keep(statements: Statements, ids: Ids, decision: Decision, a: str, b: str) -> None:
    statements.rows(
        _KEEP,
        id=ids.next_row(),
        verdict=decision.verdict.value,
        a=a,
        b=b,
        at=to_ticks(decision.at),
        by=decision.by,
        reason=decision.reason,
    )
