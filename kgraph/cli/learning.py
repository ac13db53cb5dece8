"""`kgraph learning`: what was learned from people's words on causes."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from kgraph.cli.session import session_of
from kgraph.cli.tables import DocumentFormat, RowFormat, Rows, show, write

app = typer.Typer(
    help="Look at what was learned from confirmed and refuted causes.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("show")
def show_learning(ctx: typer.Context, output: Rows = RowFormat.TABLE) -> None:
    """Show by how much each lesson changes the odds of a fault before anything is seen."""
    from kgraph.app.learning import learned_by, lessons
    from kgraph.app.stores import Access, opened

    session = session_of(ctx)
    with opened(session.configuration, Access.READ, session.remark) as store:
        learned = learned_by(store)
    rows = [
        (
            row["what"],
            row["entity"],
            row["right"],
            row["wrong"],
            row["expected"],
            round(math.exp(row["nats"]), 2),
        )
        for row in (lessons(learned) if learned else ())
    ]
    show(session, ("what", "entity", "right", "wrong", "expected", "odds"), rows, output)
    if not rows and output is RowFormat.TABLE:
        session.remark("nothing yet: `kgraph incidents confirm` and `refute` teach")


@app.command("export")
def export_learning(
    ctx: typer.Context,
    output: Annotated[
        DocumentFormat, typer.Option("--output", "-o", help="How to write them.")
    ] = DocumentFormat.JSON,
) -> None:
    """Write every ruling, and what follows from them, to stdout."""
    from kgraph.app.learning import export
    from kgraph.app.stores import Access, opened

    session = session_of(ctx)
    with opened(session.configuration, Access.READ, session.remark) as store:
        document = export(store)
    write(document, RowFormat(output))


@app.command("reset")
def reset_learning(
    ctx: typer.Context,
    *,
    incident: Annotated[
        str | None, typer.Option(help="Forget what was said of this incident alone.")
    ] = None,
    execute: Annotated[bool, typer.Option("--execute", help="Do it; else only tell.")] = False,
) -> None:
    """Forget what was learned."""
    from kgraph.app.learning import forget
    from kgraph.app.stores import Access, opened

    session = session_of(ctx)
    with opened(session.configuration, Access.WRITE if execute else Access.READ) as store:
        rulings = [r for r in store.rulings() if incident is None or r.incident == incident]
        if execute:
            forget(store, incident)
    what = "ruling" if len(rulings) == 1 else "rulings"
    if execute:
        session.remark(f"{len(rulings)} {what} forgotten")
    else:
        session.remark(f"{len(rulings)} {what} would be forgotten; --execute does it")
