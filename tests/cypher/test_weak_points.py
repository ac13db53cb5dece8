"""What may be lost once, and what may not, asked on the real server."""

from __future__ import annotations

import pytest

from cypher import queries
from kgraph.store import GraphStore
from tests.cypher.conftest import Ask
from tests.neo4j.served import Served

pytestmark = pytest.mark.neo4j


def test_single_points_of_failure_are_those_that_no_group_can_spare(ask: Ask) -> None:
    rows = ask("weak_points/single_points_of_failure")
    assert [(row["name"], row["dependents"]) for row in rows] == [
        ("pool", 2),
        ("h1", 1),
        ("h2", 1),
        ("feed-a", 1),
        ("feed-b", 1),
        ("sw-1", 1),
        ("sw-2", 1),
    ]


def test_a_group_that_needs_all_its_members_has_no_spare(ask: Ask) -> None:
    rows = ask("weak_points/groups_without_spare")
    assert [(row["name"], row["group"], row["need"], row["members"]) for row in rows] == [
        ("h1", "psu", 2, 2)
    ]


def test_alternatives_that_share_what_they_need_are_none(ask: Ask) -> None:
    rows = ask("weak_points/hidden_shared_causes")
    told = [(row["dependent"], row["group"], row["sharedName"], row["hops"]) for row in rows]
    # The database's two nodes are a guest and its own host: only the feeds are behind both.
    assert told == [
        ("db", "nodes", "feed-a", 2),
        ("db", "nodes", "feed-b", 2),
        ("shop", "copies", "pool", 1),
    ]


def test_the_server_looks_for_a_shared_cause_without_going_every_way(
    store: GraphStore, neo4j_database: Served
) -> None:
    """The length of the shortest one is enough: that takes half of the time."""
    assert store.find()
    text = f"EXPLAIN {queries()['weak_points/hidden_shared_causes'].text}"
    steps = neo4j_database.planned(text)
    assert [step for step in steps if step.startswith("VarLengthExpand(Pruning,BFS")]


def test_what_most_depend_on_comes_first_and_no_more_than_asked(ask: Ask) -> None:
    rows = ask("weak_points/most_depended_on", limit=3)
    assert [(row["name"], row["dependents"]) for row in rows] == [
        ("feed-a", 4),
        ("feed-b", 4),
        ("pool", 4),
    ]


def test_copies_that_all_run_on_one_host_are_found_by_any_way(ask: Ask) -> None:
    rows = ask("weak_points/services_on_one_host")
    assert [(row["name"], row["copies"], row["host"]) for row in rows] == [("db", 2, "h1")]
