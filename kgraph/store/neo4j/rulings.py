"""Rulings in Neo4j: nodes that no query of people meets."""

from __future__ import annotations

from kgraph.schema import Ruling
from kgraph.store._ticks import from_ticks, to_ticks
from kgraph.store.neo4j.part import Part
from kgraph.store.neo4j.statements import Statements

_SAVE = """\
MERGE (ruling:_KgRuling {incident: $incident, uid: $uid})
SET ruling = $node"""
_ALL = """\
MATCH (r:_KgRuling)
RETURN r.incident, r.uid, r.kind, r.mode, r.right, r.posterior, r.changeType, r.at, r.by, r.reason
ORDER BY r.at, r.incident, r.uid"""
_FORGET = """\
MATCH (r:_KgRuling)
WHERE $incident IS NULL OR r.incident = $incident
DETACH DELETE r
RETURN count(*)"""


class Rulings(Part):
    """See `RulingStore`."""

    def rule(self, ruling: Ruling) -> None:
        """Keep a ruling; an earlier one on the same cause of the same incident is replaced."""
        self._database.write(lambda s: save(s, ruling))

    def rulings(self) -> list[Ruling]:
        """Return all rulings, oldest first."""
        return self._database.glance(_all_of)

    def forget_rulings(self, incident: str | None = None) -> int:
        """Forget those of one incident, or all; return how many."""
        return self._database.write(lambda s: _forget(s, incident))


def save(statements: Statements, ruling: Ruling) -> None:
    """Make, or replace what was said of the same cause of the same incident."""
    node = {
        "incident": ruling.incident,
        "uid": ruling.entity,
        "kind": ruling.kind,
        "mode": ruling.mode,
        "right": ruling.right,
        "posterior": ruling.posterior,
        "changeType": ruling.change,
        "at": to_ticks(ruling.at),
        "by": ruling.by,
        "reason": ruling.reason,
    }
    statements.rows(_SAVE, incident=ruling.incident, uid=ruling.entity, node=node)


def _all_of(statements: Statements) -> list[Ruling]:
    """Return all, oldest first."""
    return [
        Ruling(incident, uid, kind, mode, bool(right), posterior, change, from_ticks(at), *told)
        for incident, uid, kind, mode, right, posterior, change, at, *told in statements.rows(_ALL)
    ]


def _forget(statements: Statements, incident: str | None) -> int:
    """Delete those of one incident, or all; return how many."""
    rows = statements.rows(_FORGET, incident=incident)
    return int(rows[0][0]) if rows else 0
