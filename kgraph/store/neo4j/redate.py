"""Taking what is dated later than now for now, in Neo4j; why, the embedded store's part says."""

from __future__ import annotations

from kgraph.store._limits import AHEAD
from kgraph.store._ticks import TICK, from_ticks
from kgraph.store.neo4j.relations import TYPES
from kgraph.store.neo4j.statements import Statements

_LATE = """\
RETURN
  EXISTS { MATCH (scope:_KgScope) WHERE scope.completedAt > $late }
  OR EXISTS { MATCH (o:_KgObservation) WHERE coalesce(o.receivedAt, o.at) > $late }"""
_EARLIER = "n.{0} = CASE WHEN n.{0} > {1} THEN {1} ELSE n.{0} END"
_SINCE = _EARLIER.format("since", "$at")
_DATED = (("_KgScope", "completedAt"), ("_KgRecord", "since"), ("_KgChange", "at"))
_VERSIONS = ("_KgRecordVersion", "_KgObservationVersion")
_TIMED = (
    ("(n:Entity)", "validFrom"),
    ("(n:Entity)", "validTo"),
    (f"()-[n:{TYPES}]->()", "validFrom"),
)
_SPANS = (("PastRelation", "validFrom", "validTo"), ("_KgEntityVersion", "since", "until"))
_STATEMENTS = (
    *(f"MATCH (n:{label}) WHERE n.{at} > $late SET n.{at} = $at" for label, at in _DATED),
    f"MATCH (n:_KgCoverage) WHERE n.at > $late SET n.at = $at, {_SINCE}",
    *(
        f"MATCH (n:{label}) WHERE n.until > $late SET n.until = $at, {_SINCE}"
        for label in _VERSIONS
    ),
    f"""\
MATCH (n:_KgObservation)
WHERE coalesce(n.receivedAt, n.at) > $late
WITH n, coalesce(n.receivedAt, n.at) - $at AS ahead
SET
  n.expiresAt = n.expiresAt - ahead, {_EARLIER.format("receivedAt", "$at")},
  {_EARLIER.format("at", "$at")}, {_SINCE}""",
    # What people see has times of the server's own kind.
    *(f"MATCH {what} WHERE n.{at} > $lateTime SET n.{at} = $atTime" for what, at in _TIMED),
    *(
        f"MATCH (n:{label}) WHERE n.{until} > $lateTime"
        f" SET n.{until} = $atTime, {_EARLIER.format(since, '$atTime')}"
        for label, since, until in _SPANS
    ),
)


def late(statements: Statements, now: int) -> bool:
    """Tell whether a source was read, or evidence received, after `now`, in ticks."""
    row = statements.one(_LATE, late=now + AHEAD // TICK)
    return bool(row and row[0])


def redate(statements: Statements, now: int) -> None:
    """Date what is later than `now`, in ticks, now; what expires does so as long after as before.

    When something foreseen is due may be later than now.
    """
    ahead = now + AHEAD // TICK
    times = {"at": now, "late": ahead, "atTime": from_ticks(now), "lateTime": from_ticks(ahead)}
    for text in _STATEMENTS:
        statements.rows(text, **times)
