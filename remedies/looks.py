"""What an actuator is told, and what it answers: the seam between execution and the estate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Protocol


class Standing(Enum):
    """How the live system stands to one step, seen just now."""

    READY = "ready"  # the effect is not there, and everything holds that it needs
    DONE = "done"  # the effect is there
    EITHER = "either"  # this looks the same before and after
    UNFIT = "unfit"  # neither: it must not be done
    UNKNOWN = "unknown"  # nobody could look


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the live system, with what was seen in one phrase."""

    standing: Standing
    said: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """One step as its actuator is told of it.

    Attributes:
        parameters: what it must know; values, never commands.
        preconditions, effect: names that the actuator's type understands.
        deadline: how long a look or an effect may take.
        message: for people, where people are told.
        begun: whether it was announced by an earlier process, which may have done it in part.
    """

    plan: str
    action: str
    entity: str
    title: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    preconditions: tuple[str, ...] = ()
    effect: str = ""
    deadline: timedelta = timedelta(seconds=30)
    message: str = ""
    begun: bool = False


class EffectError(Exception):
    """An effect was refused or broke off; whether it happened is for the next look to tell."""


class RefusedError(EffectError):
    """It was refused, and nothing has changed: the same may be accepted a moment later."""


class Actuator(Protocol):
    """One way to act. Both calls may block until they are done, in a thread of their own."""

    def look(self, task: Task) -> Look:
        """Tell how the live system stands to a task; UNKNOWN where it cannot be looked at."""

    def act(self, task: Task) -> str:
        """Do it, and return what was done in one phrase.

        Raises:
            EffectError: it did not work, as far as this side can tell.
        """


Actuators = Mapping[str, Actuator]  # by the endpoint's name
