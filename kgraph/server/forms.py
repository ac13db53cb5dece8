"""The documents of the API, as OpenAPI shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic.alias_generators import to_camel

from kgraph.app.graphs import Dependent
from kgraph.app.history import Event
from kgraph.app.service.audit import Deed
from kgraph.app.service.predicting import Prediction
from kgraph.app.service.verdicts import CauseVerdict
from kgraph.schema import Entity, IncidentHead, IncidentRecord, JournalEntry, PlanRecord, Relation
from kgraph.store import ScopeState, Span


class _Form(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class IncidentRow(_Form):
    """An incident in a list."""

    id: str
    status: Literal["open", "resolved", "closed"]
    opened_at: datetime
    updated_at: datetime
    title: str

    @classmethod
    def of(cls, row: IncidentHead | IncidentRecord) -> IncidentRow:
        """Show an incident."""
        return cls(
            id=row.id,
            status=row.status.value,
            opened_at=row.opened_at,
            updated_at=row.updated_at,
            title=row.title,
        )


class PlanRow(_Form):
    """A plan in a list."""

    id: str
    incident: str
    state: str
    created_at: datetime
    updated_at: datetime
    because: str

    @classmethod
    def of(cls, row: PlanRecord) -> PlanRow:
        """Show a plan."""
        return cls(
            id=row.id,
            incident=row.incident,
            state=row.state.value,
            created_at=row.created_at,
            updated_at=row.updated_at,
            because=row.because,
        )


class VerdictForm(_Form):
    """What a person said of a cause."""

    said: Literal["confirmed", "refuted"]
    entity: str
    mode: str
    by: str
    at: datetime
    note: str

    @classmethod
    def of(cls, row: CauseVerdict) -> VerdictForm:
        """Show a verdict."""
        return cls(
            said=row.said.value,
            entity=row.entity,
            mode=row.mode,
            by=row.by,
            at=row.at,
            note=row.note,
        )


class IncidentForm(IncidentRow):
    """An incident with its explanation.

    Attributes:
        answer: the published answer form.
        plans: newest first.
    """

    answer: dict[str, JsonValue]
    plans: list[PlanRow]
    verdicts: list[VerdictForm]


class SectionForm(_Form):
    """One part of a report."""

    label: str
    lines: list[str]


class ReportForm(_Form):
    """What a person reads of an incident: the screen of `kgraph incidents show`."""

    id: str
    headline: str
    sections: list[SectionForm]
    warnings: list[str]


class VerdictAsked(_Form):
    """Confirm or refute a cause."""

    said: Literal["confirmed", "refuted"]
    entity: str = Field(min_length=1, max_length=200, description="The uid that it is about.")
    mode: str = Field("", max_length=100, description="How it failed; empty: any way.")
    note: str = Field("", max_length=2_000)


class EntityRow(_Form):
    """An entity in a list."""

    uid: str
    kind: str
    name: str

    @classmethod
    def of(cls, row: Entity) -> EntityRow:
        """Show an entity."""
        return cls(uid=row.uid, kind=row.kind, name=row.name)


class RelationForm(_Form):
    """A relation of an entity; `other` is its other end."""

    type: str
    other: str
    title: str
    group: str | None
    need: int | None
    source: str


class EntityForm(EntityRow):
    """An entity with all that is known of it."""

    keys: dict[str, str]
    labels: dict[str, str]
    props: dict[str, Any]
    watched: list[str]
    needs: list[RelationForm]
    needed_by: list[RelationForm]

    @classmethod
    def whole(
        cls,
        row: Entity,
        needs: list[tuple[Relation, str]],
        needed_by: list[tuple[Relation, str]],
    ) -> EntityForm:
        """Show an entity and its relations."""
        return cls(
            uid=row.uid,
            kind=row.kind,
            name=row.name,
            keys={key.namespace: key.value for key in row.keys},
            labels=dict(row.labels),
            props=dict(row.props),
            watched=list(row.watched),
            needs=[_relation(r, r.dependency, title) for r, title in needs],
            needed_by=[_relation(r, r.dependent, title) for r, title in needed_by],
        )


def _relation(row: Relation, other: str, title: str) -> RelationForm:
    return RelationForm(
        type=row.type, other=other, title=title, group=row.group, need=row.need, source=row.source
    )


class SpanForm(_Form):
    """From when until when; null: still."""

    since: datetime
    until: datetime | None

    @classmethod
    def of(cls, row: Span) -> SpanForm:
        """Show a span."""
        return cls(since=row.since, until=row.until)


class EventForm(_Form):
    """One thing that happened to an entity."""

    at: datetime
    what: str
    detail: str
    source: str

    @classmethod
    def of(cls, row: Event) -> EventForm:
        """Show an event."""
        return cls(at=row.at, what=row.what, detail=row.detail, source=row.source)


class HistoryForm(EntityRow):
    """What an entity went through, oldest first."""

    existed: list[SpanForm]
    events: list[EventForm]


class DependentForm(EntityRow):
    """Who needs an entity, over so many relations."""

    hops: int
    via: str

    @classmethod
    def at(cls, row: Dependent) -> DependentForm:
        """Show a dependent."""
        entity = row.entity
        return cls(uid=entity.uid, kind=entity.kind, name=entity.name, hops=row.hops, via=row.via)


class ImpactForm(_Form):
    """Everybody who needs an entity, nearest first.

    Attributes:
        truncated: whether the list was cut off.
    """

    items: list[DependentForm]
    truncated: bool


class FaultAsked(_Form):
    """Something that fails in thought."""

    entity: str = Field(min_length=1, max_length=200, description="Its uid.")
    mode: str = Field("down", min_length=1, max_length=100)


class PredictionAsked(_Form):
    """What is to fail, all at once."""

    fail: list[FaultAsked] = Field(min_length=1, max_length=50)


class HitForm(EntityRow):
    """Who would be hit, how, and how surely."""

    mode: str
    probability: float
    hops: int


class PredictionForm(_Form):
    """Who would be hit, the likeliest first, and who would have no spare left."""

    hits: list[HitForm]
    redundancy_lost: list[EntityRow]

    @classmethod
    def of(cls, found: Prediction) -> PredictionForm:
        """Show a prediction."""
        return cls(
            hits=[
                HitForm(
                    uid=entity.uid,
                    kind=entity.kind,
                    name=entity.name,
                    mode=hit.mode,
                    probability=round(hit.probability, 6),
                    hops=hit.hops,
                )
                for entity, hit in found.hits
            ],
            redundancy_lost=[EntityRow.of(entity) for entity in found.redundancy_lost],
        )


class JournalForm(_Form):
    """One state that a step of a plan has reached; steps count from 1."""

    step: int
    state: str
    at: datetime
    attempt: int
    detail: str

    @classmethod
    def of(cls, row: JournalEntry) -> JournalForm:
        """Show an entry."""
        return cls(
            step=row.step + 1,
            state=row.state.value,
            at=row.at,
            attempt=row.attempt,
            detail=row.detail,
        )


class PlanForm(PlanRow):
    """A plan with its steps and its journal."""

    document: dict[str, JsonValue]
    journal: list[JournalForm]


class ReasonAsked(_Form):
    """Why."""

    reason: str = Field("", max_length=2_000)


class HaltForm(_Form):
    """The kill switch."""

    halted: bool
    since: datetime | None = None
    reason: str = ""


class SourceForm(_Form):
    """When a source was last read for a scope.

    Attributes:
        age_seconds: since then.
        stale: whether it is too old to be relied on.
    """

    source: str
    scope: str
    completed_at: datetime
    age_seconds: float
    stale: bool
    records: int
    findings: list[str]

    @classmethod
    def of(cls, row: ScopeState, age_seconds: float, stale: bool) -> SourceForm:  # noqa: FBT001 - a field
        """Show a scope."""
        return cls(
            source=row.source,
            scope=row.scope,
            completed_at=row.completed_at,
            age_seconds=round(age_seconds, 1),
            stale=stale,
            records=row.records,
            findings=list(row.findings),
        )


class DeedForm(_Form):
    """One row of the audit."""

    id: str
    at: datetime
    who: str
    source: str
    what: str
    of: str
    outcome: str

    @classmethod
    def shown(cls, row: Deed) -> DeedForm:
        """Show a row."""
        return cls(
            id=row.id,
            at=row.at,
            who=row.who,
            source=row.source,
            what=row.what,
            of=row.of,
            outcome=row.outcome,
        )


class DeadLetterForm(_Form):
    """What could not be read or sent.

    Attributes:
        kind: `inbox`: a delivery of a hook; `outbox`: a message to a receiver.
        name: the hook, or the receiver.
    """

    id: str
    at: datetime
    kind: Literal["inbox", "outbox"]
    name: str
    because: str
