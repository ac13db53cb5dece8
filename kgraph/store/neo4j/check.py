"""Is the store in Neo4j sound? The promises between its nodes."""

from __future__ import annotations

from kgraph.schema import RELATIONS
from kgraph.store._promises import Promise
from kgraph.store.neo4j.relations import TYPES
from kgraph.store.neo4j.statements import Statements

_OPEN = f"MATCH (a:Entity)-[r:{TYPES}]->(b:Entity)"
_PROMISES = {
    Promise.OPEN_ENDS: f"""\
{_OPEN}
WHERE (a.validTo IS NOT NULL OR b.validTo IS NOT NULL)
RETURN r._id""",
    Promise.ENDS_OF_RECORDS: f"""\
{_OPEN}
OPTIONAL MATCH (one:_KgRecord {{id: r._from}})
OPTIONAL MATCH (other:_KgRecord {{id: r._to}})
WITH r, a, b, one, other
WHERE one IS NULL OR other IS NULL OR NOT one.live OR NOT other.live
  OR one.entity <> a._id OR other.entity <> b._id
RETURN r._id""",
    Promise.SUPPORTED: """\
MATCH (entity:Entity)
WHERE entity.validTo IS NULL
  AND NOT EXISTS { MATCH (record:_KgRecord {entity: entity._id}) WHERE record.live }
RETURN entity.uid""",
    Promise.NOT_FORGOTTEN: """\
MATCH (record:_KgRecord)
WHERE record.live
MATCH (entity:Entity {_id: record.entity})
WHERE entity.validTo IS NOT NULL
RETURN DISTINCT entity.uid""",
    Promise.ONE_KIND: """\
MATCH (record:_KgRecord)
WHERE record.live
MATCH (entity:Entity {_id: record.entity})
WHERE record.kind <> entity.kind
RETURN record.key""",
}
_STRANGERS = """\
MATCH (entity:Entity)-[r]->(:Entity)
WHERE NOT type(r) IN $types
RETURN DISTINCT type(r)"""


def problems(statements: Statements) -> list[str]:
    """Return one line for each fault."""
    lines = [
        promise.broken(name)
        for promise, text in _PROMISES.items()
        for (name,) in statements.rows(text)
    ]
    strange = sorted(type_ for (type_,) in statements.rows(_STRANGERS, types=list(RELATIONS)))
    return lines + [f"relations of type {type_} are not ours" for type_ in strange]
