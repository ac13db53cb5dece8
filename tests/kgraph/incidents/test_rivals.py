from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from kgraph.incidents import Case, Detail, Label, build
from kgraph.schema import Ambiguity, Cause, Fault, Hypothesis, NextCheck, RunnerUp

Changed = Callable[..., Case]
HOST = (Fault("stor1", "down"),)


def _lines(case: Case, label: Label, detail: Detail = Detail.BRIEF) -> tuple[str, ...]:
    section = build(case, detail).section(label)
    return section.lines if section else ()


def test_the_next_explanation_is_told_with_how_far_it_is_behind(with_answer: Changed) -> None:
    case = with_answer(runner_up=RunnerUp(HOST, 0.03, 31.4, 8.25))
    assert _lines(case, Label.ELSE)[1] == (
        "likeliest instead: Host stor1 down, 31 times less likely"
    )


def test_in_full_it_says_how_much_of_that_was_seen(with_answer: Changed) -> None:
    case = with_answer(runner_up=RunnerUp(HOST, 0.03, 31.4, 8.25))
    assert _lines(case, Label.ELSE, Detail.FULL)[1].endswith(
        "31 times less likely (by what was seen alone: 8.2 times less likely)"
    )


@pytest.mark.parametrize(
    ("odds", "said"),
    [
        (1.01, "just as likely"),
        (2.5, "2.5 times less likely"),
        (0.5, "2.0 times likelier"),
        (0.0, "far likelier"),
        (5e6, "over 1000 times less likely"),
    ],
)
def test_odds_are_said_in_two_digits(with_answer: Changed, odds: float, said: str) -> None:
    case = with_answer(runner_up=RunnerUp((), 0.03, odds, odds, "outside the graph"))
    assert _lines(case, Label.ELSE)[1] == f"likeliest instead: outside the graph, {said}"


def test_where_whole_sets_are_compared_both_are_named(with_answer: Changed) -> None:
    pair = (Fault("stor1", "down"), Fault("h07", "down"))
    said = "Host stor1 down and Host h07 down together, 1.2 times less likely than"
    lead = "StorageExport nbd1/vmstore down"
    case = with_answer(runner_up=RunnerUp(pair, 0.4, 1.2, 1.2))
    assert _lines(case, Label.ELSE)[1] == f"likeliest instead: {said} {lead} alone"
    even = with_answer(runner_up=RunnerUp(HOST, 0.4, 1.0, 1.0))
    assert _lines(even, Label.ELSE)[1] == (
        f"likeliest instead: Host stor1 down alone, just as likely as {lead} alone"
    )
    close = with_answer(runner_up=RunnerUp(HOST, 0.4, 1.2, 1.2))
    assert _lines(close, Label.ELSE)[1] == (
        f"likeliest instead: Host stor1 down alone, 1.2 times less likely than {lead} alone"
    )


def _ambiguous(with_answer: Changed, storage_case: Case, look: NextCheck | None) -> Case:
    lead = replace(storage_case.answer.causes[0], same_as=("nbd2",))
    group = Ambiguity((Fault("export", "down"), Fault("nbd2", "down")), 0.961, look)
    return with_answer(causes=(lead,), ambiguous=(group,))


def test_a_group_that_looks_the_same_is_told_as_one_with_what_tells_it_apart(
    with_answer: Changed, storage_case: Case
) -> None:
    look = NextCheck("nbd2", "down", 0.6, "nbdinfo --size nbd2", "")
    case = _ambiguous(with_answer, storage_case, look)
    assert _lines(case, Label.CAUSE)[1:] == (
        "looks exactly like: StorageExport nbd2",
        "one of these 2: P .96  tell them apart: nbdinfo --size nbd2",
    )


def test_where_no_command_is_known_the_signal_to_watch_is_named(
    with_answer: Changed, storage_case: Case
) -> None:
    case = _ambiguous(with_answer, storage_case, NextCheck("nbd2", "down", 0.0, "", ""))
    assert _lines(case, Label.CAUSE)[-1].endswith(
        "tell them apart: watch down of StorageExport nbd2"
    )


def test_a_twin_is_not_told_once_more_among_the_others(
    with_answer: Changed, storage_case: Case
) -> None:
    case = _ambiguous(with_answer, storage_case, None)
    assert "nbd2" not in " ".join(_lines(case, Label.ELSE))


def _with_a_disk(with_answer: Changed, storage_case: Case, *members: Fault) -> Case:
    disk = Cause("nbd2", "StorageExport", "slow", 0.3, {"slow": 0.3}, 1, (), (), 0)
    best = Hypothesis((Fault("export", "down"),), 0.6)
    causes = (*storage_case.answer.causes, disk)
    return with_answer(causes=causes, hypotheses=(best, Hypothesis(members, 0.3)))


def test_a_further_fault_beside_the_winner_is_no_rival(
    with_answer: Changed, storage_case: Case
) -> None:
    slow = Fault("nbd2", "slow")
    beside = _with_a_disk(with_answer, storage_case, Fault("export", "down"), slow)
    first, *rest = _lines(beside, Label.ELSE)
    assert "nbd2" not in first
    assert rest == [
        "besides it: StorageExport nbd2 slow .30",
        "looked at and well: hosts h07 h12",
    ]
    rival = _with_a_disk(with_answer, storage_case, slow)
    assert "StorageExport nbd2 slow .30" in _lines(rival, Label.ELSE)[0]
