"""One reading of one source, made so in Neo4j. Runs inside a transaction, under the lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kgraph.store._bodies import body_of
from kgraph.store._closing import lost_links
from kgraph.store._endpoints import Names
from kgraph.store._feed import FeedRow, dependencies, feed, told_edges
from kgraph.store._outcome import Outcome, all_touched, difference
from kgraph.store._placing import keys_of, placed
from kgraph.store._preview import in_words, involved
from kgraph.store._scopes import Scope, may_close, refuse_stale, with_what_is_held
from kgraph.store._staging import Reading
from kgraph.store._ticks import NEVER
from kgraph.store.neo4j.evidence import (
    add_changes,
    add_coverage,
    add_observations,
    write_changes,
)
from kgraph.store.neo4j.ids import Ids
from kgraph.store.neo4j.links import follow_records, pending_of, write_links
from kgraph.store.neo4j.records import write_records
from kgraph.store.neo4j.settle import settle
from kgraph.store.neo4j.statements import Statements
from kgraph.store.neo4j.tables import locate_keys, titles_of, uids_of
from kgraph.store.neo4j.topology import advance
from kgraph.store.results import Changed, Diff

_SCOPE = """\
MERGE (scope:_KgScope {source: $source, scope: $scope})
ON CREATE SET scope += {id: $fresh, generation: 0, records: 0, findings: []}
RETURN
  scope.id, scope.generation, coalesce(scope.completedAt, $never), scope.records,
  scope.digest, scope.findings, coalesce(scope.priority, 0)"""
_RANK = "MATCH (scope:_KgScope {id: $id}) SET scope.priority = $priority"
_ENTITIES = "MATCH (r:_KgRecord {scope: $scope}) WHERE r.live RETURN DISTINCT r.entity"
_GENERATION = """\
MATCH (scope:_KgScope {source: $source, scope: $scope}) RETURN scope.generation"""
# As the embedded store measures it; one assignment after the other.
_INTERVAL = """\
scope.interval = CASE
    WHEN $at - scope.completedAt < scope.interval / 2 THEN scope.interval / 2
    ELSE $at - scope.completedAt
  END"""
_READ_AGAIN = f"""\
MATCH (scope:_KgScope {{id: $id}})
SET
  {_INTERVAL},
  scope.generation = scope.generation + 1, scope.completedAt = $at"""
_SAVE = f"""\
MATCH (scope:_KgScope {{id: $id}})
SET
  {_INTERVAL},
  scope.generation = scope.generation + 1, scope.completedAt = $at, scope.digest = $digest,
  scope.findings = $findings, scope.records = $live"""
_DESCRIBED = """\
MATCH (entity:Entity {_id: row}) RETURN row, entity.uid, entity.kind, entity.name"""


def apply(statements: Statements, reading: Reading, *, telling: bool = False) -> Diff:
    """Bring the store to what the reading says; the caller commits or takes it back.

    With `telling` each change is put in words, which costs a look at everything that changes.
    """
    ids = Ids.read(statements)
    scope = _claim(statements, ids, reading)
    refuse_stale(reading, scope)
    if scope.repeats(reading):
        diff = _nothing_new(statements, ids, reading, scope)
    else:
        diff = _take(statements, ids, reading, scope, telling=telling)
    ids.write(statements)
    return diff


def generation(statements: Statements, source: str, scope: str) -> int:
    """Return how many readings of a scope have been committed."""
    row = statements.one(_GENERATION, source=source, scope=scope)
    return int(row[0]) if row else 0


def _take(
    statements: Statements, ids: Ids, reading: Reading, scope: Scope, *, telling: bool
) -> Diff:
    empty, closes = may_close(reading, scope)
    first = scope.generation == 0
    written = write_records(statements, ids, reading, scope.id, closes=closes, first=first)
    if scope.outranked(reading):
        statements.rows(_RANK, id=scope.id, priority=reading.priority)
        entities = [entity for (entity,) in statements.rows(_ENTITIES, scope=scope.id)]
        written = replace(written, outcome=all_touched(written.outcome, entities))
    records = written.outcome
    settled = settle(statements, written, reading.at)
    follow_records(statements, written.left)
    links = write_links(statements, ids, reading, scope.id, records, closes=closes, first=first)
    outcome = Outcome(records, links, settled)
    rows = _write_feed(statements, ids, reading, outcome, first=first)
    names = Names(reading.source, scope.id, records.own)
    observed, unknown = _take_evidence(statements, ids, reading, names)
    findings = (*empty, *records.findings, *links.findings)
    pending = pending_of(statements, scope.id)
    lost = lost_links(reading, outcome, scope.records)
    diff = difference(outcome, observed, pending, (*findings, *lost, *unknown))
    kept = with_what_is_held(reading, scope, findings)
    live = scope.records + written.grown
    _save(statements, reading, scope, kept, live=live, closes=closes and not records.held)
    if telling:
        diff = replace(diff, changes=_in_words(statements, outcome, rows))
    if not diff.empty:
        advance(statements, ids, outcome, written.born)
    return diff


def _claim(statements: Statements, ids: Ids, reading: Reading) -> Scope:
    """Return the scope's row, made if need be."""
    row = statements.one(
        _SCOPE, source=reading.source, scope=reading.scope, fresh=ids.next_row(), never=NEVER
    )
    assert row is not None  # noqa: S101 - MERGE finds or makes one
    return Scope(row[0], row[1], row[2], row[3], row[4], tuple(row[5]), row[6])


