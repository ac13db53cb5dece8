"""Every shipped query on the real server, on an estate whose answers are known."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cypher import queries
from kgraph.schema import IncidentRecord, IncidentStatus, Item, Record, RelationRecord
from kgraph.store import GraphStore, open_store
from tests.neo4j.served import Served

pytestmark = pytest.mark.neo4j
T0 = datetime(2026, 1, 1, tzinfo=UTC)
LATER = T0 + timedelta(hours=1)
Ask = Callable[..., list[dict[str, Any]]]


def estate(host: str) -> list[Item]:
    """Two guests on one pool; a shop that needs one of them; two feeds for one host."""
    names = {
        "Host": ["h1", "h2"],
        "VirtualMachine": ["web-1", "web-2"],
        "StoragePool": ["pool"],
        "Service": ["shop"],
        "PowerFeed": ["feed-a", "feed-b"],
        "Rack": ["lonely"],
    }
    records = [Record(key, kind) for kind, keys in names.items() for key in keys]
    return [
        *records,
        RelationRecord("web-1", "RUNS_ON", "h1"),
        RelationRecord("web-2", "RUNS_ON", host),
        RelationRecord("web-1", "STORED_ON", "pool"),
        RelationRecord("web-2", "STORED_ON", "pool"),
        RelationRecord("shop", "RUNS_ON", "web-1", "copies", 1),
        RelationRecord("shop", "RUNS_ON", "web-2", "copies", 1),
        RelationRecord("h1", "POWERED_BY", "feed-a", "psu", 2),
        RelationRecord("h1", "POWERED_BY", "feed-b", "psu", 2),
    ]


@pytest.fixture
def store(neo4j_database: Served) -> Iterator[GraphStore]:
    """The estate, in which web-2 has moved from h1 to h2."""
    with closing(open_store(neo4j_database.target)) as opened:
        for at, host in ((T0, "h1"), (LATER, "h2")):
            with opened.sync("cmdb", "", complete=True, at=at) as run:
                run.stage(estate(host))
                run.commit()
        yield opened


@pytest.fixture
def uid(store: GraphStore) -> dict[str, str]:
    return {entity.name: entity.uid for entity in store.find()}


@pytest.fixture
def ask(uid: dict[str, str], neo4j_database: Served) -> Ask:
    """Run a query by its name; uids in the answer are turned into names."""
    names = {value: key for key, value in uid.items()}

    def named(value: object) -> object:
        if isinstance(value, list):
            return [named(each) for each in value]
        return names.get(value, value) if isinstance(value, str) else value

    def run(name: str, **parameters: object) -> list[dict[str, Any]]:
        query = queries()[name]
        rows = neo4j_database.ask(query.text, **parameters)
        assert all(list(row) == [column.name for column in query.returns] for row in rows)
        return [{key: named(value) for key, value in row.items()} for row in rows]

    return run


def test_the_uid_is_unique_and_asking_for_it_again_is_harmless(
    ask: Ask, neo4j_database: Served
) -> None:
    assert ask("schema/unique_uid") == []
    with pytest.raises(Exception, match="already exists"):
        neo4j_database.ask("MATCH (e:Entity) WITH e LIMIT 1 CREATE (:Entity {uid: e.uid})")


def test_entities_are_counted_by_kind(ask: Ask) -> None:
    counts = {row["kind"]: row["entities"] for row in ask("inventory/count_by_kind")}
    assert counts == {
        "Host": 2,
        "PowerFeed": 2,
        "Rack": 1,
        "Service": 1,
        "StoragePool": 1,
        "VirtualMachine": 2,
    }


def test_the_blast_radius_follows_open_relations_to_all_dependents(
    ask: Ask, uid: dict[str, str]
) -> None:
    def hit(name: str) -> list[tuple[str, int]]:
        rows = ask("impact/blast_radius", uid=uid[name])
        return [(row["name"], row["hops"]) for row in rows]

    assert hit("pool") == [("web-1", 1), ("web-2", 1), ("shop", 2)]
    assert hit("h1") == [("web-1", 1), ("shop", 2)]  # web-2 has left
    assert hit("feed-a") == [("h1", 1), ("web-1", 2), ("shop", 3)]


def test_the_shortest_paths_from_a_dependent_to_what_it_needs(
    ask: Ask, uid: dict[str, str]
) -> None:
    rows = ask("impact/dependency_path", dependent=uid["shop"], dependency=uid["pool"])
    # The order is by uid, which says nothing to a person.
    assert sorted((row["hops"], row["uids"], row["relations"]) for row in rows) == [
        (2, ["shop", "web-1", "pool"], ["RUNS_ON", "STORED_ON"]),
        (2, ["shop", "web-2", "pool"], ["RUNS_ON", "STORED_ON"]),
    ]
    assert ask("impact/dependency_path", dependent=uid["pool"], dependency=uid["shop"]) == []


def test_what_troubled_entities_have_in_common_comes_nearest_first(
    ask: Ask, uid: dict[str, str]
) -> None:
    rows = ask("incident/shared_dependencies", uids=[uid["web-1"], uid["web-2"]])
    assert [(row["name"], row["troubled"], row["hops"]) for row in rows] == [("pool", 2, 1)]


def test_the_newest_incident_is_drawn_with_its_likeliest_cause_and_its_victims(
    ask: Ask, store: GraphStore, uid: dict[str, str]
) -> None:
    assert ask("incident/cause_and_victims") == []
    for n, cause in enumerate(("h1", "pool")):
        answer = {
            "causes": [
                {"entity": uid[cause], "mode": "full", "posterior": 0.9},
                {"entity": uid["h2"], "mode": "down", "posterior": 0.1},
            ],
            "blastRadius": {
                "now": [
                    {"entity": uid[name], "mode": "down", "probability": 0.9, "hops": 1}
                    for name in ("web-1", "shop")
                ]
            },
        }
        at = T0 + timedelta(minutes=n)
        told = json.dumps(answer)
        store.save_incident(
            IncidentRecord(f"INC-{n}", IncidentStatus.OPEN, at, at, "full", "{}", told)
        )
    rows = ask("incident/cause_and_victims")
    assert {(row["incident"]["id"], row["cause"]["name"]) for row in rows} == {("INC-1", "pool")}
    # A path comes as its nodes with the types between them.
    paths = {row["victim"]["name"]: row["path"][1::2] for row in rows}
    assert paths == {"web-1": ["STORED_ON"], "shop": ["RUNS_ON", "STORED_ON"]}


def test_single_points_of_failure_are_those_that_no_group_can_spare(ask: Ask) -> None:
    rows = ask("hygiene/single_points_of_failure")
    assert [(row["name"], row["dependents"]) for row in rows] == [
        ("pool", 2),
        ("h1", 1),
        ("h2", 1),
        ("feed-a", 1),
        ("feed-b", 1),
    ]


def test_an_orphan_has_no_open_relation(ask: Ask) -> None:
    assert [row["name"] for row in ask("hygiene/orphans")] == ["lonely"]


def test_history_tells_what_was_opened_and_closed_in_a_span_of_time(ask: Ask) -> None:
    rows = ask("history/relation_changes", since=LATER, until=LATER + timedelta(minutes=1))
    told = {(r["change"], r["dependent"], r["type"], r["dependency"]) for r in rows}
    assert told == {("opened", "web-2", "RUNS_ON", "h2"), ("closed", "web-2", "RUNS_ON", "h1")}
    assert {row["at"].to_native() for row in rows} == {LATER}
    first = ask("history/relation_changes", since=T0, until=LATER)
    assert [row["change"] for row in first] == ["opened"] * 8


def test_no_shipped_query_is_left_out_here() -> None:
    assert set(queries()) == {
        "history/relation_changes",
        "hygiene/orphans",
        "hygiene/single_points_of_failure",
        "impact/blast_radius",
        "impact/dependency_path",
        "incident/cause_and_victims",
        "incident/shared_dependencies",
        "inventory/count_by_kind",
        "schema/unique_uid",
    }
