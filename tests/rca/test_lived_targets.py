"""Incidents of estates that others have mapped, and of objectives with much beneath them."""

from __future__ import annotations

from tests.rca.asking import Ask, chance, first

SHOP = """
    Service: front catalog cart db
    Pod: front[1-2] catalog[1-2] cart[1-2]
    Host: n[1-3]
    front RUNS_ON front[1-2] / pods 1
    catalog RUNS_ON catalog[1-2] / pods 1
    cart RUNS_ON cart[1-2] / pods 1
    front1 catalog1 cart1 RUNS_ON n1
    front2 catalog2 cart2 RUNS_ON n2
    db RUNS_ON n3
    front CALLS catalog cart
    catalog cart CALLS db
"""


def test_hosts_at_ports_of_many_leaves_lose_what_their_spine_loses(ask: Ask) -> None:
    answer = ask("""
        Switch: spine[1-2] leaf[1-3]
        SwitchPort: e[1-12]
        Host: h[1-12]
        Service: a b c
        leaf* CONNECTED_TO spine* / uplinks 1
        e[1-4] CONNECTED_TO leaf1
        e[5-8] CONNECTED_TO leaf2
        e[9-12] CONNECTED_TO leaf3
        h[1-12] CONNECTED_TO each e[1-12]
        a b c RUNS_ON each h2 h6 h10
        spine1 abnormal: lossy
        h1 h2 h6 h7 h10 abnormal: lossy
        a b abnormal: errors
        spine2 leaf* healthy: lossy
    """)
    assert first(answer)[0] == "spine1"
    assert not answer.abstained
    assert chance(answer, "spine1") > 0.5


def test_a_node_that_is_short_of_memory_kills_pods_of_several_workloads(ask: Ask) -> None:
    answer = ask(
        SHOP
        + """
        n1 abnormal: memory
        front1 catalog1 cart1 abnormal: killed
        front abnormal: latency
    """
    )
    assert first(answer) == ("n1", "memory_pressure")
    assert chance(answer, "n1") > 0.8


def test_a_host_that_panicked_is_named_beside_a_leaf_that_is_down(ask: Ask) -> None:
    answer = ask("""
        Switch: leaf[1-3]
        Host: h[1-9]
        VirtualMachine: v[1-9]
        h[1-3] CONNECTED_TO leaf1
        h[4-6] CONNECTED_TO leaf2
        h[7-9] CONNECTED_TO leaf3
        v[1-9] RUNS_ON each h[1-9]
        leaf1 h[1-3] v[1-3] abnormal: unreachable
        h8 abnormal: panicked
        v8 abnormal: unreachable
        leaf2 leaf3 h[4-7] h9 healthy: unreachable
    """)
    assert {cause.entity for cause in answer.causes[:2]} == {"leaf1", "h8"}
    assert min(chance(answer, "leaf1"), chance(answer, "h8")) > 0.5


def test_an_objective_is_not_breached_by_one_copy_that_another_stands_in_for(ask: Ask) -> None:
    answer = ask(
        SHOP
        + """
        front abnormal: availability
        catalog cart db front healthy: errors latency
        target front availability
    """
    )
    assert first(answer)[0] == "front"
    assert chance(answer, "front") > 1.5 * chance(answer, "front1")
