"""What an estate's monitors call down."""

from __future__ import annotations

import pytest

import rca
from kgraph.schema import Observation, State
from rca.region.parlance import as_monitored
from tests.rca.asking import Ask, chance, first

NETWORK = """
    Switch: sw other
    Host: a b c
    VirtualMachine: v[1-6] w[1-6] x[1-3]
    a b CONNECTED_TO sw
    c CONNECTED_TO other
    v* RUNS_ON a
    w* RUNS_ON b
    x* RUNS_ON c
    a b v* w* abnormal: unreachable
    c x* other healthy: unreachable down
"""


def _seen(entity: str, signal: str, state: State = State.ABNORMAL) -> Observation:
    return Observation(entity, signal, state)


def _down(seen: list[Observation]) -> float:
    rules = as_monitored(rca.load_model(), seen).signal_rules["VirtualMachine", "down"]
    return next(rule.detection for rule in rules if rule.mode == "unreachable")


def test_behind_a_stopped_switch_whom_all_call_down_it_is_the_switch(ask: Ask) -> None:
    answer = ask(f"{NETWORK}\n a b v* w* abnormal: down\n sw abnormal: unreachable")
    assert first(answer) == ("sw", "down")
    assert chance(answer, "sw") > 0.9


def test_a_dead_host_is_still_that_host_where_its_guests_are_called_down(ask: Ask) -> None:
    answer = ask(
        """
        Switch: sw
        Host: a b
        VirtualMachine: v[1-6] w[1-6]
        a b CONNECTED_TO sw
        v* RUNS_ON a
        w* RUNS_ON b
        a v* abnormal: unreachable down
        b w* sw healthy: unreachable down
        """
    )
    assert first(answer) == ("a", "down")
    assert chance(answer, "sw") < 0.01


@pytest.mark.parametrize(
    "seen",
    [[], [_seen("a", "down")], [_seen("a", "unreachable")]],
    ids=["none", "down", "cut"],
)
def test_what_nothing_speaks_of_stays_as_the_rules_say(seen: list[Observation]) -> None:
    model = rca.load_model()
    assert as_monitored(model, seen) is model


def test_the_more_are_called_down_that_cannot_be_reached_the_surer() -> None:
    many = [_seen(f"v{i}", signal) for i in range(8) for signal in ("down", "unreachable")]
    some = [_down(many[:n]) for n in (2, 4, 8, 16)]
    assert some == sorted(some)
    assert _down([]) < some[0]
    assert some[-1] < 0.95  # as surely as such a guest is unreachable at all


def test_who_runs_and_cannot_be_reached_takes_it_back() -> None:
    called = [_seen("v", "down"), _seen("v", "unreachable")]
    runs = [_seen("w", "down", State.HEALTHY), _seen("w", "unreachable")]
    assert _down(called + runs) < _down(called)


def test_who_has_stopped_by_another_word_says_nothing_of_it() -> None:
    model = rca.load_model()
    paused = [_seen("v", "down"), _seen("v", "unreachable"), _seen("v", "paused")]
    assert as_monitored(model, paused) is model
    cut_off = [_seen("w", "down"), _seen("w", "unreachable")]
    assert _down(paused + cut_off) == _down(cut_off)


def test_one_entity_counts_once_however_many_look() -> None:
    once = [_seen("v", "down"), _seen("v", "unreachable")]
    other = [_seen("v", "down", State.HEALTHY), _seen("v", "unreachable")]
    assert _down(once + other) == _down(other + once) == _down(once)


def test_no_rule_gets_weaker_and_no_other_is_touched() -> None:
    model = rca.load_model()
    told = as_monitored(model, [_seen("v", "down"), _seen("v", "unreachable")])
    before = {(r.kind, r.mode, r.signal): r for r in model.signals}
    after = {(r.kind, r.mode, r.signal): r for r in told.signals}
    assert before.keys() <= after.keys()
    assert all(after[about].detection >= rule.detection for about, rule in before.items())
    changed = {about for about, rule in after.items() if before.get(about) != rule}
    assert {signal for _, _, signal in changed} == {"down"}
