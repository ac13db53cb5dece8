"""Where the steps of a plan stand, what waits for what, and what a failure takes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from kgraph.schema import StepState
from remedies.execution.moves import Commit, Hand, Intend
from remedies.execution.step_moves import carry_on
from remedies.execution.track import Track, Trail, to_undo
from remedies.looks import Look, Standing
from tests.remedies.fake_estate import CHECK, RESTART, RESUME, T0, plan_of

AGAIN = replace(RESUME, action="reset")
OTHER = replace(RESUME, entity="v2")


def test_a_step_waits_for_all_on_the_cause_and_for_those_on_its_own_entity_alone() -> None:
    assert Trail(plan_of(RESTART, RESUME, OTHER, AGAIN)).waits == ([], [0], [0], [0, 1])


@pytest.mark.parametrize(
    ("named", "state", "said", "taken_back"),
    [
        (("check",), StepState.DONE, "", [0]),
        (("check",), StepState.FAILED, "it ended with 1", [0]),
        (("check",), StepState.DONE, "already so: active", []),
        (("check",), StepState.FAILED, "not done: halted", []),
        (("other",), StepState.DONE, "", []),
        ((), StepState.DONE, "", []),
    ],
)
def test_what_was_done_is_taken_back_if_a_step_fails_that_it_names(
    named: tuple[str, ...], state: StepState, said: str, taken_back: list[int]
) -> None:
    plan = plan_of(replace(RESTART, undo_if=named), CHECK)
    found = [Track(state, intents=1, said=said), Track(StepState.FAILED, intents=1)]
    assert to_undo(plan, found) == taken_back


@pytest.mark.parametrize(("attempt", "tried_again"), [(1, True), (3, False)])
def test_an_effect_that_failed_is_not_done_only_because_no_look_can_tell(
    attempt: int,
    tried_again: bool,  # noqa: FBT001 - a table
) -> None:
    acted = T0 + timedelta(seconds=1)
    later = acted + timedelta(seconds=5)
    seen = Look(Standing.EITHER, "nothing shows it")
    hand = Hand(
        intended_at=T0, acted_at=acted, look=seen, looked_at=later, failure="it ended with 1"
    )
    track = Track(StepState.RUNNING, attempt, intents=1)
    now = later + RESUME.terms.pause
    step = replace(RESUME, terms=replace(RESUME.terms, repeatable=True))
    move = carry_on(0, step, track, hand, now)
    expected = Commit(0, StepState.FAILED, "it ended with 1")
    assert move == (Intend(0, 2, said="again: it ended with 1") if tried_again else expected)
    done = carry_on(0, step, track, replace(hand, failure=""), now)
    assert done == Commit(0, StepState.DONE, "nothing shows it")
