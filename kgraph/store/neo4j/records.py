"""Writing what a source says of things, and deciding which entities they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from kgraph.identity import Claimant, Matched
from kgraph.schema import Entity
from kgraph.store._bodies import body_of, joined
from kgraph.store._claimants import (
    claimants_of,
    fresh_entities,
    identified,
    merged_rows,
    shared_keys,
)
from kgraph.store._closing import Held, held, may_shrink_too_far, without_held
from kgraph.store._link_hashes import as_before, link_hashes
from kgraph.store._outcome import (
    Decided,
    RecordOutcome,
    decided,
    given_names,
    moved_records,
    own_places,
    rows_of,
    touched_entities,
)
from kgraph.store._reconcile import RecordPlan, StoredRecord, plan_records, stored_records
from kgraph.store._staging import Reading
from kgraph.store._ticks import from_ticks
from kgraph.store.neo4j.entities import BEAR, row_of
from kgraph.store.neo4j.evidence import move_evidence
from kgraph.store.neo4j.identify import known_of, used_uids, versions_of
from kgraph.store.neo4j.ids import Ids
from kgraph.store.neo4j.statements import Statements

_FOUND = """\
RETURN
  record.key, record.id, record.entity, record.kind, record.hash, record.live, record.links"""
_LIVE = f"MATCH (record:_KgRecord {{scope: $scope}})\nWHERE record.live\n{_FOUND}"
_NAMED = f"MATCH (record:_KgRecord {{scope: $scope, key: row}})\n{_FOUND}"
_CURRENT = "MATCH (r:_KgRecord {id: row}) RETURN r.id, r.entity, r.name, r.body"
_RETIRE = """\
MATCH (record:_KgRecord {id: row})
CREATE (version:_KgRecordVersion)
SET version += {
  record: record.id, entity: record.entity, name: record.name, body: record.body,
  since: record.since, until: $at
}
SET record.live = false, record.versions = record.versions + 1"""
# As lists, as the names would be sent with each row.
_CREATE = """\
CREATE (:_KgRecord {
  id: row[0], key: row[1], kind: row[2], name: row[3], entity: row[4], hash: row[5],
  body: row[6], links: row[7], scope: $scope, since: $since, live: true, versions: 0
})"""
_CHANGE = """\
MATCH (record:_KgRecord {id: row[0]})
SET record += {
  kind: row[2], name: row[3], entity: row[4], hash: row[5], body: row[6], links: row[7],
  since: $since, live: true
}"""
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
CREATE (:_KgClaim {namespace: $namespace, value: row[0], site: $site, record: row[1]})"""
_MERGE = "MATCH (record:_KgRecord {entity: row.old}) SET record.entity = row.new"


@dataclass(frozen=True, slots=True)
class Written:
    """What came of a reading's records, and what else must follow.

    Attributes:
        born: row -> the entity, of those that nobody knew: they are open, and in the graph.
        merged: row of an entity that was given up -> row of the one that lives on.
        left: entities whose relations may have to follow records that went elsewhere.
        refreshed: entities whose volatile properties alone have changed.
        grown: by how many the live records of the scope are more than before.
    """

    outcome: RecordOutcome
    born: Mapping[int, Entity]
    merged: Mapping[int, int]
    left: frozenset[int]
    refreshed: frozenset[int]
    grown: int


