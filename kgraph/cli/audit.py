"""`kgraph audit`: all that was decided and done, in a chain that shows what was changed."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from kgraph.cli.session import Exit, session_of
from kgraph.cli.tables import RowFormat, Rows, show
from kgraph.schema.counting import counted

app = typer.Typer(
    help="All that was decided and done.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("verify")
def verify(
    ctx: typer.Context,
    head: Annotated[
        str, typer.Option(help="A hash that was noted earlier: it must be in the log.")
    ] = "",
) -> None:
    """Verify the hash chain; and that plans, journals and requests are as the log says."""
    from kgraph.app.stored.audits import audited
    from kgraph.app.stored.stores import Access, opened

    session = session_of(ctx)
    with opened(session.configuration, Access.READ) as store:
        found = audited(store, head)
    for line in found.findings:
        session.out.print(line, soft_wrap=True)
    if found.findings:
        session.end(Exit.FINDINGS if session.detailed else Exit.ERROR)
        return
    session.out.print(
        f"{counted(len(found.entries), 'entry')}, none changed; head {found.head or 'none'}"
    )


@app.command("show")
def show_log(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 50,
    output: Rows = RowFormat.TABLE,
) -> None:
    """List the audit log, oldest first."""
    from kgraph.app.stored.stores import Access, opened
    from kgraph.schema.timestamps import format_time

    session = session_of(ctx)
    with opened(session.configuration, Access.READ) as store:
        entries = store.audit()[-limit:]
    rows = [
        (format_time(e.at), e.event.value, " ".join(map(str, json.loads(e.body))), e.hash[:12])
        for e in entries
    ]
    show(session, ("at", "event", "what", "hash"), rows, output)


@app.command("requests")
def requests(
    ctx: typer.Context,
    *,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 50,
    output: Rows = RowFormat.TABLE,
) -> None:
    """List who asked for what through the service and by `kgraph token`, newest first."""
    from kgraph.app.service.audit import listed
    from kgraph.app.stored.stores import Access, opened
    from kgraph.schema.timestamps import to_the_second

    session = session_of(ctx)
    with opened(session.configuration, Access.READ, session.remark) as store:
        found = listed(store, limit)
    rows = [
        (
            to_the_second(row.at),
            row.who,
            row.source or "command line",
            row.what,
            row.of,
            row.outcome,
        )
        for row in found
    ]
    show(session, ("at", "who", "from", "what", "of", "outcome"), rows, output)
