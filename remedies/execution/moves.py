"""What can come next in carrying out a plan, and what is known of a step in this process only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from kgraph.schema import Outcome, PlanState, StepState
from remedies.looks import Look


class Direction(Enum):
    """Whether a step is being done, or taken back."""

    DO = "do"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class Intend:
    """Announce an effect in the journal, under a lease."""

    step: int
    attempt: int
    direction: Direction = Direction.DO
    said: str = ""


@dataclass(frozen=True, slots=True)
class LookAt:
    """See how the live system stands to a step."""

    step: int
    direction: Direction = Direction.DO


@dataclass(frozen=True, slots=True)
class Act:
    """Do it."""

    step: int
    direction: Direction = Direction.DO


@dataclass(frozen=True, slots=True)
class Commit:
    """Write down what has become of a step. PENDING: it waits for a person who has been told."""

    step: int
    state: StepState
    said: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do for now."""

    why: str
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Verify:
    """Every step is done: from now on it is watched whether that helped."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What verification has seen so far."""

    watch: Watch
    why: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The plan is over.

    Attributes:
        against: on whom that was seen which speaks against it.
    """

    state: PlanState
    because: str
    outcome: Outcome | None = None
    against: tuple[str, ...] = ()


Move = Intend | LookAt | Act | Commit | Wait | Verify | Watched | Finish


class Doing(Enum):
    """What a worker is at."""

    LOOKING = "being looked at"
    ACTING = "being done"


@dataclass(frozen=True, slots=True)
class Hand:
    """What this process knows of a step that it has begun itself; nothing of it after a restart.

    Attributes:
        adopted_at: when it found the intent of an earlier process.
        intended_at: when it wrote the intent.
        doing, since: what a worker is at, and since when.
        look, looked_at, seen_at: the newest look, when it was asked for, and when it was taken up;
            or when it came back, where that was long before.
        acted_at: when the effect came back, whether well or not.
        failure: what the effect said when it did not work; empty: it worked.
    """

    adopted_at: datetime | None = None
    intended_at: datetime | None = None
    doing: Doing | None = None
    since: datetime | None = None
    look: Look | None = None
    looked_at: datetime | None = None
    seen_at: datetime | None = None
    acted_at: datetime | None = None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Watch:
    """How the verification of a plan stands.

    Attributes:
        since: when it began; moments in which most was silent do not count, here and below.
        quiet_since: since when all symptoms are gone.
        began: when it first began; None: at `since`.
        ill_since: since when something is seen that was not wrong before, or was gone.
        dark_since: since when most is silent, if it is.
    """

    since: datetime
    quiet_since: datetime | None = None
    began: datetime | None = None
    ill_since: datetime | None = None
    dark_since: datetime | None = None
