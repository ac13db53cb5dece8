"""Periodic reports."""

from __future__ import annotations

import json
from datetime import datetime

from kgraph.schema import Document
from kgraph.server.forms.form import Form


class ReportRow(Form):
    """A report in a list: what it is of, and when it was made."""

    id: str
    since: datetime
    until: datetime
    made_at: datetime
    incidents: int
    open: int

    @classmethod
    def of(cls, row: Document) -> ReportRow:
        """Show a report."""
        body = json.loads(row.body)
        figures = json.loads(body["json"])
        return cls(
            id=row.id,
            since=body["since"],
            until=body["until"],
            made_at=body["madeAt"],
            incidents=figures["incidents"],
            open=figures["open"],
        )
