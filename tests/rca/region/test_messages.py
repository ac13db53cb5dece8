"""Evidence up the tree of effects: exact on trees, and every uncertain hop paid for once."""

import itertools
import math
from random import Random

import numpy as np
import pytest

import rca
from kgraph.schema import Entity, Incident, Observation, Relation, State
from rca import Model
from rca.region.messages import (
    CALLERS_LEAST,
    CALLERS_RHO,
    ENTITY_RHO,
    ROOT,
    SOFT_RHO,
    SPREADS,
    Groups,
    Node,
    Tree,
    message,
    rooted,
    temper,
)
from tests.rca.seeds import seeds


def random_tree(rng: Random, size: int) -> list[Node]:
    nodes = [Node(0, ROOT, rng.uniform(0.2, 1.0))]
    nodes += [Node(i, rng.randrange(i), rng.uniform(0.05, 1.0)) for i in range(1, size)]
    return nodes


def test_each_node_knows_the_place_of_its_parent_in_the_level_above() -> None:
    tree = Tree.of([Node(i, up, 0.5) for i, up in enumerate([ROOT, ROOT, 1, 0, 3, 2])])
    for above, at in itertools.pairwise(tree.levels):
        assert above[tree.place[at]].tolist() == tree.parent[at].tolist()


def by_enumeration(tree: list[Node], ratios: dict[int, float]) -> float:
    """The likelihood ratio from all joint states: hit only if the parent is, then as told."""
    total = 0.0
    for states in itertools.product((True, False), repeat=len(tree)):
        weight = 1.0
        for node, hit in zip(tree, states, strict=True):
            parent = True if node.parent == ROOT else states[node.parent]
            chance = node.passes if parent else 0.0
            weight *= chance if hit else 1 - chance
            # A root is at fault whatever its dependents feel of it: its own reading counts always.
            if hit and node.parent != ROOT:
                weight *= ratios[node.entity]
        total += weight
    return math.log(total * ratios[0])


@pytest.mark.parametrize("seed", seeds(15))
def test_on_trees_the_messages_equal_enumeration_of_all_joint_states(seed: int) -> None:
    rng = Random(seed)
    tree = random_tree(rng, rng.randrange(1, 9))
    ratios = {node.entity: math.exp(rng.uniform(-3, 6)) for node in tree}
    own = np.log([ratios[node.entity] for node in tree])
    (found,) = rooted(Tree.of(tree), own)
    assert found == pytest.approx(by_enumeration(tree, ratios), abs=1e-9)


def test_a_message_costs_at_most_what_the_hop_may_not_pass_on() -> None:
    assert message(0.9, -1e9) == pytest.approx(math.log(0.1))
    assert message(0.9, 0.0) == 0.0
    assert message(0.9, 1e6) == pytest.approx(1e6 + math.log(0.9))
    for nats in (-100.0, -45.0, -37.0, -35.0, -1.0):  # around where exp(nats) - 1 rounds to -1
        assert message(1.0, nats) == pytest.approx(nats)


def test_rows_in_groups_are_tempered_as_each_group_alone() -> None:
    rng = Random(5)
    nats = [rng.uniform(-4, 6) for _ in range(200)]
    group = [rng.randrange(-1, 90) for _ in nats]
    rho = np.where(np.arange(100) % 3, ENTITY_RHO, SOFT_RHO)
    found = Groups(np.array(group), rho).tempered(np.array(nats))
    for number in range(100):
        rows = [value for value, of in zip(nats, group, strict=True) if of == number]
        assert found[number] == pytest.approx(temper(rows, rho[number]))


def _told(nodes: list[Node], alarms: dict[int, float]) -> float:
    own = np.array([alarms.get(node.entity, 0.0) for node in nodes])
    return float(rooted(Tree.of(nodes), own).sum())


def test_what_calls_a_caller_tells_of_that_caller_and_is_no_further_witness() -> None:
    chain = [Node(0, ROOT, 1.0), Node(1, 0, 0.7, soft=True), Node(2, 1, 0.7, soft=True)]
    beside = [*chain[:2], Node(2, 0, 0.7, soft=True)]
    alarms = {1: 4.0, 2: 4.0}
    last, both = message(SPREADS, message(0.7, 4.0)), message(0.7, 4.0) * (1 + 1 / 1.3)
    assert _told(chain, alarms) == pytest.approx(message(SPREADS, message(0.7, 4.0 + last)))
    assert _told(beside, alarms) == pytest.approx(message(SPREADS, both))


