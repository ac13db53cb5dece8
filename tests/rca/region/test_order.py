from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from rca.region.order import Ranks
from tests.rca.seeds import seeds


def _random_graph(seed: int) -> nx.DiGraph[int]:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 25))
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(n))
    pairs = rng.integers(0, n, size=(int(rng.integers(0, 3 * n)), 2)).tolist()
    graph.add_edges_from((cause, effect) for cause, effect in pairs)
    return graph


@pytest.mark.parametrize("seed", seeds(20))
def test_ranks_rise_from_cause_to_effect_and_are_shared_within_a_cycle(seed: int) -> None:
    graph = _random_graph(seed)
    rank = Ranks(lambda node: list(graph.predecessors(node)))
    for start in np.random.default_rng(seed).permutation(len(graph)).tolist():
        assert rank[start] >= 0
    part = {
        node: i
        for i, members in enumerate(nx.strongly_connected_components(graph))
        for node in members
    }
    for cause, effect in graph.edges:
        if part[cause] != part[effect]:
            assert rank[cause] < rank[effect]
    for one in graph:
        for other in graph:
            assert (rank.circle[one] == rank.circle[other]) is (part[one] == part[other])
            assert part[one] != part[other] or rank[one] == rank[other]


@pytest.mark.parametrize("seed", seeds(10))
def test_ranks_do_not_depend_on_what_was_asked_first(seed: int) -> None:
    graph = _random_graph(seed)
    first = Ranks(lambda node: list(graph.predecessors(node)))
    other = Ranks(lambda node: list(graph.predecessors(node)))
    shuffled = np.random.default_rng(seed).permutation(len(graph)).tolist()
    assert {n: first[n] for n in graph} == {n: other[n] for n in shuffled}


def test_a_chain_of_ten_thousand_does_not_exhaust_the_stack() -> None:
    n = 10_000
    rank = Ranks(lambda node: [node + 1] if node + 1 < n else [])
    assert rank[0] == n - 1
    assert [rank[node] for node in range(n)] == list(range(n - 1, -1, -1))


def test_a_cycle_of_ten_thousand_has_one_rank() -> None:
    n = 10_000
    rank = Ranks(lambda node: [(node + 1) % n])
    assert {rank[node] for node in range(n)} == {0}


def test_only_what_lies_upstream_is_ranked() -> None:
    rank = Ranks(lambda node: [node - 1] if node else [])
    assert rank[3] == 3
    assert sorted(rank) == [0, 1, 2, 3]
