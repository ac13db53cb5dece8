from __future__ import annotations

from random import Random

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgraph.schema import Entity, Relation
from kgraph.topology import Topology, build
from tests.kgraph.topology.estates import Graph, graphs, rows


def _build(ids: str, *relations: Relation) -> Topology:
    return build([Entity(uid, "Host") for uid in ids.split()], relations)


def test_each_ungrouped_relation_is_a_gate_that_needs_its_one_member() -> None:
    topology = _build("h a b", Relation("h", "USES", "a"), Relation("h", "USES", "b"))
    assert rows(topology) == {
        ("h", "USES", 1, frozenset("a")),
        ("h", "USES", 1, frozenset("b")),
    }


def test_kinds_are_numbered_in_the_order_of_their_names() -> None:
    kinds = ["Switch", "Host", "Switch", "Disk"]
    topology = build([Entity(f"e{i}", kind) for i, kind in enumerate(kinds)], [])
    assert [topology.kind_names[code] for code in topology.kind_code] == kinds
    assert topology.kind_names == ("Disk", "Host", "Switch")


def test_a_group_is_one_gate_with_its_need() -> None:
    topology = _build("h a b c", *[Relation("h", "POWERED_BY", m, "psu", 2) for m in "abc"])
    assert rows(topology) == {("h", "POWERED_BY", 2, frozenset("abc"))}


def test_a_group_without_a_need_needs_one() -> None:
    topology = _build("h a b", *[Relation("h", "POWERED_BY", m, "psu") for m in "ab"])
    assert rows(topology) == {("h", "POWERED_BY", 1, frozenset("ab"))}


def test_the_same_group_name_of_two_dependents_makes_two_gates() -> None:
    topology = _build(
        "h g a b", *[Relation(d, "POWERED_BY", m, "psu", 1) for d in "hg" for m in "ab"]
    )
    assert rows(topology) == {
        ("h", "POWERED_BY", 1, frozenset("ab")),
        ("g", "POWERED_BY", 1, frozenset("ab")),
    }


def test_a_need_above_the_members_is_capped_and_told() -> None:
    topology = _build("h a b", *[Relation("h", "POWERED_BY", m, "psu", 5) for m in "ab"])
    assert rows(topology) == {("h", "POWERED_BY", 2, frozenset("ab"))}
    assert topology.capped == (("h", "group 'psu' needs 5 of 2 members: counted as 2"),)


def test_a_need_that_can_be_met_is_not_reported() -> None:
    assert _build("h a", Relation("h", "USES", "a", "g", 1)).capped == ()


def test_a_relation_told_twice_is_one() -> None:
    topology = _build("h a", Relation("h", "USES", "a"), Relation("h", "USES", "a"))
    assert len(topology.type) == 1
    assert topology.members(0) == [1]


def test_the_same_member_set_from_two_sources_is_one_gate() -> None:
    topology = _build(
        "h a b",
        *[Relation("h", "POWERED_BY", m, "psu", 1, source="cmdb") for m in "ab"],
        *[Relation("h", "POWERED_BY", m, "feeds", 1, source="dcim") for m in "ba"],
    )
    assert rows(topology) == {("h", "POWERED_BY", 1, frozenset("ab"))}


def test_the_same_group_name_from_two_sources_does_not_mix_their_members() -> None:
    topology = _build(
        "h a b c d",
        *[Relation("h", "USES", m, "g", 1, source="one") for m in "ab"],
        *[Relation("h", "USES", m, "g", 1, source="two") for m in "cd"],
    )
    assert rows(topology) == {
        ("h", "USES", 1, frozenset("ab")),
        ("h", "USES", 1, frozenset("cd")),
    }


def test_a_second_sources_plain_link_does_not_override_redundancy() -> None:
    topology = _build(
        "h a b",
        *[Relation("h", "POWERED_BY", m, "psu", 1, source="dcim") for m in "ab"],
        Relation("h", "POWERED_BY", "a", source="cmdb"),
    )
    assert rows(topology) == {("h", "POWERED_BY", 1, frozenset("ab"))}


def test_a_plain_link_of_another_type_is_a_need_of_its_own() -> None:
    topology = _build(
        "h a b",
        *[Relation("h", "POWERED_BY", m, "psu", 1) for m in "ab"],
        Relation("h", "CONNECTED_TO", "a"),
    )
    assert ("h", "CONNECTED_TO", 1, frozenset("a")) in rows(topology)


