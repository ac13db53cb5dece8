"""The walk against an exact oracle: every way in which faults and hops may or may not happen."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise, product

import networkx as nx
import numpy as np
import pytest

from kgraph.schema import Entity, Incident, Observation, Relation, State
from kgraph.topology import build
from rca.evidence.readings import read
from rca.region.effects import Spread
from rca.region.gates import SENT, UNCOVERED
from rca.region.scene import Scene
from rca.rules.compile import FIRM_HARD, SOFT, Compiled
from rca.rules.model import Model
from rca.suspects.signature import CUT, SEED, spread
from tests.rca.seeds import seeds

BARE = Model()  # no rules: what relations carry by themselves
STRENGTH = {"USES": FIRM_HARD, "CALLS": SOFT}
Oracle = dict[int, float]
FieldOf = Callable[[Incident], Scene]
Incidents = Callable[[str], Incident]


def _field(relations: list[Relation], observations: tuple[Observation, ...] = ()) -> Scene:
    ids = sorted({uid for r in relations for uid in (r.dependent, r.dependency)})
    entities = tuple(Entity(uid, "Thing") for uid in ids)
    topology = build(entities, relations)
    readings = read(Incident("i", entities, tuple(relations), observations), BARE, topology)
    return Scene(topology, Compiled(BARE), {topology.index[u]: r for u, r in readings.items()})


def _percolation(field: Scene, faults: set[int]) -> Oracle:
    """P(entity hit), by enumerating which faults strike and which memberships carry.

    Only for graphs without cycles.
    """
    topology = field.topology
    edges = [(g, m) for g in range(len(topology.type)) for m in topology.members(g)]
    chances = [SEED] * len(faults) + [STRENGTH[topology.type[g]] for g, _ in edges]
    found = dict.fromkeys(range(len(topology)), 0.0)
    for outcome in product((True, False), repeat=len(chances)):
        weight = math.prod(p if on else 1 - p for p, on in zip(chances, outcome, strict=True))
        struck = {f for f, on in zip(sorted(faults), outcome, strict=False) if on}
        carried = {e for e, on in zip(edges, outcome[len(faults) :], strict=True) if on}
        for entity in _hit(field, struck, carried):
            found[entity] += weight
    return found


def _hit(field: Scene, struck: set[int], carried: set[tuple[int, int]]) -> set[int]:
    topology, hit = field.topology, set(struck)
    while True:
        more = {
            int(topology.owner[g])
            for g in range(len(topology.type))
            if len(topology.members(g))
            - sum((g, m) in carried and m in hit for m in topology.members(g))
            < int(topology.need[g])
        }
        if more <= hit:
            return hit
        hit |= more


def _predicted(field: Scene, faults: set[int]) -> Oracle:
    reach = spread(field, [(fault, "down") for fault in sorted(faults)])
    hit = (reach.predicted.get(entity, {}) for entity in range(len(field.topology)))
    return {i: modes.get("down", modes.get("failing", 0.0)) for i, modes in enumerate(hit)}


def _grouped(rng: np.random.Generator, graph: nx.DiGraph[int]) -> list[Relation]:
    """Turn dependent -> dependency edges into relations, some of them redundant."""
    relations = []
    for node in sorted(graph):
        below = sorted(graph.successors(node))
        group = "g" if len(below) > 1 and rng.random() < 0.7 else None
        need = int(rng.integers(1, len(below) + 1)) if group else None
        type_ = ("USES", "CALLS")[int(rng.integers(0, 2))]
        relations += [Relation(f"e{node}", type_, f"e{other}", group, need) for other in below]
    return relations


def _random_tree(rng: np.random.Generator) -> nx.DiGraph[int]:
    """A tree in which edges point either way: no two paths between any two nodes."""
    graph: nx.DiGraph[int] = nx.DiGraph()
    for node in range(1, int(rng.integers(2, 8))):
        other = int(rng.integers(0, node))
        graph.add_edge(*((node, other) if rng.random() < 0.5 else (other, node)))
    return graph


def _random_dag(rng: np.random.Generator) -> nx.DiGraph[int]:
    graph: nx.DiGraph[int] = nx.DiGraph([(1, 0)])
    for _ in range(7):
        low, high = sorted(rng.choice(6, 2, replace=False).tolist())
        graph.add_edge(high, low)
    return graph


def _faults(rng: np.random.Generator, field: Scene) -> set[int]:
    """Up to three entities that need nothing: what strikes them comes from nowhere else."""
    sources = [e for e in range(len(field.topology)) if not field.topology.gates(e)]
    return {int(e) for e in rng.permutation(sources)[: int(rng.integers(1, 4))]}


@pytest.mark.parametrize("seed", seeds(30))
def test_on_trees_with_redundancy_the_walk_is_exact(seed: int) -> None:
    rng = np.random.default_rng(seed)
    field = _field(_grouped(rng, _random_tree(rng)))
    faults = _faults(rng, field)
    exact = _percolation(field, faults)
    if any(0 < chance < CUT for chance in exact.values()):
        pytest.skip("cut on purpose")
    assert _predicted(field, faults) == pytest.approx(exact, abs=1e-9)


def test_on_graphs_with_diamonds_the_walk_is_near() -> None:
    errors = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        field = _field(_grouped(rng, _random_dag(rng)))
        faults = _faults(rng, field)
        exact, walked = _percolation(field, faults), _predicted(field, faults)
        errors += [abs(exact[e] - walked[e]) for e in exact]
    # Two ways from one fault are taken as independent: too sure of either, too unsure of both.
    assert np.mean(errors) < 0.02
    assert np.max(errors) < 0.2


def _chain(length: int, *observations: Observation) -> Scene:
    """e0 is needed by e1, which is needed by e2 ..."""
    return _field(
        [Relation(f"e{i + 1}", "USES", f"e{i}") for i in range(length - 1)], observations
    )


def _filtered(ratios: list[float]) -> list[float]:
    """P(hit | what was seen before it), for each of a chain, from all 2^n joint states."""
    n = len(ratios)
    predicted = []
    for k in range(n):
        weight = {True: 0.0, False: 0.0}
        for states in product((True, False), repeat=k + 1):
            joint = SEED if states[0] else 1 - SEED
            for before, after in pairwise(states):
                passes = FIRM_HARD if before else 0.0
                joint *= passes if after else 1 - passes
            joint *= math.prod(r for r, hit in zip(ratios[:k], states, strict=False) if hit)
            weight[states[k]] += joint
        predicted.append(weight[True] / (weight[True] + weight[False]))
    return predicted


@pytest.mark.parametrize("seed", seeds(15))
def test_on_a_chain_with_readings_the_correction_is_exact_filtering(seed: int) -> None:
    rng = np.random.default_rng(seed)
    seen = []
    for i in range(6):
        state = (State.ABNORMAL, State.HEALTHY, None)[int(rng.integers(0, 3))]
        if state is not None:
            seen.append(Observation(f"e{i}", "errors", state, float(rng.integers(3, 40))))
    field = _chain(6, *seen)
    ratios = [field.readings[i][0].ratio if i in field.readings else 1.0 for i in range(6)]
    exact = _filtered(ratios)
    walked = _predicted(field, {0})
    for entity, chance in enumerate(exact):
        if chance < 2 * CUT:
            break
        assert walked[entity] == pytest.approx(chance, abs=1e-9)


def test_a_healthy_go_between_dims_a_fault_and_an_alarming_one_passes_it_on() -> None:
    silent = _predicted(_chain(3), {0})[2]
    healthy = _predicted(_chain(3, Observation("e1", "errors", State.HEALTHY)), {0})[2]
    alarming = _predicted(_chain(3, Observation("e1", "errors", State.ABNORMAL)), {0})[2]
    assert healthy < silent < alarming <= FIRM_HARD


def _ring(size: int) -> Scene:
    return _field([Relation(f"e{i}", "CALLS", f"e{(i + 1) % size}") for i in range(size)])


@pytest.mark.parametrize("size", [2, 3, 7])
def test_around_a_ring_a_fault_fades_by_hops_and_does_not_feed_itself(size: int) -> None:
    predicted = _predicted(_ring(size), {0})
    for entity, chance in predicted.items():
        assert chance == pytest.approx(SEED * SOFT ** (-entity % size))


@pytest.mark.parametrize("seed", seeds(15))
def test_on_graphs_with_cycles_the_walk_ends_with_chances(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pairs = [(a, b) for a, b in rng.integers(0, 8, size=(20, 2)).tolist() if a != b]
    field = _field([Relation(f"e{a}", "CALLS", f"e{b}") for a, b in pairs])
    reach = spread(field, [(0, "failing"), (1, "slow")])
    chances = [p for modes in reach.predicted.values() for p in modes.values()]
    assert all(0 < chance <= 1 for chance in chances)
    assert reach.predicted[0]["failing"] == SEED


def _modes(reach: Spread, field: Scene, uid: str) -> dict[str, float]:
    return reach.predicted.get(field.topology.index[uid], {})


def _spread(field: Scene, *faults: tuple[str, str]) -> Spread:
    return spread(field, [(field.topology.index[uid], mode) for uid, mode in faults])


def test_one_feed_of_two_hits_nothing_and_both_do(incident: Incidents, field_of: FieldOf) -> None:
    field = field_of(
        incident("""
        PowerFeed: a b
        Host: h
        VirtualMachine: v
        h POWERED_BY a b / feeds 1
        v RUNS_ON h
        """)
    )
    one = _spread(field, ("a", "tripped"))
    both = _spread(field, ("a", "tripped"), ("b", "tripped"))
    assert _modes(one, field, "h") == {"reduced": pytest.approx(SEED * 0.98)}
    assert _modes(one, field, "v") == {}
    assert _modes(both, field, "h") == {"down": pytest.approx((SEED * 0.98) ** 2)}
    assert _modes(both, field, "v")["down"] > 0.5


def test_who_alarms_beside_a_member_that_is_lost_may_have_stopped_and_who_is_well_has_not(
    incident: Incidents, field_of: FieldOf
) -> None:
    said = """
        PowerFeed: a b
        Host: h
        VirtualMachine: v
        h POWERED_BY a b / feeds 1
        v RUNS_ON h
        {}
        """
    dark, slow, well = (
        field_of(incident(said.format(what)))
        for what in ("h abnormal: down", "h abnormal: cpu", "h healthy: down")
    )
    lost = _spread(dark, ("a", "tripped"))
    chance = SEED * 0.98
    assert _modes(lost, dark, "h") == {
        "down": pytest.approx(UNCOVERED * chance),
        "reduced": pytest.approx(chance),
    }
    assert _modes(lost, dark, "v")["down"] > CUT  # it is passed on as far as the alarm is believed
    for other in (slow, well):
        assert _modes(_spread(other, ("a", "tripped")), other, "h").keys() == {"reduced"}


def test_two_of_three_survive_one_loss_and_not_two(incident: Incidents, field_of: FieldOf) -> None:
    field = field_of(
        incident("""
        Service: s
        ServiceInstance: i[1-3]
        s DEPENDS_ON i1 i2 i3 / copies 2
        """)
    )
    one = _modes(_spread(field, ("i1", "killed")), field, "s")
    assert one == {"reduced": pytest.approx(SEED * FIRM_HARD)}
    two = _spread(field, ("i1", "failing"), ("i2", "failing"))
    assert _modes(two, field, "s")["failing"] == pytest.approx((SEED * FIRM_HARD) ** 2)


COPIES = """
    LoadBalancer: lb
    ServiceInstance: i[1-3]
    Service: shop
    lb BALANCES i* / copies 1
    shop CALLS lb
