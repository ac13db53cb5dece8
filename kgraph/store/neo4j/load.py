"""Filling an empty store in Neo4j from plain rows. Runs inside a transaction, under the lock."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kgraph.identity import canonical
from kgraph.schema import (
    Entity,
    Halt,
    IncidentRecord,
    IncidentStatus,
    Key,
    PlanRecord,
    PlanState,
    Ruling,
    StoreError,
)
from kgraph.schema.errors import one_line
from kgraph.store._sections import SECTIONS, SENSELESS, Row, Values, contradiction, in_batches
from kgraph.store._ticks import NEVER, from_ticks
from kgraph.store.neo4j import incidents, plans, relations, rulings
from kgraph.store.neo4j.check import problems
from kgraph.store.neo4j.entities import node_of
from kgraph.store.neo4j.ids import Ids
from kgraph.store.neo4j.settle import CREATE, paint
from kgraph.store.neo4j.statements import Statements

_FILLED = """\
RETURN EXISTS { (:_KgScope) } OR EXISTS { (:Entity) } OR EXISTS { (:Incident) }
  OR EXISTS { (:Plan) } OR EXISTS { (:_KgJournal) } OR EXISTS { (:_KgDecision) }
  OR EXISTS { (:_KgDocument) } OR EXISTS { (:_KgRuling) }
  OR EXISTS { (:_KgHalt) } OR EXISTS { (:_KgAudit) }"""
_NODE = {
    label: f"CREATE (n:{label}) SET n = row"
    for label in (
        "PastRelation",
        "_KgAudit",
        "_KgChange",
        "_KgClaim",
        "_KgCoverage",
        "_KgDecision",
        "_KgDocument",
        "_KgEntityVersion",
        "_KgJournal",
        "_KgObservation",
        "_KgObservationVersion",
        "_KgPending",
        "_KgRecord",
        "_KgRecordVersion",
        "_KgScope",
    )
}
# Who tried to sync before has left leases.
_LEASE = """\
MERGE (lease:_KgLease {name: row.name})
SET
  lease.holder = row.holder, lease.expiresAt = row.expiresAt,
  lease.token =
    CASE WHEN lease.token > row.token THEN lease.token ELSE row.token END"""
_MERGED = "MATCH (entity:Entity {_id: row.old}) SET entity._mergedInto = row.new"
_ENDED = """\
MATCH (entity:Entity {_id: row.entity})
SET entity.validFrom = row.since, entity.validTo = row.until"""
_VERSIONS = "MATCH (record:_KgRecord {id: row.id}) SET record.versions = row.versions"


@dataclass
class _Loaded:
    """What was taken in so far, by what it is called here."""

    statements: Statements
    ids: Ids
    scopes: list[tuple[int, str, str]] = field(default_factory=list)  # id, source, scope
    entity: dict[str, int] = field(default_factory=dict)
    open: list[int] = field(default_factory=list)
    merged: list[tuple[str, str]] = field(default_factory=list)
    records: list[int] = field(default_factory=list)
    versions: Counter[int] = field(default_factory=Counter)  # of a record, by its id

    def put(self, label: str, rows: Iterable[Mapping[str, Any]]) -> None:
        self.statements.each(_NODE[label], list(rows))

    def scope(self, place: int) -> tuple[int, str, str]:
        return self.scopes[place - 1]

    def record(self, place: int) -> int:
        return self.records[place - 1]


def load(statements: Statements, rows: Iterable[Row]) -> None:
    """Take all rows in.

    Raises:
        StoreError: the store is not empty, or the rows contradict each other.
    """
    filled = statements.one(_FILLED)
    if filled is None or filled[0]:
        raise StoreError("the store is not empty", mend="name a new one; nothing was changed")
    try:
        _fill(statements, rows)
    except SENSELESS as error:
        raise contradiction(f"{type(error).__name__}: {one_line(error)}") from error
    troubles = problems(statements)
    if troubles:
        raise contradiction(troubles[0])


def _fill(statements: Statements, rows: Iterable[Row]) -> None:
    loaded = _Loaded(statements, Ids.read(statements))
    for section, batch in in_batches(rows):
        _SECTIONS[section](loaded, batch)
    paint(statements, loaded.open)
    merged = [{"old": loaded.entity[a], "new": loaded.entity[b]} for a, b in loaded.merged]
    statements.each(_MERGED, merged)
    versions = [{"id": record, "versions": n} for record, n in loaded.versions.items()]
    statements.each(_VERSIONS, versions)
    loaded.ids.topology = 1
    loaded.ids.write(statements)


def _scopes(loaded: _Loaded, batch: Sequence[Values]) -> None:
    nodes = []
    for row in batch:
        node = _named("scope", row)
        node["id"] = loaded.ids.next_row()
        node["digest"] = bytes.fromhex(node["digest"]) if node["digest"] else None
        loaded.scopes.append((node["id"], node["source"], node["scope"]))
        nodes.append(node)
    loaded.put("_KgScope", nodes)


def _entities(loaded: _Loaded, batch: Sequence[Values]) -> None:
    by_kind: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for uid, kind, name, since, into in batch:
        loaded.ids.entities += 1
        loaded.entity[uid] = loaded.ids.entities
        node = node_of(Entity(uid, kind, name), loaded.ids.entities, from_ticks(since or 0))
        node["_version"] = 1
        if since is None:
            node["validTo"] = from_ticks(0)  # unless a version says when
        else:
            loaded.open.append(loaded.ids.entities)
        if into is not None:
            loaded.merged.append((uid, into))
        by_kind[kind].append(node)
    for kind, nodes in sorted(by_kind.items()):
        loaded.statements.each(CREATE[kind], nodes)


def _entity_versions(loaded: _Loaded, batch: Sequence[Values]) -> None:
    rows = [
        {"entity": loaded.entity[uid], "since": from_ticks(since), "until": from_ticks(until)}
        for uid, since, until in batch
    ]
    loaded.put("_KgEntityVersion", rows)
    opened = set(loaded.open)
    loaded.statements.each(_ENDED, [row for row in rows if row["entity"] not in opened])


def _records(loaded: _Loaded, batch: Sequence[Values]) -> None:
    nodes, claims = [], []
    for row in batch:
        node = _named("record", row)
        loaded.ids.records += 1
        loaded.records.append(loaded.ids.records)
        node |= {
            "id": loaded.ids.records,
            "scope": loaded.scope(node["scope"])[0],
            "entity": loaded.entity[node.pop("uid")],
            "hash": bytes.fromhex(node["hash"]),
            "versions": 0,
        }
        nodes.append(node)
        keys = (canonical(Key(*each)) for each in json.loads(node["body"])["keys"])
        claims += [
            {"namespace": k.namespace, "value": k.value, "site": k.site, "record": node["id"]}
            for k in dict.fromkeys(key for key in keys if key)
        ]
    loaded.put("_KgRecord", nodes)
    loaded.put("_KgClaim", claims)


def _record_versions(loaded: _Loaded, batch: Sequence[Values]) -> None:
    nodes = []
    for row in batch:
        node = _named("recordVersion", row)
        node["record"] = loaded.record(node["record"])
        node["entity"] = loaded.entity[node.pop("uid")]
        loaded.versions[node["record"]] += 1
        nodes.append(node)
    loaded.put("_KgRecordVersion", nodes)


def _relations(loaded: _Loaded, batch: Sequence[Values]) -> None:
    scopes = {id_: (source, scope) for id_, source, scope in loaded.scopes}
    rows = [
        (
            loaded.scope(place)[0],
            loaded.record(start),
            type_,
            loaded.record(end),
            group,
            need,
            loaded.entity[a],
            loaded.entity[b],
            since,
        )
        for place, start, end, type_, group, need, a, b, since in batch
    ]
    relations.create(loaded.statements, loaded.ids, rows, scopes)


def _past_relations(loaded: _Loaded, batch: Sequence[Values]) -> None:
    nodes = []
    for row in batch:
        node = _named("pastRelation", row)
        _, node["source"], node["scope"] = loaded.scope(node["scope"])
        node["validFrom"] = from_ticks(node.pop("since"))
        node["validTo"] = from_ticks(node.pop("until"))
        nodes.append(node)
    loaded.put("PastRelation", nodes)


def _pending(loaded: _Loaded, batch: Sequence[Values]) -> None:
    nodes = []
    for place, a, type_, b, group, need in batch:
        scope = loaded.scope(place)[0]
        ends = {"a": a, "type": type_, "b": b, "group": group, "need": need}
        name = json.dumps([scope, a, type_, b, group])
        nodes.append({"id": loaded.ids.next_row(), "name": name, "scope": scope, **ends})
    loaded.put("_KgPending", nodes)


def _seen(label: str, section: str, named: tuple[str, ...]) -> _Take:
    """Return what takes in evidence on entities; with `named`, one node for each of those."""

    def take(loaded: _Loaded, batch: Sequence[Values]) -> None:
        nodes = []
        for row in batch:
            node = _named(section, row)
            node["entity"] = loaded.entity[node.pop("uid")]
            if named:
                node["name"] = json.dumps([node[part] for part in ("entity", *named)])
            nodes.append(node)
        loaded.put(label, nodes)

    return take


def _changes(loaded: _Loaded, batch: Sequence[Values]) -> None:
    nodes = []
    for row in batch:
        node = _named("change", row)
        node["entity"] = loaded.entity[node.pop("uid")]
        nodes.append({"id": loaded.ids.next_row(), **node})
    loaded.put("_KgChange", nodes)


def _decisions(loaded: _Loaded, batch: Sequence[Values]) -> None:
    nodes = []
    for row in batch:
        node = _named("decision", row)
        node |= {"id": loaded.ids.next_row(), "a": node.pop("uid"), "b": node.pop("other")}
        nodes.append(node)
    loaded.put("_KgDecision", nodes)


def _incidents(loaded: _Loaded, batch: Sequence[Values]) -> None:
    for id_, status, opened, updated, title, bundle, answer in batch:
        at = from_ticks(opened), from_ticks(updated)
        record = IncidentRecord(id_, IncidentStatus(status), *at, title, bundle, answer)
        incidents.save(loaded.statements, record)


def _rulings(loaded: _Loaded, batch: Sequence[Values]) -> None:
    for row in batch:
        incident, uid, kind, mode, right, posterior, change, at, by, reason = row
        said = bool(right), posterior, change, from_ticks(at), by, reason
        ruling = Ruling(incident, uid, kind, mode, *said)
        rulings.save(loaded.statements, ruling)


def _plans(loaded: _Loaded, batch: Sequence[Values]) -> None:
    for id_, incident, state, created, updated, document, because in batch:
        at = from_ticks(created), from_ticks(updated)
        plans.keep(
            loaded.statements, PlanRecord(id_, incident, PlanState(state), *at, document, because)
        )


def _journal(loaded: _Loaded, batch: Sequence[Values]) -> None:
    nodes = [{"id": loaded.ids.next_row(), **_named("journal", row)} for row in batch]
    loaded.put("_KgJournal", nodes)


def _leases(loaded: _Loaded, batch: Sequence[Values]) -> None:
    given_back = {"holder": "", "expiresAt": NEVER}
    rows = [{**_named("lease", row), **given_back} for row in batch]
    loaded.statements.each(_LEASE, rows)


def _halt(loaded: _Loaded, batch: Sequence[Values]) -> None:
    for at, reason in batch:
        plans.keep_halt(loaded.statements, Halt(from_ticks(at), reason))


def _audit(loaded: _Loaded, batch: Sequence[Values]) -> None:
    nodes = [{"id": loaded.ids.next_row(), **_named("audit", row)} for row in batch]
    loaded.put("_KgAudit", nodes)


def _documents(loaded: _Loaded, batch: Sequence[Values]) -> None:
    nodes = (_named("document", row) for row in batch)
    loaded.put("_KgDocument", ({**n, "name": f"{n['drawer']} {n['id']}"} for n in nodes))


def _named(section: str, row: Values) -> dict[str, Any]:
    return dict(zip(SECTIONS[section], row, strict=True))


_Take = Callable[[_Loaded, Sequence[Values]], None]
_BY = ("signal", "detector", "direction", "caller")
_SECTIONS: Mapping[str, _Take] = {
    "scope": _scopes,
    "entity": _entities,
    "entityVersion": _entity_versions,
    "record": _records,
    "recordVersion": _record_versions,
    "relation": _relations,
    "pastRelation": _past_relations,
    "pending": _pending,
    "change": _changes,
    "observation": _seen("_KgObservation", "observation", _BY),
    "observationVersion": _seen("_KgObservationVersion", "observationVersion", ()),
    "coverage": _seen("_KgCoverage", "coverage", _BY[:2]),
    "decision": _decisions,
    "incident": _incidents,
    "ruling": _rulings,
    "plan": _plans,
    "journal": _journal,
    "lease": _leases,
    "halt": _halt,
    "audit": _audit,
    "document": _documents,
}
