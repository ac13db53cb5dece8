"""Writing what a source says of things, and deciding which entities they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kgraph.identity import Claimant, match
from kgraph.store._bodies import body_of
from kgraph.store._claimants import claimants_of, fresh_entities, merged_rows
from kgraph.store._closing import Held, held, may_shrink_too_far, without_held
from kgraph.store._link_hashes import as_before, link_hashes
from kgraph.store._outcome import (
    Decided,
    RecordOutcome,
    decided,
    moved_records,
    own_places,
    rows_of,
    touched_entities,
)
from kgraph.store._reconcile import RecordPlan, StoredRecord, plan_records
from kgraph.store._staging import Reading
from kgraph.store.neo4j.evidence import move_evidence
from kgraph.store.neo4j.identify import known_of, versions_of
from kgraph.store.neo4j.ids import Ids
from kgraph.store.neo4j.statements import Statements

_STORED = """\
MATCH (record:_KgRecord {scope: $scope})
RETURN
  record.key, record.id, record.entity, record.kind, record.hash, record.live, record.links"""
_CURRENT = "MATCH (r:_KgRecord {id: row}) RETURN r.id, r.entity, r.name, r.body"
_RETIRE = """\
MATCH (record:_KgRecord {id: row})
CREATE (version:_KgRecordVersion)
SET version += {
  record: record.id, entity: record.entity, name: record.name, body: record.body,
  since: record.since, until: $at
}
SET record.live = false, record.versions = record.versions + 1"""
# In the order of the map that `_write` makes; as lists, as the names would be sent with each row.
_CREATE = """\
CREATE (:_KgRecord {
  id: row[0], scope: row[1], key: row[2], kind: row[3], name: row[4], entity: row[5],
  hash: row[6], body: row[7], since: row[8], links: row[9], live: row[10], versions: 0
})"""
_CHANGE = "MATCH (record:_KgRecord {id: row.id}) SET record += row"
_BODIES = "MATCH (record:_KgRecord {id: row}) RETURN record.id, record.body"
_REFRESH = "MATCH (record:_KgRecord {id: row.id}) SET record.body = row.body"
_HASHES = "MATCH (record:_KgRecord {id: row.id}) SET record.links = row.links"
_DROP_CLAIMS = "MATCH (claim:_KgClaim {record: row}) DELETE claim"
_NAMES = """\
MATCH (record:_KgRecord {id: row})
RETURN row, record.kind, CASE record.name WHEN '' THEN record.key ELSE record.name END"""
_LIVES_ON = """\
MATCH (record:_KgRecord {id: row})
MATCH (other:_KgRecord {entity: record.entity})
WHERE other.live
RETURN row, other.id"""
_CLAIM = """\
CREATE (:_KgClaim {namespace: row[0], value: row[1], site: row[2], record: row[3]})"""
_MERGE = "MATCH (record:_KgRecord {entity: row.old}) SET record.entity = row.new"


@dataclass(frozen=True, slots=True)
class Written:
    """What came of a reading's records, and what else must follow.

    Attributes:
        fresh: row -> (uid, kind) of the entities that nobody knew.
        merged: row of an entity that was given up -> row of the one that lives on.
        left: entities whose relations may have to follow records that went elsewhere.
        refreshed: entities whose volatile properties alone have changed.
    """

    outcome: RecordOutcome
    fresh: Mapping[int, tuple[str, str]]
    merged: Mapping[int, int]
    left: frozenset[int]
    refreshed: frozenset[int]


def write_records(
    statements: Statements, ids: Ids, reading: Reading, scope: int, *, closes: bool
) -> Written:
    """Write new and changed records; retire the vanished."""
    staged = reading.staged
    stored = _stored(statements, scope)
    plan = plan_records(staged.records, staged.hashes, stored, closes=closes, gone=staged.gone)
    kept = _held(statements, reading, plan, stored)
    plan = without_held(plan, {key: stored[key].id for key in plan.vanished}, kept)
    vanished = frozenset(stored[key].id for key in plan.vanished)
    changed = [stored[key].id for key in plan.changed]
    before = versions_of(statements, changed)
    claimants, placeholders = claimants_of(reading, plan.deciding, stored, before)
    known = known_of(statements, claimants, changed, vanished, empty=not ids.records)
    matched = match(claimants, known)
    first_new = ids.entities + 1
    fresh = fresh_entities(reading, plan.deciding, matched, known.born)
    numbers = {uid: first_new + n for n, uid in enumerate(fresh)}
    ids.entities += len(fresh)
    entities = dict(known.born) | numbers
    merged = merged_rows(matched, entities)
    merge_entities(statements, merged)
    numbered = rows_of(plan, stored, ids.records + 1)
    to = decided(numbered, matched.uids, entities)
    ids.records += len(plan.new)
    current = _current(statements, [stored[k].id for k in plan.changed if stored[k].live])
    statements.each(_RETIRE, sorted((*vanished, *current)), at=reading.at)
    hashes = link_hashes(reading, staged.records, closes=closes)
    _write(statements, reading, scope, plan, to, hashes)
    _keep_hashes(statements, hashes, stored, plan)
    _write_claims(statements, claimants, to, plan)
    touched, regrouped = touched_entities(plan, stored, to, merged)
    own = own_places(staged.records, plan, stored, to, merged)
    outcome = RecordOutcome(
        own=own,
        vanished=vanished,
        touched=touched,
        regrouped=regrouped,
        first_new=first_new,
        unchanged=plan.unchanged,
        before=current,
        findings=(*kept.findings, *placeholders, *matched.conflicts),
        held=kept.records,
        answered=vanished | {own[key].record for key in staged.all_of if key in own},
        # What is held stays as it is, whatever the reading says of what depends on it.
        as_before={} if kept.records else as_before(hashes, plan, stored, own, regrouped),
    )
    return Written(
        outcome,
        {numbers[uid]: (uid, kind) for uid, kind in fresh.items()},
        merged,
        frozenset({*merged, *(old for _, old, _ in moved_records(plan, stored, to))}),
        _refresh(statements, reading, plan, stored),
    )


def _held(
    statements: Statements,
    reading: Reading,
    plan: RecordPlan,
    stored: Mapping[str, StoredRecord],
) -> Held:
    """Ask what would be lost, where that is so much that it may have to be held."""
    live = sum(record.live for record in stored.values())
    if not may_shrink_too_far(reading, len(plan.vanished), live):
        return Held()
    gone = sorted(stored[key].id for key in plan.vanished)
    names = {id_: (kind, name) for id_, kind, name in statements.each(_NAMES, gone)}
    others = statements.each(_LIVES_ON, gone)
    lives_on = {id_ for id_, other in others if other not in names}
    rows = [(id_, *names[id_], id_ in lives_on) for id_ in gone]
    return held(reading, rows, live)


def _stored(statements: Statements, scope: int) -> dict[str, StoredRecord]:
    return {
        key: StoredRecord(id_, entity, kind, hashed, live, links)
        for key, id_, entity, kind, hashed, live, links in statements.rows(_STORED, scope=scope)
    }


def merge_entities(statements: Statements, merged: Mapping[int, int]) -> None:
    """Give an entity that turned out to be another's records and evidence to that one."""
    for old, new in merged.items():
        statements.each(_MERGE, [{"old": old, "new": new}])
        move_evidence(statements, old, new)


