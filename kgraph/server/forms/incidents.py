"""Incidents, their reports, and what people say of their causes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from kgraph.incidents.handling import Handling
from kgraph.schema import IncidentHead, IncidentRecord, Ruling
from kgraph.server.forms.form import Form, example
from kgraph.server.forms.plans import PlanRow


class AcknowledgementForm(Form):
    """Who has taken an incident on."""

    by: str
    at: datetime
    note: str

    @classmethod
    def of(cls, row: Handling | None) -> AcknowledgementForm | None:
        """Show who has it, if somebody has."""
        return cls(by=row.by, at=row.at, note=row.note) if row else None


class HandlingForm(Form):
    """One thing that was done to an incident, by a person or by the grouping.

    Attributes:
        by: empty: the grouping.
        other: the other incident of a merge or a split.
        names: of a split: what the other one is about.
    """

    did: Literal[
        "acknowledged", "withdrawn", "closed", "merged", "took_in", "split", "split_from", "noted"
    ]
    at: datetime
    by: str
    note: str
    other: str
    names: list[str]
    line: str

    @classmethod
    def of(cls, row: Handling) -> HandlingForm:
        """Show it."""
        return cls(
            did=row.did.value,
            at=row.at,
            by=row.by,
            note=row.note,
            other=row.other,
            names=list(row.names),
            line=row.line,
        )


class IncidentRow(Form):
    """An incident in a list.

    Attributes:
        acknowledged: who has it; None: nobody.
    """

    id: str
    status: Literal["open", "resolved", "closed"]
    opened_at: datetime
    updated_at: datetime
    title: str
    acknowledged: AcknowledgementForm | None

    @classmethod
    def of(cls, row: IncidentHead | IncidentRecord, taken: Handling | None) -> IncidentRow:
        """Show an incident, and who has it."""
        return cls(
            id=row.id,
            status=row.status.value,
            opened_at=row.opened_at,
            updated_at=row.updated_at,
            title=row.title,
            acknowledged=AcknowledgementForm.of(taken),
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
        handling: what was done to it, oldest first.
    """

    answer: dict[str, JsonValue]
    plans: list[PlanRow]
    verdicts: list[VerdictForm]
    handling: list[HandlingForm]


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

    model_config = example(
        said="confirmed", entity="9e4068fef6ce4f20", mode="down", note="a broken PSU"
    )

    said: Literal["confirmed", "refuted"]
    entity: str = Field(min_length=1, max_length=200, description="The uid that it is about.")
    mode: str = Field("", max_length=100, description="How it failed; empty: any way.")
    note: str = Field("", max_length=2_000)


_Why = Annotated[str, Field(max_length=2_000)]


class NoteAsked(Form):
    """A remark, for those who read it later."""

    model_config = example(note="at the rack")

    note: _Why = ""


class CloseAsked(Form):
    """Why an incident is closed."""

    model_config = example(reason="a planned move")

    reason: str = Field(min_length=1, max_length=2_000, pattern=r"\S")


class MergeAsked(NoteAsked):
    """Which incident goes on with all symptoms of both."""

    model_config = example(into="INC-0001", note="one array")

    into: str = Field(min_length=1, max_length=200, description="Such as INC-0001.")


class SplitAsked(NoteAsked):
    """What becomes an incident of its own: whatever is wrong with these entities."""

    model_config = example(entities=["VirtualMachine/web-3"], note="its own disk")

    entities: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        min_length=1, max_length=1_000, description="By uid, or by name as `Kind/name`."
    )
