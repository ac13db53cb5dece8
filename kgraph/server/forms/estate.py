"""Entities, their past, and who needs them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from kgraph.app.service.predicting import Prediction
from kgraph.app.views.graphs import Dependent
from kgraph.app.views.history import Event
from kgraph.schema import Entity, Relation
from kgraph.server.forms.form import Form, example
from kgraph.store import Span


class EntityRow(Form):
    """An entity in a list."""

    uid: str
    kind: str
    name: str

    @classmethod
    def of(cls, row: Entity) -> EntityRow:
        """Show an entity."""
        return cls(uid=row.uid, kind=row.kind, name=row.name)


class RelationForm(Form):
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


class SpanForm(Form):
    """From when until when; null: still."""

    since: datetime
    until: datetime | None

    @classmethod
    def of(cls, row: Span) -> SpanForm:
        """Show a span."""
        return cls(since=row.since, until=row.until)


class EventForm(Form):
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


class ImpactForm(Form):
    """Everybody who needs an entity, nearest first.

    Attributes:
        truncated: whether the list was cut off.
    """

    items: list[DependentForm]
    truncated: bool


class FaultAsked(Form):
    """Something that fails in thought."""

    entity: str = Field(min_length=1, max_length=200, description="Its uid.")
    mode: str = Field("down", min_length=1, max_length=100)


class PredictionAsked(Form):
    """What is to fail, all at once."""

    model_config = example(fail=[{"entity": "9e4068fef6ce4f20", "mode": "down"}])

    fail: list[FaultAsked] = Field(min_length=1, max_length=50)


class HitForm(EntityRow):
    """Who would be hit, how, and how surely."""

    mode: str
    probability: float
    hops: int


class PredictionForm(Form):
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
