"""Opening, painting and closing the nodes of entities, by the live records that support them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from kgraph.schema import KINDS
from kgraph.store._bodies import joined
from kgraph.store._outcome import (
    EntityRow,
    NameRow,
    Settled,
    given_names,
    settlement,
    with_born,
)
from kgraph.store._ticks import from_ticks
from kgraph.store.neo4j.entities import node_of
from kgraph.store.neo4j.records import Written
from kgraph.store.neo4j.statements import Statements
from kgraph.store.neo4j.times import native

_ENTITIES = """\
MATCH (entity:Entity {_id: row})
RETURN row, entity.uid, entity.kind, entity.name, entity.validFrom, entity.validTo IS NULL"""
_RECORDS = """\
MATCH (record:_KgRecord {entity: row})
WHERE record.live
MATCH (scope:_KgScope {id: record.scope})
RETURN
  row, record.key, record.name, coalesce(scope.priority, 0), record.since, record.id,
  record.body"""
# One static statement for each kind: a label that is a parameter would be looked for in all nodes.
CREATE = {kind: f"CREATE (entity:Entity:{kind}) SET entity = row" for kind in KINDS}
_PAINTED = 10_000  # entities whose records are held in memory at once
_PAINT = """\
MATCH (entity:Entity {_id: row._id})
WITH entity, row, entity._version AS version
SET entity = row, entity._version = version"""
_CLOSE = """\
MATCH (entity:Entity {_id: row})
CREATE (version:_KgEntityVersion)
SET version += {entity: row, since: entity.validFrom, until: $at}
SET entity.validTo = $at"""
_MERGED = """\
MATCH (entity:Entity)
WHERE entity._id = row.old OR entity._mergedInto = row.old
SET entity._mergedInto = row.new"""
_RENAME = {
    end: f"""\
MATCH (old:Entity {{_id: row.old}})
MATCH (new:Entity {{_id: row.new}})
MATCH (past:PastRelation {{{end}: old.uid}})
SET past.{end} = new.uid"""
    for end in ("dependent", "dependency")
}


def settle(statements: Statements, written: Written, at: int) -> Settled:
    """Open what a live record supports, close the rest; the newest given name counts."""
    now, before = from_ticks(at), written.outcome.touched.difference(written.born)
    known = {
        id_: (EntityRow(id_, uid, name, at if is_open else None), kind, native(since))
        for id_, uid, kind, name, since, is_open in statements.each(
            _ENTITIES, sorted(before | written.refreshed)
        )
    }
    bodies, names = _said(statements, known)
    touched = [known[id_][0] for id_ in sorted(before)]
    settled = settlement(touched, {e: n for e, n in names.items() if e in before})
    opened = set(settled.opened)
    nodes = []
    for id_ in sorted({*settled.opened, *settled.kept, *(written.refreshed & names.keys())}):
        row, kind, since = known[id_]
        entity = joined(row.uid, kind, names[id_], bodies[id_])
        nodes.append(node_of(entity, id_, now if id_ in opened else since))
    statements.each(_PAINT, nodes)
    _close(statements, settled.closed, written.merged, now)
    return with_born(settled, {row: (e.uid, e.name) for row, e in written.born.items()})


def paint(statements: Statements, entities: Sequence[int]) -> None:
    """Write on the nodes of open entities what their records say."""
    for start in range(0, len(entities), _PAINTED):
        some = entities[start : start + _PAINTED]
        bodies, names = _said(statements, some)
        nodes = [
            node_of(joined(uid, kind, names[id_], bodies[id_]), id_, native(since))
            for id_, uid, kind, _, since, _ in statements.each(_ENTITIES, some)
            if id_ in names
        ]
        statements.each(_PAINT, nodes)


def _said(
    statements: Statements, entities: Iterable[int]
) -> tuple[dict[int, list[str]], dict[int, str]]:
    """Return what live records say of each entity, as `joined` wants it, and how they call it."""
    rows = statements.each(_RECORDS, sorted(entities))
    rows.sort(key=lambda row: tuple(map(int, row[3:6])))
    bodies: dict[int, list[str]] = defaultdict(list)
    named: list[NameRow] = []
    for *name_row, body in rows:
        bodies[name_row[0]].append(body)
        named.append(tuple(name_row))
    return bodies, given_names(named)


def _close(
    statements: Statements, closed: Iterable[int], merged: Mapping[int, int], now: datetime
) -> None:
    statements.each(_CLOSE, sorted(closed), at=now)
    for old, new in merged.items():  # one by one: one may be merged into the next
        rows = [{"old": old, "new": new}]
        statements.each(_MERGED, rows)
        for text in _RENAME.values():
            statements.each(text, rows)
