from __future__ import annotations

import networkx as nx
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kgraph.schema import Entity, Relation
from kgraph.topology import build, dependencies, dependents
from kgraph.topology.walk import in_order, needs, spans, spans_of
from tests.kgraph.topology.estates import Graph, graphs


@given(graphs(), st.integers(0, 4), st.sets(st.sampled_from(["RUNS_ON", "USES", "CALLS"])))
def test_a_walk_meets_what_is_within_so_many_hops_nearest_first(
    graph: Graph, depth: int, types: set[str]
) -> None:
    topology = build(*graph)
    digraph: nx.DiGraph[str] = nx.DiGraph()
    digraph.add_nodes_from(topology.uids)
    for gate, type_ in enumerate(topology.type):
        if type_ in types:
            owner = topology.uids[int(topology.owner[gate])]
            digraph.add_edges_from((owner, topology.uids[m]) for m in topology.members(gate))
    for walk, reference in ((dependencies, digraph), (dependents, digraph.reverse())):
        found = walk(topology, [0], types=types, depth=depth)
        hops = nx.single_source_shortest_path_length(reference, topology.uids[0], depth)
        met = [topology.uids[i] for i in found.entities]
        assert set(met) == set(hops)
        assert [hops[uid] for uid in met] == sorted(hops[uid] for uid in met)
        assert not found.truncated


def test_a_limit_cuts_off_the_farthest_and_says_so() -> None:
    chain = [Relation(str(n + 1), "USES", str(n)) for n in range(5)]
    topology = build([Entity(str(n), "Host") for n in range(6)], chain)
    found = dependents(topology, [0], limit=3)
    assert (found.entities.tolist(), found.truncated) == ([0, 1, 2], True)
    assert not dependents(topology, [0], limit=6).truncated


def test_no_seed_meets_nothing() -> None:
    topology = build([Entity("a", "Host")], [])
    assert dependents(topology, []).entities.tolist() == []


@given(st.lists(st.one_of(st.integers(0, 3), st.integers(0, 2**40))))
def test_numbers_are_put_in_order_and_equals_stay_in_theirs(numbers: list[int]) -> None:
    found = in_order(np.array(numbers, np.int64)).tolist()
    assert found == sorted(range(len(numbers)), key=numbers.__getitem__)


@given(graphs(), st.sets(st.sampled_from(["RUNS_ON", "USES", "CALLS"])))
def test_what_several_need_is_told_of_each_by_its_place(graph: Graph, types: set[str]) -> None:
    topology = build(*graph)
    asked = [*range(len(topology)), 0]  # in any order, the same twice
    by, what = needs(topology, np.array(asked[::-1], np.int64), types)
    assert [*zip(by.tolist(), what.tolist(), strict=True)] == [
        (place, member)
        for place, entity in enumerate(asked[::-1])
        for gate in topology.gates(entity)
        if topology.type[gate] in types
        for member in topology.members(gate)
    ]


@given(st.lists(st.text(max_size=3), min_size=1, unique=True))
def test_each_has_its_place_by_uid(uids: list[str]) -> None:
    topology = build([Entity(uid, "Host") for uid in uids], [])
    assert [sorted(uids)[place] for place in topology.named.tolist()] == uids


@given(st.lists(st.integers(0, 3)), st.data())
def test_the_positions_of_some_rows_are_told_one_after_another(
    sizes: list[int], data: st.DataObject
) -> None:
    start = np.cumsum([0, *sizes])
    which = st.lists(st.integers(0, len(sizes) - 1)) if sizes else st.just([])
    rows = np.array(data.draw(which), np.int64)
    told = [(at, place) for place, r in enumerate(rows) for at in range(start[r], start[r + 1])]
    at, by = spans_of(start, rows)
    assert [*zip(at.tolist(), by.tolist(), strict=True)] == told
    assert spans(start, rows).tolist() == at.tolist()


@given(graphs(), st.data())
def test_which_kinds_serve_which_is_what_any_two_entities_say(
    graph: Graph, data: st.DataObject
) -> None:
    kinds = st.sampled_from(["Host", "Switch", "VirtualMachine"])
    entities = [Entity(entity.uid, data.draw(kinds)) for entity in graph[0]]
    topology, kind = build(entities, graph[1]), {entity.uid: entity.kind for entity in entities}
    names = topology.kind_names
    told = {(names[a], names[b]) for a, b in np.argwhere(topology.serves).tolist()}
    assert told == {(kind[row.dependency], kind[row.dependent]) for row in graph[1]}
