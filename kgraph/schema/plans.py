"""Plans are data: what would be done, why it is safe, and a journal of what was done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from kgraph.schema.hypotheses import Fault


class Risk(Enum):
    """How much a step can hurt when it fails."""

    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class PlanState(Enum):
    """Where a plan stands. Only RUNNING and VERIFYING are under way; NEEDS_HUMAN has stopped."""

    PROPOSED = "proposed"  # shown; nothing was done
    APPROVED = "approved"  # a person said yes; nothing was done yet
    RUNNING = "running"
    VERIFYING = "verifying"  # every step is done; are the symptoms gone, and do they stay away?
    DONE = "done"
    COMPENSATED = "compensated"  # what was done has been taken back
    NEEDS_HUMAN = "needs_human"
    SUPERSEDED = "superseded"  # a newer plan has taken its place, or the incident is over

    @property
    def under_way(self) -> bool:
        """Whether effects of it may be happening."""
        return self in {PlanState.RUNNING, PlanState.VERIFYING}


class StepState(Enum):
    """Where one step stands. INDETERMINATE stops for a person."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    COMPENSATING = "compensating"
    COMPENSATED = "compensated"
    INDETERMINATE = "indeterminate"


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One typed action on one entity.

    `inverse` is the action that takes it back; empty where nothing can.
    """

    action: str
    entity: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    risk: Risk = Risk.LOW
    inverse: str = ""
    duration: timedelta = timedelta(0)
    why: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in order, bound to the cause that they repair."""

    id: str
    incident: str
    cause: Fault
    steps: tuple[PlanStep, ...]
    refused: tuple[str, ...] = ()  # what will not be done, each with its reason


# States that announce an effect: written before it, and only while the right to act is held.
INTENTS = frozenset({StepState.RUNNING, StepState.COMPENSATING})


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """A plan as the store keeps it.

    Attributes:
        document: the plan itself, one JSON object.
        because: why it stands where it stands, one line for people.
    """

    id: str
    incident: str
    state: PlanState
    created_at: datetime
    updated_at: datetime
    document: str
    because: str = ""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One state that a step has reached; the intent is written before the effect.

    Attributes:
        step: its position in the plan, from 0.
        attempt: which try of the step this is about, from 1.
        token: the fencing token under which it was written; 0: none was needed.
    """

    plan: str
    step: int
    state: StepState
    at: datetime
    detail: str = ""
    attempt: int = 1
    token: int = 0


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to act on one thing for a while.

    Attributes:
        name: what it is about: an entity's uid, or a role.
        token: grows with every new holder; whoever acts on an older one is refused.
    """

    name: str
    holder: str
    token: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Halt:
    """The kill switch is on: since when, and why."""

    at: datetime
    reason: str = ""
