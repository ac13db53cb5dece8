"""What a store answers with, and the choices that it is asked with: values, nothing else."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from enum import Enum

from kgraph.schema import Change, Observation, Relation


class Toward(Enum):
    """Which way to walk. Never both: four undirected hops reach most of an estate."""

    DEPENDENCIES = "dependencies"  # towards causes
    DEPENDENTS = "dependents"  # towards who is hit


# Findings that begin so tell of what is open though its source no longer reports it.
HELD = ("held_shrink", "empty_reading")


class Shrink(Enum):
    """What to do when a whole reading no longer reports much of what its scope had."""

    HOLD = "hold"  # keep it open until a person has looked, or a reading is whole again
    ACCEPT = "accept"  # a person has looked: it is gone


@dataclass(frozen=True, slots=True)
class Changed:
    """One change that a sync makes, in words.

    Attributes:
        uid, kind, name: the entity that it is of; of a relation, its dependent.
        type: `created`, `reopened`, `updated`, `renamed`, `closed`, `relation_opened` or
            `relation_closed`.
        detail: which fields, from what to what; or what the relation leads to.
    """

    uid: str
    kind: str
    name: str
    type: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """A name that more than one entity answers to."""

    uids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Diff:
    """What one sync changed, and what a person should look at.

    Attributes:
        created, updated, closed: uids of entities.
        unchanged: number of records that were as before.
        relations_opened, relations_closed: counts.
        observed: number of observations kept.
        pending: relations waiting for an endpoint, as `a TYPE b`.
        findings: hygiene, one line each: unusual endpoints, capped `need`, key conflicts.
        changes: of a preview, each change in words; a commit leaves it empty.
    """

    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    unchanged: int = 0
    relations_opened: int = 0
    relations_closed: int = 0
    observed: int = 0
    pending: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    changes: tuple[Changed, ...] = field(default=(), compare=False)

    @property
    def empty(self) -> bool:
        """Whether the graph is as it was."""
        changed = self.created or self.updated or self.closed
        return not changed and not self.relations_opened and not self.relations_closed

    def with_findings(self, more: Iterable[str]) -> Diff:
        """Return the same with what the reader of the source found besides."""
        return replace(self, findings=(*self.findings, *more))


@dataclass(frozen=True, slots=True)
class Bare:
    """An entity without all that is said of it."""

    uid: str
    kind: str


@dataclass(frozen=True, slots=True)
class TopologyDelta:
    """What of the topology is not as it was at some version.

    Attributes:
        store: which store this is, for whoever keeps something beside it.
        version: the version that this leads to.
        gone: uids that are closed by now; some may never have been known.
        entities: what came, or has other dependencies than before.
        relations: all dependencies of `entities`.
        whole: whether it is all there is, and nothing that can be put onto an earlier state.
    """

    store: str
    version: int
    gone: tuple[str, ...]
    entities: tuple[Bare, ...]
    relations: Collection[Relation]
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """From when until when; None: it still lasts."""

    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Tie:
    """One relation for as long as it lasted, with what to call its ends."""

    relation: Relation
    dependent: str
    dependency: str
    span: Span


@dataclass(frozen=True, slots=True)
class Seen:
    """One state of one signal for as long as it lasted."""

    observation: Observation
    span: Span


@dataclass(frozen=True, slots=True)
class EntityHistory:
    """What one entity went through.

    Attributes:
        name: what it is called now, or was called last.
        existed: when it was open.
        ties: its relations, either way, oldest first.
        seen: states of its signals, oldest first.
        changes: of it, oldest first.
    """

    uid: str
    kind: str
    name: str
    existed: tuple[Span, ...]
    ties: tuple[Tie, ...]
    seen: tuple[Seen, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows were removed, by what they are."""

    relations: int = 0
    records: int = 0
    observations: int = 0
    changes: int = 0
    entities: int = 0
    incidents: int = 0

    @property
    def total(self) -> int:
        """All together."""
        return sum(getattr(self, field.name) for field in fields(self))

    def __add__(self, other: Pruned) -> Pruned:
        return Pruned(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


@dataclass(frozen=True, slots=True)
class ScopeState:
    """When one source was last read for one scope.

    Attributes:
        findings: of its newest reading.
        interval: what lay between the last two readings, or half of what lay between earlier ones
            where that is more: one reading out of turn tells little. None after the first.
    """

    source: str
    scope: str
    generation: int
    completed_at: datetime
    records: int
    findings: tuple[str, ...] = ()
    interval: timedelta | None = None

    @property
    def tells(self) -> bool:
        """Whether it tells of anything; else it holds evidence alone, as of a failed reading."""
        return self.records > 0