def test_two_types_in_one_group_are_one_gate() -> None:
    topology = _build(
        "h a b", Relation("h", "USES", "a", "g"), Relation("h", "STORED_ON", "b", "g")
    )
    assert {(row[0], row[2], row[3]) for row in rows(topology)} == {("h", 1, frozenset("ab"))}


def test_self_relations_and_strangers_are_left_out() -> None:
    topology = _build("h", Relation("h", "USES", "h"), Relation("h", "USES", "nobody"))
    assert len(topology.type) == 0
    assert list(topology.gates(0)) == []


def test_an_empty_estate_has_empty_arrays() -> None:
    topology = _build("")
    assert len(topology) == 0
    assert topology.gate_start.tolist() == [0]


def _random_relations(seed: int) -> tuple[list[Entity], list[Relation]]:
    rng = np.random.default_rng(seed)
    ids = [f"e{i}" for i in range(int(rng.integers(1, 12)))]
    relations = []
    for _ in range(int(rng.integers(0, 40))):
        a, b = rng.choice(ids, 2).tolist()
        group = [None, "g1", "g2"][int(rng.integers(0, 3))]
        need = int(rng.integers(1, 4)) if group else None
        type_ = ("USES", "RUNS_ON")[int(rng.integers(0, 2))]
        relations.append(Relation(a, type_, b, group, need, source=f"s{rng.integers(0, 2)}"))
    return [Entity(uid, "Host") for uid in ids], relations


@pytest.mark.parametrize("seed", range(40))
def test_arrays_link_the_same_pairs_as_a_plain_graph_in_both_directions(seed: int) -> None:
    entities, relations = _random_relations(seed)
    plain: nx.DiGraph[str] = nx.DiGraph()
    plain.add_nodes_from(entity.uid for entity in entities)
    plain.add_edges_from(
        (r.dependent, r.dependency) for r in relations if r.dependent != r.dependency
    )
    topology = build(entities, relations)
    for i, uid in enumerate(topology.uids):
        down = {topology.uids[m] for gate in topology.gates(i) for m in topology.members(gate)}
        up = {topology.uids[int(topology.owner[gate])] for gate in topology.gates_with(i)}
        assert down == set(plain.successors(uid))
        assert up == set(plain.predecessors(uid))


@pytest.mark.parametrize("seed", range(40))
def test_every_gate_is_found_from_its_owner_and_from_each_member(seed: int) -> None:
    entities, relations = _random_relations(seed)
    topology = build(entities, relations)
    for gate in range(len(topology.type)):
        assert gate in topology.gates(int(topology.owner[gate]))
        members = topology.members(gate)
        assert len(set(members)) == len(members)
        assert 1 <= int(topology.need[gate]) <= len(members)
        assert all(topology.gates_with(m).count(gate) == 1 for m in members)
    assert sum(len(topology.gates(i)) for i in range(len(topology))) == len(topology.type)


@pytest.mark.parametrize("seed", range(40))
def test_the_order_of_relations_does_not_matter(seed: int) -> None:
    entities, relations = _random_relations(seed)
    rng = np.random.default_rng(seed)
    # Sources that differ on `need` within one group are refused before they get here.
    alike = [
        Relation(r.dependent, r.type, r.dependency, r.group, 1 if r.group else None, r.source)
        for r in relations
    ]
    shuffled = [alike[i] for i in rng.permutation(len(alike))]
    assert rows(build(entities, alike)) == rows(build(entities, shuffled))


@given(graphs())
def test_gates_are_in_the_order_of_owner_type_need_and_members(graph: Graph) -> None:
    topology = build(*graph)
    told = [
        (owner, topology.type[gate], int(topology.need[gate]), tuple(topology.members(gate)))
        for gate, owner in enumerate(topology.owner.tolist())
    ]
    assert told == sorted(set(told))


@given(graphs(), st.randoms())
def test_the_order_in_which_relations_are_told_changes_nothing(graph: Graph, rng: Random) -> None:
    entities, relations = graph
    shuffled = rng.sample(relations, len(relations))
    one, other = build(entities, relations), build(entities, shuffled)
    for name in ("owner", "type_code", "need", "member_start", "member", "in_gate"):
        assert np.array_equal(getattr(one, name), getattr(other, name))
    assert one.type_names == other.type_names
