"""For those who run the service."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from kgraph.app.service.audit import Deed
from kgraph.incidents.aging import overdue
from kgraph.server.forms.form import Form
from kgraph.store import ScopeState


class SourceForm(Form):
    """When a source was last read for a scope.

    Attributes:
        age_seconds: since then.
        interval_seconds: what usually lies between two readings; null: it was read once.
        stale: whether it is too old to be relied on.
    """

    source: str
    scope: str
    completed_at: datetime
    age_seconds: float
    interval_seconds: float | None
    stale: bool
    records: int
    findings: list[str]

    @classmethod
    def of(cls, row: ScopeState, now: datetime) -> SourceForm:
        """Show how a scope stands at a moment."""
        return cls(
            source=row.source,
            scope=row.scope,
            completed_at=row.completed_at,
            age_seconds=round((now - row.completed_at).total_seconds(), 1),
            interval_seconds=row.interval and round(row.interval.total_seconds(), 1),
            stale=overdue(row.completed_at, row.interval, now),
            records=row.records,
            findings=list(row.findings),
        )


class DeedForm(Form):
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


class DeadLetterForm(Form):
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
