"""`kgraph watch`: the loop in one process, until it is told to stop."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli.session import Session, session_of

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
    from kgraph.app.stores import Access, opened
    from kgraph.app.watch import build

    session = session_of(ctx)
    with opened(session.configuration, Access.WRITE) as store, _until_told() as stopping:
        build(session.configuration, store, _teller(session, output)).run(stopping)


def _teller(session: Session, form: EventFormat) -> Teller:
    from kgraph.cli.text import one_line

    def tell(event: Told) -> None:
        if form is EventFormat.JSONL:
            typer.echo(json.dumps(event.document(), ensure_ascii=False))
        else:
            line = f"{event.at:%H:%M:%S}Z {one_line(event.line)}"
            session.out.print(line, soft_wrap=True)

    return tell


@contextmanager
def _until_told() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C or SIGTERM sets; a second one ends the process at once."""
    stopping = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def stop(number: int, _frame: object) -> None:
        stopping.set()
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, stop)
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
