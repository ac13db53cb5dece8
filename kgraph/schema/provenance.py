"""Where what is known of an entity comes from, and what a person has decided about identity."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from kgraph.schema.entities import Key, Record


class Sameness(Enum):
    """What a person says of two entities."""

    SAME = "same"
    APART = "apart"


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person has decided; it is never forgotten, and sources are bound by it.

    Attributes:
        uid, other: the entities; after `same` the other's uid stands for the first.
        by: who decided.
    """

    verdict: Sameness
    uid: str
    other: str
    at: datetime
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RecordName:
    """How a source names a record; `scope` None: in whichever of its scopes."""

    source: str
    key: str
    scope: str | None = None

    @property
    def title(self) -> str:
        """What to call it in front of a person: `libvirt h1 (qemu:///system)`."""
        return f"{self.source} {self.key}" + (f" ({self.scope})" if self.scope else "")


@dataclass(frozen=True, slots=True)
class SourcedRecord:
    """What one source says of an entity, or said last.

    Attributes:
        scope: the part of the source that it is from.
        live: whether the source still reports it.
        since: since when it says so.
        priority: of its source; where sources differ, the higher one counts.
    """

    source: str
    scope: str
    record: Record
    live: bool
    since: datetime
    priority: int = 0

    @property
    def name(self) -> RecordName:
        """How its source names it."""
        return RecordName(self.source, self.record.key, self.scope)


@dataclass(frozen=True, slots=True)
class Provenance:
    """All that is known of where an entity comes from.

    Attributes:
        aliases: uids of entities that turned out to be this one.
        records: what sources say of it; of two that differ the later in this order counts.
        decisions: those that name it, oldest first.
    """

    uid: str
    kind: str
    name: str
    aliases: tuple[str, ...] = ()
    records: tuple[SourcedRecord, ...] = ()
    decisions: tuple[Decision, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class SharedKey:
    """A key, in its canonical spelling, that live records of several entities of a kind claim."""

    kind: str
    key: Key
    uids: tuple[str, ...]
