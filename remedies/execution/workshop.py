"""The looks and effects of one plan that are under way, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from kgraph.schema import Plan
from remedies.execution.moves import Direction, Doing, Hand
from remedies.execution.tasks import task_of
from remedies.execution.work import Acting, Job, Looking, Spawn
from remedies.looks import Actuators, Task

# A loop that comes round so late still acts by what it finds; after more it looks again.
LATE = timedelta(seconds=10)


class Workshop:
    """What this process has in hand of one plan; nothing of it survives a restart."""

    def __init__(self, plan: Plan, actuators: Actuators, spawn: Spawn) -> None:
        self._plan, self._actuators, self._spawn = plan, actuators, spawn
        self._hands: dict[int, Hand] = {}
        self._works: dict[int, Looking | Acting] = {}
        self._adopted: set[int] = set()

    @property
    def hands(self) -> Mapping[int, Hand]:
        """Step -> what is known of it."""
        return self._hands

    @property
    def busy(self) -> bool:
        """Whether a look or an effect is under way."""
        return bool(self._works)

    @property
    def acting(self) -> Mapping[int, Acting]:
        """Step -> its effect that is under way."""
        return {step: work for step, work in self._works.items() if isinstance(work, Acting)}

    def adopt(self, step: int, now: datetime) -> None:
        """Know of a step only that it was begun, by an earlier process or under a lost lease."""
        self._hands[step] = Hand(adopted_at=now)
        self._adopted.add(step)

    def intend(self, step: int, now: datetime) -> None:
        """Begin anew with a step whose intent was just written."""
        self._hands[step] = Hand(intended_at=now)

    def look(self, step: int, direction: Direction, now: datetime, through: str = "") -> bool:
        """Begin to look; tell whether the answer is there at once.

        Args:
            step: its position.
            direction: whether it is being done or taken back.
            now: the moment.
            through: another endpoint than the one that acts; empty: the step's own.
        """
        hand = self._hands.get(step, Hand(adopted_at=now))
        self._hands[step] = replace(hand, doing=Doing.LOOKING, since=now)
        actuator = self._actuators.get(through or self._plan.steps[step].endpoint)
        return self._started(
            step, Looking(self._spawn, actuator, self._task(step, direction)), now
        )

    def act(self, step: int, direction: Direction, now: datetime) -> bool:
        """Begin an effect; tell whether it is over at once."""
        hand = self._hands[step]
        self._hands[step] = replace(hand, doing=Doing.ACTING, since=now, look=None)
        actuator = self._actuators.get(self._plan.steps[step].endpoint)
        return self._started(step, Acting(self._spawn, actuator, self._task(step, direction)), now)

    def collect(self, now: datetime) -> None:
        """Take what has come back."""
        for step, work in list(self._works.items()):
            if not work.job.done():
                continue
            del self._works[step]
            hand = self._hands[step]
            if isinstance(work, Looking):
                seen_at = now - work.age if work.age > LATE else now
                hand = replace(hand, look=work.look, looked_at=hand.since, seen_at=seen_at)
            else:
                hand = replace(hand, acted_at=now, failure=work.failure)
            self._hands[step] = replace(hand, doing=None)

    def close(self, step: int) -> Acting | None:
        """Put a step down; return its effect if that hangs, and may still happen."""
        self._hands.pop(step, None)
        work = self._works.pop(step, None)
        return work if isinstance(work, Acting) else None

    @property
    def jobs(self) -> list[Job]:
        """All looks and effects that are under way."""
        return [work.job for work in self._works.values()]

    def _task(self, step: int, direction: Direction) -> Task:
        begun = step in self._adopted
        return task_of(self._plan, self._plan.steps[step], direction, begun=begun)

    def _started(self, step: int, work: Looking | Acting, now: datetime) -> bool:
        self._works[step] = work
        self.collect(now)
        return step not in self._works
