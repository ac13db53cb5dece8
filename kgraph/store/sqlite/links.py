"""Writing what a source says of dependencies."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from kgraph.schema import RelationRecord
from kgraph.store._closing import close_answered, held_links
from kgraph.store._endpoints import (
    End,
    LinkRow,
    LooseLink,
    Names,
    PendingRow,
    Place,
    Resolved,
    attachable,
    first_links,
    loop_findings,
    outside,
    resolved,
    to_reread,
    waiting_keys,
    waits_no_more,
)
from kgraph.store._outcome import Edge, LinkOutcome, RecordOutcome
from kgraph.store._reconcile import LinkId, LinkPlan, plan_links, without
from kgraph.store._staging import Reading, Staged
from kgraph.store.sqlite.link_rows import ends_of, links_but_of, links_of
from kgraph.store.sqlite.tables import indexed_afterwards, locate_keys


def write_links(
    sql: sqlite3.Connection,
    reading: Reading,
    scope: int,
    records: RecordOutcome,
    *,
    closes: bool,
    telling: bool,
) -> LinkOutcome:
    """Open and close relations so that they are as the reading says.

    Unless all is to be told, those of new entities are counted only: at first they are millions.
    """
    names = Names(reading.source, scope, records.own)
    relations = without(reading.staged.links, records.as_before)
    foreign = outside(relations, records.own)
    places = {**records.own, **locate_keys(sql, names, foreign)} if foreign else records.own
    found, rows, closed = _compared(sql, reading, scope, relations, places, records, closes=closes)
    opened: list[Edge] = []
    count = open_links(sql, rows, opened, before=None if telling else records.first_new)
    untold = count - len(opened)
    sql.executemany(
        "UPDATE record SET links = NULL WHERE id = ?", ((record,) for record in found.noticed)
    )
    _pass_on(sql, reading.source, records.vanished)
    closed += _detach(sql, records.vanished, reading.at)
    _attach_pending(sql, reading, opened)
    looped = drop_loops(sql, records.regrouped, reading.at)
    loops = loop_findings(type_ for _, type_, _ in looped)
    findings = (*found.findings, *loops)
    return LinkOutcome(tuple(opened), tuple(closed + looped), findings, untold)


def _compared(
    sql: sqlite3.Connection,
    reading: Reading,
    scope: int,
    relations: Mapping[str, Collection[RelationRecord]],
    places: Mapping[str, Place],
    records: RecordOutcome,
    *,
    closes: bool,
) -> tuple[Resolved, Iterable[LinkRow], list[Edge]]:
    """Close what is over; return what was found, what is to be opened, and what was closed."""
    whole = closes and not records.held
    if whole and reading.complete and _is_first(sql, reading, scope, records):
        _set_pending(sql, scope, (), closes=True)
        out = Resolved()
        return out, first_links(reading, scope, places, out), []
    found = resolved(reading, relations, places)
    if closes:
        stored = links_but_of(sql, scope, records.as_before.values())
    else:
        stored = links_of(sql, scope, records.answered.union(a for a, *_ in found.wanted))
    plan = _plan(found, stored, records, closes=closes)
    _set_pending(sql, scope, found.pending, closes=whole)
    if not whole:
        _forget_pending(sql, scope, reading.staged, found.pending)
    entities, wanted, at = found.entities, found.wanted, reading.at
    # Of stored links whose `need` another row of their group has changed, before they are closed.
    ends = {name: ends_of(sql, stored[name][0]) for name, _ in plan.opened if name not in wanted}
    rows = [
        (scope, *name, need, *(ends.get(name) or (entities[name[0]], entities[name[2]])), at)
        for name, need in plan.opened
    ]
    return found, rows, close_links(sql, plan.closed, at)


def _is_first(
    sql: sqlite3.Connection, reading: Reading, scope: int, records: RecordOutcome
) -> bool:
    """Tell whether there is nothing to compare with: no links yet, no dependent of another."""
    if records.as_before or not reading.staged.links.keys() <= records.own.keys():
        return False
    row = sql.execute("SELECT EXISTS (SELECT 1 FROM link WHERE scope = ?)", (scope,)).fetchone()
    return not row[0]


def _set_pending(
    sql: sqlite3.Connection,
    scope: int,
    rows: Iterable[PendingRow],
    *,
    closes: bool,
) -> None:
    if closes:
        sql.execute("DELETE FROM pending WHERE scope = ?", (scope,))
    for row in rows:
        sql.execute(
            "DELETE FROM pending WHERE scope = ? AND a_key = ? AND type = ? AND b_key = ?"
            " AND grp IS ?",
            (scope, *row[:4]),
        )
        sql.execute("INSERT INTO pending VALUES (?, ?, ?, ?, ?, ?)", (scope, *row))


def _forget_pending(
    sql: sqlite3.Connection, scope: int, staged: Staged, named: Sequence[PendingRow]
) -> None:
    """Let wait no more what some records no longer depend on, and what is opened now."""
    rows = sql.execute(
        "SELECT rowid, a_key, type, b_key, grp FROM pending WHERE scope = ?", (scope,)
    )
    over = [(row,) for row, *name in rows if waits_no_more(tuple(name), staged, named)]
    sql.executemany("DELETE FROM pending WHERE rowid = ?", over)


def open_links(
    sql: sqlite3.Connection,
    rows: Iterable[LinkRow],
    edges: list[Edge],
    before: int | None = None,
) -> int:
    """Write links; returns how many.

    Args:
        sql: the transaction.
        rows: the links.
        edges: what they join is put there.
        before: only of dependents before this entity; None: of all.
    """

    def noted() -> Iterator[LinkRow]:
        for row in rows:
            if before is None or row[6] < before:
                edges.append((row[6], row[2], row[7]))
            yield row

    with indexed_afterwards(sql, "link"):
        written = sql.executemany(
            "INSERT INTO link (scope, a_record, type, b_record, grp, need, a, b, since)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            noted(),
        )
    return written.rowcount


def _forget_hashes(sql: sqlite3.Connection, links: str) -> None:
    """Let nobody trust the hashes of the records that some links, a JSON list, are of."""
    sql.execute(
        "UPDATE record SET links = NULL WHERE id IN ("
        "SELECT a_record FROM link WHERE id IN (SELECT value FROM json_each(?)))",
        (links,),
    )


def _plan(
    found: Resolved,
    stored: Mapping[LinkId, tuple[int, int | None]],
    records: RecordOutcome,
    *,
    closes: bool,
) -> LinkPlan:
    named = frozenset(found.wanted)
    found.wanted.update(held_links(named, stored, records.held))
    plan = plan_links(found.wanted, stored, closes=closes)
    return close_answered(plan, named, stored, () if closes else records.answered)


def close_links(sql: sqlite3.Connection, links: Iterable[int], at: int) -> list[Edge]:
    """Move links to history; returns what they joined."""
    ids = json.dumps(list(links))
    edges = sql.execute(
        "SELECT a, type, b FROM link WHERE id IN (SELECT value FROM json_each(?))", (ids,)
    ).fetchall()
    sql.execute(
        "INSERT INTO link_history SELECT scope, a, type, b, grp, need, since, ? FROM link"
        " WHERE id IN (SELECT value FROM json_each(?))",
        (at, ids),
    )
    sql.execute("DELETE FROM link WHERE id IN (SELECT value FROM json_each(?))", (ids,))
    return [(a, type_, b) for a, type_, b in edges]


def _pass_on(sql: sqlite3.Connection, source: str, vanished: frozenset[int]) -> None:
    """Tie relations that other sources hold by uid to another record of the same entity."""
    if not vanished:
        return
    gone = json.dumps(list(vanished))
    for end in ("a", "b"):
        sql.execute(
            f"UPDATE link SET {end}_record = coalesce((SELECT min(r.id) FROM record AS r"  # noqa: S608 - constants
            f" WHERE r.entity = link.{end} AND r.live), {end}_record)"
            f" WHERE {end} IN (SELECT r.entity FROM json_each(?1) AS g JOIN record AS r"
            f" ON r.id = g.value) AND {end}_record IN (SELECT value FROM json_each(?1))"
            " AND scope IN (SELECT id FROM scope WHERE source != ?2)",
            (gone, source),
        )


def _detach(sql: sqlite3.Connection, vanished: frozenset[int], at: int) -> list[Edge]:
    """Let other scopes' relations to vanished records wait for those to return."""
    if not vanished:
        return []
    rows = sql.execute(
        "WITH gone (record, entity) AS"
        " (SELECT id, entity FROM record WHERE id IN (SELECT value FROM json_each(?)))"
        " SELECT l.id FROM gone CROSS JOIN link AS l"
        "  ON l.a = gone.entity AND l.a_record = gone.record"
        " UNION"
        " SELECT l.id FROM gone CROSS JOIN link AS l"
        "  ON l.b = gone.entity AND l.b_record = gone.record",
        (json.dumps(list(vanished)),),
    )
    ids = json.dumps([id_ for (id_,) in rows])
    ends = sql.execute(
        "SELECT l.scope, holder.source, l.type, l.grp, l.need,"
        " sa.source, a.key, ea.uid, sb.source, b.key, eb.uid FROM link AS l"
        " JOIN scope AS holder ON holder.id = l.scope"
        " JOIN record AS a ON a.id = l.a_record JOIN scope AS sa ON sa.id = a.scope"
        " JOIN record AS b ON b.id = l.b_record JOIN scope AS sb ON sb.id = b.scope"
        " JOIN entity AS ea ON ea.id = l.a JOIN entity AS eb ON eb.id = l.b"
        " WHERE l.id IN (SELECT value FROM json_each(?))",
        (ids,),
    )
    loose = [
        LooseLink(scope, source, type_, group, need, End(*row[:3]), End(*row[3:]))
        for scope, source, type_, group, need, *row in ends
    ]
    sql.executemany(
        "INSERT INTO pending VALUES (?, ?, ?, ?, ?, ?)",
        ((link.scope, *link.waiting) for link in loose),
    )
    sql.executemany(
        "UPDATE scope SET digest = NULL WHERE id = ?", ((scope,) for scope in to_reread(loose))
    )
    _forget_hashes(sql, ids)
    return close_links(sql, json.loads(ids), at)


