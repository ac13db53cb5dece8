"""Minimal cut sets, held to breaking every set of things and looking who stops."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgraph.schema import Entity, Incident, Relation
from kgraph.topology import Topology, build
from rca.audit import cuts
from rca.audit.cuts import CutSets, minimal
from rca.audit.weak_points import CALLS, FIRM

ALL = FIRM | CALLS


def _topology(relations: list[Relation], count: int) -> Topology:
    return build([Entity(str(i), "Thing", str(i)) for i in range(count)], relations)


def _stopped(topology: Topology, broken: frozenset[int]) -> set[int]:
    """Break some things; return everything that stops. Nothing stops because of itself."""
    down = set(broken)
    while True:
        more = {
            entity
            for entity in range(len(topology))
            if entity not in down
            for gate in topology.gates(entity)
            if len(set(topology.members(gate)) - down) < int(topology.need[gate])
        }
        if not more:
            return down
        down |= more


def _by_force(topology: Topology, entity: int, size: int) -> set[frozenset[int]]:
    found: set[frozenset[int]] = set()
    for count in range(1, size + 1):
        for some in map(frozenset, combinations(range(len(topology)), count)):
            if not any(cut <= some for cut in found) and entity in _stopped(topology, some):
                found.add(some)
    return found


@st.composite
def _graphs(draw: st.DrawFn) -> tuple[Topology, bool]:
    count = draw(st.integers(2, 8))
    cyclic = draw(st.booleans())
    relations = []
    for owner in range(count):
        below = range(count) if cyclic else range(owner + 1, count)
        others = [other for other in below if other != owner]
        if not others:
            continue
        alone = draw(st.lists(st.sampled_from(others), max_size=2, unique=True))
        relations += [Relation(str(owner), "DEPENDS_ON", str(other)) for other in alone]
        members = draw(st.lists(st.sampled_from(others), max_size=4, unique=True))
        if members:
            need = draw(st.integers(1, len(members)))
            relations += [Relation(str(owner), "USES", str(other), "g", need) for other in members]
    return _topology(relations, count), cyclic


@given(_graphs(), st.integers(1, 3))
@settings(deadline=None)
def test_cut_sets_are_exactly_the_smallest_sets_whose_breaking_stops_an_entity(
    graph: tuple[Topology, bool], size: int
) -> None:
    topology, _ = graph
    found = CutSets(topology, range(len(topology)), ALL, size)
    for entity in range(len(topology)):
        assert set(found[entity]) == _by_force(topology, entity, size)


def test_only_what_is_needed_of_those_asked_about_is_followed() -> None:
    relations = [Relation("0", "USES", "1"), Relation("2", "USES", "3")]
    assert set(CutSets(_topology(relations, 4), [0], ALL, 2)) == {0, 1}


def test_relations_that_carry_no_failure_cut_nothing() -> None:
    relations = [Relation("0", "LOCATED_IN", "1"), Relation("0", "CALLS", "2")]
    topology = _topology(relations, 3)
    assert set(CutSets(topology, [0], FIRM, 2)[0]) == {frozenset({0})}
    assert set(CutSets(topology, [0], ALL, 2)[0]) == {frozenset({0}), frozenset({2})}


def test_a_large_group_is_no_large_search(incident: Callable[[str], Incident]) -> None:
    told = incident("""
        Service: s
        VirtualMachine: v[0-199]
        Host: h[0-9]
        s RUNS_ON v* / copies 150
        v[0-99] RUNS_ON h0
        v[100-199] RUNS_ON h1
    """)
    topology = build(told.entities, told.relations)
    service = topology.index["s"]
    names = {
        tuple(sorted(topology.uids[entity] for entity in cut))
        for cut in CutSets(topology, [service], ALL, 3)[service]
    }
    assert names == {("s",), ("h0",), ("h1",)}


def test_too_many_sets_are_cut_off_and_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuts, "MOST", 5)
    relations = [Relation("0", "USES", str(i)) for i in range(1, 10)]
    found = CutSets(_topology(relations, 10), [0], ALL, 2)
    assert len(found[0]) == 5
    assert found.shortened == {0}


def test_a_set_that_holds_a_smaller_one_is_not_minimal() -> None:
    given_ = [frozenset({1}), frozenset({1, 2}), frozenset({2, 3}), frozenset({2, 3, 4})]
    assert minimal(given_) == {frozenset({1}), frozenset({2, 3})}
