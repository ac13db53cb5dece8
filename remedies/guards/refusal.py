"""What a guard answers when a step may not happen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from kgraph.schema import Plan, PlanStep
from remedies.world import World


class Weight(Enum):
    """How much a refusal stops."""

    FINAL = "final"  # the step is not done
    MEANWHILE = "meanwhile"  # nothing begins; what has begun waits until it may, up to the effect
    LATER = "later"  # the step waits until it may
    AUTOMATION = "automation"  # nothing happens by itself; a person may still say yes

    @property
    def stops(self) -> bool:
        """Whether no plan begins that would begin with it."""
        return self is not Weight.LATER

    @property
    def ends(self) -> bool:
        """Whether waiting does not help a plan that has begun."""
        return self is Weight.FINAL or self is Weight.AUTOMATION


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a step may not happen, in one phrase, and which guard says so."""

    guard: str
    why: str
    weight: Weight = Weight.FINAL


Guard = Callable[[Plan, PlanStep, World], Refusal | None]
