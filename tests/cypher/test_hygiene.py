"""What in the graph looks wrong, asked on the real server."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kgraph.schema import RelationRecord
from kgraph.store import GraphStore
from tests.cypher.conftest import LATER, T0, Ask

pytestmark = pytest.mark.neo4j


def test_an_orphan_has_no_open_relation(ask: Ask) -> None:
    assert [(row["kind"], row["name"]) for row in ask("hygiene/orphans")] == [
        ("Rack", "lonely"),
        ("Rack", "lonely"),
        ("VirtualMachine", "stray"),
    ]


def test_what_nothing_looks_at_is_told_the_most_needed_first(ask: Ask) -> None:
    rows = [(row["name"], row["dependents"]) for row in ask("hygiene/unwatched")]
    assert rows[0] == ("h1", 2)
    names = {name for name, _ in rows}
    assert "web-1" not in names  # a signal is looked at
    assert "pool" not in names  # a probe watches it
    assert "exporter" not in names  # it is a probe
    assert {"web-2", "lonely", "stray"} <= names


def test_one_name_of_two_things_of_a_kind_is_told(ask: Ask) -> None:
    rows = ask("hygiene/shared_names")
    assert [(row["kind"], row["name"], len(row["uids"])) for row in rows] == [
        ("Rack", "lonely", 2)
    ]


def test_a_guest_of_which_two_sources_tell_two_hosts_is_told(
    ask: Ask, store: GraphStore, uid: dict[str, str]
) -> None:
    assert ask("hygiene/in_two_places") == []
    with store.sync("old", "", complete=True, at=LATER) as run:
        run.stage([RelationRecord(uid["web-2"], "RUNS_ON", uid["h1"])])
        run.commit()
    (row,) = ask("hygiene/in_two_places")
    assert row["name"] == "web-2"
    assert (row["type"], row["places"], row["sources"]) == (
        "RUNS_ON",
        ["h1", "h2"],
        ["cmdb", "old"],
    )


def test_guests_of_which_nobody_says_where_they_are(ask: Ask) -> None:
    rows = ask("hygiene/guests_without_host")
    assert [(row["name"], row["missing"]) for row in rows] == [("stray", ["RUNS_ON", "STORED_ON"])]


def test_a_circle_is_told_once(ask: Ask) -> None:
    rows = ask("hygiene/dependency_cycles")
    assert [(sorted(row["names"]), row["hops"]) for row in rows] == [(["sw-1", "sw-2"], 2)]


def test_a_relation_whose_end_is_unknown_waits(ask: Ask) -> None:
    assert [tuple(row.values()) for row in ask("hygiene/waiting_relations")] == [
        ("notes", "wiki", "h1", "USES", "nowhere")
    ]


def test_what_was_not_read_for_long_is_told(ask: Ask) -> None:
    soon = LATER + timedelta(seconds=1)
    rows = ask("hygiene/stale_readings", before=soon)
    assert [(row["source"], row["scope"], row["readAt"], row["records"]) for row in rows] == [
        ("cmdb", "", LATER, 14),
        ("notes", "wiki", LATER, 1),
    ]
    assert ask("hygiene/stale_readings", before=T0) == []
