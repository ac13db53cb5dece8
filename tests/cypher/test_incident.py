"""Incidents and what is behind them, asked on the real server."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.cypher.conftest import LATER, Ask
from tests.neo4j.served import Served

pytestmark = pytest.mark.neo4j
Uids = dict[str, str]
OPENED = LATER + timedelta(minutes=11)


def test_what_troubled_entities_have_in_common_comes_nearest_first(ask: Ask, uid: Uids) -> None:
    rows = ask("incident/shared_dependencies", uids=[uid["web-1"], uid["web-2"]])
    assert [(row["name"], row["troubled"], row["hops"]) for row in rows] == [("pool", 2, 1)]


def test_without_an_incident_nothing_is_drawn(ask: Ask) -> None:
    assert ask("incident/cause_and_victims") == []
    assert ask("incident/open_incidents") == []


@pytest.mark.usefixtures("incidents")
def test_the_newest_incident_is_drawn_with_its_likeliest_cause_and_its_victims(ask: Ask) -> None:
    rows = ask("incident/cause_and_victims")
    assert {(row["incident"]["id"], row["cause"]["name"]) for row in rows} == {("INC-1", "pool")}
    # A path comes as its nodes with the types between them.
    paths = {row["victim"]["name"]: row["path"][1::2] for row in rows}
    assert paths == {"web-2": ["STORED_ON"], "shop": ["RUNS_ON", "STORED_ON"]}


@pytest.mark.usefixtures("incidents")
def test_open_incidents_name_what_is_blamed_and_how_many_are_hit(ask: Ask) -> None:
    assert [tuple(row.values()) for row in ask("incident/open_incidents")] == [
        ("INC-1", "full", OPENED, 0.9, ["StoragePool pool"], 2)
    ]


@pytest.mark.usefixtures("incidents")
def test_an_entity_is_found_in_the_incidents_that_blame_or_hit_it(ask: Ask, uid: Uids) -> None:
    rows = ask("incident/incidents_of", uid=uid["pool"])
    assert [(row["id"], row["status"], row["part"], row["mode"]) for row in rows] == [
        ("INC-1", "open", "blamed", "full"),
        ("INC-0", "closed", "blamed", "full"),
    ]
    assert {row["part"] for row in ask("incident/incidents_of", uid=uid["shop"])} == {"hit"}


@pytest.mark.usefixtures("incidents")
def test_what_is_blamed_again_and_again_is_counted(ask: Ask) -> None:
    rows = ask("incident/recurring_causes")
    assert [(r["name"], r["mode"], r["incidents"], r["last"]) for r in rows] == [
        ("pool", "full", 2, OPENED)
    ]


@pytest.mark.usefixtures("incidents")
def test_changes_just_before_an_incident_on_the_way_of_who_is_hit_are_suspects(ask: Ask) -> None:
    rows = ask("incident/suspect_changes", incident="INC-1", minutes=30)
    told = {(r["change"], r["dependent"], r["type"], r["dependency"], r["hops"]) for r in rows}
    assert told == {
        ("closed", "web-2", "RUNS_ON", "h1", 0),
        ("opened", "web-2", "RUNS_ON", "h2", 0),
    }
    assert ask("incident/suspect_changes", incident="INC-1", minutes=5) == []


@pytest.mark.usefixtures("incidents")
def test_plans_are_found_by_their_incident(ask: Ask) -> None:
    (row,) = ask("incident/plans_of", incident="INC-1")
    assert (row["id"], row["state"], row["because"]) == ("P-1", "proposed", "it is full")
    assert ask("incident/plans_of", incident="INC-0") == []


def _of_the_readme() -> list[str]:
    text = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    block = text.partition("```cypher\n")[2].partition("```")[0]
    return [part for part in block.split("\n\n") if part.strip()]


@pytest.mark.usefixtures("incidents")
def test_the_three_queries_of_the_readme_find_what_they_are_for(neo4j_database: Served) -> None:
    shared, recurring, dependents = (
        [tuple(row.values()) for row in neo4j_database.ask(text)] for text in _of_the_readme()
    )
    assert shared == [("shop", "StoragePool", "pool")]
    assert recurring == [("StoragePool", "pool", 2)]
    assert {name for _, name in dependents} == {"web-1", "web-2", "shop", "db"}
