"""What identity must know of a reading's records, fetched from Neo4j."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kgraph.identity import Claimant, Known
from kgraph.store._claimants import Verdict, known_from
from kgraph.store.neo4j.statements import Statements

_VERSIONS = """\
MATCH (record:_KgRecord {id: row})
MATCH (entity:Entity {_id: record.entity})
RETURN record.key, entity.uid, record.versions + CASE WHEN record.live THEN 1 ELSE 0 END"""
_CLAIMING = """\
MATCH (claim:_KgClaim {value: row[1]})
WHERE claim.namespace = row[0] AND claim.site = row[2]
MATCH (record:_KgRecord {id: claim.record})
RETURN DISTINCT record.entity"""
_NAMED = "MATCH (entity:Entity {uid: row}) RETURN entity._id"
_USED = "MATCH (entity:Entity {uid: row}) RETURN row"
_ANY_DECISION = "MATCH (decision:_KgDecision) RETURN decision.id LIMIT 1"
_VERDICTS = """\
MATCH (decision:_KgDecision)
MATCH (a:Entity {uid: decision.a})
MATCH (b:Entity {uid: decision.b})
OPTIONAL MATCH (an:Entity {_id: a._mergedInto})
OPTIONAL MATCH (bn:Entity {_id: b._mergedInto})
RETURN decision.verdict, coalesce(an.uid, a.uid), coalesce(bn.uid, b.uid)"""
_KNOWN = """\
MATCH (entity:Entity {_id: row})
MATCH (record:_KgRecord {entity: row})
MATCH (scope:_KgScope {id: record.scope})
OPTIONAL MATCH (claim:_KgClaim {record: record.id})
RETURN
  entity._id, entity.uid, scope.source, scope.scope, record.key, record.kind,
  claim.namespace, claim.value, claim.site, record.live, record.id"""


def versions_of(statements: Statements, records: Sequence[int]) -> dict[str, tuple[str, int]]:
    """Return key -> uid of the entity, and how many versions there were, of some records."""
    rows = statements.each(_VERSIONS, sorted(records))
    return {key: (uid, versions) for key, uid, versions in rows}


def known_of(
    statements: Statements,
    claimants: Sequence[Claimant],
    deciding: Sequence[int],
    vanished: frozenset[int],
    *,
    empty: bool,
) -> Known:
    """Return what identity must know of the entities that may be meant.

    Args:
        statements: the transaction.
        claimants: the records to identify.
        deciding: rows of those of them that were known before.
        vanished: rows of the records that are about to die.
        empty: whether there is no record at all.
    """
    if empty:
        return Known()
    keys = {(key.namespace, key.value, key.site) for c in claimants for key in c.keys}
    meant = {entity for (entity,) in statements.each(_CLAIMING, [list(k) for k in sorted(keys)])}
    meant |= {
        entity for (entity,) in statements.each(_NAMED, sorted(c.uid for c in claimants if c.uid))
    }
    rows = statements.each(_KNOWN, sorted(meant))
    rows.sort(key=lambda row: (int(row[10]), row[6] or "", row[7] or ""))
    return known_from(rows, deciding, vanished, verdicts(statements))


def used_uids(
    statements: Statements, uids: Iterable[str], *, empty: bool = False
) -> frozenset[str]:
    """Return those of some uids that an entity has, open or not; none where there is no entity."""
    if empty:  # the first reading of all may make millions
        return frozenset()
    return frozenset(uid for (uid,) in statements.each(_USED, sorted(uids)))


def verdicts(statements: Statements) -> list[Verdict]:
    """Return what a person has said of which entities, by the uids that live on."""
    if not statements.rows(_ANY_DECISION):  # as a rule, and each commit asks
        return []
    return [(verdict, a, b) for verdict, a, b in statements.rows(_VERDICTS)]
