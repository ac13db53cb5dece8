"""Writing what a source says of dependencies."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kgraph.schema import InputError
from kgraph.store._reconcile import LinkId, endpoint_findings, need_findings, plan_links
from kgraph.store._records import RecordOutcome
from kgraph.store._staging import LinkName, Reading
from kgraph.store._tables import Names, locate_keys

Edge = tuple[int, str, int]  # a relation that was opened or closed, by entity
_Row = tuple[int, int, str, int, str | None, int | None, int, int, int]  # of `link`, without id


@dataclass(frozen=True, slots=True)
class LinkOutcome:
    """What came of a reading's relations."""

    opened: tuple[Edge, ...]
    closed: tuple[Edge, ...]
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Resolved:
    """A reading's relations with their endpoints found."""

    wanted: dict[LinkId, int | None]
    entities: dict[int, int]  # of each record
    pending: list[tuple[str, str, str, str | None, int | None]]
    findings: list[str]


def write_links(
    sql: sqlite3.Connection, reading: Reading, scope: int, records: RecordOutcome, *, closes: bool
) -> LinkOutcome:
    """Open and close relations so that they are as the reading says."""
    resolved = _resolve(sql, reading, Names(reading.source, scope, records.own))
    stored = {
        (a, type_, b, group): (row, need)
        for row, a, type_, b, group, need in sql.execute(
            "SELECT id, a_record, type, b_record, grp, need FROM link WHERE scope = ?", (scope,)
        )
    }
    plan = plan_links(resolved.wanted, stored, closes=closes)
    _set_pending(sql, scope, resolved.pending, closes=closes)
    rows = [
        (scope, *name, need, *_ends(sql, resolved, name, stored), reading.at)
        for name, need in plan.opened
    ]
    closed = _close(sql, plan.closed, reading.at)
    opened = _open(sql, rows)
    _pass_on(sql, reading.source, records.vanished)
    closed += _detach(sql, records.vanished, reading.at)
    opened += _attach_pending(sql, reading)
    looped = _drop_loops(sql, records.regrouped, reading.at)
    loops = [
        f"self_relation {type_}: two ids of one relation are one thing" for _, type_, _ in looped
    ]
    findings = (*resolved.findings, *loops)
    return LinkOutcome(tuple(opened), tuple(closed + looped), findings)


def _resolve(sql: sqlite3.Connection, reading: Reading, names: Names) -> _Resolved:
    """Find the endpoints of the staged relations."""
    staged, own = reading.staged, names.own
    outside = {
        key
        for dependent, _, dependency, _ in staged.links
        for key in (dependent, dependency)
        if key not in own
    }
    places = {**own, **locate_keys(sql, names, outside)} if outside else own
    out = _Resolved({}, {place.record: place.entity for place in places.values()}, [], [])
    kinds: Counter[tuple[str, str, str]] = Counter()
    members: dict[tuple[str, str], set[int]] = defaultdict(set)
    for name, link in staged.links.items():
        dependent, type_, dependency, group = name
        a, b = places.get(dependent), places.get(dependency)
        if a is None or b is None:
            _miss(reading, name, out, dependent if a is None else dependency)
            continue
        a_record, a_entity, a_kind = a
        b_record, b_entity, b_kind = b
        kinds[a_kind, type_, b_kind] += 1
        if group is not None:
            members[dependent, group].add(b_entity)
        if a_entity == b_entity:
            out.findings.append(
                f"self_relation {dependent} {type_} {dependency}: both are one thing; left out"
            )
            continue
        out.wanted[a_record, type_, b_record, group] = link.need
    out.findings.extend(endpoint_findings(kinds))
    if reading.complete:  # a partial reading need not name all members
        out.findings.extend(need_findings(staged.needs, members))
    return out


def _miss(reading: Reading, name: LinkName, out: _Resolved, key: str) -> None:
    """Let a relation wait for its endpoint, or refuse it where the reading claims to be whole."""
    link = reading.staged.links[name]
    if reading.complete:
        raise InputError(
            f"{link.dependent!r} {link.type} {link.dependency!r} names {key!r}, which"
            f" {reading.source} doesn't have",
            where=link.where,
            mend="add the entity or correct the id",
        )
    out.pending.append((link.dependent, link.type, link.dependency, link.group, link.need))


