"""`kgraph audit`: who wrote what through the service and by `kgraph token`."""

from __future__ import annotations

from typing import Annotated

import typer

from kgraph.cli.session import session_of
from kgraph.cli.tables import RowFormat, Rows, show


def audit(
    ctx: typer.Context,
    *,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 50,
    output: Rows = RowFormat.TABLE,
) -> None:
    """List who wrote what, newest first: approvals, verdicts, the kill switch, tokens."""
    from kgraph.app.service.audit import listed
    from kgraph.app.stores import Access, opened
    from kgraph.schema.timestamps import format_time

    session = session_of(ctx)
    with opened(session.configuration, Access.READ, session.remark) as store:
        found = listed(store, limit)
    rows = [
        (
            format_time(row.at.replace(microsecond=0)),
            row.who,
            row.source or "command line",
            row.what,
            row.of,
            row.outcome,
        )
        for row in found
    ]
    show(session, ("at", "who", "from", "what", "of", "outcome"), rows, output)
