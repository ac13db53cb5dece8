from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgraph.schema import (
    Answer,
    BlastRadius,
    Cause,
    Change,
    Fault,
    Hypothesis,
    Incident,
    Lack,
    Observation,
    RunnerUp,
    State,
    Target,
    Witness,
)
from rca.calibration.calibrator import (
    MEASURES,
    SITUATION,
    Calibration,
    Slope,
    calibrated,
    chance_of,
    log_odds,
    measures_of,
    situation_of,
)
from rca.calibration.file import load_calibration
from rca.engine import OUTSIDE

SHIPPED = load_calibration()
_small = st.floats(-3, 3, allow_nan=False)
_chances = st.lists(st.floats(0, 1, allow_nan=False), min_size=1, max_size=8).map(
    lambda values: sorted(values, reverse=True)
)


def _seen(entity: str, state: State = State.ABNORMAL, score: float | None = 9.0) -> Observation:
    return Observation(entity, "errors", state, score)


def cause(entity: str, chance: float) -> Cause:
    return Cause(
        entity=entity,
        kind="Service",
        mode="failing",
        posterior=chance,
        modes={"failing": chance * 0.75, "slow": chance * 0.25},
        explains=2,
        supporting=(Witness(_seen(entity), 2.0),),
        contradicting=(Witness(_seen("z", State.HEALTHY), -1.0),),
        unknown=0,
    )


def answer(*chances: float, elsewhere: float = 0.1, abstained: str = "") -> Answer:
    rows = tuple(cause(f"e{i}", chance) for i, chance in enumerate(chances))
    sets = [Hypothesis((Fault(row.entity, "failing"),), row.posterior * 0.9) for row in rows]
    return Answer(
        id="one",
        causes=rows,
        hypotheses=(*sets, Hypothesis((), elsewhere, "outside the graph")),
        explanation=(),
        blast_radius=BlastRadius(),
        next_checks=(),
        elsewhere=elsewhere,
        monitoring=0.0,
        model_version="rules-1",
        abstained_because=abstained,
    )


INCIDENT = Incident("one", observations=(_seen("e0"), _seen("e1"), _seen("z", State.HEALTHY)))


def calibration(bias: float = 0.0, **slopes: float) -> Calibration:
    return Calibration("tests", "rules-1", bias, {}, {k: Slope(v) for k, v in slopes.items()})


@st.composite
def calibrations(draw: st.DrawFn) -> Calibration:
    """Any calibrator that a file may hold."""
    slopes = {}
    for name in MEASURES:
        by = {feature: draw(_small) for feature in SITUATION}
        falls = sum(min(0.0, value) for value in by.values())
        slopes[name] = Slope(draw(st.floats(0.001, 3)) - falls, by)
    return Calibration("any", "r", draw(_small), {n: draw(_small) for n in SITUATION}, slopes)


def _together(said: Answer, members: int) -> Answer:
    """The same answer, of which the last so many causes are the best set."""
    blamed = tuple(Fault(row.entity, "failing") for row in said.causes[-members:])
    return replace(said, hypotheses=(Hypothesis(blamed, 0.5), *said.hypotheses))


@given(_chances, st.integers(1, 4), calibrations())
def test_no_calibrator_reorders_the_causes_of_an_incident(
    chances: list[float], members: int, any_one: Calibration
) -> None:
    found = calibrated(_together(answer(*chances), members), INCIDENT, any_one)
    assert [row.entity for row in found.causes] == [f"e{i}" for i in range(len(chances))]
    told = [row.posterior for row in found.causes]
    assert told == sorted(told, reverse=True)
    assert all(0 <= chance <= 1 for chance in told)


@given(_chances, st.integers(1, 4), st.integers(0, 7), st.floats(0, 1), calibrations())
def test_a_higher_posterior_never_means_a_lower_chance_in_the_same_situation(
    chances: list[float], members: int, place: int, more: float, any_one: Calibration
) -> None:
    place %= len(chances)
    raised = [*chances]
    ceiling = chances[place - 1] if place else 1.0
    raised[place] += more * (ceiling - raised[place])
    situation = situation_of(answer(*chances), INCIDENT)
    one, other = (_together(answer(*each), members) for each in (chances, raised))
    before = any_one.log_odds(situation, list(measures_of(one))[place])
    after = any_one.log_odds(situation, list(measures_of(other))[place])
    assert after >= before - 1e-9


def test_a_second_fault_is_told_from_another_explanation_of_the_first() -> None:
    """Behind a certain fault both are far behind; only one of them belongs to the best set."""
    said = answer(0.999, 0.7, 0.02)
    pair = Hypothesis((Fault("e0", "failing"), Fault("e1", "failing")), 0.6)
    both = replace(said, hypotheses=(pair, *said.hypotheses))
    assert [row["stands"] for row in measures_of(said)] == [1.0, 0.0, 0.0]
    assert [row["stands"] for row in measures_of(both)] == [1.0, 1.0, 0.0]
    either = calibration(-1.0, stands=2.0)
    second = [calibrated(one, INCIDENT, either).causes[1].posterior for one in (said, both)]
    assert second[0] < 0.5 < second[1]


