"""Incidents, their reports, and what people say of their causes."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field, JsonValue

from kgraph.schema import IncidentHead, IncidentRecord, Ruling
from kgraph.server.forms.form import Form
from kgraph.server.forms.plans import PlanRow


class IncidentRow(Form):
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


class VerdictForm(Form):
    """What a person said of a cause."""

    said: Literal["confirmed", "refuted"]
    entity: str
    mode: str
    by: str
    at: datetime
    note: str

    @classmethod
    def of(cls, row: Ruling) -> VerdictForm:
        """Show a ruling."""
        return cls(
            said="confirmed" if row.right else "refuted",
            entity=row.entity,
            mode=row.mode,
            by=row.by,
            at=row.at,
            note=row.reason,
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


class SectionForm(Form):
    """One part of a report."""

    label: str
    lines: list[str]


class ReportForm(Form):
    """What a person reads of an incident: the screen of `kgraph incidents show`."""

    id: str
    headline: str
    sections: list[SectionForm]
    warnings: list[str]


class VerdictAsked(Form):
    """Confirm or refute a cause."""

    said: Literal["confirmed", "refuted"]
    entity: str = Field(min_length=1, max_length=200, description="The uid that it is about.")
    mode: str = Field("", max_length=100, description="How it failed; empty: any way.")
    note: str = Field("", max_length=2_000)
