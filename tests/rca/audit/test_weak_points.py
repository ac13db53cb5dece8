"""Weak points of an estate, and what hides behind redundancy."""

from __future__ import annotations

from collections.abc import Callable

from kgraph.schema import Incident
from kgraph.topology import build
from rca.audit.weak_points import WeakPoints, weak_points

Read = Callable[[str], Incident]
PAIRS = """
    Service: shop mail
    VirtualMachine: v1 v2 m
    Host: h1 h2
    PowerFeed: a b ups
    shop RUNS_ON v1 v2 / copies 1
    mail RUNS_ON m
    v1 RUNS_ON h1
    v2 m RUNS_ON h2
    h1 h2 POWERED_BY a b / feeds 1
"""


def _found(incident: Incident, size: int = 2, *, calls: bool = True) -> WeakPoints:
    topology = build(incident.entities, incident.relations)
    asked = [entity.uid for entity in incident.entities if entity.kind == "Service"]
    return weak_points(topology, asked, size=size, calls=calls)


def _cuts(found: WeakPoints) -> dict[tuple[str, ...], tuple[str, ...]]:
    return {row.members: row.hits for row in found.points}


def test_pairs_and_single_points_are_found_with_what_they_stop(incident: Read) -> None:
    found = _cuts(_found(incident(PAIRS)))
    assert found[("a", "b")] == ("mail", "shop")
    assert found[("h2",)] == ("mail",)
    assert found[("h1", "h2")] == ("shop",)
    assert ("h1",) not in found
    assert ("a",) not in found


def test_what_stops_most_comes_first_and_of_equals_the_smaller_set(incident: Read) -> None:
    points = _found(incident(PAIRS)).points
    assert points[0].members == ("a", "b")
    assert [len(row.members) for row in points[1:3]] == [1, 1]
    hits = [len(row.hits) for row in points]
    assert hits == sorted(hits, reverse=True)


def test_two_redundant_feeds_on_one_supply_have_a_hidden_shared_cause(incident: Read) -> None:
    assert _found(incident(PAIRS)).shared == ()
    (shared,) = _found(incident(f"{PAIRS}\n a b POWERED_BY ups")).shared
    assert shared.entity == "ups"
    assert shared.hits == ("mail", "shop")
    assert set(shared.groups) == {
        ("h1", "POWERED_BY", ("a", "b")),
        ("h2", "POWERED_BY", ("a", "b")),
        ("shop", "RUNS_ON", ("v1", "v2")),
    }


def test_copies_on_one_host_hide_a_single_point(incident: Read) -> None:
    found = _found(
        incident("""
        Service: s
        VirtualMachine: v1 v2
        Host: h
        s RUNS_ON v1 v2 / copies 1
        v1 v2 RUNS_ON h
    """)
    )
    assert _cuts(found) == {("h",): ("s",), ("v1", "v2"): ("s",)}
    assert [row.entity for row in found.shared] == ["h"]


def test_calls_count_unless_they_are_left_out(incident: Read) -> None:
    told = incident("""
        Service: front
        Database: db
        front CALLS db
    """)
    assert _cuts(_found(told)) == {("db",): ("front",)}
    assert _cuts(_found(told, calls=False)) == {}


def test_services_that_call_each_other_are_weak_points_of_each_other(incident: Read) -> None:
    told = incident("""
        Service: a b
        Host: h
        a CALLS b
        b CALLS a
        b RUNS_ON h
    """)
    assert _cuts(_found(told)) == {("h",): ("a", "b"), ("a",): ("b",), ("b",): ("a",)}


def test_three_together_are_found_where_they_are_asked_for(incident: Read) -> None:
    told = incident("""
        Service: s
        VirtualMachine: v[1-3]
        s RUNS_ON v* / copies 1
    """)
    assert _cuts(_found(told)) == {}
    assert _cuts(_found(told, size=3)) == {("v1", "v2", "v3"): ("s",)}
