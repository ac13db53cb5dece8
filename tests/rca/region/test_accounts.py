"""What a cause accounts for, in the light of everything else that is seen."""

import itertools
import math
from random import Random

import numpy as np
import pytest

from rca.region.accounts import accounted
from rca.region.messages import ROOT, Node, Tree
from tests.rca.seeds import seeds

HOST = Node(0, ROOT, 1.0)


def _guests(number: int, passes: float) -> list[Node]:
    return [HOST, *(Node(i, 0, passes) for i in range(1, number + 1))]


def _chain(rng: Random) -> list[Node]:
    size = rng.randrange(2, 7)
    return [Node(i, i - 1, rng.uniform(0.05, 0.95)) for i in range(size)]


def _accounted(nodes: list[Node], nats: dict[int, float]) -> list[float]:
    own = np.array([nats.get(node.entity, 0.0) for node in nodes])
    return accounted(Tree.of(nodes), own).tolist()


def _by_enumeration(tree: list[Node], nats: dict[int, float], asked: int) -> float:
    """P(asked is hit | root at fault, all readings but its own), over all joint states."""
    weight = {True: 0.0, False: 0.0}
    for states in itertools.product((True, False), repeat=len(tree)):
        value = 1.0
        for node, hit in zip(tree, states, strict=True):
            felt = True if node.parent == ROOT else states[node.parent]
            chance = node.passes if felt else 0.0
            value *= chance if hit else 1 - chance
            if hit and node.entity != asked:
                value *= math.exp(nats[node.entity])
        weight[states[asked]] += value
    return weight[True] / (weight[True] + weight[False])


@pytest.mark.parametrize("seed", seeds(10))
def test_the_end_of_a_chain_is_believed_as_enumeration_says(seed: int) -> None:
    rng = Random(seed)
    tree = [Node(0, ROOT, 1.0), *_chain(rng)[1:]]
    nats = {node.entity: rng.uniform(-3, 5) for node in tree}
    last = len(tree) - 1
    # Its own reading has spoken for the one before it; without it the chain is exact.
    nats[last] = 0.0
    assert _accounted(tree, nats)[last] == pytest.approx(_by_enumeration(tree, nats, last))


def test_a_root_is_at_fault_for_sure() -> None:
    assert _accounted([HOST], {0: -5.0})[0] == 1.0


def test_where_most_siblings_are_hit_the_silent_one_likely_is_too() -> None:
    tree = _guests(20, 0.3)
    alarming = dict.fromkeys(range(1, 20), 6.0)
    assert _accounted(tree, alarming)[20] > 0.75


def test_where_most_siblings_are_well_the_silent_one_likely_is_too() -> None:
    tree = _guests(20, 0.7)
    assert _accounted(tree, dict.fromkeys(range(1, 20), -6.0))[20] < 0.25


def test_one_guest_alone_is_believed_as_the_rule_says() -> None:
    assert _accounted(_guests(1, 0.4), {1: 9.0})[1] == pytest.approx(0.4)


def test_a_healthy_go_between_leaves_little_behind_it() -> None:
    tree = [HOST, Node(1, 0, 0.9), Node(2, 1, 0.9)]
    assert _accounted(tree, {1: -6.0})[2] < 0.05


def test_a_sibling_of_which_nothing_is_seen_is_no_case() -> None:
    nats = dict.fromkeys(range(1, 7), 4.0)
    few, many = _accounted(_guests(8, 0.3), nats), _accounted(_guests(80, 0.3), nats)
    assert few[8] > 0.5
    assert many[:9] == few
