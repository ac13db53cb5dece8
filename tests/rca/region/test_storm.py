"""A storm is worth so much and no more; small incidents keep all they have."""

import math
from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgraph.schema import Channel, Incident, Observation, State
from rca.evidence.likelihood import Reading, Sort
from rca.inference.score import score
from rca.region.scene import Scene
from rca.region.storm import ENOUGH, coarse, loudest
from tests.rca.suspected import units_of

NONE: Mapping[tuple[int, int], float] = {}


def _seen(ratio: float) -> Reading:
    state = State.ABNORMAL if ratio > 1 else State.HEALTHY
    return Reading(Observation("x", "down", state), Sort("Host", Channel.EVERY, "down"), ratio)


def _estate(*ratios: float) -> dict[int, list[Reading]]:
    return {i: [_seen(ratio)] for i, ratio in enumerate(ratios)}


def _power(
    estate: Mapping[int, Sequence[Reading]], weights: Mapping[tuple[int, int], float] = NONE
) -> float:
    return coarse(loudest(estate, weights).values())


def test_a_small_incident_keeps_all_its_evidence() -> None:
    assert _power(_estate(100.0, 100.0, 0.1)) == 1.0
    assert _power({}) == 1.0


def test_all_alarms_of_a_storm_together_are_worth_the_limit() -> None:
    power = _power(_estate(*[100.0] * 500))
    assert power * 500 * math.log(100.0) == pytest.approx(ENOUGH)


def test_what_is_well_makes_no_storm() -> None:
    assert _power(_estate(*[0.01] * 5_000)) == 1.0


def test_witnesses_that_count_less_make_less_of_a_storm() -> None:
    estate = _estate(*[100.0] * 100)
    half = {(entity, 0): 0.5 for entity in estate}
    assert _power(estate, half) == pytest.approx(2 * _power(estate))


@given(st.lists(st.floats(0.01, 1e4), max_size=200), st.floats(1.0, 1e4))
def test_one_more_alarm_never_sharpens_the_rest(ratios: list[float], more: float) -> None:
    assert 0 < _power(_estate(*ratios, more)) <= _power(_estate(*ratios)) <= 1


def test_whatever_explains_a_storm_is_held_to_that(
    incident: Callable[[str], Incident], field_of: Callable[[Incident], Scene]
) -> None:
    scene = field_of(incident("Host: h[0-49]\n h* abnormal: down"))
    assert scene.coarse == _power(scene.readings, scene.weights) < 1
    for unit in units_of(scene):
        assert score([unit]) == unit.log_prior + unit.alone.held(scene.coarse)