"""


def test_a_copy_that_errs_is_felt_by_its_share_and_one_that_is_gone_is_not(
    incident: Incidents, field_of: FieldOf
) -> None:
    bare = field_of(incident(COPIES))
    failing, killed = (_spread(bare, ("i1", mode)) for mode in ("failing", "killed"))
    assert _modes(failing, bare, "lb")["failing"] == pytest.approx(SENT * SEED * SOFT / 3)
    assert "failing" not in _modes(killed, bare, "lb")
    gone = field_of(incident(f"{COPIES}i1 abnormal: errors down"))
    assert "failing" not in _modes(_spread(gone, ("i1", "failing")), gone, "lb")


def test_who_is_told_to_be_down_gets_no_requests_and_who_is_up_and_errs_likely_does(
    incident: Incidents, field_of: FieldOf
) -> None:
    said = (
        "i1 abnormal: down errors",
        "i1 healthy: errors",
        "",
        "i1 healthy: down",
        "i1 abnormal: errors",
        "i1 abnormal: errors\ni1 healthy: down",
        "i1 abnormal: errors\ni1 healthy: down unreachable",
    )
    fields = [field_of(incident(f"{COPIES}{what}")) for what in said]
    sent = [field.sent(field.topology.index["i1"]) for field in fields]
    assert sent == sorted(set(sent))
    assert sent[2] == pytest.approx(SENT)
    assert sent[0] < CUT < 0.5 < sent[4]
    machine = field_of(incident("Host: h\nh abnormal: errors"))
    assert machine.sent(0) == 0


def test_a_copy_whose_machine_is_gone_is_gone(incident: Incidents, field_of: FieldOf) -> None:
    field = field_of(incident(f"{COPIES}VirtualMachine: v\ni1 RUNS_ON v"))
    down = _spread(field, ("v", "down"))
    assert _modes(down, field, "i1")["failing"] > 0.5
    assert "failing" not in _modes(down, field, "lb")


def test_a_feed_of_two_that_fails_gets_no_share_of_anything(
    incident: Incidents, field_of: FieldOf
) -> None:
    field = field_of(
        incident("""
        PowerFeed: a b
        Host: h
        h POWERED_BY a b / feeds 1
        """)
    )
    assert "down" not in _modes(_spread(field, ("a", "failing")), field, "h")


def test_a_line_that_loses_packets_is_felt_by_all_behind_its_bond_and_a_slow_copy_by_its_share(
    incident: Incidents, field_of: FieldOf
) -> None:
    field = field_of(
        incident("""
        Service: s
        ServiceInstance: i[1-4]
        Bond: b1 b4
        Nic: n[0-4]
        s USES i[1-4] / copies 1
        b1 USES n0
        b4 USES n[1-4] / links 1
        """)
    )

    def slow(fault: str, mode: str, entity: str) -> float:
        return _modes(_spread(field, (fault, mode)), field, entity).get("slow", 0.0)

    assert slow("n1", "flapping", "b4") == pytest.approx(slow("n0", "flapping", "b1"))
    assert slow("n1", "slow", "b4") > SEED / 2
    assert slow("i1", "slow", "s") < SEED / 4
    assert set(_modes(_spread(field, ("n1", "down")), field, "b4")) == {"reduced"}


def test_a_slow_copy_is_felt_more_where_another_one_is_lost(
    incident: Incidents, field_of: FieldOf
) -> None:
    field = field_of(
        incident("""
        Service: s
        ServiceInstance: i[1-3]
        s DEPENDS_ON i1 i2 i3 / copies 2
        """)
    )
    slow = _modes(_spread(field, ("i2", "slow")), field, "s")["slow"]
    both = _modes(_spread(field, ("i1", "failing"), ("i2", "slow")), field, "s")["slow"]
    assert 0 < slow < both


def test_a_guest_that_takes_too_much_slows_its_siblings_through_the_host(
    incident: Incidents, field_of: FieldOf
) -> None:
    field = field_of(
        incident("""
        Host: h other
        VirtualMachine: greedy sibling stranger
        greedy sibling RUNS_ON h
        stranger RUNS_ON other
        """)
    )
    reach = _spread(field, ("greedy", "overloaded"))
    assert _modes(reach, field, "h")["overloaded"] == pytest.approx(SEED * 0.4)
    assert _modes(reach, field, "sibling")["starved"] == pytest.approx(SEED * 0.4 * 0.7)
    assert _modes(reach, field, "stranger") == {}


def test_a_blind_probe_hides_what_it_watches_and_breaks_nothing(
    incident: Incidents, field_of: FieldOf
) -> None:
    field = field_of(
        incident("""
        Probe: p
        Host: h
        VirtualMachine: v
        h WATCHED_BY p
        v RUNS_ON h
        """)
    )
    reach = _spread(field, ("p", "down"))
    assert set(_modes(reach, field, "h")) == {"unobserved"}
    assert _modes(reach, field, "v") == {}


def test_what_a_hop_came_from_is_kept_for_the_explanation(
    incident: Incidents, field_of: FieldOf
) -> None:
    field = field_of(
        incident("""
        Switch: s
        Host: h
        VirtualMachine: v
        h CONNECTED_TO s
        v RUNS_ON h
        """)
    )
    reach = _spread(field, ("s", "down"))
    index = field.topology.index
    link = reach.links[(index["v"], "unreachable")]
    assert (link.entity, link.relation) == (index["h"], "RUNS_ON")
    assert reach.hops[index["v"]] == 2
    assert index["v"] not in reach.soft


def test_what_is_reached_by_calls_alone_is_soft(incident: Incidents, field_of: FieldOf) -> None:
    field = field_of(
        incident("""
        Service: front back
        VirtualMachine: v
        front CALLS back
        back RUNS_ON v
        """)
    )
    reach = _spread(field, ("v", "down"))
    assert reach.soft == {field.topology.index["front"]}
