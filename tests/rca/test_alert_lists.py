"""What the silence of a source that only ever alerts says, and who bears witness to a breach."""

from __future__ import annotations

import pytest

from rca.evidence.silence import RATIO
from tests.rca.asking import Ask, chance, first

POOL = """
    StoragePool: p
    VirtualMachine: v[0-9]
    v[0-9] STORED_ON p
"""


def test_of_ten_guests_on_a_pool_the_one_that_alarms_is_blamed_and_not_the_pool(ask: Ask) -> None:
    answer = ask(f"{POOL} v0 abnormal: down")
    assert first(answer) == ("v0", "down")
    assert chance(answer, "v0") > 2 * chance(answer, "p")


def test_where_all_ten_alarm_the_silent_pool_is_blamed(ask: Ask) -> None:
    answer = ask(f"{POOL} v[0-9] abnormal: down")
    assert first(answer)[0] == "p"
    assert chance(answer, "p") > 0.9


def test_where_somebody_says_what_is_well_silence_says_nothing(ask: Ask) -> None:
    told = ask(f"{POOL} v0 abnormal: down\n v1 healthy: down")
    quiet = ask(f"{POOL} v0 abnormal: down")
    assert chance(told, "p") > chance(quiet, "p")


def test_silence_is_no_witness_that_an_answer_names(ask: Ask) -> None:
    answer = ask(f"{POOL} v[0-4] abnormal: down")
    named = {w.observation.entity for c in answer.causes for w in c.contradicting}
    assert not named
    pool = next(c for c in answer.causes if c.entity == "p")
    assert pool.unknown >= 5  # of the silent guests nobody said that they were looked at


def test_silence_weakens_and_is_no_alibi() -> None:
    assert pytest.approx(0.7) == RATIO


def test_services_that_are_slow_together_name_the_silent_host_that_they_share(ask: Ask) -> None:
    answer = ask("""
        Host: h[0-2]
        Service: front a[0-3] b[0-3]
        front CALLS a[0-3] b[0-3]
        a[0-3] RUNS_ON h0
        b[0-3] RUNS_ON h1
        front RUNS_ON h2
        target front latency
        front a[0-3] abnormal: latency@40
        b[0-3] healthy: latency
    """)
    assert first(answer)[0] == "h0"


def test_silence_is_heard_in_a_crowd_too(ask: Ask) -> None:
    crowd = """
        StoragePool: p
        VirtualMachine: v[0-1499]
        v[0-1499] STORED_ON p
    """
    answer = ask(f"{crowd}\n v[0-2] abnormal: down")
    assert chance(answer, "p") < 0.1
    assert all(chance(answer, f"v{i}") > 0.3 for i in range(3))
