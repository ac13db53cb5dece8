"""Evidence: what probes saw, where they looked, and what was changed.

Three values: an observation is abnormal or healthy; a pair (entity, signal) without one is
unknown. Silence is not health: coverage says where a detector looked and found nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Self

from kgraph.schema.signals import Direction


class State(Enum):
    """What a probe that looked has seen; not having looked is the absence of an observation."""

    ABNORMAL = "abnormal"
    HEALTHY = "healthy"


_ABNORMAL = State.ABNORMAL  # looking a member up takes ten times as long as a name

EVERY_DETECTOR = "all"  # a healthy row by it: each detector that fires in the bundle looked here


@dataclass(frozen=True, slots=True)
class Observation:
    """One look at one signal of one entity.

    Attributes:
        entity: the uid; from a source that knows none, that source's own key.
        score: how far from normal, a robust z >= 0; None where only the alert is known.
        direction: which way; None where nothing says.
        at: when it was observed, by the observer's clock; None where nothing says.
        detector: who says so, such as `prometheus/HighLatency`.
        caller: the entity that made the call on which this was seen.
        received_at: when it reached us.
        expires_at: until when it stands without being renewed; None: until it is replaced.
        detail: one phrase for people.
        due_at: when what is foreseen is expected to come to pass, such as a disk that will be
            full; None: it is so already.
    """

    entity: str
    signal: str
    state: State
    score: float | None = None
    direction: Direction | None = None
    at: datetime | None = None
    detector: str = ""
    caller: str | None = None
    received_at: datetime | None = None
    expires_at: datetime | None = None
    detail: str = ""
    due_at: datetime | None = None

    @property
    def abnormal(self) -> bool:
        """Whether a probe looked and found something wrong."""
        return self.state is _ABNORMAL

    @property
    def predicted(self) -> bool:
        """Whether it is foreseen, and not so yet."""
        return self.abnormal and self.due_at is not None


@dataclass(frozen=True, slots=True)
class Coverage:
    """A detector looks at this signal here: not firing is healthy until `ttl` has passed."""

    entity: str
    signal: str
    detector: str
    last_evaluated_at: datetime
    ttl: timedelta

    @classmethod
    def withdrawn(cls, entity: str, signal: str, detector: str, at: datetime) -> Self:
        """Return: this detector looks here no longer; its earlier looks vouch for nothing."""
        return cls(entity, signal, detector, at, timedelta(seconds=-1))

    @property
    def is_withdrawn(self) -> bool:
        """Whether it was never fresh; see `withdrawn`."""
        return self.ttl < timedelta()

    def fresh(self, now: datetime) -> bool:
        """Tell whether the last look is recent enough to count."""
        return now - self.last_evaluated_at <= self.ttl


@dataclass(frozen=True, slots=True)
class Change:
    """Something was done to an entity: a deploy, a configuration edit, a migration."""

    entity: str
    type: str
    at: datetime
    detail: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known about some entities at one moment.

    Attributes:
        withdrawn: (entity, signal) of which somebody said that it is known no longer, or a day ago
            at most that it is wrong, and never that this is over: that nobody says anything of it
            is no health.
    """

    observations: tuple[Observation, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    changes: tuple[Change, ...] = field(default=())
    withdrawn: frozenset[tuple[str, str]] = frozenset()