def _nothing_new(statements: Statements, ids: Ids, reading: Reading, scope: Scope) -> Diff:
    """Take the evidence of a reading whose records and relations are as they were."""
    names = Names(reading.source, scope.id, {})
    observed, unknown = _take_evidence(statements, ids, reading, names)
    statements.rows(_READ_AGAIN, id=scope.id, at=reading.at)
    return Diff(
        unchanged=len(reading.staged.records),
        observed=observed,
        pending=pending_of(statements, scope.id),
        findings=(*scope.findings, *unknown),
    )


def _write_feed(
    statements: Statements, ids: Ids, reading: Reading, outcome: Outcome, *, first: bool
) -> list[FeedRow]:
    staged = reading.staged.records
    now = {
        place.record: (place.entity, staged[key].name, body_of(staged[key]))
        for key, place in outcome.records.own.items()
        if place.record in outcome.records.before
    }
    opened, closed = told_edges(outcome)
    titles = titles_of(statements, dependencies((*opened, *closed)))
    rows = list(feed(outcome, now, titles, first=first))
    write_changes(statements, ids, ((reading.at, *row, reading.source) for row in rows))
    return rows


def _in_words(
    statements: Statements, outcome: Outcome, rows: Sequence[FeedRow]
) -> tuple[Changed, ...]:
    found = statements.each(_DESCRIBED, sorted(involved(outcome, rows)))
    return in_words(outcome, rows, {id_: (uid, kind, name) for id_, uid, kind, name in found})


def _take_evidence(
    statements: Statements, ids: Ids, reading: Reading, names: Names
) -> tuple[int, list[str]]:
    """Keep the staged evidence; returns the number of observations, and what nobody knows."""
    found = locate_keys(statements, names, keys_of(reading.staged))
    entity = {key: place.entity for key, place in found.items()}
    callers = {o.caller for o in reading.staged.observations if o.caller in entity}
    rows = placed(reading, entity, uids_of(statements, {entity[key] for key in callers}))
    add_observations(statements, rows.observations, received=reading.at)
    add_coverage(statements, rows.coverage)
    add_changes(statements, ids, rows.changes, source=reading.source)
    return len(rows.observations), rows.unknown


def _save(
    statements: Statements,
    reading: Reading,
    scope: Scope,
    findings: Sequence[str],
    *,
    live: int,
    closes: bool,
) -> None:
    """Write the scope's state, last."""
    digest = reading.staged.digest() if closes else None
    statements.rows(
        _SAVE, id=scope.id, at=reading.at, digest=digest, findings=list(findings), live=live
    )
