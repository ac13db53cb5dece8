"""The change feed: what a sync saw change, in words."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kgraph.store._links import Edge, LinkOutcome
from kgraph.store._records import RecordOutcome
from kgraph.store._settle import Settled
from kgraph.store._staging import Reading

# The first reading of a scope finds what was there all along: no change of the estate, so never
# evidence of one.
DISCOVERED = "discovered"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a reading changed."""

    records: RecordOutcome
    links: LinkOutcome
    settled: Settled


def write_feed(
    sql: sqlite3.Connection, reading: Reading, outcome: Outcome, *, first: bool
) -> None:
    """Write one row for each thing that changed, on the entity that it changed for."""
    settled = outcome.settled

    def rows() -> Iterator[tuple[int, str, str]]:
        for entity in settled.opened:
            again = entity < outcome.records.first_new
            yield entity, DISCOVERED if first else "reopened" if again else "created", ""
        for entity in settled.closed:
            yield entity, "closed", ""
        yield from _updates(sql, outcome.records, settled)
        if not first:
            yield from _edges(sql, outcome)

    sql.executemany(
        "INSERT INTO change (at, entity, type, detail, source) VALUES (?, ?, ?, ?, ?)",
        [(reading.at, *row, reading.source) for row in rows()],
    )


def _updates(
    sql: sqlite3.Connection, records: RecordOutcome, settled: Settled
) -> Iterator[tuple[int, str, str]]:
    """Say which fields of a record changed."""
    kept = set(settled.kept)
    now = sql.execute(
        "SELECT id, entity, name, body FROM record WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(records.before)),),
    )
    for id_, entity, name, body in now:
        _, old_name, old_body = records.before[id_]
        if entity in kept:
            yield (
                entity,
                "updated",
                describe(old_name, json.loads(old_body), name, json.loads(body)),
            )


def describe(old_name: str, old: dict[str, object], name: str, new: dict[str, object]) -> str:
    """Return what differs between two versions of a record, as `memoryBytes 1 -> 2, keys`."""
    parts = [f"name {old_name or '-'} -> {name or '-'}"] if name != old_name else []
    for field in ("props", "labels"):
        was, is_ = old[field], new[field]
        if isinstance(was, dict) and isinstance(is_, dict):
            names = sorted(n for n in {*was, *is_} if was.get(n) != is_.get(n))
            parts += [f"{n} {was.get(n, '-')} -> {is_.get(n, '-')}" for n in names]
    parts += [field for field in ("keys", "watched") if old[field] != new[field]]
    return ", ".join(parts)


def _edges(sql: sqlite3.Connection, outcome: Outcome) -> Iterator[tuple[int, str, str]]:
    """Name opened and closed relations, unless their dependent itself has just come or gone."""
    gone, links = set(outcome.settled.closed), outcome.links
    opened = [edge for edge in links.opened if edge[0] < outcome.records.first_new]
    closed = [edge for edge in links.closed if edge[0] not in gone]
    titles = _titles(sql, (*opened, *closed))
    for a, type_, b in closed:
        yield a, "relation_closed", f"{type_} {titles[b]}"
    for a, type_, b in opened:
        yield a, "relation_opened", f"{type_} {titles[b]}"


def _titles(sql: sqlite3.Connection, edges: Iterable[Edge]) -> dict[int, str]:
    rows = sql.execute(
        "SELECT id, kind || ' ' || name FROM entity WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list({b for _, _, b in edges})),),
    )
    return dict(rows.fetchall())
