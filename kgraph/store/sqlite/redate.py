"""Taking what is dated later than now for now, in the embedded store.

A clock that was ahead and has been set right leaves times behind that are yet to come. By them a
later reading would be stale, an older state the newer one, and what is told would stand, until
the clock has caught up: after a minute, or after years.
"""

from __future__ import annotations

import sqlite3

from kgraph.store._limits import AHEAD
from kgraph.store._ticks import TICK

# Statements say :late for now and AHEAD, and :at for now.
_LATE = """
SELECT EXISTS (SELECT 1 FROM scope WHERE completed_at > :late)
 OR EXISTS (SELECT 1 FROM observation WHERE coalesce(received_at, at) > :late)"""
_PRESENT = """
UPDATE scope SET completed_at = :at WHERE completed_at > :late;
UPDATE entity SET since = :at WHERE since > :late;
UPDATE record SET since = :at WHERE since > :late;
UPDATE link SET since = :at WHERE since > :late;
UPDATE change SET at = :at WHERE at > :late;
UPDATE coverage SET at = :at, since = min(since, :at) WHERE at > :late;
UPDATE observation SET expires_at = expires_at - coalesce(received_at, at) + :at,
 received_at = min(received_at, :at), at = min(at, :at), since = min(since, :at)
 WHERE coalesce(received_at, at) > :late"""
_PAST = ("entity_history", "record_history", "link_history", "observation_history")
_ENDED = "UPDATE {} SET since = min(since, :at), until = :at WHERE until > :late"
_STATEMENTS = (*_PRESENT.split(";"), *map(_ENDED.format, _PAST))


def late(sql: sqlite3.Connection, now: int) -> bool:
    """Tell whether a source was read, or evidence received, after `now`, in ticks."""
    return bool(sql.execute(_LATE, _times(now)).fetchone()[0])


def redate(sql: sqlite3.Connection, now: int) -> None:
    """Date what is later than `now`, in ticks, now; what expires does so as long after as before.

    When something foreseen is due may be later than now.
    """
    for statement in _STATEMENTS:
        sql.execute(statement, _times(now))


def _times(now: int) -> dict[str, int]:
    return {"at": now, "late": now + AHEAD // TICK}