def _attach_pending(sql: sqlite3.Connection, reading: Reading, edges: list[Edge]) -> None:
    """Open the source's waiting relations whose endpoints are known by now."""
    rows = sql.execute(
        "SELECT p.rowid, p.scope, p.a_key, p.type, p.b_key, p.grp, p.need"
        " FROM pending AS p JOIN scope AS s ON s.id = p.scope WHERE s.source = ?",
        (reading.source,),
    )
    waiting = [(row, scope, (a, type_, b, *gate)) for row, scope, a, type_, b, *gate in rows]
    places = {
        scope: locate_keys(sql, Names(reading.source, scope, {}), keys)
        for scope, keys in waiting_keys(waiting).items()
    }
    opened, done = attachable(waiting, places, reading.at)
    sql.executemany("DELETE FROM pending WHERE rowid = ?", ((row,) for row in done))
    late = [(row[1],) for row in opened]
    sql.executemany("UPDATE record SET links = NULL WHERE id = ?", late)
    open_links(sql, opened, edges)


def drop_loops(sql: sqlite3.Connection, touched: frozenset[int], at: int) -> list[Edge]:
    """Close relations whose two ends have turned out to be one entity."""
    rows = sql.execute(
        "SELECT l.id FROM json_each(?) AS e CROSS JOIN link AS l ON l.a = e.value WHERE l.b = l.a",
        (json.dumps(list(touched)),),
    )
    ids = [id_ for (id_,) in rows]
    _forget_hashes(sql, json.dumps(ids))
    return close_links(sql, ids, at)
