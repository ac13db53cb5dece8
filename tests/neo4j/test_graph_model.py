"""What a person finds in Neo4j Browser."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kgraph.schema import (
    IncidentRecord,
    IncidentStatus,
    Item,
    Key,
    PlanRecord,
    PlanState,
    Record,
    RelationRecord,
)
from kgraph.store import GraphStore, open_store
from tests.neo4j.served import Served

pytestmark = pytest.mark.neo4j
T0 = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def store(neo4j_database: Served) -> Iterator[GraphStore]:
    with closing(open_store(neo4j_database.target)) as opened:
        yield opened


def sync(store: GraphStore, *items: Item, day: int = 0) -> tuple[str, ...]:
    with store.sync("cmdb", "dc1", complete=True, at=T0 + day * DAY) as run:
        run.stage(items)
        return run.commit().created


def one(served: Served, text: str, **parameters: Any) -> dict[str, Any]:
    (row,) = served.ask(text, **parameters)
    return row


def test_the_browser_is_served_beside_the_database(neo4j_server: Served) -> None:
    with urllib.request.urlopen(neo4j_server.server.browser, timeout=10) as answer:  # noqa: S310 - our own
        assert b"<title>Neo4j Browser</title>" in answer.read()


def test_an_entity_has_its_kind_as_a_label_and_its_properties_by_their_names(
    store: GraphStore, neo4j_server: Served
) -> None:
    key = Key("smbiosUuid", "4c4c4544-0042-4210-8052-b9c04f4d3532")
    props = {"memoryBytes": 8, "model": "R640", "secureBoot": True, "loadAverage": 0.5}
    (uid,) = sync(store, Record("h1", "Host", "hv-1", (key,), {"owner": "ops"}, props, ("down",)))
    found = one(neo4j_server, "MATCH (e:Entity:Host) RETURN labels(e) AS l, properties(e) AS p")
    assert set(found["l"]) == {"Entity", "Host"}
    shown = {name: value for name, value in found["p"].items() if not name.startswith("_")}
    assert shown.pop("validFrom").to_native() == T0
    assert shown == {
        "uid": uid,
        "kind": "Host",
        "name": "hv-1",
        "label_owner": "ops",
        "keys": [f"smbiosUuid={key.value}"],
        "watched": ["down"],
        **props,
    }


def test_names_that_the_node_needs_for_itself_lose_nothing(store: GraphStore) -> None:
    keys = (Key("ip", "a=b/c", "lab/2"), Key("odd=name", "1"))
    props = {"uid": 1, "kind": "x", "label_a": "y", "prop_b": 2.5, "_id": 7, "validTo": "z"}
    labels = {"name": "n", "app.kubernetes.io/name": "shop", "": "empty"}
    sync(store, Record("h1", "Host", "hv-1", keys, labels, props))
    (host,) = store.find()
    assert (host.props, host.labels, host.keys) == (props, labels, keys)


def test_a_relation_is_typed_and_becomes_a_node_of_its_own_when_it_closes(
    store: GraphStore, neo4j_server: Served
) -> None:
    disks = [Record(f"d{n}", "Disk") for n in range(2)]
    rows = [RelationRecord("pool", "STORED_ON", d.key, "raid", 1) for d in disks]
    sync(store, Record("pool", "StoragePool"), *disks, *rows)
    sync(store, Record("pool", "StoragePool"), *disks, rows[0], day=1)
    common = {"group": "raid", "need": 1, "source": "cmdb", "scope": "dc1"}
    kept = one(neo4j_server, "MATCH (:StoragePool)-[r]->(:Disk) RETURN properties(r) AS p")["p"]
    assert {name: kept[name] for name in common} == common
    closed = one(neo4j_server, "MATCH (p:PastRelation) RETURN properties(p) AS p")["p"]
    assert closed.pop("validFrom").to_native() == T0
    assert closed.pop("validTo").to_native() == T0 + DAY
    called = {e.uid: e.name for e in store.find()}
    assert called[closed.pop("dependent")] == "pool"
    assert called[closed.pop("dependency")] == "d1"
    assert closed == {**common, "type": "STORED_ON"}
    assert one(neo4j_server, "MATCH (p:PastRelation) RETURN COUNT {(p)--()} AS n")["n"] == 0


def test_closed_relations_of_the_first_schema_become_nodes_when_it_is_brought_up(
    store: GraphStore, neo4j_server: Served
) -> None:
    host, guest = Record("h", "Host"), Record("v", "VirtualMachine")
    sync(store, host, guest, RelationRecord("v", "RUNS_ON", "h"))
    neo4j_server.ask(
        "MATCH (v)-[:RUNS_ON]->(h) CREATE (v)-[:USES {group: 'g', need: 1, source: 's',"
        " scope: '', validFrom: datetime('2025-01-01T00:00:00Z'),"
        " validTo: datetime('2025-02-01T00:00:00Z')}]->(h)"
    )
    neo4j_server.ask("MATCH (m:_KgMeta) SET m.schema = 1 REMOVE m.store")
    neo4j_server.ask("MATCH (e:Entity) REMOVE e._version")
    with closing(open_store(neo4j_server.target)) as again:
        assert [r.type for r in again.graph().relations] == ["RUNS_ON"]
        past = again.at(datetime(2025, 1, 15, tzinfo=UTC))
        assert past.graph().entities == ()  # the entities came later
        assert again.check() == []
        assert again.delta().store
        assert again.delta(again.version()).entities == ()
    asked = "MATCH (p:PastRelation) RETURN p.type AS type, p.group AS grp"
    assert neo4j_server.ask(asked) == [{"type": "USES", "grp": "g"}]


def test_a_closed_entity_stays_with_the_end_of_its_interval_and_opens_again(
    store: GraphStore, neo4j_server: Served
) -> None:
    h1, h2 = Record("h1", "Host", props={"n": 1}), Record("h2", "Host")
    sync(store, h1, h2)
    sync(store, h2, day=1)
    ask = "MATCH (e:Host {name: 'h1'}) RETURN e.validFrom AS since, e.validTo AS until, e.n AS n"
    row = one(neo4j_server, ask)
    assert (row["since"].to_native(), row["until"].to_native()) == (T0, T0 + DAY)
    assert row["n"] == 1
    sync(store, h1, h2, day=2)
    row = one(neo4j_server, ask)
    assert (row["since"].to_native(), row["until"]) == (T0 + 2 * DAY, None)
    past = one(
        neo4j_server, "MATCH (v:_KgEntityVersion) RETURN v.since AS since, v.until AS until"
    )
    assert (past["since"].to_native(), past["until"].to_native()) == (T0, T0 + DAY)


def test_a_volatile_property_is_refreshed_on_the_node(
    store: GraphStore, neo4j_server: Served
) -> None:
    for day in (1, 2):
        volatile = frozenset({"usedBytes"})
        sync(store, Record("h1", "Host", props={"usedBytes": day}, volatile=volatile), day=day)
    row = one(neo4j_server, "MATCH (e:Host) RETURN e.usedBytes AS used, e.validFrom AS since")
    assert row["used"] == 2
    assert row["since"].to_native() == T0 + DAY


def test_bookkeeping_has_no_relations_and_labels_of_its_own(
    store: GraphStore, neo4j_server: Served
) -> None:
    runs = RelationRecord("v1", "RUNS_ON", "h1")
    sync(store, Record("h1", "Host"), Record("v1", "VirtualMachine"), runs)
    labels = neo4j_server.ask("MATCH (n) WHERE NOT n:Entity RETURN DISTINCT labels(n) AS l")
    assert all(label.startswith("_Kg") for row in labels for label in row["l"])
    tied = one(
        neo4j_server, "MATCH (n) WHERE NOT n:Entity AND EXISTS { (n)--() } RETURN count(n) AS n"
    )
    assert tied == {"n": 0}


def incident(answer: dict[str, Any]) -> IncidentRecord:
    return IncidentRecord(
        "INC-1", IncidentStatus.OPEN, T0, T0, "pool full", "{}", json.dumps(answer)
    )


def plan(state: PlanState) -> PlanRecord:
    return PlanRecord("P-1", "INC-1", state, T0, T0, '{"steps": []}', "proposed")


@pytest.mark.parametrize("plan_first", [True, False])
def test_an_incident_points_at_its_causes_and_victims_and_its_plans_at_it(
    store: GraphStore, neo4j_server: Served, *, plan_first: bool
) -> None:
    pool, guest = sync(store, Record("pool", "StoragePool"), Record("v1", "VirtualMachine"))
    answer = {
        "causes": [
            {"entity": "bundle's own", "uid": pool, "mode": "full", "posterior": 0.97},
            {"entity": guest, "mode": "down", "posterior": 0.001},
            {"entity": "of no graph", "mode": "down", "posterior": 0.5},
        ],
        "blastRadius": {
            "now": [{"entity": guest, "mode": "paused_io_error", "probability": 0.9, "hops": 1}]
        },
    }
    for step in (0, 1) if plan_first else (1, 0):
        if step == 0:
            store.save_plan(plan(PlanState.PROPOSED))
        else:
            store.save_incident(incident(answer))
    found = one(
        neo4j_server,
        "MATCH (p:Plan)-[:OF]->(i:Incident)-[x:EXPLAINED_BY]->(c:Entity)"
        " MATCH (i)-[h:HITS]->(v:Entity)"
        " RETURN p.state AS state, i.title AS title, x.mode AS mode, x.posterior AS posterior,"
        " c.name AS cause, v.name AS victim, h.probability AS hit",
    )
    assert found == {
        "state": "proposed",
        "title": "pool full",
        "mode": "full",
        "posterior": 0.97,
        "cause": "pool",
        "victim": "v1",
        "hit": 0.9,
    }
    store.save_incident(incident({}))  # nothing is blamed any longer
    store.save_plan(plan(PlanState.DONE))
    left = one(
        neo4j_server,
        "MATCH (i:Incident) RETURN COUNT { (i)-[:EXPLAINED_BY|HITS]->() } AS blamed,"
        " COUNT { (:Plan {state: 'done'})-[:OF]->(i) } AS plans",
    )
    assert left == {"blamed": 0, "plans": 1}


def test_check_reports_broken_promises(store: GraphStore, neo4j_server: Served) -> None:
    runs = RelationRecord("v1", "RUNS_ON", "h1")
    (host, _) = sync(store, Record("h1", "Host"), Record("v1", "VirtualMachine"), runs)
    assert store.check() == []
    neo4j_server.ask("MATCH (r:_KgRecord {key: 'h1'}) SET r.live = false")
    neo4j_server.ask("MATCH (a:Host), (b:VirtualMachine) CREATE (a)-[:LIKES]->(b)")
    told = store.check()
    assert f"entity {host} is open without a live record" in told
    assert any("disagrees with its records" in line for line in told)
    assert "relations of type LIKES are not ours" in told


def test_the_likeliest_cause_of_an_open_incident_is_labelled_until_it_is_over(
    store: GraphStore, neo4j_server: Served
) -> None:
    sync(store, Record("h1", "Host"), Record("pool", "StoragePool"))
    uid = {entity.name: entity.uid for entity in store.find()}

    def save(cause: str, status: IncidentStatus = IncidentStatus.OPEN, **more: object) -> None:
        rows = [(cause, "full", 0.8), ("h1", "down", 0.1), ("h1", "slow", 0.001)]
        told = {
            "causes": [],
            "hypotheses": [
                {"members": [{"entity": uid[name], "mode": mode}], "posterior": posterior}
                for name, mode, posterior in rows
            ],
            **more,
        }
        record = IncidentRecord("INC-1", status, T0, T0, "full", "{}", json.dumps(told))
        store.save_incident(record)

    def blamed() -> list[str]:
        rows = neo4j_server.ask("MATCH (e:Cause) RETURN e.name AS name ORDER BY name")
        return [row["name"] for row in rows]

    save("pool")
    assert blamed() == ["pool"]
    rows = neo4j_server.ask(
        "MATCH (:Incident)-[:HAS_HYPOTHESIS]->(h)-[b:BLAMES]->(e)"
        " RETURN h.rank AS rank, h.posterior AS posterior, b.mode AS mode, e.name AS name"
        " ORDER BY rank"
    )
    assert [tuple(row.values()) for row in rows] == [
        (1, 0.8, "full", "pool"),
        (2, 0.1, "down", "h1"),
    ]
    save("h1")
    assert blamed() == ["h1"]
    save("h1", abstained=True)
    assert blamed() == []
    save("pool")
    save("pool", IncidentStatus.RESOLVED)
    assert blamed() == []
    assert [(e.kind, e.name) for e in store.find()] == [("Host", "h1"), ("StoragePool", "pool")]
    assert store.check() == []
