"""What comes next for one step that was announced. Pure.

    intent -> look (is it still right?) -> effect -> look (did it happen?) -> commit

After a restart nothing is known but the journal: look first, then go on from what is seen.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from kgraph.schema import Actor, PlanStep, Risk, StepState
from remedies.execution.moves import (
    Act,
    Commit,
    Direction,
    Doing,
    Hand,
    Intend,
    LookAt,
    Move,
    Wait,
)
from remedies.execution.track import ALREADY, NOT_DONE, Track
from remedies.looks import Look, Standing

GRACE = timedelta(seconds=5)  # after a deadline, before a worker is given up
TELLING = timedelta(seconds=30)  # a person's deadline is hours, but not that of a message
FRESH = timedelta(seconds=3)  # since it was taken up: a look that is older proves nothing of now
BETWEEN_LOOKS = timedelta(seconds=1)
ANNOUNCED_AT_MOST = 3  # of one attempt: each more than one is a restart of ours


def carry_on(number: int, step: PlanStep, track: Track, hand: Hand, now: datetime) -> Move:
    """Return the next move for a step whose journal says RUNNING or COMPENSATING."""
    way = Direction.UNDO if track.state is StepState.COMPENSATING else Direction.DO
    at = _Step(number, step, track, hand, now, way)
    if hand.doing is not None:
        return at.overdue() if at.late else Wait(hand.doing.value, number)
    if step.actor is Actor.PERSON:
        return at.asking()
    if hand.intended_at is None:
        return at.reconcile()
    if hand.acted_at is None:
        return at.before(hand.intended_at)
    return at.refused() if hand.failure.startswith(NOT_DONE) else at.after(hand.acted_at)


class _Step:
    """One step at one moment."""

    def __init__(
        self, number: int, step: PlanStep, track: Track, hand: Hand, now: datetime, way: Direction
    ) -> None:
        self.number, self.step, self.track = number, step, track
        self.hand, self.now, self.way = hand, now, way

    @property
    def late(self) -> bool:
        """Whether a worker has had its time."""
        since = self.hand.since
        limit = TELLING if self.step.actor is Actor.PERSON else self._deadline
        return since is not None and self.now - since > limit + GRACE

    def overdue(self) -> Move:
        """Give up on a worker; what hangs may still happen, and is never repeated."""
        if self.step.actor is Actor.PERSON:
            return self._end(StepState.FAILED, "telling a person hangs")
        if self.hand.doing is Doing.ACTING:
            return self._lost("the effect hangs, and may still happen")
        if self.hand.intended_at is not None and self.hand.acted_at is None:
            return self._unseen("looking at it hangs")
        return self._lost("looking at it hangs")

    def asking(self) -> Move:
        """Tell a person, once."""
        if self.hand.acted_at is None:
            return Act(self.number)
        if self.hand.failure:
            return self._end(StepState.FAILED, f"nobody could be told: {self.hand.failure}")
        return self._end(StepState.PENDING, "a person has been told, and is waited for")

    def reconcile(self) -> Move:
        """After a restart: see what has become of an effect that was announced."""
        look = self._fresh_look()
        if look is None:
            return LookAt(self.number, self.way)
        match look.standing:
            case Standing.DONE:
                return self._well(f"it had happened: {look.said}")
            case Standing.READY:
                return self._announce_again(f"it had not happened: {look.said}")
            case Standing.EITHER if self.step.terms.repeatable:
                return self._announce_again("whether it had happened does not matter")
            case Standing.EITHER:
                return self._lost(f"nothing shows whether it had happened: {look.said}")
            case Standing.UNFIT:
                return self._fail(look.said)
            case Standing.UNKNOWN if self._waited(self.hand.adopted_at):
                return self._lost(f"it cannot be looked at: {look.said}")
            case Standing.UNKNOWN:
                return self._look_again()

    def before(self, intended_at: datetime) -> Move:
        """Between intent and effect: is it still right?"""
        look = self._fresh_look()
        if look is None:
            return LookAt(self.number, self.way)
        match look.standing:
            case Standing.READY | Standing.EITHER:
                return Act(self.number, self.way)
            case Standing.DONE:
                looks = self.step.risk is Risk.NONE  # to see it was all that was to be done
                return self._well(look.said if looks else f"{ALREADY}{look.said}")
            case Standing.UNFIT:
                return self._fail(self._untouched(look.said))
            case Standing.UNKNOWN if self._waited(intended_at):
                return self._unseen(f"it cannot be looked at: {look.said}")
            case Standing.UNKNOWN:
                return self._look_again()

    def after(self, acted_at: datetime) -> Move:
        """Between effect and commit: did it happen, and does it hold?"""
        steady_at = acted_at + self.step.terms.steady
        if self.now < steady_at:
            return Wait("does it hold?", self.number)
        look = self._fresh_look(since=steady_at)
        if look is None:
            return LookAt(self.number, self.way)
        match look.standing:
            case Standing.DONE:
                return self._well(look.said)
            case Standing.EITHER if not self.hand.failure:
                return self._well(look.said)
            case Standing.READY | Standing.EITHER:
                return self._try_again(look)
            case Standing.UNFIT:
                return self._fail(look.said)
            case Standing.UNKNOWN if self._waited(acted_at):
                return self._lost(f"it was done, and cannot be looked at: {look.said}")
            case Standing.UNKNOWN:
                return self._look_again()

    def refused(self) -> Move:
        """End what was refused, and changed nothing: what is so by now is not our doing.

        Nor is it tried in vain: whoever stands in the way may have gone in a moment.
        """
        look = self._fresh_look(since=self.hand.acted_at)
        if look is None:
            return LookAt(self.number, self.way)
        if look.standing is Standing.DONE:
            return self._well(f"{ALREADY}{look.said}")
        changed = look.standing is Standing.UNFIT
        return self._fail(f"{NOT_DONE}{look.said}" if changed else self.hand.failure)

    def _try_again(self, look: Look) -> Move:
        said, terms = self.hand.failure or look.said, self.step.terms
        # What looks the same before and after may have happened, whatever the effect has said.
        once = look.standing is Standing.EITHER and not terms.repeatable
        if once or self.way is Direction.UNDO or self.track.attempt >= terms.attempts:
            return self._fail(said)
        looked_at = self.hand.looked_at or self.now
        if self.now < looked_at + terms.pause:
            return Wait(f"again in a moment: {said}", self.number)
        return Intend(self.number, self.track.attempt + 1, self.way, f"again: {said}")

    def _announce_again(self, said: str) -> Move:
        if self.track.intents >= ANNOUNCED_AT_MOST:
            return self._lost(f"begun {self.track.intents} times and never finished: {said}")
        return Intend(self.number, self.track.attempt, self.way, said)

    def _untouched(self, said: str) -> str:
        """Say that there was no effect; what only looks never has one."""
        return said if self.step.risk is Risk.NONE else f"{NOT_DONE}{said}"

    def _unseen(self, said: str) -> Move:
        """End what nobody could look at: of what only looks, nothing was found against it."""
        return self._lost(said) if self.step.risk is Risk.NONE else self._fail(f"{NOT_DONE}{said}")

    def _fresh_look(self, since: datetime | None = None) -> Look | None:
        """Return the newest look unless it is stale, or was made before `since`."""
        look, at = self.hand.look, self.hand.looked_at
        if look is None or at is None or (since is not None and at < since):
            return None
        if since is not None or look.standing is Standing.UNKNOWN:
            return look  # a failed look is repeated at leisure, until its time is over
        seen_at = self.hand.seen_at or at
        # One of a later time is from before the clock was set back: nobody knows how old it is.
        return look if timedelta(0) <= self.now - seen_at <= FRESH else None

    def _look_again(self) -> Move:
        at = self.hand.looked_at
        if at is not None and self.now < at + BETWEEN_LOOKS:
            said = self.hand.look.said if self.hand.look else ""
            return Wait(f"looks again in a moment: {said}", self.number)
        return LookAt(self.number, self.way)

    def _waited(self, since: datetime | None) -> bool:
        return since is not None and self.now - since > self._deadline

    @property
    def _deadline(self) -> timedelta:
        return self.step.terms.deadline

    def _well(self, said: str) -> Commit:
        undo = self.way is Direction.UNDO
        return self._end(StepState.COMPENSATED if undo else StepState.DONE, said)

    def _fail(self, said: str) -> Commit:
        """Fail; what cannot be taken back is for a person."""
        if self.way is Direction.UNDO:
            return self._lost(f"it could not be taken back: {said}")
        return self._end(StepState.FAILED, said)

    def _lost(self, said: str) -> Commit:
        return self._end(StepState.INDETERMINATE, said)

    def _end(self, state: StepState, said: str) -> Commit:
        return Commit(self.number, state, said)
