"""Plans, their journal, and the kill switch."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field, JsonValue

from kgraph.schema import JournalEntry, PlanRecord, Risk
from kgraph.server.forms.form import Form, example


class PlanRow(Form):
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


class JournalForm(Form):
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
    """A plan with its steps and its journal.

    Attributes:
        executable: whether something can be done here, and nothing on the cause is left undone.
        stands: the same in a phrase, with who has to do what.
        risk: the worst of its steps.
        duration_seconds: how long its steps are expected to take, people's left out.
    """

    executable: bool
    stands: str
    risk: Risk
    duration_seconds: float
    document: dict[str, JsonValue]
    journal: list[JournalForm]


class ReasonAsked(Form):
    """Why."""

    model_config = example(reason="not during the backup")

    reason: str = Field("", max_length=2_000)


class HaltForm(Form):
    """The kill switch."""

    halted: bool
    since: datetime | None = None
    reason: str = ""
