"""Filling an empty embedded store from plain rows. Runs inside a writing transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from kgraph.identity import canonical
from kgraph.schema import Key, StoreError
from kgraph.schema.errors import one_line
from kgraph.store._sections import SENSELESS, Row, Values, contradiction, in_batches
from kgraph.store._ticks import NEVER
from kgraph.store.sqlite.check import problems

_FILLED = """
SELECT EXISTS (SELECT 1 FROM scope) + EXISTS (SELECT 1 FROM entity)
 + EXISTS (SELECT 1 FROM incident) + EXISTS (SELECT 1 FROM plan)
 + EXISTS (SELECT 1 FROM journal) + EXISTS (SELECT 1 FROM decision)
 + EXISTS (SELECT 1 FROM document) + EXISTS (SELECT 1 FROM ruling)
 + EXISTS (SELECT 1 FROM halt) + EXISTS (SELECT 1 FROM audit)"""
_REFUSED = (sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError)


class Names:
    """What rows are called here: uid -> row of an entity, and the last row of scope and record."""

    def __init__(self) -> None:
        self.entity: dict[str, int] = {}
        self.merged: list[tuple[str, str]] = []
        self.scopes = self.records = 0


def load(sql: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Take all rows in.

    Raises:
        StoreError: the store is not empty, or the rows contradict each other.
    """
    if sql.execute(_FILLED).fetchone()[0]:
        raise StoreError("the store is not empty", mend="name a new one; nothing was changed")
    try:
        _fill(sql, rows)
    except (*SENSELESS, *_REFUSED) as error:
        raise contradiction(f"{type(error).__name__}: {one_line(error)}") from error
    troubles = problems(sql)
    if troubles:
        raise contradiction(troubles[0])


def _fill(sql: sqlite3.Connection, rows: Iterable[Row]) -> None:
    names = Names()
    for section, batch in in_batches(rows):
        statement, turn = _SECTIONS[section]
        sql.executemany(statement, [turn(names, values) for values in batch])
        if section == "record":
            _claim(sql, names, batch)
    sql.executemany(
        "UPDATE entity SET merged_into = ? WHERE id = ?",
        [(names.entity[into], names.entity[uid]) for uid, into in names.merged],
    )
    sql.execute("UPDATE meta SET value = 1 WHERE name = 'topology'")


def _scope(names: Names, row: Values) -> tuple[Any, ...]:
    names.scopes += 1
    *said, digest, findings, priority = row
    return (
        names.scopes,
        *said,
        bytes.fromhex(digest) if digest else None,
        json.dumps(findings),
        priority,
    )


def _entity(names: Names, row: Values) -> tuple[Any, ...]:
    uid, kind, name, since, into = row
    names.entity[uid] = len(names.entity) + 1
    if into is not None:
        names.merged.append((uid, into))
    return names.entity[uid], uid, kind, name, since


def _record(names: Names, row: Values) -> tuple[Any, ...]:
    names.records += 1
    scope, key, kind, name, uid, hashed, body, since, live = row
    entity = names.entity[uid]
    return names.records, scope, key, kind, name, entity, bytes.fromhex(hashed), body, since, live


def _claim(sql: sqlite3.Connection, names: Names, batch: Sequence[Values]) -> None:
    """Make the claims of records that were just put in."""
    first = names.records - len(batch) + 1
    claims = []
    for number, row in enumerate(batch, first):
        for each in json.loads(row[6])["keys"]:
            key = canonical(Key(*each))
            if key:
                claims.append((key.namespace, key.value, key.site, number))
    sql.executemany("INSERT OR IGNORE INTO claim VALUES (?, ?, ?, ?)", claims)


def _first(names: Names, row: Values) -> tuple[Any, ...]:
    return names.entity[row[0]], *row[1:]


def _second(names: Names, row: Values) -> tuple[Any, ...]:
    return row[0], names.entity[row[1]], *row[2:]


def _link(names: Names, row: Values) -> tuple[Any, ...]:
    *said, a, b, since = row
    return *said, names.entity[a], names.entity[b], since


def _past_link(names: Names, row: Values) -> tuple[Any, ...]:
    scope, a, type_, b, *rest = row
    return scope, names.entity[a], type_, names.entity[b], *rest


def _decision(names: Names, row: Values) -> tuple[Any, ...]:
    verdict, a, b, *rest = row
    return verdict, names.entity[a], names.entity[b], *rest


def _same(_names: Names, row: Values) -> tuple[Any, ...]:
    return tuple(row)


def _given_back(_names: Names, row: Values) -> tuple[Any, ...]:
    name, token = row
    return name, "", token, NEVER


def _into(table: str, columns: str) -> str:
    marks = ", ".join("?" for _ in columns.split())
    return f"INSERT INTO {table} ({', '.join(columns.split())}) VALUES ({marks})"  # noqa: S608 - constants


_SEEN = "entity signal detector direction caller state score at received_at"
_SECTIONS: Mapping[str, tuple[str, Callable[[Names, Values], tuple[Any, ...]]]] = {
    "scope": (
        _into("scope", "id source scope generation completed_at records digest findings priority"),
        _scope,
    ),
    "entity": (
        "INSERT INTO entity (id, uid, kind, name, since, version) VALUES (?, ?, ?, ?, ?, 1)",
        _entity,
    ),
    "entityVersion": (_into("entity_history", "entity since until"), _first),
    "record": (_into("record", "id scope key kind name entity hash body since live"), _record),
    "recordVersion": (_into("record_history", "record entity name body since until"), _second),
    "relation": (_into("link", "scope a_record b_record type grp need a b since"), _link),
    "pastRelation": (_into("link_history", "scope a type b grp need since until"), _past_link),
    "pending": (_into("pending", "scope a_key type b_key grp need"), _same),
    "change": (_into("change", "at entity type detail source"), _second),
    "observation": (_into("observation", f"{_SEEN} expires_at detail since due_at"), _first),
    "observationVersion": (
        _into("observation_history", f"{_SEEN} detail since until due_at"),
        _first,
    ),
    "coverage": (_into("coverage", "entity signal detector at ttl since"), _first),
    "decision": (_into("decision", "verdict a b at by reason"), _decision),
    "incident": (
        _into("incident", "id status opened_at updated_at title bundle answer"),
        _same,
    ),
    "ruling": (
        _into("ruling", "incident uid kind mode right posterior change_type at by reason"),
        _same,
    ),
    "plan": (
        _into("plan", "id incident state created_at updated_at document because"),
        _same,
    ),
    "journal": (_into("journal", "plan step attempt state at detail token"), _same),
    # Who tried to sync before has left leases.
    "lease": (
        _into("lease", "name holder token expires_at")
        + " ON CONFLICT DO UPDATE SET holder = '', token = max(token, excluded.token),"
        " expires_at = excluded.expires_at",
        _given_back,
    ),
    "document": (_into("document", "drawer id at body"), _same),
    "halt": ("INSERT INTO halt (id, at, reason) VALUES (0, ?, ?)", _same),
    "audit": (_into("audit", "at event body hash"), _same),
}
