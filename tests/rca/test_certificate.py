"""What an answer rests on: taken away, the answer is another one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import rca
from kgraph.schema import Answer, Certificate, Incident
from kgraph.schema.healthy import expand_healthy
from rca.certificate import certificate, without
from rca.engine import reason, verdict
from rca.rules.model import Model
from tests.rca.seeds import seeds

Read = Callable[[str], Incident]
Random = Callable[[int], Incident]
Answers = Callable[[int], Answer]


def _stated(incident: Incident, model: Model) -> Certificate | None:
    return certificate(incident, model, rca.investigate(incident, model))


def _pairs(stated: Certificate) -> list[tuple[str, str]]:
    return [(row.entity, row.signal) for row in stated.observations]


@pytest.mark.parametrize("seed", seeds(20))
def test_the_answer_changes_without_all_of_them_and_stays_with_any_one(
    seed: int, random_incident: Random, random_answer: Answers, model: Model
) -> None:
    incident = random_incident(seed)
    stated = certificate(incident, model, random_answer(seed))
    if stated is None:
        return
    blamed = verdict(incident, model).blamed
    pairs = _pairs(stated)
    then = verdict(without(incident, pairs), model)
    assert not blamed <= then.blamed
    assert {fault.entity for fault in stated.instead} == then.blamed
    assert stated.minimal
    for pair in pairs:
        rest = [other for other in pairs if other != pair]
        if rest:
            assert blamed <= verdict(without(incident, rest), model).blamed


@pytest.mark.parametrize("seed", seeds(20))
def test_a_verdict_is_what_the_answer_blames(
    seed: int, random_incident: Random, random_answer: Answers, model: Model
) -> None:
    answer, found = random_answer(seed), verdict(random_incident(seed), model)
    best = next((row.members for row in answer.hypotheses if row.members), ())
    assert found.faults == best
    assert found.because == answer.abstained_because


def test_the_one_alarm_that_decides_is_named_alone(incident: Read, model: Model) -> None:
    told = incident("""
        Service: front
        Database: one two
        front CALLS one two
        front abnormal: errors
        one abnormal: errors
    """)
    stated = _stated(told, model)
    assert stated is not None
    assert _pairs(stated) == [("one", "errors")]
    assert stated.minimal


def test_a_healthy_witness_against_the_rival_may_be_what_decides(
    incident: Read, model: Model
) -> None:
    told = incident("""
        Service: front[1-4]
        Database: one two
        front* CALLS one two
        front* abnormal: errors
        one healthy: errors
        candidates one two
    """)
    answer = rca.investigate(told, model)
    assert answer.causes[0].entity == "two"
    stated = certificate(told, model, answer)
    assert stated is not None
    assert _pairs(stated) == [("one", "errors")]
    assert [fault.entity for fault in stated.instead] == ["one"]


def test_who_blames_nothing_has_no_certificate(incident: Read, model: Model) -> None:
    assert _stated(incident("Host: h\nh healthy: down"), model) is None


def test_health_that_was_implied_is_taken_away_for_good(incident: Read, model: Model) -> None:
    told = incident("""
        Host: h
        VirtualMachine: v[1-3]
        v* RUNS_ON h
        v* abnormal: unreachable
        h abnormal: unreachable
    """)
    whole = expand_healthy(told)
    gone = without(whole, [("v1", "unreachable")])
    assert all(row.entity != "v1" for row in gone.observations)
    assert reason(gone, model).causes


def test_it_gives_up_in_time_and_says_that_it_may_not_be_minimal(
    incident: Read, model: Model
) -> None:
    told = incident("""
        Host: h1
        VirtualMachine: v[0-199]
        v* RUNS_ON h1
        v* abnormal: unreachable
        h1 abnormal: unreachable
    """)
    stated = _stated(told, model)
    assert stated is not None
    assert not stated.minimal
    assert stated.runs <= 20
