from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from kgraph.schema import Incident
from rca.evaluation.baselines import candidates_of, single_fault

Make = Callable[[str], Incident]
CHAIN = """
    Service: web api shop db
    web CALLS api
    api CALLS db
    shop CALLS db
"""


def _first(asked: Incident) -> str:
    chances = single_fault(asked)
    return max(chances, key=lambda uid: chances[uid])


def test_an_alarming_go_between_passes_a_fault_on_and_a_healthy_one_blocks_it(
    incident: Make,
) -> None:
    passed = incident(f"{CHAIN}\n web api db abnormal: errors")
    blocked = incident(f"{CHAIN}\n web db abnormal: errors\n api healthy: errors")
    assert _first(passed) == "db"
    before, after = single_fault(passed), single_fault(blocked)
    assert after["web"] / after["db"] > before["web"] / before["db"]


def test_the_louder_of_two_alarms_says_more(incident: Make) -> None:
    asked = incident("Service: a b\n a abnormal: errors@40\n b abnormal: errors@6")
    assert _first(asked) == "a"


def test_who_alarms_and_calls_what_breached_the_objective_too_is_told_less(
    incident: Make,
) -> None:
    evidence = "web api abnormal: latency@9\n db abnormal: latency@40"
    free = single_fault(incident(f"{CHAIN}\n {evidence}"))
    asked = single_fault(incident(f"{CHAIN}\n {evidence}\n target web latency"))
    assert asked["api"] / asked["db"] < free["api"] / free["db"]


def test_only_a_fault_that_would_breach_the_objective_competes(incident: Make) -> None:
    evidence = "api abnormal: errors\n db abnormal: latency"
    assert _first(incident(f"{CHAIN}\n {evidence}\n target web latency")) == "db"
    assert _first(incident(f"{CHAIN}\n {evidence}\n target web errors")) == "api"


def test_one_of_a_pair_accounts_for_less_than_one_without_which_nothing_works(
    incident: Make,
) -> None:
    text = "Service: web\n Host: h1 h2\n web RUNS_ON h1\n web RUNS_ON h2\n web abnormal: errors"
    both = incident(text)
    pair = replace(
        both, relations=tuple(replace(row, group="place", need=1) for row in both.relations)
    )
    assert single_fault(pair)["h1"] < single_fault(both)["h1"]


def test_what_nothing_that_alarms_depends_on_is_not_blamed(incident: Make) -> None:
    asked = incident(f"{CHAIN}\n api abnormal: errors")
    chances = single_fault(asked)
    assert set(chances) == set(candidates_of(asked))
    assert chances["web"] == chances["shop"] == 0.0
    assert 0.0 < sum(chances.values()) < 1.0  # the cause may lie elsewhere


def test_a_healthy_look_is_worth_more_than_silence(incident: Make) -> None:
    silent = incident(f"{CHAIN}\n db web api abnormal: errors")
    healthy = incident(f"{CHAIN}\n db web api abnormal: errors\n shop healthy: errors")
    assert single_fault(healthy)["db"] < single_fault(silent)["db"]


def test_silence_speaks_for_those_of_a_kind_that_an_alert_list_watches(incident: Make) -> None:
    """Of hosts nothing is told, so that their silence says nothing."""
    text = "Service: web api\n Host: h\n web RUNS_ON h\n {}\n web abnormal: errors"
    services = single_fault(incident(text.format("api RUNS_ON h")))
    assert services["h"] < single_fault(incident(text.format("")))["h"]


@pytest.mark.parametrize("circle", ["db CALLS web", "api CALLS web"])
def test_a_circle_of_calls_ends(circle: str, incident: Make) -> None:
    assert _first(incident(f"{CHAIN}\n {circle}\n shop db abnormal: errors@30")) == "db"
