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
    receivers: Annotated[
        bool,
        typer.Option("--receivers", help="Send every receiver a drill message, and its end."),
    ] = False,
    self_: Annotated[
        bool, typer.Option("--self", help="Tell whether kgraph depends on what it watches.")
    ] = False,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Check the installation, the store and the sources; say how to mend what is wrong."""
    from kgraph.app.doctor import Health

    session = session_of(ctx)
    findings = list(_looked(session, alerts=alerts, drill=drill))
    if self_:
        findings += _of_self(session)
    if receivers:
        findings += _told(session)
    if not (alerts or drill or self_ or receivers):
        from kgraph.app.doctor.installation import examine
        from kgraph.app.doctor.service import examine_service

        findings += examine(session.configuration, session.now())
        findings += examine_service(session.configuration)
    rows = [(row.health.value, row.what, row.told, row.mend) for row in findings]
    show(session, ("health", "what", "told", "mend"), rows, output)
    if any(row.health is Health.FAIL for row in findings) and not session.detailed:
        session.end(Exit.ERROR)
    if any(row.health is not Health.OK for row in findings):
        session.end(Exit.FINDINGS)


def _looked(session: Session, *, alerts: bool, drill: bool) -> Iterator[Finding]:
    """Look at the monitoring, as far as that was asked for."""
    if alerts:
        from kgraph.app.doctor.alerts import examine_alerts

        yield from examine_alerts(session.configuration, session.now())
    if drill:
        from time import sleep
        from uuid import uuid4

        from kgraph.app.doctor.drill import Clock
        from kgraph.app.doctor.drill import drill as run_drill

        yield from run_drill(session.configuration, Clock(session.now, sleep), uuid4().hex)


def _told(session: Session) -> Iterator[Finding]:
    from uuid import uuid4

    from kgraph.app.doctor.service import tell_receivers

    yield from tell_receivers(session.configuration, session.now(), uuid4().hex[:8])


def _of_self(session: Session) -> Iterator[Finding]:
    from kgraph.app.doctor import Finding, Health
    from kgraph.app.doctor.itself import examine_self

    lines = examine_self(session.configuration)
    mend = "let it run where that cannot stop it: another host, or a second kgraph"
    for line in lines:
        yield Finding("self", Health.WARN, line, mend)
    if not lines:
        told = "nothing in the graph carries kgraph, as far as names and addresses tell"
        yield Finding("self", Health.OK, told)