def write_records(
    statements: Statements, ids: Ids, reading: Reading, scope: int, *, closes: bool, first: bool
) -> Written:
    """Write new and changed records with their entities; retire the vanished.

    With `first` the scope was never read before: then it has none.
    """
    staged = reading.staged
    stored = {} if first else _stored(statements, reading, scope, closes=closes)
    plan = plan_records(staged.records, staged.hashes, stored, closes=closes, gone=staged.gone)
    kept = _held(statements, reading, plan, stored)
    plan = without_held(plan, {key: stored[key].id for key in plan.vanished}, kept)
    vanished = frozenset(stored[key].id for key in plan.vanished)
    changed = [stored[key].id for key in plan.changed]
    before = versions_of(statements, changed)
    claimants, placeholders = claimants_of(reading, plan.deciding, stored, before)
    known = known_of(statements, claimants, changed, vanished, empty=not ids.records)
    used = partial(used_uids, statements, empty=not ids.entities)
    matched = identified(claimants, known, used)
    shared = shared_keys(claimants, known, matched)
    first_new = ids.entities + 1
    numbered = rows_of(plan, stored, ids.records + 1)
    ids.records += len(plan.new)
    bodies = {key: body_of(staged.records[key]) for key in plan.deciding}
    born = _born(statements, ids, reading, numbered, matched, known.born, bodies)
    entities = dict(known.born) | {entity.uid: row for row, entity in born.items()}
    merged = merged_rows(matched, entities)
    merge_entities(statements, merged)
    to = decided(numbered, matched.uids, entities)
    current = _current(statements, [stored[k].id for k in plan.changed if stored[k].live])
    statements.each(_RETIRE, sorted((*vanished, *current)), at=reading.at)
    hashes = link_hashes(reading, staged.records, closes=closes)
    _write(statements, reading, scope, plan, to, hashes, bodies)
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
        findings=(*kept.findings, *placeholders, *shared, *matched.conflicts),
        held=kept.records,
        answered=vanished | {own[key].record for key in staged.all_of if key in own},
        # What is held stays as it is, whatever the reading says of what depends on it.
        as_before={} if kept.records else as_before(hashes, plan, stored, own, regrouped),
    )
    return Written(
        outcome,
        born,
        merged,
        frozenset({*merged, *(old for _, old, _ in moved_records(plan, stored, to))}),
        _refresh(statements, reading, plan, stored),
        len(plan.deciding) - len(current) - len(vanished),
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


def _stored(
    statements: Statements, reading: Reading, scope: int, *, closes: bool
) -> dict[str, StoredRecord]:
    """Return the records of a scope to be looked at: of a partial reading what it names.

    What is dead and not named stays where it is: of a cluster's Pods that is soon the most.
    """
    said = reading.staged
    if closes:
        live = stored_records(statements.rows(_LIVE, scope=scope))
        named = said.records.keys() - live.keys()
    else:
        live, named = {}, {*said.records, *said.links, *said.gone, *said.all_of}
    rows = statements.each(_NAMED, sorted(named), scope=scope)
    return live | stored_records(sorted(rows, key=lambda row: int(row[1])))


def _born(
    statements: Statements,
    ids: Ids,
    reading: Reading,
    numbered: Mapping[str, int],
    matched: Matched,
    known: Mapping[str, int],
    bodies: Mapping[str, str],
) -> dict[int, Entity]:
    """Make the entities that nobody knew, open and painted; returns row -> entity.

    All that is said of them is in this reading, so nothing need be read.

    Args:
        statements: the transaction.
        ids: gives them their rows.
        reading: what is said.
        numbered: key of each record to be decided, in order -> the row that it has or will have.
        matched: which entities they are.
        known: uid -> row of the entities that are not new.
        bodies: key -> what the record says, as stores keep it.
    """
    records = reading.staged.records
    fresh = fresh_entities(reading, tuple(numbered), matched, known)
    rows = {uid: ids.entities + n for n, uid in enumerate(fresh, start=1)}
    ids.entities += len(rows)
    said = sorted(zip(numbered.values(), numbered, matched.uids, strict=True))
    said = [row for row in said if row[2] in rows]
    names = given_names((rows[uid], key, records[key].name, 0, 0, n) for n, key, uid in said)
    texts: dict[str, list[str]] = defaultdict(list)
    for _, key, uid in said:
        texts[uid].append(bodies[key])
    born = {row: joined(uid, fresh[uid], names[row], texts[uid]) for uid, row in rows.items()}
    nodes: dict[str, list[list[Any]]] = defaultdict(list)
    for row, entity in born.items():
        nodes[entity.kind].append(row_of(entity, row))
    since = from_ticks(reading.at)
    for kind, alike in sorted(nodes.items()):
        statements.each(BEAR[kind], alike, kind=kind, at=since, version=ids.topology + 1)
    return born


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
    bodies: Mapping[str, str],
) -> None:
    """Make new records, overwrite changed ones."""

    def row(key: str) -> list[Any]:
        record = reading.staged.records[key]
        own, said, links = reading.staged.hashes[key], bodies[key], hashes[key]
        return [to.ids[key], key, record.kind, record.name, to.entities[key], own, said, links]

    statements.each(_CREATE, map(row, plan.new), scope=scope, since=reading.at)
    statements.each(_CHANGE, map(row, plan.changed), since=reading.at)


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
    claims: dict[tuple[str, str], dict[tuple[str, int], None]] = defaultdict(dict)
    for claimant in claimants:
        for key in claimant.keys:
            claims[key.namespace, key.site][key.value, to.ids[claimant.key]] = None
    for (namespace, site), alike in claims.items():
        statements.each(_CLAIM, map(list, alike), namespace=namespace, site=site)
