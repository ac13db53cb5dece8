"""Who is hit and who is needed, asked on the real server."""

from __future__ import annotations

import pytest

from tests.cypher.conftest import Ask

pytestmark = pytest.mark.neo4j
Uids = dict[str, str]


def test_the_blast_radius_follows_open_relations_to_all_dependents(ask: Ask, uid: Uids) -> None:
    def hit(name: str) -> list[tuple[str, int]]:
        rows = ask("impact/blast_radius", uid=uid[name])
        return [(row["name"], row["hops"]) for row in rows]

    assert hit("pool") == [("web-1", 1), ("web-2", 1), ("db", 2), ("shop", 2)]
    assert hit("h1") == [("db", 1), ("web-1", 1), ("shop", 2)]  # web-2 has left
    assert hit("feed-a") == [("h1", 1), ("db", 2), ("web-1", 2), ("shop", 3)]


def test_dependencies_are_the_other_way_round(ask: Ask, uid: Uids) -> None:
    rows = ask("impact/dependencies", uid=uid["web-1"])
    assert [(row["name"], row["hops"]) for row in rows] == [
        ("h1", 1),
        ("pool", 1),
        ("feed-a", 2),
        ("feed-b", 2),
    ]


def test_the_shortest_paths_from_a_dependent_to_what_it_needs(ask: Ask, uid: Uids) -> None:
    rows = ask("impact/dependency_path", dependent=uid["shop"], dependency=uid["pool"])
    # The order is by uid, which says nothing to a person.
    assert sorted((row["hops"], row["uids"], row["relations"]) for row in rows) == [
        (2, ["shop", "web-1", "pool"], ["RUNS_ON", "STORED_ON"]),
        (2, ["shop", "web-2", "pool"], ["RUNS_ON", "STORED_ON"]),
    ]
    assert ask("impact/dependency_path", dependent=uid["pool"], dependency=uid["shop"]) == []


def test_the_hit_are_counted_by_kind_the_most_first(ask: Ask, uid: Uids) -> None:
    rows = [tuple(row.values()) for row in ask("impact/hit_by_kind", uid=uid["pool"])]
    assert rows == [("VirtualMachine", 2, 1), ("Database", 1, 2), ("Service", 1, 2)]


def test_software_at_risk_comes_with_whom_to_tell(ask: Ask, uid: Uids) -> None:
    rows = ask("impact/services_at_risk", uid=uid["h1"])
    assert [(row["kind"], row["name"], row["owner"], row["hops"]) for row in rows] == [
        ("Database", "db", None, 1),
        ("Service", "shop", "team-shop", 2),
    ]


def test_groups_tell_what_they_can_lose(ask: Ask, uid: Uids) -> None:
    assert [tuple(row.values()) for row in ask("impact/groups_of", uid=uid["shop"])] == [
        ("copies", "cmdb", "RUNS_ON", 1, ["web-1", "web-2"], 1)
    ]
    (row,) = ask("impact/groups_of", uid=uid["h1"])
    assert (row["need"], row["spare"]) == (2, 0)
    assert ask("impact/groups_of", uid=uid["pool"]) == []
