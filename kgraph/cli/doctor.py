"""`kgraph doctor`: is everything in place?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli.session import Exit, Session, session_of
from kgraph.cli.tables import RowFormat, Rows, show

if TYPE_CHECKING:
    from kgraph.app.doctor import Finding


def doctor(
    ctx: typer.Context,
    *,
    alerts: Annotated[
        bool,
        typer.Option(
            "--alerts", help="Tell what every rule, alert and target of the monitoring maps to."
        ),
    ] = False,
    drill: Annotated[
        bool,
        typer.Option("--drill", help="Send a harmless alert through Alertmanager and follow it."),
    ] = False,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Check the installation, the store and the sources; say how to mend what is wrong."""
    from kgraph.app.doctor import Health

    session = session_of(ctx)
    findings = list(_looked(session, alerts=alerts, drill=drill))
    rows = [(row.health.value, row.what, row.told, row.mend) for row in findings]
    show(session, ("health", "what", "told", "mend"), rows, output)
    if any(row.health is Health.FAIL for row in findings) and not session.detailed:
        session.end(Exit.ERROR)
    if any(row.health is not Health.OK for row in findings):
        session.end(Exit.FINDINGS)


def _looked(session: Session, *, alerts: bool, drill: bool) -> Iterator[Finding]:
    """Look at what was asked for; at the installation where nothing else was."""
    if alerts:
        from kgraph.app.doctor_alerts import examine_alerts

        yield from examine_alerts(session.configuration, session.now())
    if drill:
        from time import sleep
        from uuid import uuid4

        from kgraph.app.drill import Clock
        from kgraph.app.drill import drill as run_drill

        yield from run_drill(session.configuration, Clock(session.now, sleep), uuid4().hex)
    if not alerts and not drill:
        from kgraph.app.doctor import examine

        yield from examine(session.configuration, session.now())
