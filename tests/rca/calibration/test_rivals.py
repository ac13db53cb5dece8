"""The runner-up and groups of equals are told in the chances that people see."""

from __future__ import annotations

from dataclasses import replace

from kgraph.schema import Ambiguity, BlastRadius, Cause, Fault, RunnerUp
from kgraph.schema.hypotheses import MOST_ODDS, Answer, Hypothesis
from kgraph.schema.incidents import Incident
from rca.calibration.file import load_calibration
from rca.calibration.rivals import groups, runner_up
from rca.certificate import certificate
from rca.rules.model import Model

RIVAL = RunnerUp((Fault("b", "down"),), posterior=0.2, odds=4.0, bayes_factor=9.0)
OUTSIDE = replace(RIVAL, members=(), name="outside the graph")


def _half(chance: float) -> float:
    return chance / 2


def _square(chance: float) -> float:
    return chance**2


def _cause(entity: str, chance: float) -> Cause:
    return Cause(entity, "Host", "down", chance, {"down": chance}, 1, (), (), 0)


def test_odds_are_those_of_the_measured_chances() -> None:
    found = runner_up(RIVAL, _square, 1.0, abstained=False)
    assert found is not None
    assert round(found.posterior, 9) == 0.04
    assert round(found.odds, 9) == 16.0
    assert found.bayes_factor == 9.0


def test_what_blames_nothing_shrinks_with_what_is_left() -> None:
    found = runner_up(OUTSIDE, _half, 0.5, abstained=False)
    assert found is not None
    assert found.posterior == 0.1
    assert found.odds == 4.0


def test_where_nothing_in_the_graph_wins_the_rival_in_it_is_measured() -> None:
    found = runner_up(RIVAL, _half, 1.0, abstained=True)
    assert found is not None
    assert found.posterior == 0.1
    assert found.odds == 8.0


def test_odds_beyond_all_measure_stay() -> None:
    far = replace(RIVAL, odds=MOST_ODDS)
    assert runner_up(far, _half, 1.0, abstained=False) == far
    assert runner_up(None, _half, 1.0, abstained=False) is None


def test_a_group_of_equals_changes_as_its_members_do_and_has_at_least_the_likeliest() -> None:
    group = Ambiguity((Fault("a", "down"), Fault("b", "down")), posterior=0.8)
    before = [_cause("a", 0.4), _cause("b", 0.4)]
    (found,) = groups([group], before, [_cause("a", 0.3), _cause("b", 0.3)])
    assert round(found.posterior, 9) == 0.6
    (most,) = groups([group], before, [_cause("a", 0.9), _cause("b", 0.9)])
    assert most.posterior == 1.0
    (unknown,) = groups([group], [], [])
    assert unknown.posterior == 0.8
    overlapping = replace(group, posterior=0.4)
    (least,) = groups([overlapping], before, [_cause("a", 0.5), _cause("b", 0.1)])
    assert least.posterior == 0.5


def test_an_answer_that_only_calibration_gave_rests_on_no_observation(model: Model) -> None:
    """Asked with nothing left out, the inference already answers otherwise."""
    lifted = Answer(
        id="i",
        causes=(_cause("a", 0.6),),
        hypotheses=(Hypothesis((Fault("a", "down"),), 0.6),),
        explanation=(),
        blast_radius=BlastRadius(),
        next_checks=(),
        elsewhere=0.1,
        monitoring=0.0,
        model_version="rules",
        calibration=load_calibration().title,
    )
    assert certificate(Incident("i"), model, lifted) is None
