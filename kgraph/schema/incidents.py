"""An incident: a part of the estate, the evidence on it, and what is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from kgraph.schema.entities import Entity, Relation
from kgraph.schema.observations import Change, Observation


@dataclass(frozen=True, slots=True)
class Target:
    """The service-level objective whose breach raised the incident."""

    entity: str
    signal: str


@dataclass(frozen=True, slots=True)
class Stray:
    """How often an alarm goes off when nothing is wrong, by what is on record.

    Attributes:
        detector: who raises it, without the server that it speaks from.
        times: how often this very alarm stood by itself, and was over by itself.
        days: for how long that was counted.
        noise: P(it stands at a look | nothing is wrong with its entity), in (0, 1).
    """

    entity: str
    signal: str
    detector: str
    times: int
    days: float
    noise: float


@dataclass(frozen=True, slots=True)
class Incident:
    """All that the engine is given about one incident; enough to replay it anywhere.

    Attributes:
        candidates: the only entities that may be ranked; None: any.
        source: whose ids the evidence uses when the graph is the stored one.
        assume_healthy: every watched (entity, signal) without an observation was healthy.
        incomplete: the sender said that it left evidence out.
        stale: source of relations -> how long it had not been read; only what was too long.
        strays: of alarms that go off when nothing is wrong, how often they do.
    """

    id: str
    entities: tuple[Entity, ...] = ()
    relations: tuple[Relation, ...] = ()
    observations: tuple[Observation, ...] = ()
    changes: tuple[Change, ...] = ()
    target: Target | None = None
    candidates: tuple[str, ...] | None = None
    source: str | None = None
    assume_healthy: bool = False
    incomplete: bool = False
    warnings: tuple[str, ...] = ()
    stale: Mapping[str, timedelta] = field(default_factory=dict)
    strays: tuple[Stray, ...] = ()


class IncidentStatus(Enum):
    """Where an incident stands."""

    OPEN = "open"
    RESOLVED = "resolved"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class IncidentHead:
    """What of a kept incident is in a list: all but its documents, which may be large."""

    id: str
    status: IncidentStatus
    opened_at: datetime
    updated_at: datetime
    title: str


@dataclass(frozen=True, slots=True)
class IncidentRecord:
    """An incident as the store keeps it: its bundle and answer are the published documents."""

    id: str
    status: IncidentStatus
    opened_at: datetime
    updated_at: datetime
    title: str
    bundle: str  # kgraph.incident/v1, one JSON object
    answer: str  # the documented answer form, one JSON object
