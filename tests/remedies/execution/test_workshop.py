"""What one process has in hand: when a look was made, and when an effect came back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

import remedies.execution.work as module
from kgraph.schema import StepState
from remedies import Look, Standing
from remedies.execution.moves import Act, Commit, Direction, Hand, Intend, LookAt
from remedies.execution.step_moves import carry_on
from remedies.execution.track import Track
from remedies.execution.work import Job
from remedies.execution.workshop import Workshop
from tests.remedies.fake_estate import RESUME, T0, Estate, Thing, plan_of


@dataclass
class Slow:
    """Calls that are made at once, and of which nobody hears before `back`."""

    back: bool = False
    made: list[str] = field(default_factory=list)
    at: float = 100.0  # the clock that only goes on

    def __call__(self, name: str, call: Callable[[], None]) -> Job:
        call()
        self.made.append(name)
        return self

    def done(self) -> bool:
        return self.back

    def wait(self, patience: timedelta) -> None:
        """It comes back when the test says so."""
        self.at += patience.total_seconds()


def workshop() -> tuple[Workshop, Slow]:
    slow = Slow()
    estate = Estate({"v1": Thing("paused")})
    return Workshop(plan_of(RESUME), {"estate": estate}, slow), slow


def test_how_long_an_effect_has_held_counts_from_when_it_came_back() -> None:
    shop, slow = workshop()
    shop.intend(0, T0)
    shop.act(0, Direction.DO, T0)
    slow.back = True
    shop.collect(T0 + timedelta(seconds=15))
    assert shop.hands[0].acted_at == T0 + timedelta(seconds=15)


@pytest.mark.parametrize(("late", "fresh"), [(2, True), (9, True), (11, False), (300, False)])
def test_a_look_that_nobody_took_up_for_long_proves_nothing(
    late: float,
    fresh: bool,  # noqa: FBT001 - a table
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at = [100.0]
    monkeypatch.setattr(module, "monotonic", lambda: at[0])
    shop, slow = workshop()
    shop.intend(0, T0)
    shop.look(0, Direction.DO, T0)
    slow.back = True
    at[0] += late  # the loop explains an estate meanwhile, or its store is busy
    now = T0 + timedelta(seconds=late)
    shop.collect(now)
    move = carry_on(0, RESUME, Track(StepState.RUNNING, intents=1), shop.hands[0], now)
    assert isinstance(move, Act if fresh else LookAt)


@pytest.mark.parametrize("repeatable", [True, False])
def test_what_may_have_happened_is_done_again_only_where_that_does_not_matter(
    repeatable: bool,  # noqa: FBT001 - a table
) -> None:
    terms = replace(RESUME.terms, attempts=3, repeatable=repeatable)
    step = replace(RESUME, terms=terms)
    look = Look(Standing.EITHER, "it looks as before")
    hand = Hand(
        intended_at=T0,
        look=look,
        looked_at=T0 + timedelta(seconds=2),
        acted_at=T0,
        failure="the hook is not reached: ReadTimeout",
    )
    track = Track(StepState.RUNNING, intents=1)
    move = carry_on(0, step, track, hand, T0 + timedelta(seconds=9))
    assert isinstance(move, Intend if repeatable else Commit)
    if isinstance(move, Commit):
        assert (move.state, move.said) == (StepState.FAILED, hand.failure)


def test_the_end_waits_once_for_all_that_is_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever ends us kills us after a while: what is not written down by then is not known."""
    slow = Slow()
    monkeypatch.setattr(module, "monotonic", lambda: slow.at)
    module.wait_for([slow] * 8, timedelta(seconds=5))
    assert slow.at == 105
