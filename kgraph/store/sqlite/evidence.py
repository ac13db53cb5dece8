"""Observations, coverage and changes in the embedded store."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime
from typing import Any

from kgraph.schema import Change, Coverage, Direction, Evidence, Observation, State
from kgraph.store._placing import DOUBTED, RECENT, standing
from kgraph.store._ticks import TICK, from_ticks, ticks_of, time_of, to_ticks

_OBSERVE = """INSERT INTO observation (entity, signal, detector, direction, caller, state, score,
 at, received_at, expires_at, detail, since, due_at)
 SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, coalesce(?8, ?9), ?12 WHERE true"""
_ADOPT = """INSERT INTO observation (entity, signal, detector, direction, caller, state, score,
 at, received_at, expires_at, detail, since, due_at)
 SELECT ?, signal, detector, direction, caller, state, score, at, received_at, expires_at, detail,
 since, due_at FROM observation WHERE entity = ?"""
# Where neither observer nor receiver knew the time, what comes later is newer.
_NEWEST_WINS = """
 ON CONFLICT DO UPDATE SET state = excluded.state, score = excluded.score, at = excluded.at,
  received_at = excluded.received_at, expires_at = excluded.expires_at, detail = excluded.detail,
  due_at = excluded.due_at,
  since = CASE WHEN excluded.state = observation.state AND (observation.expires_at IS NULL
    OR observation.expires_at >= coalesce(excluded.at, excluded.received_at, observation.at, 0))
   THEN observation.since ELSE excluded.since END
 WHERE coalesce(excluded.received_at, excluded.at, 1 << 62)
    >= coalesce(observation.received_at, observation.at, -1 << 62)"""

# Of some entities each is looked up: few of them have any, and others may have many.
_OF_ALL = "observation AS o JOIN entity AS e ON e.id = o.entity"
_OF_SOME = (
    "json_each(:ids) AS w CROSS JOIN observation AS o ON o.entity = w.value"
    " CROSS JOIN entity AS e ON e.id = o.entity"
)
_COVERED = "coverage AS c JOIN entity AS e ON e.id = c.entity"
_COVERED_OF_SOME = (
    "json_each(:ids) AS w CROSS JOIN coverage AS c ON c.entity = w.value"
    " CROSS JOIN entity AS e ON e.id = c.entity"
)
# It has never held; or it was wrong, and nobody has said that this is over.
_WITHDRAWN = (
    "(o.expires_at <= coalesce(o.at, o.received_at)"
    " OR o.state = 'abnormal' AND o.expires_at > :since AND o.expires_at <= :now)"
)
# Literally, as the indexes that serve them say.
_ABNORMAL = "AND o.state = 'abnormal'"
_TOLD = "AND c.type NOT IN ('discovered', 'merged', 'split')"


def add_observations(
    sql: sqlite3.Connection,
    rows: Iterable[tuple[int, str, Observation]],
    received: int | None = None,
) -> None:
    """Keep the newest state of each (entity, signal, detector, direction, caller).

    Args:
        sql: the connection, in a transaction.
        rows: entity, caller's uid or "", and the observation.
        received: when they reached us, for those that don't say.
    """
    sql.executemany(
        _OBSERVE + _NEWEST_WINS,
        (
            (
                entity,
                seen.signal,
                seen.detector,
                seen.direction.value if seen.direction else "",
                caller,
                seen.state.value,
                seen.score,
                ticks_of(seen.at),
                received if seen.received_at is None else to_ticks(seen.received_at),
                ticks_of(seen.expires_at),
                seen.detail,
                ticks_of(seen.due_at),
            )
            for entity, caller, seen in rows
        ),
    )


def add_coverage(sql: sqlite3.Connection, rows: Iterable[tuple[int, Coverage]]) -> None:
    """Keep when each detector last looked."""
    sql.executemany(
        "INSERT INTO coverage (entity, signal, detector, at, ttl, since)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?4) ON CONFLICT DO UPDATE"
        " SET at = excluded.at, ttl = excluded.ttl,"
        "  since = iif(excluded.at <= coverage.at + coverage.ttl, coverage.since, excluded.since)"
        " WHERE excluded.at >= coverage.at",
        (
            (entity, c.signal, c.detector, to_ticks(c.last_evaluated_at), c.ttl // TICK)
            for entity, c in rows
        ),
    )


def add_changes(
    sql: sqlite3.Connection, rows: Iterable[tuple[int, Change]], source: str = ""
) -> None:
    """Keep changes that were sent in; one that is sent again is the same."""
    sql.executemany(
        "INSERT INTO change (at, entity, type, detail, source) SELECT ?1, ?2, ?3, ?4, ?5"
        " WHERE NOT EXISTS (SELECT 1 FROM change WHERE at = ?1 AND entity = ?2 AND type = ?3"
        " AND detail = ?4 AND source = ?5)",
        (
            (to_ticks(change.at), entity, change.type, change.detail, change.source or source)
            for entity, change in rows
        ),
    )


def move_evidence(sql: sqlite3.Connection, old: int, new: int) -> None:
    """Give the evidence on one entity to another that it turned out to be."""
    sql.execute(
        _ADOPT + _NEWEST_WINS,
        (new, old),
    )
    sql.execute(
        "INSERT INTO coverage (entity, signal, detector, at, ttl, since)"
        " SELECT ?, signal, detector, at, ttl, since FROM coverage WHERE entity = ?"
        " ON CONFLICT DO UPDATE SET at = excluded.at, ttl = excluded.ttl, since = excluded.since"
        " WHERE excluded.at >= coverage.at",
        (new, old),
    )
    sql.execute("DELETE FROM observation WHERE entity = ?", (old,))
    sql.execute("DELETE FROM coverage WHERE entity = ?", (old,))
    sql.execute("UPDATE change SET entity = ? WHERE entity = ?", (new, old))
    sql.execute("UPDATE observation_history SET entity = ? WHERE entity = ?", (new, old))


def evidence(
    sql: sqlite3.Connection,
    uids: Collection[str] | None,
    now: datetime,
    rows: Collection[int] | None = None,
) -> Evidence:
    """Return what holds at `now` of open entities: all, or those of `uids`, which are `rows`."""
    ids = None if rows is None else json.dumps(list(rows))
    seen = tuple(observations(sql, ids, to_ticks(now)))
    coverage = tuple(
        Coverage(uid, signal, detector, from_ticks(at), ttl * TICK)
        for uid, signal, detector, at, ttl in sql.execute(
            "SELECT e.uid, c.signal, c.detector, c.at, c.ttl"  # noqa: S608 - constants
            f" FROM {_COVERED if ids is None else _COVERED_OF_SOME} WHERE e.since IS NOT NULL"
            " ORDER BY e.kind, e.name, e.uid, c.signal, c.detector",
            {"ids": ids},
        )
    )
    # What only tells that the graph has grown can be as long as the graph, and causes nothing.
    wanted = None if uids is None else json.dumps(list(uids))
    recent = changes(sql, to_ticks(now - RECENT), to_ticks(now), wanted, told=True)
    return standing(seen, coverage, recent, now, _withdrawn(sql, ids, now))


def _withdrawn(
    sql: sqlite3.Connection, ids: str | None, now: datetime
) -> Iterator[tuple[str, str]]:
    return sql.execute(
        f"SELECT e.uid, o.signal FROM {_OF_ALL if ids is None else _OF_SOME}"  # noqa: S608 - constants
        f" WHERE e.since IS NOT NULL AND {_WITHDRAWN}",
        {"ids": ids, "now": to_ticks(now), "since": to_ticks(now - DOUBTED)},
    )


def changes(
    sql: sqlite3.Connection, since: int, until: int | None, uids: str | None, *, told: bool = False
) -> list[Change]:
    """Return changes in [since, until], oldest first; `told`: none that tells of the graph alone.

    `uids` is a JSON list, or None for all.
    """
    rows = sql.execute(
        "SELECT e.uid, c.type, c.at, c.detail, c.source FROM change AS c"  # noqa: S608 - a constant
        " JOIN entity AS e ON e.id = c.entity"
        f" WHERE c.at >= ?1 AND (?2 IS NULL OR c.at <= ?2) {_TOLD if told else ''}"
        " AND (?3 IS NULL OR e.uid IN (SELECT value FROM json_each(?3))) ORDER BY c.at, c.id",
        (since, until, uids),
    )
    return [
        Change(uid, type_, from_ticks(at), detail, source)
        for uid, type_, at, detail, source in rows
    ]


def observations(
    sql: sqlite3.Connection,
    ids: str | None,
    now: int,
    *,
    abnormal: bool = False,
    read: Callable[[tuple[Any, ...]], Observation] | None = None,
) -> Iterator[Observation]:
    """Return what holds at `now`: of some rows, a JSON list, or of all; only what is abnormal.

    `read` makes an observation of a row, where that is not `observation_of`.
    """
    rows = sql.execute(
        "SELECT e.uid, o.signal, o.state, o.score, o.direction, o.at, o.detector, o.caller,"  # noqa: S608 - constants
        " o.received_at, o.expires_at, o.detail, o.due_at"
        f" FROM {_OF_ALL if ids is None else _OF_SOME}"
        f" WHERE e.since IS NOT NULL {_ABNORMAL if abnormal else ''}"
        " AND (o.expires_at IS NULL OR o.expires_at > :now)"
        " ORDER BY e.kind, e.name, e.uid, o.signal, o.detector, o.direction, o.caller",
        {"ids": ids, "now": now},
    )
    return map(read or observation_of, rows)


def observation_of(row: tuple[Any, ...]) -> Observation:
    """Return the observation that a row stands for; see `observations` for its columns."""
    uid, signal, state, score, way, at, detector, caller, received, expires, detail, due = row
    return Observation(
        uid,
        signal,
        State(state),
        score,
        Direction(way) if way else None,
        time_of(at),
        detector,
        caller or None,
        time_of(received),
        time_of(expires),
        detail,
        time_of(due),
    )
