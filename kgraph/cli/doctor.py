"""`kgraph doctor`: is everything in place?"""

from __future__ import annotations

import typer

from kgraph.cli.session import Exit, session_of
from kgraph.cli.tables import RowFormat, Rows, show


def doctor(ctx: typer.Context, output: Rows = RowFormat.TABLE) -> None:
    """Check the installation, the store and the sources; say how to mend what is wrong."""
    from kgraph.app.doctor import Health, examine

    session = session_of(ctx)
    findings = list(examine(session.configuration, session.now()))
    rows = [(row.health.value, row.what, row.told, row.mend) for row in findings]
    show(session, ("health", "what", "told", "mend"), rows, output)
    if any(row.health is Health.FAIL for row in findings) and not session.detailed:
        session.end(Exit.ERROR)
    if any(row.health is not Health.OK for row in findings):
        session.end(Exit.FINDINGS)
