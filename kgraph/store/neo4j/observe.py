"""Evidence that is sent for entities by their uids."""

from __future__ import annotations

from collections.abc import Sequence

from kgraph.schema import Change, Coverage, Observation
from kgraph.store._placing import refuse_unknown
from kgraph.store.neo4j.evidence import add_changes, add_coverage, add_observations
from kgraph.store.neo4j.ids import Ids
from kgraph.store.neo4j.statements import Statements

_IDS = """\
MATCH (entity:Entity {uid: row})
RETURN row, coalesce(entity._mergedInto, entity._id)"""


def observe(
    statements: Statements,
    seen: Sequence[Observation],
    looked: Sequence[Coverage],
    done: Sequence[Change],
) -> None:
    """Keep the newest of each.

    Raises:
        InputError: an entity that the store has never seen.
    """
    named = [row.entity for rows in (seen, looked, done) for row in rows]
    ids: dict[str, int] = dict(statements.each(_IDS, sorted(set(named))))
    refuse_unknown(named, ids)
    add_observations(statements, ((ids[o.entity], o.caller or "", o) for o in seen))
    add_coverage(statements, ((ids[c.entity], c) for c in looked))
    rows = Ids.read(statements)
    add_changes(statements, rows, ((ids[c.entity], c) for c in done))
    rows.write(statements)
