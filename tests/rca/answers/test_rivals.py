"""The runner-up and the groups of suspects that nothing seen tells apart."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from kgraph.schema import Answer, Fault
from tests.rca.seeds import seeds

Ask = Callable[[str], Answer]
Answers = Callable[[int], Answer]
TWO_DISKS = """
    StoragePool: p
    Disk: d e
    VirtualMachine: v[0-3]
    p STORED_ON d e
    v* STORED_ON p
    v* abnormal: paused
"""
TWO_DATABASES = """
    Service: front
    Database: one two
    front CALLS one two
    front abnormal: errors
"""


def test_the_runner_up_is_the_next_explanation_and_says_how_far_it_is_behind(ask: Ask) -> None:
    answer = ask("""
        Host: h
        VirtualMachine: v[1-3]
        v* RUNS_ON h
        v* abnormal: unreachable
        h abnormal: unreachable
    """)
    best = next(row for row in answer.hypotheses if row.members)
    rival = answer.runner_up
    assert rival is not None
    blamed = {fault.entity for fault in best.members}
    same = [r for r in answer.hypotheses if {fault.entity for fault in r.members} == blamed]
    together = math.fsum(row.posterior for row in same)  # in whichever mode
    assert rival.odds == pytest.approx(together / rival.posterior, rel=1e-3)
    assert set(rival.members) != set(best.members)


@pytest.mark.parametrize("seed", seeds(20))
def test_a_runner_up_clears_something_that_the_winner_blames(
    seed: int, random_answer: Answers
) -> None:
    answer = random_answer(seed)
    rival = answer.runner_up
    best = next((row.members for row in answer.hypotheses if row.members), ())
    if rival is None or answer.abstained:
        return
    blamed = {fault.entity for fault in best}
    assert not blamed <= {fault.entity for fault in rival.members}
    assert 0 <= rival.posterior <= 1
    assert rival.odds >= 0
    assert bool(rival.members) != bool(rival.name)


def test_what_looks_the_same_counts_as_one_rival_with_all_its_probability(ask: Ask) -> None:
    answer = ask(TWO_DATABASES)
    rival = answer.runner_up
    assert rival is not None
    assert {fault.entity for fault in rival.members} <= {"one", "two"}
    alone = next(row.posterior for row in answer.hypotheses if row.members == rival.members)
    assert rival.posterior > 1.9 * alone


def test_a_twin_of_the_winner_is_no_rival_of_it(ask: Ask) -> None:
    answer = ask("""
        VirtualMachine: v
        Host: h g
        v RUNS_ON h g
        v abnormal: unreachable
        v healthy: hung
    """)
    best = next(row.members for row in answer.hypotheses if row.members)
    twins = {fault.entity for group in answer.ambiguous for fault in group.members}
    assert answer.runner_up is not None
    if best[0].entity in twins:
        assert not {fault.entity for fault in answer.runner_up.members} & twins


def test_the_bayes_factor_leaves_the_priors_out(ask: Ask) -> None:
    """A full pool and a failed disk explain the same: only how often each happens differs."""
    rival = ask(TWO_DISKS).runner_up
    assert rival is not None
    assert rival.members[0].mode == "failed"
    assert rival.bayes_factor == pytest.approx(1.0, abs=0.1)
    assert rival.odds > 5


def test_when_it_abstains_the_runner_up_is_the_best_cause_in_the_graph(ask: Ask) -> None:
    answer = ask("""
        Host: h
        VirtualMachine: v[1-3]
        v* RUNS_ON h
        v* abnormal: unreachable
        h healthy: unreachable
    """)
    assert answer.abstained
    assert answer.runner_up is not None
    assert answer.runner_up.members
    assert answer.runner_up.odds >= 1


def test_suspects_that_look_the_same_are_one_group_with_what_would_tell_them_apart(
    ask: Ask,
) -> None:
    answer = ask(TWO_DISKS)
    (group,) = answer.ambiguous
    assert group.members == (Fault("d", "failed"), Fault("e", "failed"))
    each = [cause.posterior for cause in answer.causes if cause.entity in {"d", "e"}]
    assert max(each) <= group.posterior <= sum(each) < 0.5
    assert group.apart is not None
    assert group.apart.command in {"smartctl -H d", "smartctl -H e"}
    assert group.apart.gain == pytest.approx(math.log(2), rel=0.6)


def test_the_look_that_tells_them_apart_does_so_once_it_is_made(ask: Ask) -> None:
    (group,) = ask(TWO_DISKS).ambiguous
    assert group.apart is not None
    seen = f"{group.apart.entity} abnormal: {group.apart.signal}"
    after = ask(f"{TWO_DISKS}\n{seen}")
    assert after.ambiguous == ()
    assert after.causes[0].entity == group.apart.entity


def test_where_the_rules_know_no_command_a_signal_to_watch_is_named(ask: Ask) -> None:
    (group,) = ask("""
        VirtualMachine: v w
        PowerFeed: f
        Thing: x y
        v DEPENDS_ON x y
        v abnormal: down
    """).ambiguous
    assert {fault.entity for fault in group.members} == {"x", "y"}
    assert group.apart is not None
    assert group.apart.command == ""
    assert group.apart.signal


@pytest.mark.parametrize("seed", seeds(10))
def test_a_group_is_as_likely_as_any_of_its_members_and_no_likelier_than_all(
    seed: int, random_answer: Answers
) -> None:
    answer = random_answer(seed)
    chance = {cause.entity: cause.posterior for cause in answer.causes}
    for group in answer.ambiguous:
        each = [chance[fault.entity] for fault in group.members]
        assert max(each) - 1e-9 <= group.posterior <= min(1.0, sum(each)) + 1e-9
        names = {fault.entity for fault in group.members}
        for cause in answer.causes:
            if cause.entity in names:
                assert set(cause.same_as) == names - {cause.entity}
