"""`kgraph learning`: what was learned from people's words on causes, and of alarms for nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgraph.cli.session import Session, session_of, usage
from kgraph.cli.tables import DocumentFormat, RowFormat, Rows, show, write
from kgraph.schema.counting import counted

if TYPE_CHECKING:
    from kgraph.store import GraphStore

app = typer.Typer(
    help="Look at what was learned from confirmed and refuted causes, and of alarms for nothing.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("show")
def show_learning(ctx: typer.Context, output: Rows = RowFormat.TABLE) -> None:
    """Show by how much each lesson changes the odds of a fault before anything is seen."""
    from kgraph.app.incidents.learning import learned_by, lessons
    from kgraph.app.stored.stores import Access, opened

    session = session_of(ctx)
    with opened(session.configuration, Access.READ, session.remark) as store:
        learned = learned_by(store)
        found = lessons(learned) if learned else []
        if output is RowFormat.TABLE:
            found = _named(store, found)
    rows = [
        (
            row["what"],
            row["entity"],
            row["right"],
            row["wrong"],
            row["expected"],
            round(math.exp(row["nats"]), 2),
        )
        for row in found
    ]
    show(session, ("what", "entity", "right", "wrong", "expected", "odds"), rows, output)
    if not rows and output is RowFormat.TABLE:
        session.remark("nothing yet: `kgraph incidents confirm` and `refute` teach")


def _named(store: GraphStore, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows with the kind and name of each entity that is still there, for people."""
    names = {each.uid: each.title for each in store.get(filter(None, (r["entity"] for r in rows)))}
    return [{**row, "entity": names.get(row["entity"], row["entity"])} for row in rows]


_ALARM = ("entity", "kind", "signal", "detector", "times", "hours", "days", "noise")


@app.command("alarms")
def show_alarms(ctx: typer.Context, output: Rows = RowFormat.TABLE) -> None:
    """Show which alarms stood while nothing else was wrong: what counts least comes first.

    `noise` is the chance that it stands at a look when nothing is wrong with its entity.
    """
    from functools import partial

    from kgraph.app.incidents.quiet import rows
    from kgraph.app.stored.stores import Access, opened
    from kgraph.app.stored.topologies import Topologies

    session = session_of(ctx)
    with opened(session.configuration, Access.READ, session.remark) as store:
        found = rows(store, partial(Topologies().of, store))
        if output is RowFormat.TABLE:
            found = _named(store, found)
    show(session, _ALARM, [tuple(row[name] for name in _ALARM) for row in found], output)
    if not found and output is RowFormat.TABLE:
        session.remark("nothing yet: a watch counts what stands by itself and is over by itself")


@app.command("export")
def export_learning(
    ctx: typer.Context,
    output: Annotated[
        DocumentFormat, typer.Option("--output", "-o", help="How to write them.")
    ] = DocumentFormat.JSON,
) -> None:
    """Write every ruling, what follows from them, and what is on record of alarms, to stdout."""
    from kgraph.app.incidents.learning import export
    from kgraph.app.stored.stores import Access, opened

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
    alarms: Annotated[
        bool, typer.Option("--alarms", help="Forget what was counted of alarms, and that alone.")
    ] = False,
    execute: Annotated[bool, typer.Option("--execute", help="Do it; else only tell.")] = False,
) -> None:
    """Forget what was learned."""
    from kgraph.app.incidents.learning import forget
    from kgraph.app.stored.stores import Access, opened

    session = session_of(ctx)
    if alarms:
        if incident is not None:
            usage("--alarms forgets all that was counted; leave out --incident")
        _forget_alarms(session, execute=execute)
        return
    with opened(session.configuration, Access.WRITE if execute else Access.READ) as store:
        rulings = [r for r in store.rulings() if incident is None or r.incident == incident]
        if execute:
            forget(store, incident)
    what = "ruling" if len(rulings) == 1 else "rulings"
    if execute:
        session.remark(f"{len(rulings)} {what} forgotten")
    else:
        session.remark(f"{len(rulings)} {what} would be forgotten; --execute does it")


def _forget_alarms(session: Session, *, execute: bool) -> None:
    from kgraph.app.incidents import quiet
    from kgraph.app.stored.stores import Access, opened

    with opened(session.configuration, Access.WRITE if execute else Access.READ) as store:
        number = quiet.forget(store) if execute else quiet.on_record(store)
    what = f"what was counted of {counted(number, 'alarm')}"
    session.remark(
        f"{what} is forgotten" if execute else f"{what} would be forgotten; --execute does it"
    )
