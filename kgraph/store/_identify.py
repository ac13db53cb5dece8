"""Asking who a record is: what identity must know of it, fetched from the embedded store."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from kgraph.identity import Binding, Claimant, Known, canonical
from kgraph.schema import Key
from kgraph.store._reconcile import StoredRecord
from kgraph.store._staging import Reading


def claimants_of(
    sql: sqlite3.Connection,
    reading: Reading,
    deciding: Sequence[str],
    stored: Mapping[str, StoredRecord],
) -> tuple[list[Claimant], list[str]]:
    """Return the records to identify, and a line for each placeholder among their keys."""
    rows = sql.execute(
        "SELECT r.key, e.uid, r.live + (SELECT count(*) FROM record_history WHERE record = r.id)"
        " FROM json_each(?) AS wanted JOIN record AS r ON r.id = wanted.value"
        " JOIN entity AS e ON e.id = r.entity",
        (json.dumps([stored[key].id for key in deciding if key in stored]),),
    )
    before: dict[str, tuple[str, int]] = {key: (uid, version) for key, uid, version in rows}
    refused: Counter[tuple[str, str, str]] = Counter()
    claimants = []
    for name in deciding:
        record = reading.staged.records[name]
        keys = []
        for key in record.keys:
            plain = canonical(key)
            if plain:
                keys.append(plain)
            else:
                refused[record.kind, key.namespace, key.value] += 1
        # What was one kind and is now another is another thing under an old name.
        same_kind = name in stored and stored[name].kind == record.kind
        uid, salt = before.get(name, (None, 0))
        claimants.append(
            Claimant(
                reading.source,
                reading.scope,
                name,
                record.kind,
                tuple(keys),
                uid if same_kind else None,
                salt,
            )
        )
    lines = [
        f"placeholder_key {namespace} {value!r} of {count} {kind}: identifies nothing"
        for (kind, namespace, value), count in sorted(refused.items())
    ]
    return claimants, lines


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
    being_decided = set(deciding)
    bindings, born = [], {}
    for id_, uid, source, scope, name, kind, namespace, value, site, live, record in rows:
        born[uid] = id_
        if namespace is not None and record not in being_decided:
            holder = Claimant(source, scope, name, kind)
            alive = bool(live) and record not in vanished
            bindings.append(Binding(uid, holder, Key(namespace, value, site), alive))
    return Known(bindings, born)


def _temporary_keys(sql: sqlite3.Connection, claimants: Iterable[Claimant]) -> None:
    sql.execute("CREATE TEMP TABLE IF NOT EXISTS wanted (namespace, value, site)")
    sql.execute("DELETE FROM temp.wanted")
    sql.executemany(
        "INSERT INTO temp.wanted VALUES (?, ?, ?)",
        ((key.namespace, key.value, key.site) for c in claimants for key in c.keys),
    )
