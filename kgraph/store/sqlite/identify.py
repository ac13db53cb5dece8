"""What identity must know of a reading's records, fetched from the embedded store."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence

from kgraph.identity import Claimant, Known
from kgraph.store._claimants import Verdict, known_from


def versions_of(sql: sqlite3.Connection, records: Sequence[int]) -> dict[str, tuple[str, int]]:
    """Return key -> uid of the entity, and how many versions there were, of some records."""
    rows = sql.execute(
        "SELECT r.key, e.uid, r.live + (SELECT count(*) FROM record_history WHERE record = r.id)"
        " FROM json_each(?) AS wanted JOIN record AS r ON r.id = wanted.value"
        " JOIN entity AS e ON e.id = r.entity",
        (json.dumps(records),),
    )
    return {key: (uid, version) for key, uid, version in rows}


def known_of(
    sql: sqlite3.Connection,
    claimants: Sequence[Claimant],
    deciding: Iterable[int],
    vanished: frozenset[int],
) -> Known:
    """Return what identity must know of the entities that may be meant; `born` has their rows."""
    if not sql.execute("SELECT EXISTS (SELECT 1 FROM record)").fetchone()[0]:
        return Known()
    _temporary_keys(sql, claimants)
    own = [c.uid for c in claimants if c.uid]
    rows = sql.execute(
        "WITH meant (id) AS ("
        " SELECT r.entity FROM temp.wanted AS w"
        "  CROSS JOIN claim AS c"
        "   ON c.namespace = w.namespace AND c.value = w.value AND c.site = w.site"
        "  JOIN record AS r ON r.id = c.record"
        " UNION SELECT id FROM entity WHERE uid IN (SELECT value FROM json_each(?)))"
        " SELECT e.id, e.uid, s.source, s.scope, r.key, r.kind, c.namespace, c.value, c.site,"
        "  r.live, r.id"
        " FROM meant CROSS JOIN entity AS e ON e.id = meant.id"
        " CROSS JOIN record AS r ON r.entity = e.id JOIN scope AS s ON s.id = r.scope"
        " LEFT JOIN claim AS c ON c.record = r.id ORDER BY r.id",
        (json.dumps(own),),
    )
    return known_from(rows, deciding, vanished, verdicts(sql))


def used_uids(sql: sqlite3.Connection, uids: Iterable[str]) -> frozenset[str]:
    """Return those of some uids that an entity has, open or not."""
    if not sql.execute("SELECT EXISTS (SELECT 1 FROM entity)").fetchone()[0]:
        return frozenset()  # the first reading of all may make millions
    rows = sql.execute(
        "SELECT uid FROM entity WHERE uid IN (SELECT value FROM json_each(?))",
        (json.dumps(list(uids)),),
    )
    return frozenset(uid for (uid,) in rows)


def verdicts(sql: sqlite3.Connection) -> list[Verdict]:
    """Return what a person has said of which entities, by the uids that live on."""
    return sql.execute(
        "SELECT d.verdict, coalesce(an.uid, a.uid), coalesce(bn.uid, b.uid) FROM decision AS d"
        " JOIN entity AS a ON a.id = d.a LEFT JOIN entity AS an ON an.id = a.merged_into"
        " JOIN entity AS b ON b.id = d.b LEFT JOIN entity AS bn ON bn.id = b.merged_into"
    ).fetchall()


def _temporary_keys(sql: sqlite3.Connection, claimants: Iterable[Claimant]) -> None:
    sql.execute("CREATE TEMP TABLE IF NOT EXISTS wanted (namespace, value, site)")
    sql.execute("DELETE FROM temp.wanted")
    sql.executemany(
        "INSERT INTO temp.wanted VALUES (?, ?, ?)",
        ((key.namespace, key.value, key.site) for c in claimants for key in c.keys),
    )