def test_equals_of_a_member_of_the_best_set_stand_where_it_does() -> None:
    said = _together(answer(0.9, 0.4, 0.4), 2)
    assert [row["stands"] for row in measures_of(said)] == [1.0, 1.0, 1.0]


def test_the_second_is_told_from_the_third_by_how_many_are_likelier_equals_by_half() -> None:
    said = answer(0.6, 0.2, 0.2, 0.02)
    places = [row["place"] for row in measures_of(said)]
    assert places == pytest.approx([0.0, -math.log(2.5), -math.log(2.5), -math.log(4)])
    told = [row.posterior for row in calibrated(said, INCIDENT, calibration(place=2.0)).causes]
    assert told == pytest.approx([0.5, 4 / 29, 4 / 29, 1 / 17])


def test_of_two_that_are_nearly_as_likely_the_first_is_not_told_as_if_it_led() -> None:
    said = answer(0.217, 0.206, 0.12)
    one, other, third = calibrated(said, INCIDENT, calibration(place=2.0)).causes
    assert one.posterior < 1.5 * other.posterior
    assert third.posterior < other.posterior


@given(_chances, calibrations())
def test_a_set_is_never_likelier_than_its_member_and_sets_keep_their_order(
    chances: list[float], any_one: Calibration
) -> None:
    found = calibrated(answer(*chances), INCIDENT, any_one)
    by_entity = {row.entity: row.posterior for row in found.causes}
    sets = {row.members[0].entity: row.posterior for row in found.hypotheses if row.members}
    for entity, chance in sets.items():
        assert chance <= by_entity[entity] + 1e-9
    order = [sets[f"e{i}"] for i in range(len(chances))]
    assert all(a >= b - 1e-9 for a, b in pairwise(order))


def test_two_certain_faults_stand_together_nearly_as_surely() -> None:
    said = answer(1 - 1e-12, 1 - 1e-12, 0.003, elsewhere=0.0)
    pair = Hypothesis((Fault("e0", "failing"), Fault("e1", "failing")), 0.97)
    either = calibration(0.0, logOdds=1.0)
    found = calibrated(replace(said, hypotheses=(pair,)), INCIDENT, either)
    assert found.causes[0].posterior > 0.99
    assert found.hypotheses[0].posterior > 0.9


def test_what_the_inference_said_stays_beside_the_chance() -> None:
    found = calibrated(answer(0.9, 0.05), INCIDENT, calibration(-1.0, logOdds=0.5))
    first = found.causes[0]
    assert first.uncalibrated == pytest.approx(log_odds(0.9))
    assert first.posterior < 0.9
    assert found.calibration == "tests"
    assert sum(first.modes.values()) == pytest.approx(first.posterior)


def test_without_a_calibrator_the_answer_stays_and_says_that_it_is_not_calibrated() -> None:
    plain = answer(0.9)
    assert calibrated(plain, INCIDENT, None) is plain
    assert plain.calibration == ""


def test_calibrating_twice_is_calibrating_once() -> None:
    once = calibrated(answer(0.9, 0.2), INCIDENT, SHIPPED)
    assert calibrated(once, INCIDENT, SHIPPED) is once


def test_an_answer_without_a_cause_has_nothing_to_calibrate() -> None:
    nothing = replace(answer(0.5), causes=(), hypotheses=(), abstained_because="nothing is wrong")
    found = calibrated(nothing, INCIDENT, SHIPPED)
    assert found.abstained_because == "nothing is wrong"


def test_a_leader_that_is_ahead_after_all_lifts_the_abstention() -> None:
    held = answer(0.3, 0.01, elsewhere=0.6, abstained="outside")
    sharp = calibration(3.0, logOdds=1.0)
    found = calibrated(held, INCIDENT, sharp)
    assert not found.abstained
    assert found.causes[0].posterior + found.elsewhere <= 1


def test_who_wins_by_measured_chances_alone_is_not_its_own_rival() -> None:
    """The runner-up of "outside the graph" is the best cause: the one that is blamed now."""
    rival = RunnerUp((Fault("e0", "failing"),), 0.27, 2.2, 1.0)
    held = replace(answer(0.3, 0.01, elsewhere=0.6, abstained="outside"), runner_up=rival)
    assert calibrated(held, INCIDENT, calibration(3.0, logOdds=1.0)).runner_up is None
    stays = calibrated(held, INCIDENT, calibration(-6.0, logOdds=0.1))
    assert stays.abstained
    assert stays.runner_up is not None


def test_where_no_cause_is_likely_the_cause_is_likelier_outside_the_graph() -> None:
    found = calibrated(answer(0.5, elsewhere=0.3), INCIDENT, calibration(-6.0, logOdds=0.1))
    assert found.abstained_because == OUTSIDE
    assert found.elsewhere > 0.9
    assert found.hypotheses[0].name == "outside the graph"
    assert found.hypotheses[0].posterior == found.elsewhere
    assert found.runner_up is None


