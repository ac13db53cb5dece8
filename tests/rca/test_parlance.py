"""What an estate's monitors call down."""

from __future__ import annotations

import pytest

import rca
from kgraph.schema import Entity, Observation, State
from kgraph.topology import Topology, build
from rca.parlance import as_handled, as_monitored
from tests.rca.answers import Ask, chance, first

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


def _failed(answering: int, silent: int) -> list[Observation]:
    """Guests whose storage fails, of whom so many still answer."""
    rows = []
    for i in range(answering + silent):
        state = State.HEALTHY if i < answering else State.ABNORMAL
        rows += [_seen(f"v{i}", "ioError"), _seen(f"v{i}", "unreachable", state)]
    return rows


def _graph(seen: list[Observation], kind: str = "VirtualMachine") -> Topology:
    return build([Entity(uid, kind) for uid in sorted({row.entity for row in seen})], ())


def _unreachable(seen: list[Observation], kind: str = "VirtualMachine") -> float:
    model, graph = rca.load_model(), _graph(seen, kind)
    rules = as_handled(model, seen, graph).signal_rules["VirtualMachine", "unreachable"]
    return next(rule.detection for rule in rules if rule.mode == "paused_io_error")


def test_guests_that_get_errors_and_answer_are_no_alibi_of_their_storage() -> None:
    ruled = _unreachable([])
    some = [_unreachable(_failed(answering, 0)) for answering in (0, 1, 4, 40)]
    assert some[0] == ruled
    assert some == sorted(some, reverse=True)
    assert some[-1] < 0.1
    assert _unreachable(_failed(4, 4)) > _unreachable(_failed(4, 0))


def test_where_such_guests_stop_the_rules_stay_and_others_teach_nothing() -> None:
    ruled = _unreachable([])
    assert _unreachable(_failed(0, 8)) == ruled
    assert _unreachable(_failed(8, 0), kind="Database") == ruled
    model = rca.load_model()
    down = [_seen("v", "down")]
    assert as_handled(model, down, _graph(down)) is model


def test_a_pool_whose_guests_get_errors_and_run_on_is_named(ask: Ask) -> None:
    answer = ask(
        """
        StoragePool: p q
        Volume: d[0-19] e[0-19]
        VirtualMachine: v[0-19] w[0-19]
        Database: db
        Service: s[0-9]
        d[0-19] STORED_ON p
        e* STORED_ON q
        v[0-19] STORED_ON each d[0-19]
        w* STORED_ON each e*
        db RUNS_ON v0
        s* CALLS db
        v* s* abnormal: ioError
        db abnormal: errors
        v* w* healthy: down unreachable
        w* healthy: ioError
        """
    )
    assert first(answer)[0] == "p"
