"""Writing what a source says of dependencies."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from kgraph.store._closing import close_answered, held_links
from kgraph.store._endpoints import (
    End,
    LooseLink,
    Names,
    PendingRow,
    Resolved,
    attachable,
    loop_findings,
    outside,
    resolved,
    to_reread,
    waiting_keys,
    waits_no_more,
)
from kgraph.store._outcome import Edge, LinkOutcome, RecordOutcome
from kgraph.store._reconcile import LinkId, plan_links, without
from kgraph.store._staging import Reading, Staged
from kgraph.store._ticks import from_ticks
from kgraph.store.neo4j import relations
from kgraph.store.neo4j.ids import Ids
from kgraph.store.neo4j.relations import StoredLink
from kgraph.store.neo4j.statements import Statements
from kgraph.store.neo4j.tables import locate_keys

_SCOPES = "MATCH (scope:_KgScope) RETURN scope.id, scope.source, scope.scope"
_ENTITY_OF = "MATCH (record:_KgRecord {id: row}) RETURN row, record.entity"
_UNKNOWN = "MATCH (record:_KgRecord {id: row}) REMOVE record.links"
_END = """\
MATCH (record:_KgRecord {id: row})
MATCH (scope:_KgScope {id: record.scope})
MATCH (entity:Entity {_id: record.entity})
RETURN row, scope.source, record.key, entity.uid"""
_OTHER_RECORD = """\
MATCH (record:_KgRecord {entity: row}) WHERE record.live RETURN row, min(record.id)"""
_REREAD = "MATCH (scope:_KgScope {id: row}) REMOVE scope.digest"
_ENTITY = "MATCH (record:_KgRecord {id: row}) RETURN record.entity"
_FORGET_ALL = "MATCH (pending:_KgPending {scope: $scope}) DELETE pending"
_FORGET = "MATCH (pending:_KgPending {name: row}) DELETE pending"
_OF_SCOPE = """\
MATCH (p:_KgPending {scope: $scope}) RETURN p.name, p.a, p.type, p.b, p.group"""
_WAIT = "MERGE (pending:_KgPending {name: row.name}) SET pending = row"
_WAITING = """\
MATCH (scope:_KgScope {source: $source})
MATCH (pending:_KgPending {scope: scope.id})
RETURN
  pending.id, pending.scope, pending.a, pending.type, pending.b, pending.group, pending.need,
  pending.name"""


def follow_records(statements: Statements, entities: Iterable[int]) -> None:
    """Let the relations of entities whose records went elsewhere go with those."""
    links = relations.of_entities(statements, entities)
    records = {record for link in links for record in (link.a_record, link.b_record)}
    entity = dict(statements.each(_ENTITY_OF, sorted(records)))
    ends = [(link, entity[link.a_record], entity[link.b_record]) for link in links]
    relations.move(statements, [(link, a, b) for link, a, b in ends if (a, b) != (link.a, link.b)])


def write_links(
    statements: Statements,
    ids: Ids,
    reading: Reading,
    scope: int,
    records: RecordOutcome,
    *,
    closes: bool,
    first: bool,
) -> LinkOutcome:
    """Open and close relations so that they are as the reading says.

    With `first` the scope was never read before: then it has none.
    """
    now = from_ticks(reading.at)
    names = Names(reading.source, scope, records.own)
    loose = without(reading.staged.links, records.as_before)
    foreign = outside(loose, records.own)
    places = {**records.own, **locate_keys(statements, names, foreign)}
    found = resolved(reading, loose, places)
    links = [] if first else _stored(statements, scope, found, records, closes=closes)
    stored = {_name(link): link for link in links}
    rows = {name: (n, link.need) for n, (name, link) in enumerate(stored.items())}
    named = frozenset(found.wanted)
    found.wanted.update(held_links(named, rows, records.held))
    plan = plan_links(found.wanted, rows, closes=closes)
    plan = close_answered(plan, named, rows, () if closes else records.answered)
    whole = closes and not records.held
    _set_pending(statements, ids, scope, found.pending, closes=whole and not first)
    if not whole:
        _forget_pending(statements, scope, reading.staged, found.pending)
    fresh = [
        (scope, *name, need, *_ends(found, name, stored), reading.at) for name, need in plan.opened
    ]
    in_order = list(stored.values())
    closed = relations.close(statements, [in_order[row] for row in plan.closed], now)
    own = {scope: (reading.source, reading.scope)}
    opened = relations.create(statements, ids, fresh, own)
    closed += _detach(statements, ids, reading, records.vanished)
    opened += _attach_pending(statements, ids, reading)
    _forget_hashes(statements, found.noticed)
    looped = drop_loops(statements, records.regrouped, reading.at)
    findings = (*found.findings, *loop_findings(type_ for _, type_, _ in looped))
    return LinkOutcome(tuple(opened), tuple(closed + looped), findings)


def _stored(
    statements: Statements, scope: int, found: Resolved, records: RecordOutcome, *, closes: bool
) -> list[StoredLink]:
    """Return the open relations that a reading may close or change."""
    if closes:
        return relations.of_scope(statements, scope, records.as_before.values())
    named = records.answered.union(a for a, *_ in found.wanted)
    return relations.of_records(statements, scope, named)


def drop_loops(statements: Statements, entities: Iterable[int], at: int) -> list[Edge]:
    """Close relations whose two ends have turned out to be one entity."""
    loops = relations.loops_of(statements, entities)
    _forget_hashes(statements, (link.a_record for link in loops))
    return relations.close(statements, loops, from_ticks(at))


def scopes_of(statements: Statements) -> dict[int, tuple[str, str]]:
    """Return row -> source and name of each scope."""
    return {id_: (source, name) for id_, source, name in statements.rows(_SCOPES)}


def _forget_hashes(statements: Statements, records: Iterable[int]) -> None:
    """Let nobody trust the hashes of some records' relations."""
    statements.each(_UNKNOWN, sorted(set(records)))


