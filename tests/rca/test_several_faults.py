"""Several faults at once: each is found, and nothing that stands for all of them."""

from __future__ import annotations

from tests.rca.asking import Ask, chance

RACK = """
    PowerFeed: a b
    Host: h[1-6]
    VirtualMachine: v[1-30]
    h* POWERED_BY a b / feeds 1
    v[1-5] RUNS_ON h1
    v[6-10] RUNS_ON h2
    v[11-15] RUNS_ON h3
    v[16-20] RUNS_ON h4
    v[21-25] RUNS_ON h5
    v[26-30] RUNS_ON h6
"""


def test_two_hosts_of_a_rack_are_down_and_its_power_is_not(ask: Ask) -> None:
    answer = ask(f"""{RACK}
        h1 h2 abnormal: down
        h[3-6] healthy: down
        v[1-10] abnormal: down
        v[11-30] healthy: down
        a b healthy: down
    """)
    assert {cause.entity for cause in answer.causes[:2]} == {"h1", "h2"}
    assert all(chance(answer, host) > 0.9 for host in ("h1", "h2"))
    assert all(chance(answer, feed) < 0.1 for feed in ("a", "b"))


def test_a_second_fault_that_explains_only_what_is_explained_is_not_added(ask: Ask) -> None:
    """All guests of a host are hit; that one of them has a fault of its own explains nothing."""
    answer = ask(f"""{RACK}
        h1 abnormal: down
        h[2-6] healthy: down
        v[1-5] abnormal: down
        v[6-30] healthy: down
    """)
    assert answer.causes[0].entity == "h1"
    assert all(chance(answer, f"v{i}") < 0.1 for i in range(1, 6))
