from __future__ import annotations

import networkx as nx
import pytest
from hypothesis import given

from kgraph.schema import Entity, Relation
from kgraph.topology import build
from rca.region.levels import Levels
from rca.region.order import Ranks
from rca.region.terrain import CROSSED
from tests.kgraph.topology.estates import Graph, graphs
from tests.rca.region.test_order import _random_graph
from tests.rca.seeds import seeds


@pytest.mark.parametrize("seed", seeds(20))
def test_all_at_once_are_ranked_as_each_along_its_walk(seed: int) -> None:
    graph = _random_graph(seed)
    topology = build(
        [Entity(str(node), "Host") for node in graph],
        [Relation(str(effect), "USES", str(cause)) for cause, effect in graph.edges],
    )
    one_by_one = Ranks(lambda node: [c for c in graph.predecessors(node) if c != node])
    levels = Levels(topology, CROSSED)
    assert levels == [one_by_one[node] for node in graph]
    for members in nx.strongly_connected_components(graph):
        assert len({levels.circle[node] for node in members}) == 1
    assert len(set(levels.circle)) == nx.number_strongly_connected_components(graph)


@given(graphs())
def test_only_relations_that_failures_cross_rank(graph: Graph) -> None:
    topology = build(*graph)
    levels = Levels(topology, {"RUNS_ON"})
    needs: dict[int, set[int]] = {i: set() for i in range(len(topology))}
    for gate, owner in enumerate(topology.owner.tolist()):
        if topology.type[gate] == "RUNS_ON":
            needs[owner].update(topology.members(gate))
    one_by_one = Ranks(needs.__getitem__)
    assert levels == [one_by_one[node] for node in needs]
    assert set(Levels(topology, ())) == {0}


def test_nothing_has_no_levels() -> None:
    assert Levels(build([], []), CROSSED) == []