def pending_of(statements: Statements, scope: int) -> tuple[str, ...]:
    """Return the relations of a scope that wait for an endpoint."""
    rows = statements.rows(
        "MATCH (p:_KgPending {scope: $scope}) RETURN DISTINCT p.a + ' ' + p.type + ' ' + p.b",
        scope=scope,
    )
    return tuple(sorted(text for (text,) in rows))


def _name(link: StoredLink) -> LinkId:
    return link.a_record, link.type, link.b_record, link.group


def _ends(found: Resolved, name: LinkId, stored: Mapping[LinkId, StoredLink]) -> tuple[int, int]:
    """Return the entities that a link joins."""
    if name in found.wanted:
        return found.entities[name[0]], found.entities[name[2]]
    # A stored link whose `need` another row of its group has changed.
    return stored[name].a, stored[name].b


def _set_pending(
    statements: Statements,
    ids: Ids,
    scope: int,
    rows: Iterable[PendingRow],
    *,
    closes: bool,
) -> None:
    if closes:
        statements.rows(_FORGET_ALL, scope=scope)
    _wait(statements, ids, ((scope, row) for row in rows))


def _forget_pending(
    statements: Statements, scope: int, staged: Staged, named: Sequence[PendingRow]
) -> None:
    """Let wait no more what some records no longer depend on, and what is opened now."""
    rows = statements.rows(_OF_SCOPE, scope=scope)
    over = [name for name, *link in rows if waits_no_more(tuple(link), staged, named)]
    statements.each(_FORGET, over)


def _wait(statements: Statements, ids: Ids, rows: Iterable[tuple[int, PendingRow]]) -> None:
    """Let relations wait; one that waits already gets the newer `need`."""
    nodes = [
        {
            "id": ids.next_row(),
            "name": json.dumps([scope, a, type_, b, group]),
            "scope": scope,
            "a": a,
            "type": type_,
            "b": b,
            "group": group,
            "need": need,
        }
        for scope, (a, type_, b, group, need) in rows
    ]
    statements.each(_WAIT, nodes)


def _detach(
    statements: Statements,
    ids: Ids,
    reading: Reading,
    vanished: frozenset[int],
) -> list[Edge]:
    """Let other scopes' relations to vanished records wait for those to return.

    Those that other sources hold by uid are tied to another record of the entity, if it has one.
    """
    if not vanished:
        return []
    scopes = scopes_of(statements)
    entities = {entity for (entity,) in statements.each(_ENTITY, sorted(vanished))}
    links = [
        link
        for link in relations.of_entities(statements, entities)
        if link.a_record in vanished or link.b_record in vanished
    ]
    others = dict(statements.each(_OTHER_RECORD, sorted(entities)))
    kept = []
    loose = []
    for link in links:
        foreign = scopes[link.scope][0] != reading.source
        tied = relations.tied(link, vanished, others) if foreign else link
        if tied.a_record in vanished or tied.b_record in vanished:
            loose.append(link)
        else:
            kept.append(tied)
    relations.tie(statements, kept)
    _wait_loosely(statements, ids, loose, scopes)
    _forget_hashes(statements, (link.a_record for link in loose))
    return relations.close(statements, loose, from_ticks(reading.at))


def _wait_loosely(
    statements: Statements,
    ids: Ids,
    links: Sequence[StoredLink],
    scopes: Mapping[int, tuple[str, str]],
) -> None:
    records = {record for link in links for record in (link.a_record, link.b_record)}
    ends = {row[0]: End(*row[1:]) for row in statements.each(_END, sorted(records))}
    loose = [
        LooseLink(
            link.scope,
            scopes[link.scope][0],
            link.type,
            link.group,
            link.need,
            ends[link.a_record],
            ends[link.b_record],
        )
        for link in links
    ]
    _wait(statements, ids, ((link.scope, link.waiting) for link in loose))
    statements.each(_REREAD, sorted(to_reread(loose)))


def _attach_pending(
    statements: Statements,
    ids: Ids,
    reading: Reading,
) -> list[Edge]:
    """Open the source's waiting relations whose endpoints are known by now."""
    rows = sorted(statements.rows(_WAITING, source=reading.source), key=lambda row: int(row[0]))
    if not rows:
        return []
    names = {id_: name for id_, *_, name in rows}
    waiting = [
        (id_, scope, (a, type_, b, group, need))
        for id_, scope, a, type_, b, group, need, _ in rows
    ]
    places = {
        scope: locate_keys(statements, Names(reading.source, scope, {}), keys)
        for scope, keys in waiting_keys(waiting).items()
    }
    opened, done = attachable(waiting, places, reading.at)
    statements.each(_FORGET, [names[id_] for id_ in done])
    _forget_hashes(statements, (row[1] for row in opened))
    return relations.create(statements, ids, opened, scopes_of(statements))
