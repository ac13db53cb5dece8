"""How a detector is declared, and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from kgraph.schema import Direction, State

Labels = Mapping[str, str]


class Reads(Enum):
    """What a detector looks at."""

    METRICS = "metrics"
    LOGS = "logs"
    CALLS = "calls"
    CHECKS = "checks"
    CHANGES = "changes"


class Settings(BaseModel):
    """What a person may set of a detector; each adds its own fields, with units in their names."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One look of a detector at one thing. What it could not judge gets none: that is unknown.

    Attributes:
        labels: what names the thing, such as those of its series; looked up as an alert's are.
        state: abnormal, or looked at and well.
        score: how far from normal, a robust z >= 0; None: only that it is abnormal is known.
        direction: which way it left its normal range; None where it has no ways.
        since: when it began, by the observer's clock; None where nothing says.
        detail: one phrase for people, with numbers and units.
        due: when it is expected to come to pass, of what is foreseen; None: it is so already.
    """

    labels: Labels
    state: State
    score: float | None = None
    direction: Direction | None = None
    since: datetime | None = None
    detail: str = ""
    due: datetime | None = None

    @property
    def abnormal(self) -> bool:
        """Whether something wrong was found."""
        return self.state is State.ABNORMAL


I = TypeVar("I")  # noqa: E741 - the input of a detector
S = TypeVar("S", bound=Settings)


@dataclass(frozen=True, slots=True)
class Detector(Generic[I, S]):
    """One way of judging.

    Attributes:
        name: what files call it, such as `threshold`.
        about: what it finds, in a phrase.
        reads: what it looks at; all detectors of one sort take the same input.
        settings: what may be set.
        look: judges an input; pure, and never raises for what the input holds.
    """

    name: str
    about: str
    reads: Reads
    settings: type[S]
    look: Callable[[I, S], Iterable[Verdict]]
