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


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One state that a step has reached; the intent is written before the effect."""

    plan: str
    step: int
    state: StepState
    at: datetime
    detail: str = ""
