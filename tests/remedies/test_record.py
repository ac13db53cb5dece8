"""What a remedy has earned: lower bounds, groups, and demotion by one bad outcome."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgraph.schema import Entity, Outcome
from remedies import Circumstances, Mode, decide
from remedies.policy import parse_policy
from remedies.record import Case, Earned, Tally, lacking, lower_bound, tally
from tests.remedies.fake_estate import CHECK, RESTART, RESUME, T0, plan_of

EARNED = """\
format: kgraph.policy/v1
rules:
  - {name: earned, mode: auto, earned: {cases: 10, atLeast: 0.75, by: rack}}
"""
POLICY = parse_policy([("p", EARNED)])
ENTITIES = {
    uid: Entity(uid, "VirtualMachine", uid, labels={"rack": f"r{uid[1]}"}) for uid in ("v1", "v2")
}


def cases(*words: str, entity: str = "v1", action: str = "resume") -> tuple[Case, ...]:
    outcomes = {"+": Outcome.HELPED, "-": Outcome.NO_EFFECT, "!": Outcome.MADE_WORSE}
    return tuple(
        Case(action, "VirtualMachine", entity, T0 + timedelta(minutes=n), outcomes[sign])
        for n, sign in enumerate("".join(words))
    )


def mode(*found: Case) -> tuple[Mode, str]:
    around = Circumstances(T0, "VirtualMachine", 0.9, True, ENTITIES, found)  # noqa: FBT003 - a field
    decision = decide(POLICY, plan_of(RESUME), around)
    return decision.mode, decision.why


@pytest.mark.parametrize(
    ("helped", "of", "bound"),
    # By hand from Wilson's formula, z = 1.6449.
    [
        (0, 0, 0.0),
        (0, 10, 0.0),
        (10, 10, 0.787),
        (20, 20, 0.881),
        (19, 20, 0.804),
        (52, 52, 0.951),
    ],
)
def test_the_bound_is_that_of_wilsons_interval(helped: int, of: int, bound: float) -> None:
    assert lower_bound(helped, of) == pytest.approx(bound, abs=0.001)


@given(cases=st.integers(1, 500), data=st.data())
def test_more_successes_never_lower_the_bound_and_it_is_below_the_share(
    cases: int, data: st.DataObject
) -> None:
    helped = data.draw(st.integers(0, cases))
    assert 0 <= lower_bound(helped, cases) <= helped / cases
    assert lower_bound(helped + 1, cases + 1) >= lower_bound(helped, cases)


def test_it_acts_by_itself_once_enough_cases_bear_it_out() -> None:
    assert mode(*cases("+" * 10))[0] is Mode.AUTO
    few, why = mode(*cases("+" * 9))
    assert (few, why) == (
        Mode.SHADOW,
        "not earned yet: 9 of 9 helped, at least 77%; 10 cases are needed",
    )
    poor, why = mode(*cases("+" * 10, "--"))
    assert poor is Mode.SHADOW
    assert why.endswith("75% is needed")


def test_one_bad_outcome_demotes_it_and_what_was_before_counts_no_longer() -> None:
    assert mode(*cases("+" * 50, "!"))[0] is Mode.SHADOW
    assert mode(*cases("+" * 50, "!", "+" * 9))[0] is Mode.SHADOW
    assert mode(*cases("+" * 50, "!", "+" * 10))[0] is Mode.AUTO
    assert "since it made worse at 2026-01-01 03:50Z" in mode(*cases("+" * 50, "!"))[1]


def test_who_was_made_worse_and_is_not_there_any_longer_speaks_against_every_group() -> None:
    gone = cases("!", entity="v9")
    later = tuple(replace(row, at=row.at + timedelta(days=1)) for row in gone)
    assert mode(*cases("+" * 50), *later)[0] is Mode.SHADOW
    assert mode(*cases("+" * 50), *cases("+" * 50, entity="v9"))[0] is Mode.AUTO


def test_each_group_and_each_action_earns_for_itself() -> None:
    assert mode(*cases("+" * 50, entity="v2"))[0] is Mode.SHADOW
    assert mode(*cases("+" * 50, action="reset"))[0] is Mode.SHADOW


def storm(*outcomes: Outcome, plan: str = "P-1", minute: int = 0) -> tuple[Case, ...]:
    """Return what one plan has done to many guests at once."""
    at = T0 + timedelta(minutes=minute)
    return tuple(Case("resume", "VirtualMachine", "v1", at, o, plan=plan) for o in outcomes)


def test_what_one_plan_did_to_many_is_one_case() -> None:
    few, why = mode(*storm(*[Outcome.HELPED] * 40))
    assert (few, why.partition(" helped")[0]) == (Mode.SHADOW, "not earned yet: 1 of 1")
    ten = [storm(Outcome.HELPED, Outcome.HELPED, plan=f"P-{n}") for n in range(10)]
    assert mode(*(case for each in ten for case in each))[0] is Mode.AUTO
    again = [storm(Outcome.HELPED, minute=n) for n in range(10)]  # runs of one plan
    assert mode(*(case for each in again for case in each))[0] is Mode.AUTO


def test_of_a_plan_that_treated_many_most_must_have_helped_and_none_been_made_worse() -> None:
    helped, vain, worse = Outcome.HELPED, Outcome.NO_EFFECT, Outcome.MADE_WORSE
    assert tally(storm(helped, helped, vain)) == Tally(1, 1)
    assert tally(storm(helped, vain)) == Tally(0, 1)
    assert tally(storm(helped, helped, worse)) == Tally(0, 0, T0)


def test_what_only_looks_need_not_earn_anything() -> None:
    around = Circumstances(T0, "StorageExport", 0.9, True, ENTITIES)  # noqa: FBT003 - a field
    assert decide(POLICY, plan_of(CHECK), around).mode is Mode.AUTO
    assert decide(POLICY, plan_of(RESTART), around).mode is Mode.SHADOW


def test_nothing_earned_is_told_with_its_numbers() -> None:
    assert lacking(Earned(5, 0.5), tally(())) == "0 of 0 helped, at least 0%; 5 cases are needed"
