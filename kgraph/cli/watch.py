"""`kgraph watch`: the loop in one process, until it is told to stop."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli.session import Session, session_of
from kgraph.cli.stopping import until_told

if TYPE_CHECKING:
    from kgraph.app.watch.told import Teller, Told


class EventFormat(StrEnum):
    """How events are written."""

    LINES = "lines"
    JSONL = "jsonl"


def watch(
    ctx: typer.Context,
    *,
    output: Annotated[
        EventFormat, typer.Option("--output", "-o", help="Lines for a person, or JSON Lines.")
    ] = EventFormat.LINES,
) -> None:
    """Read the sources all the time, explain what goes wrong, and repair what policy lets it."""
    from kgraph.app.stored.stores import Access, opened
    from kgraph.app.watch import build

    session = session_of(ctx)
    with opened(session.configuration, Access.WRITE) as store, until_told() as stopping:
        build(session.configuration, store, _teller(session, output)).run(stopping)


def _teller(session: Session, form: EventFormat) -> Teller:
    from kgraph.cli.text import as_json, one_line

    def tell(event: Told) -> None:
        if form is EventFormat.JSONL:
            typer.echo(as_json(event.document()))
        else:
            line = f"{event.at:%H:%M:%S}Z {one_line(event.line)}"
            session.out.print(line, soft_wrap=True)

    return tell
