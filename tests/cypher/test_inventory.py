"""What there is, asked on the real server."""

from __future__ import annotations

import pytest

from tests.cypher.conftest import T0, Ask

pytestmark = pytest.mark.neo4j


def test_entities_are_counted_by_kind(ask: Ask) -> None:
    counts = {row["kind"]: row["entities"] for row in ask("inventory/count_by_kind")}
    assert counts == {
        "Database": 1,
        "Host": 2,
        "PowerFeed": 2,
        "Probe": 1,
        "Rack": 2,
        "Service": 1,
        "StoragePool": 1,
        "Switch": 2,
        "VirtualMachine": 3,
    }


def test_entities_of_a_kind_come_with_who_answers_for_them(ask: Ask) -> None:
    rows = ask("inventory/entities_of_kind", kind="Host")
    assert [(row["name"], row["owner"], row["validFrom"]) for row in rows] == [
        ("h1", "ops", T0),
        ("h2", "ops", T0),
    ]
    assert ask("inventory/entities_of_kind", kind="Bmc") == []
    assert [row["owner"] for row in ask("inventory/entities_of_kind", kind="Database")] == [None]


def test_owners_come_with_what_they_answer_for_and_nobody_last(ask: Ask) -> None:
    rows = [tuple(row.values()) for row in ask("inventory/entities_by_owner")]
    assert rows[:2] == [("ops", "Host", 2), ("team-shop", "Service", 1)]
    assert {row[0] for row in rows[2:]} == {None}


def test_guests_are_listed_by_host(ask: Ask) -> None:
    rows = [(r["host"], r["guests"], r["names"]) for r in ask("inventory/guests_by_host")]
    assert rows == [("h1", 1, ["web-1"]), ("h2", 1, ["web-2"])]


def test_a_part_of_a_name_finds_entities_of_any_kind(ask: Ask) -> None:
    rows = ask("inventory/named_like", text="WEB")
    assert [(row["kind"], row["name"]) for row in rows] == [
        ("VirtualMachine", "web-1"),
        ("VirtualMachine", "web-2"),
    ]


def test_relations_are_counted_by_who_tells_of_them(ask: Ask) -> None:
    rows = [tuple(row.values()) for row in ask("inventory/relations_by_source")]
    assert rows == [
        ("cmdb", "CONNECTED_TO", 2),
        ("cmdb", "POWERED_BY", 2),
        ("cmdb", "RUNS_ON", 6),
        ("cmdb", "STORED_ON", 2),
        ("cmdb", "WATCHED_BY", 1),
    ]