def _set_pending(
    sql: sqlite3.Connection,
    scope: int,
    rows: Iterable[tuple[str, str, str, str | None, int | None]],
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


def _open(sql: sqlite3.Connection, rows: Sequence[_Row]) -> list[Edge]:
    sql.executemany(
        "INSERT INTO link (scope, a_record, type, b_record, grp, need, a, b, since)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    return [(a, type_, b) for _, _, type_, _, _, _, a, b, _ in rows]


def _ends(
    sql: sqlite3.Connection,
    resolved: _Resolved,
    name: LinkId,
    stored: Mapping[LinkId, tuple[int, int | None]],
) -> tuple[int, int]:
    """Return the entities that a link joins."""
    if name in resolved.wanted:
        return resolved.entities[name[0]], resolved.entities[name[2]]
    # A stored link whose `need` another row of its group has changed.
    row, _ = stored[name]
    a, b = sql.execute("SELECT a, b FROM link WHERE id = ?", (row,)).fetchone()
    return a, b


def _close(sql: sqlite3.Connection, links: Iterable[int], at: int) -> list[Edge]:
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
    ids = [id_ for (id_,) in rows]
    # An end that belongs to another source is known by its uid.
    ends = (
        "SELECT l.id, l.scope, l.type, l.grp, l.need, holder.source != sa.source AS a_outside,"
        " iif(holder.source = sa.source, a.key, ea.uid) AS a_key,"
        " holder.source != sb.source AS b_outside,"
        " iif(holder.source = sb.source, b.key, eb.uid) AS b_key FROM link AS l"
        " JOIN scope AS holder ON holder.id = l.scope"
        " JOIN record AS a ON a.id = l.a_record JOIN scope AS sa ON sa.id = a.scope"
        " JOIN record AS b ON b.id = l.b_record JOIN scope AS sb ON sb.id = b.scope"
        " JOIN entity AS ea ON ea.id = l.a JOIN entity AS eb ON eb.id = l.b"
        " WHERE l.id IN (SELECT value FROM json_each(?))"
    )
    sql.execute(
        f"INSERT INTO pending SELECT scope, a_key, type, b_key, grp, need FROM ({ends})",  # noqa: S608 - a constant
        (json.dumps(ids),),
    )
    # Nobody tells that source when the other's entity returns: its next reading has to look.
    sql.execute(
        f"UPDATE scope SET digest = NULL WHERE id IN"  # noqa: S608 - a constant
        f" (SELECT scope FROM ({ends}) WHERE a_outside OR b_outside)",
        (json.dumps(ids),),
    )
    return _close(sql, ids, at)


def _attach_pending(sql: sqlite3.Connection, reading: Reading) -> list[Edge]:
    """Open the source's waiting relations whose endpoints are known by now."""
    rows = sql.execute(
        "SELECT p.rowid, p.scope, p.a_key, p.type, p.b_key, p.grp, p.need"
        " FROM pending AS p JOIN scope AS s ON s.id = p.scope WHERE s.source = ?",
        (reading.source,),
    ).fetchall()
    by_scope: dict[int, set[str]] = defaultdict(set)
    for _, scope, a_key, _, b_key, _, _ in rows:
        by_scope[scope] |= {a_key, b_key}
    places = {
        scope: locate_keys(sql, Names(reading.source, scope, {}), keys)
        for scope, keys in by_scope.items()
    }
    opened: list[_Row] = []
    done = []
    for row, scope, a_key, type_, b_key, group, need in rows:
        a, b = places[scope].get(a_key), places[scope].get(b_key)
        if a and b:
            done.append((row,))
            if a.entity != b.entity:
                ends = (a.entity, b.entity, reading.at)
                opened.append((scope, a.record, type_, b.record, group, need, *ends))
    sql.executemany("DELETE FROM pending WHERE rowid = ?", done)
    return _open(sql, opened)


def _drop_loops(sql: sqlite3.Connection, touched: frozenset[int], at: int) -> list[Edge]:
    """Close relations whose two ends have turned out to be one entity."""
    rows = sql.execute(
        "SELECT l.id FROM json_each(?) AS e CROSS JOIN link AS l ON l.a = e.value WHERE l.b = l.a",
        (json.dumps(list(touched)),),
    )
    return _close(sql, [id_ for (id_,) in rows], at)