@pytest.mark.parametrize("many", [6, 60])
def test_callers_of_several_things_are_weighed_with_those_of_the_same_thing_alone(
    many: int,
) -> None:
    nodes = [Node(0, ROOT, 1.0), *(Node(i, 0, 0.9) for i in (1, 2))]
    nodes += [Node(2 + i, 1 + i % 2, 0.7, soft=True) for i in range(1, many + 1)]
    callers = {2 + i: 0.5 * (i % 7) for i in range(1, many + 1)}
    expected = 0.0
    for callee in (1, 2):
        told = [float(message(0.7, callers[n.entity])) for n in nodes if n.parent == callee]
        worth = sum(max(CALLERS_LEAST, 1 / (1 + CALLERS_RHO * n)) for n in range(len(told)))
        expected += float(message(0.9, message(SPREADS, sum(told) / len(told) * worth)))
    assert _told(nodes, callers) == pytest.approx(expected)


def test_a_caller_that_is_well_counts_as_much_as_one_that_is_slow() -> None:
    nodes = [Node(0, ROOT, 1.0), *(Node(i, 0, 0.7, soft=True) for i in range(1, 9))]
    few = _told(nodes, {i: 1.5 if i < 4 else -0.4 for i in range(1, 9)})
    assert few < _told(nodes[:4], dict.fromkeys(range(1, 4), 1.5))
    assert few < _told(nodes, dict.fromkeys(range(1, 9), 1.5))


def test_evidence_that_cannot_pass_says_nothing() -> None:
    assert message(0.0, 7.0) == 0.0


@pytest.mark.parametrize("guests", [2, 20, 200])
def test_more_victims_behind_each_pool_never_turn_one_array_into_two_pools(
    guests: int, model: Model
) -> None:
    names = {pool: [f"{pool}-{i}" for i in range(guests)] for pool in ("p1", "p2")}
    machines = [name for each in names.values() for name in each]
    incident = Incident(
        "i",
        (
            Entity("array", "StorageArray"),
            *(Entity(pool, "StoragePool") for pool in names),
            *(Entity(name, "VirtualMachine") for name in machines),
        ),
        (
            *(Relation(pool, "STORED_ON", "array") for pool in names),
            *(Relation(name, "STORED_ON", pool) for pool, each in names.items() for name in each),
        ),
        tuple(Observation(name, "paused", State.ABNORMAL) for name in machines),
    )
    chances = {c.entity: c.posterior for c in rca.investigate(incident, model).causes}
    assert chances["array"] > 0.75
    assert chances.get("p1", 0.0) < 0.25


def test_a_mere_weakness_need_not_be_felt_by_any_of_its_dependents() -> None:
    def told(gray: bool, nats: float) -> float:  # noqa: FBT001
        nodes = [Node(0, ROOT, 1.0, gray=gray), *(Node(i, 0, 0.6) for i in range(1, 101))]
        return float(rooted(Tree.of(nodes), np.array([0.0, *[nats] * 100])).sum())

    assert told(gray=False, nats=-1.0) < -40
    assert told(gray=True, nats=-1.0) == pytest.approx(math.log(1 - SPREADS))
    assert told(gray=True, nats=3.0) == pytest.approx(told(gray=False, nats=3.0), abs=1)


def test_what_is_weakened_on_the_way_need_not_be_felt_either() -> None:
    def told(gray: bool) -> float:  # noqa: FBT001
        nodes = [Node(0, ROOT, 1.0), Node(1, 0, 0.8, gray=gray)]
        return _told([*nodes, *(Node(i, 1, 0.6) for i in range(2, 5))], dict.fromkeys((2, 3), 2.0))

    leaves = float(message(0.6, 2.0)) * 2
    assert told(gray=False) == pytest.approx(float(message(0.8, leaves)))
    assert told(gray=True) == pytest.approx(float(message(0.8, message(SPREADS, leaves))))