def test_rivals_that_share_certainty_leave_nothing_for_outside_the_graph() -> None:
    """Three of which one is it: none is likely, and yet it is one of them."""
    said = answer(0.34, 0.33, 0.32, elsewhere=0.01)
    found = calibrated(said, INCIDENT, calibration(0.0, logOdds=1.0))
    assert found.elsewhere == pytest.approx(0.01, abs=0.005)
    assert not found.abstained


@given(_chances, st.floats(0, 1), calibrations())
def test_outside_the_graph_is_what_the_causes_leave_at_least(
    chances: list[float], elsewhere: float, any_one: Calibration
) -> None:
    found = calibrated(answer(*chances, elsewhere=elsewhere), INCIDENT, any_one)
    assert 0 <= found.elsewhere <= 1
    assert found.elsewhere >= 1 - sum(row.posterior for row in found.causes) - 1e-9
    assert found.abstained == (found.elsewhere >= found.causes[0].posterior)


def test_a_leader_that_lacks_what_its_peers_depend_on_is_told_so() -> None:
    whole = answer(0.9)
    bare = replace(whole.causes[0], lacks=Lack("RUNS_ON", 0.98))
    lacking = replace(whole, causes=(bare,))
    assert situation_of(whole, INCIDENT)["lacks"] == 0.0
    assert situation_of(lacking, INCIDENT)["lacks"] == 0.98
    chances = [calibrated(one, INCIDENT, SHIPPED).causes[0].posterior for one in (whole, lacking)]
    assert chances[1] < chances[0]


def test_who_is_blamed_beside_the_leader_and_lacks_something_casts_doubt_on_all() -> None:
    """What hangs on something that the graph lacks is told as so many faults at once."""
    pair = Hypothesis((Fault("e0", "failing"), Fault("e1", "failing")), 0.8)
    whole = replace(answer(0.9, 0.85, 0.1), hypotheses=(pair,))
    first, second, third = whole.causes
    member = replace(whole, causes=(first, replace(second, lacks=Lack("USES", 0.7)), third))
    other = replace(whole, causes=(first, second, replace(third, lacks=Lack("USES", 0.7))))
    told = [situation_of(one, INCIDENT)["lacks"] for one in (whole, member, other)]
    assert told == [0.0, 0.7, 0.0]
    wary = replace(calibration(0.0, logOdds=1.0), situation={"lacks": -2.0})
    said = [calibrated(one, INCIDENT, wary).causes[0].posterior for one in (whole, member)]
    assert said[1] < said[0]


def test_a_leader_that_explains_one_alarm_alone_is_believed_less() -> None:
    """A stray alarm explains itself as well as any."""
    many = answer(0.9)
    one = replace(many, causes=(replace(many.causes[0], explains=1),))
    assert situation_of(many, INCIDENT)["single"] == 0.5
    assert situation_of(one, INCIDENT)["single"] == 1.0
    edited = replace(INCIDENT, changes=(Change("e0", "config", datetime.now(UTC)),))
    assert situation_of(one, edited)["single"] == 0.5  # who changes a thing makes no stray of it
    wary = replace(calibration(0.0, logOdds=1.0), situation={"single": -2.0})
    chances = [calibrated(said, INCIDENT, wary).causes[0].posterior for said in (many, one)]
    assert chances[1] < chances[0]


def test_what_the_best_set_explains_counts_once_and_for_all_of_its_members() -> None:
    """Of two alarms the leader's witness is one and its companion's the other."""
    pair = Hypothesis((Fault("e0", "failing"), Fault("e1", "failing")), 0.8)
    said = answer(0.9, 0.85)
    assert situation_of(said, INCIDENT)["explained"] == pytest.approx(0.5)
    assert situation_of(replace(said, hypotheses=(pair,)), INCIDENT)["explained"] == 1.0


def test_every_feature_of_a_situation_is_a_share() -> None:
    targeted = replace(INCIDENT, target=Target("e0", "errors"))
    found = situation_of(replace(answer(0.9, 0.2), calls=0.4), targeted)
    assert set(found) == set(SITUATION)
    assert all(0 <= value <= 1 for value in found.values())
    assert (found["targeted"], found["itself"], found["calls"]) == (1.0, 1.0, 0.4)
    assert found["contradicted"] == pytest.approx(1 / 3)


def test_log_odds_and_chances_are_each_other_s_inverse() -> None:
    for chance in (1e-9, 0.2, 0.5, 0.999):
        assert chance_of(log_odds(chance)) == pytest.approx(chance)
    assert chance_of(-800.0) == 0.0
    assert chance_of(800.0) == 1.0


def test_what_is_most_unlikely_grows_tenfold_at_most() -> None:
    raised = calibrated(answer(0.9, 0.0001), INCIDENT, calibration(bias=3.0))
    assert raised.causes[1].posterior == pytest.approx(0.001)
    assert raised.causes[0].posterior > 0.9
