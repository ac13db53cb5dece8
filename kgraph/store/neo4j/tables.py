"""Small look-ups that several parts of the Neo4j store share."""

from __future__ import annotations

from collections.abc import Iterable

from kgraph.store._endpoints import Names, Place, chosen
from kgraph.store.neo4j.statements import Statements

_ELSEWHERE = """\
MATCH (scope:_KgScope {source: $source})
MATCH (record:_KgRecord {scope: scope.id, key: row})
WHERE record.live
RETURN record.key, record.scope, record.id, record.entity, record.kind"""
_BY_UID = """\
MATCH (entity:Entity {uid: row})
MATCH (record:_KgRecord {entity: entity._id})
WHERE record.live
RETURN row, min(record.id), entity._id, entity.kind"""
_TITLES = "MATCH (entity:Entity {_id: row}) RETURN row, entity.kind + ' ' + entity.name"
_UIDS = "MATCH (entity:Entity {_id: row}) RETURN row, entity.uid"


def locate_keys(statements: Statements, names: Names, keys: Iterable[str]) -> dict[str, Place]:
    """Return what each key stands for: in the scope itself, else in any other of the source.

    What is no key of the source may be a uid: so a source speaks of what others report without
    claiming that it exists.
    """
    wanted = sorted(set(keys))
    found = {key: names.own[key] for key in wanted if key in names.own}
    missing = [key for key in wanted if key not in found]
    rows = statements.each(_ELSEWHERE, missing, source=names.source)
    rows.sort(key=lambda row: int(row[2]))
    found |= chosen(
        ((key, scope, Place(record, entity, kind)) for key, scope, record, entity, kind in rows),
        names.scope,
    )
    uids = statements.each(_BY_UID, [key for key in missing if key not in found])
    return found | {uid: Place(record, entity, kind) for uid, record, entity, kind in uids}


def titles_of(statements: Statements, entities: Iterable[int]) -> dict[int, str]:
    """Return what to call entities in front of a person."""
    return dict(statements.each(_TITLES, sorted(entities)))


def uids_of(statements: Statements, entities: Iterable[int]) -> dict[int, str]:
    """Return the uids of entities."""
    return dict(statements.each(_UIDS, sorted(entities)))
