"""Observations, coverage and changes in Neo4j."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from kgraph.schema import Change, Coverage, Direction, Evidence, Observation, State
from kgraph.store._placing import DOUBTED, RECENT, standing
from kgraph.store._ticks import NEVER, TICK, from_ticks, ticks_of, time_of, to_ticks
from kgraph.store.neo4j.ids import Ids
from kgraph.store.neo4j.statements import Statements

ChangeRow = tuple[int, int, str, str, str]  # at, entity, type, detail, source
_Node = dict[str, Any]
_FOREVER = -NEVER

_OBSERVED = "MATCH (o:_KgObservation {name: row}) RETURN o.name, properties(o)"
_OBSERVE = "MERGE (o:_KgObservation {name: row.name}) SET o = row"
_COVERED = "MATCH (c:_KgCoverage {name: row}) RETURN c.name, properties(c)"
_COVER = "MERGE (c:_KgCoverage {name: row.name}) SET c = row"
_VERSION = "CREATE (v:_KgObservationVersion) SET v = row"
_MOVE_VERSIONS = "MATCH (v:_KgObservationVersion {entity: $old}) SET v.entity = $new"
_TAKE_OBSERVATIONS = """\
MATCH (o:_KgObservation {entity: $entity}) WITH o, properties(o) AS node DELETE o RETURN node"""
_TAKE_COVERAGE = """\
MATCH (c:_KgCoverage {entity: $entity}) WITH c, properties(c) AS node DELETE c RETURN node"""
_MOVE_CHANGES = "MATCH (c:_KgChange {entity: $old}) SET c.entity = $new"
_SAME_CHANGES = """\
MATCH (c:_KgChange {at: row}) RETURN c.at, c.entity, c.type, c.detail, c.source"""
_CHANGE = """\
CREATE (:_KgChange {
  id: row[0], at: row[1], entity: row[2], type: row[3], detail: row[4], source: row[5]
})"""
_OF_OPEN = """\
MATCH (e:Entity {_id: x.entity})
WHERE e.validTo IS NULL AND ($uids IS NULL OR e.uid IN $uids)
RETURN e.kind, e.name, e.uid, properties(x)"""
_OBSERVATIONS = f"""\
MATCH (x:_KgObservation)
WHERE (x.expiresAt IS NULL OR x.expiresAt > $now) AND ($state IS NULL OR x.state = $state)
{_OF_OPEN}"""
_WITHDRAWN = f"""\
MATCH (x:_KgObservation)
WHERE x.expiresAt <= coalesce(x.at, x.receivedAt)
   OR x.state = 'abnormal' AND x.expiresAt > $since AND x.expiresAt <= $now
{_OF_OPEN}"""
_COVERAGE = f"MATCH (x:_KgCoverage)\n{_OF_OPEN}"
_CHANGES = """\
MATCH (c:_KgChange)
WHERE c.at >= $since AND ($until IS NULL OR c.at <= $until)
MATCH (e:Entity {_id: c.entity})
WHERE $uids IS NULL OR e.uid IN $uids
RETURN c.at, c.id, e.uid, c.type, c.detail, c.source
ORDER BY c.at, c.id"""


def add_observations(
    statements: Statements,
    rows: Iterable[tuple[int, str, Observation]],
    received: int | None = None,
) -> None:
    """Keep the newest state of each (entity, signal, detector, direction, caller).

    Args:
        statements: the transaction.
        rows: entity, caller's uid or "", and the observation.
        received: when they reached us, in ticks, for those that don't say.
    """
    _keep_newest(
        statements,
        [_observation_node(entity, caller, seen, received) for entity, caller, seen in rows],
        (_OBSERVED, _OBSERVE),
    )


def add_coverage(statements: Statements, rows: Iterable[tuple[int, Coverage]]) -> None:
    """Keep when each detector last looked."""
    nodes = [
        {
            "name": json.dumps([entity, c.signal, c.detector]),
            "entity": entity,
            "signal": c.signal,
            "detector": c.detector,
            "at": to_ticks(c.last_evaluated_at),
            "ttl": c.ttl // TICK,
        }
        for entity, c in rows
    ]
    _keep_newest(statements, nodes, (_COVERED, _COVER))


def add_changes(
    statements: Statements, ids: Ids, rows: Iterable[tuple[int, Change]], source: str = ""
) -> None:
    """Keep changes that were sent in; one that is sent again is the same."""
    sent: dict[ChangeRow, None] = dict.fromkeys(
        (to_ticks(c.at), entity, c.type, c.detail, c.source or source) for entity, c in rows
    )
    known = set(statements.each(_SAME_CHANGES, sorted({row[0] for row in sent})))
    write_changes(statements, ids, (row for row in sent if row not in known))


def write_changes(statements: Statements, ids: Ids, rows: Iterable[ChangeRow]) -> None:
    """Append to the change feed."""
    statements.each(_CHANGE, ([ids.next_row(), *row] for row in rows))


def move_evidence(statements: Statements, old: int, new: int) -> None:
    """Give the evidence on one entity to another that it turned out to be."""
    for take, keep in (
        (_TAKE_OBSERVATIONS, (_OBSERVED, _OBSERVE)),
        (_TAKE_COVERAGE, (_COVERED, _COVER)),
    ):
        nodes = []
        for (node,) in statements.rows(take, entity=old):
            name = [new, *json.loads(node["name"])[1:]]
            nodes.append({**node, "entity": new, "name": json.dumps(name)})
        _keep_newest(statements, nodes, keep)
    statements.rows(_MOVE_CHANGES, old=old, new=new)
    statements.rows(_MOVE_VERSIONS, old=old, new=new)


def evidence(statements: Statements, uids: Iterable[str] | None, now: datetime) -> Evidence:
    """Return what holds at `now` of open entities: all, or those of `uids`."""
    wanted = None if uids is None else list(uids)
    looked = statements.rows(_COVERAGE, uids=wanted)
    recent = changes(statements, to_ticks(now - RECENT), to_ticks(now), wanted)
    doubted = {"since": to_ticks(now - DOUBTED), "now": to_ticks(now)}
    withdrawn = statements.rows(_WITHDRAWN, uids=wanted, **doubted)
    return standing(
        tuple(seen(statements, wanted, to_ticks(now))),
        tuple(_coverage(uid, node) for _, _, uid, node in sorted(looked, key=_place)),
        recent,
        now,
        ((uid, node["signal"]) for _, _, uid, node in withdrawn),
    )


def seen(
    statements: Statements, uids: Collection[str] | None, now: int, *, abnormal: bool = False
) -> list[Observation]:
    """Return what holds at `now`, in ticks: of some uids, or of all; only what is abnormal."""
    state = State.ABNORMAL.value if abnormal else None
    wanted = None if uids is None else list(uids)
    rows = statements.rows(_OBSERVATIONS, uids=wanted, now=now, state=state)
    return [observation_of(uid, node) for _, _, uid, node in sorted(rows, key=_place)]


def changes(
    statements: Statements, since: int, until: int | None, uids: Collection[str] | None
) -> list[Change]:
    """Return changes in [since, until], in ticks, oldest first; of some uids, or None for all."""
    rows = statements.rows(
        _CHANGES, since=since, until=until, uids=None if uids is None else list(uids)
    )
    return [
        Change(uid, type_, from_ticks(at), detail, source)
        for at, _, uid, type_, detail, source in rows
    ]


def _keep_newest(statements: Statements, nodes: Sequence[_Node], texts: tuple[str, str]) -> None:
    """Write each node, unless a newer one of its name is there or comes with it.

    A state that another takes the place of is kept as a version; one that is told again is not.
    """
    find, write = texts
    names = sorted({node["name"] for node in nodes})
    known: dict[str, _Node] = dict(statements.each(find, names))
    newest: dict[str, _Node] = {}
    versions = []
    for node in nodes:
        before = newest.get(node["name"]) or known.get(node["name"])
        if before is None:
            newest[node["name"]] = {"since": _began(node), **node}
        elif _told_at(node, _FOREVER) >= _told_at(before, NEVER):
            since, ended = _stretch(before, node)
            newest[node["name"]] = {**node, "since": since}
            versions += [{**before, "until": ended}] if ended is not None else []
    statements.each(_VERSION, [v for v in versions if "state" in v])
    statements.each(write, [newest[name] for name in sorted(newest)])


def _began(node: _Node) -> int | None:
    return next((node[name] for name in ("at", "receivedAt") if node.get(name) is not None), None)


def _stretch(before: _Node, node: _Node) -> tuple[int | None, int | None]:
    """Return since when the newer row's state lasts, and when the older's ended, if it did."""
    began, since = _began(node), before.get("since")
    if "ttl" in node:
        return (since if node["at"] <= before["at"] + before["ttl"] else began), None
    expired = before.get("expiresAt")
    same = before["state"] == node["state"] and (
        expired is None or began is None or expired >= began
    )
    if same:
        return since, None
    if since is None or began is None or since >= began:
        return began, None
    return began, began if expired is None else min(began, expired)


def _told_at(node: _Node, otherwise: int) -> int:
    """Return when it was told; without any time, what comes later is newer."""
    for name in ("receivedAt", "at"):
        if node.get(name) is not None:
            return int(node[name])
    return otherwise


def _observation_node(entity: int, caller: str, seen: Observation, received: int | None) -> _Node:
    direction = seen.direction.value if seen.direction else ""
    return {
        "name": json.dumps([entity, seen.signal, seen.detector, direction, caller]),
        "entity": entity,
        "signal": seen.signal,
        "detector": seen.detector,
        "direction": direction,
        "caller": caller,
        "state": seen.state.value,
        "score": seen.score,
        "at": ticks_of(seen.at),
        "receivedAt": received if seen.received_at is None else to_ticks(seen.received_at),
        "expiresAt": ticks_of(seen.expires_at),
        "detail": seen.detail,
        "dueAt": ticks_of(seen.due_at),
    }


def observation_of(uid: str, node: _Node) -> Observation:
    """Return the observation that a node on an entity stands for."""
    return Observation(
        uid,
        node["signal"],
        State(node["state"]),
        node.get("score"),
        Direction(node["direction"]) if node["direction"] else None,
        time_of(node.get("at")),
        node["detector"],
        node["caller"] or None,
        time_of(node.get("receivedAt")),
        time_of(node.get("expiresAt")),
        node["detail"],
        time_of(node.get("dueAt")),
    )


def _coverage(uid: str, node: _Node) -> Coverage:
    looked = from_ticks(node["at"])
    return Coverage(uid, node["signal"], node["detector"], looked, node["ttl"] * TICK)


def _place(row: tuple[Any, ...]) -> tuple[str, ...]:
    kind, name, uid, node = row
    ways = node.get("direction", ""), node.get("caller", "")
    return kind, name, uid, node["signal"], node["detector"], *ways
