"""An alarm that goes off for nothing counts less, and never for nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rca
from kgraph.schema import Entity, Incident, Observation, Relation, State, Stray
from kgraph.topology import build
from rca.evidence.readings import read

MODEL = rca.load_model()
BY = "prometheus/Slow"


def incident(
    *strays: Stray, detectors: tuple[str, ...] = (BY,), signal: str = "latency"
) -> Incident:
    entities = tuple(Entity(f"s{n}", "Service", f"s{n}") for n in range(400))
    rows = tuple(Observation("s0", signal, State.ABNORMAL, detector=by) for by in detectors)
    return Incident("a", entities, (Relation("s1", "CALLS", "s0"),), rows, strays=strays)


def stray(noise: float, signal: str = "latency") -> Stray:
    return Stray("s0", signal, BY, 14, 30.0, noise)


def ratio(asked: Incident) -> float:
    found = read(asked, MODEL, build(asked.entities, asked.relations))
    return found["s0"][0].ratio


def test_it_counts_less() -> None:
    assert ratio(incident(stray(0.05))) == pytest.approx(20)
    assert ratio(incident()) == pytest.approx(100)


@pytest.mark.parametrize("signal", ["latency", "down", "hung", "anomaly"])
def test_it_still_speaks_for_a_fault(signal: str) -> None:
    before = ratio(incident(signal=signal))
    assert ratio(incident(stray(0.9, signal), signal=signal)) >= min(before, 2 * 0.999)


@given(st.floats(0.0001, 0.99), st.floats(0.0001, 0.99))
def test_the_oftener_for_nothing_the_less_it_says_and_never_more_than_without(
    one: float, other: float
) -> None:
    low, high = sorted((one, other))
    assert ratio(incident()) >= ratio(incident(stray(low))) >= ratio(incident(stray(high)))


def test_of_two_who_say_the_same_the_one_that_cries_wolf_less_counts() -> None:
    both = incident(stray(0.4), detectors=(BY, "prometheus/Slower"))
    assert ratio(both) == ratio(replace(both, strays=()))


def test_an_alarm_through_another_server_is_the_same_alarm() -> None:
    assert ratio(incident(stray(0.05), detectors=("prometheus@east/Slow",))) == pytest.approx(20)
