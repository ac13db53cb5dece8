"""Where the steps of a plan stand, read off its journal. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from kgraph.schema import INTENTS, Actor, JournalEntry, Plan, PlanStep, Risk, Role, StepState
from remedies.actions import POWERED_OFF

_OVER = frozenset(
    {StepState.DONE, StepState.FAILED, StepState.COMPENSATED, StepState.INDETERMINATE}
)
NOT_DONE = "not done: "  # how the journal tells a step that failed before any effect
ALREADY = "already so: "  # and one whose effect was there before, and is not ours to take back


@dataclass(frozen=True, slots=True)
class Track:
    """Where one step stands.

    Attributes:
        intents: how often this attempt was announced; more than once only after restarts.
        since: when it came to stand there; None: it was never touched.
        asked: a person has been told, and is waited for.
        undone: it was tried to take it back.
    """

    state: StepState = StepState.PENDING
    attempt: int = 1
    intents: int = 0
    since: datetime | None = None
    said: str = ""
    asked: bool = False
    undone: bool = False

    @property
    def open(self) -> bool:
        """Whether an effect was announced, and it is not written down what became of it."""
        return self.state in INTENTS

    @property
    def tried(self) -> bool:
        """Whether it was announced, and may have had an effect."""
        untouched = self.attempt == 1 and self.said.startswith((NOT_DONE, ALREADY))
        return self.intents > 0 and not untouched

    @property
    def over(self) -> bool:
        """Whether nothing more happens to it, except that it may be taken back."""
        return self.state in _OVER


class Trail:
    """Where the steps of one run stand, kept up entry by entry.

    Attributes:
        found: step -> where it stands.
        waits: step -> the earlier ones that must be done before it.
    """

    def __init__(self, plan: Plan, entries: Iterable[JournalEntry] = ()) -> None:
        self.found = [Track() for _ in plan.steps]
        self.waits = tuple(_waits_for(plan, n) for n in range(len(plan.steps)))
        self.open: set[int] = set()
        for entry in entries:
            self.add(entry)

    def add(self, entry: JournalEntry) -> None:
        """Take in the next entry; one of a step that the plan does not have is passed over."""
        if entry.step >= len(self.found):
            return
        track = self.found[entry.step] = _after(self.found[entry.step], entry)
        (self.open.add if track.open else self.open.discard)(entry.step)


def tracks(plan: Plan, entries: Iterable[JournalEntry]) -> tuple[Track, ...]:
    """Return where each step stands after these entries of one run."""
    found = [Track() for _ in plan.steps]
    for entry in entries:
        if entry.step < len(found):
            found[entry.step] = _after(found[entry.step], entry)
    return tuple(found)


def _after(before: Track, entry: JournalEntry) -> Track:
    again = entry.state in INTENTS
    same = before.attempt == entry.attempt and before.undone == _undoing(entry)
    return Track(
        entry.state,
        entry.attempt,
        (before.intents + 1 if same else 1) if again else before.intents,
        entry.at,
        entry.detail,
        entry.state is StepState.PENDING,
        before.undone or _undoing(entry),
    )


def _undoing(entry: JournalEntry) -> bool:
    return entry.state is StepState.COMPENSATING or entry.state is StepState.COMPENSATED


def touched(plan: Plan, found: Sequence[Track]) -> frozenset[str]:
    """Return what the effects of a run could have hurt so far."""
    rows = zip(plan.steps, found, strict=True)
    acted = (step for step, track in rows if track.tried and step.risk is not Risk.NONE)
    return frozenset(uid for step in acted for uid in reach_of(plan, step))


def reach_of(plan: Plan, step: PlanStep) -> tuple[str, ...]:
    """Return what a step could hurt; where it does not say, all that the plan could."""
    return step.reach or plan.reach


def powered_off(plan: Plan, found: Sequence[Track]) -> frozenset[str]:
    """Return the hosts that this run has switched off, and read back off."""
    return frozenset(
        step.entity
        for step, track in zip(plan.steps, found, strict=True)
        if step.effect == POWERED_OFF
        and step.actor is Actor.KGRAPH
        and track.state is StepState.DONE
    )


def hosts_of(plan: Plan) -> frozenset[str]:
    """Return the hosts that a plan brings guests to."""
    steps = (step for step in plan.steps if step.actor is Actor.KGRAPH)
    return frozenset(step.parameters["to"] for step in steps if step.parameters.get("to"))


def _waits_for(plan: Plan, number: int) -> list[int]:
    step = plan.steps[number]
    return [
        n
        for n, earlier in enumerate(plan.steps[:number])
        if earlier.role is Role.CAUSE or earlier.entity == step.entity
    ]


def failed_causes(plan: Plan, found: Sequence[Track]) -> list[int]:
    """Return the steps on the cause that failed: nothing may be built on them."""
    return [
        n
        for n, (step, track) in enumerate(zip(plan.steps, found, strict=True))
        if step.role is Role.CAUSE and track.state is StepState.FAILED
    ]


def to_undo(plan: Plan, found: Sequence[Track]) -> list[int]:
    """Return the steps that a failure takes back, last first; the failed one may be among them."""
    failed = {plan.steps[n].action for n in failed_causes(plan, found)}
    return [
        n for n in reversed(range(len(plan.steps))) if _takes_back(plan.steps[n], found[n], failed)
    ]


def _takes_back(step: PlanStep, track: Track, failed: set[str]) -> bool:
    done = track.state in {StepState.DONE, StepState.FAILED, StepState.COMPENSATING}
    # What was so already, or was never done, is not ours to take back.
    touched = track.tried and step.actor is Actor.KGRAPH
    return done and touched and bool(step.inverse) and bool(failed & set(step.undo_if))
