"""What a cause accounts for, in the light of everything else that is seen."""

import itertools
import math
from random import Random

import pytest

from rca.accounts import accounted
from rca.messages import ROOT, Node, Tree

HOST = Node(0, ROOT, 1.0)


def _guests(number: int, passes: float) -> Tree:
    return (HOST, *(Node(i, 0, passes) for i in range(1, number + 1)))


def _chain(rng: Random) -> Tree:
    size = rng.randrange(2, 7)
    return tuple(Node(i, i - 1, rng.uniform(0.05, 0.95)) for i in range(size))


def _by_enumeration(tree: Tree, nats: dict[int, float], asked: int) -> float:
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


@pytest.mark.parametrize("seed", range(20))
def test_the_end_of_a_chain_is_believed_as_enumeration_says(seed: int) -> None:
    rng = Random(seed)
    tree = (Node(0, ROOT, 1.0), *_chain(rng)[1:])
    nats = {node.entity: rng.uniform(-3, 5) for node in tree}
    readings = {entity: [value] for entity, value in nats.items()}
    last = len(tree) - 1
    # Its own reading has spoken for the one before it; without it the chain is exact.
    readings[last], nats[last] = [], 0.0
    assert accounted(tree, readings)[last] == pytest.approx(_by_enumeration(tree, nats, last))


def test_a_root_is_at_fault_for_sure() -> None:
    assert accounted((HOST,), {0: [-5.0]})[0] == 1.0


def test_where_most_siblings_are_hit_the_silent_one_likely_is_too() -> None:
    tree = _guests(20, 0.3)
    alarming = {guest: [6.0] for guest in range(1, 20)}
    assert accounted(tree, alarming)[20] > 0.75


def test_where_most_siblings_are_well_the_silent_one_likely_is_too() -> None:
    tree = _guests(20, 0.7)
    assert accounted(tree, {guest: [-6.0] for guest in range(1, 20)})[20] < 0.25


def test_one_guest_alone_is_believed_as_the_rule_says() -> None:
    assert accounted(_guests(1, 0.4), {1: [9.0]})[1] == pytest.approx(0.4)


def test_a_healthy_go_between_leaves_little_behind_it() -> None:
    tree = (HOST, Node(1, 0, 0.9), Node(2, 1, 0.9))
    assert accounted(tree, {1: [-6.0]})[2] < 0.05