def _current(statements: Statements, records: Sequence[int]) -> dict[int, tuple[int, str, str]]:
    """Return entity, name and body of records before they are overwritten."""
    rows = statements.each(_CURRENT, sorted(records))
    return {id_: (entity, name, body) for id_, entity, name, body in rows}


def _write(
    statements: Statements,
    reading: Reading,
    scope: int,
    plan: RecordPlan,
    to: Decided,
    hashes: Mapping[str, bytes | None],
) -> None:
    def row(key: str) -> dict[str, Any]:
        record = reading.staged.records[key]
        return {
            "id": to.ids[key],
            "scope": scope,
            "key": key,
            "kind": record.kind,
            "name": record.name,
            "entity": to.entities[key],
            "hash": reading.staged.hashes[key],
            "body": body_of(record),
            "since": reading.at,
            "links": hashes[key],
            "live": True,
        }

    statements.each(_CREATE, (list(row(key).values()) for key in plan.new))
    statements.each(_CHANGE, map(row, plan.changed))


def _keep_hashes(
    statements: Statements,
    hashes: Mapping[str, bytes | None],
    stored: Mapping[str, StoredRecord],
    plan: RecordPlan,
) -> None:
    """Write the hashes of relations that differ, of records that are not written anyway."""
    written = set(plan.deciding)
    rows = [
        {"id": stored[key].id, "links": hashed}
        for key, hashed in hashes.items()
        if key in stored and key not in written and stored[key].links != hashed
    ]
    statements.each(_HASHES, rows)


def _refresh(
    statements: Statements,
    reading: Reading,
    plan: RecordPlan,
    stored: Mapping[str, StoredRecord],
) -> frozenset[int]:
    """Overwrite volatile properties that differ; returns the entities that have them."""
    bodies = {stored[key].id: body_of(reading.staged.records[key]) for key in plan.refreshed}
    entities = {stored[key].id: stored[key].entity for key in plan.refreshed}
    was = dict(statements.each(_BODIES, sorted(bodies)))
    differ = {id_: body for id_, body in bodies.items() if was[id_] != body}
    statements.each(_REFRESH, [{"id": id_, "body": body} for id_, body in differ.items()])
    return frozenset(entities[id_] for id_ in differ)


def _write_claims(
    statements: Statements, claimants: Iterable[Claimant], to: Decided, plan: RecordPlan
) -> None:
    statements.each(_DROP_CLAIMS, [to.ids[key] for key in plan.changed])
    claims = dict.fromkeys(
        (key.namespace, key.value, key.site, to.ids[c.key]) for c in claimants for key in c.keys
    )
    statements.each(_CLAIM, map(list, claims))
