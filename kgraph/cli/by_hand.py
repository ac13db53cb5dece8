"""`kgraph incidents acknowledge|close|merge|split`: what a person does to an incident."""

from __future__ import annotations

from collections.abc import Callable
from secrets import token_hex
from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli.session import Session, session_of

if TYPE_CHECKING:
    from datetime import datetime

    from kgraph.app.asking.investigation import Toolkit
    from kgraph.incidents.handling import Handling
    from kgraph.store import GraphStore

Incident = Annotated[str, typer.Argument(help="The id, such as INC-0001.")]
By = Annotated[str, typer.Option(help="Who does it; none: you.")]
Note = Annotated[str, typer.Option(help="A remark, for those who read it later.")]


def acknowledge(
    ctx: typer.Context,
    incident: Incident,
    *,
    by: By = "",
    note: Note = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take it back.")] = False,
) -> None:
    """Say that you have taken an incident on: nobody is told of it again, unless it gets worse."""
    from kgraph.app.incidents import by_hand

    def done(store: GraphStore, who: str, now: datetime) -> Handling:
        record = by_hand.find(store, incident)
        does = by_hand.withdraw if withdraw else by_hand.acknowledge
        return does(store, record, who, note, now)

    _do(session_of(ctx), "withdraw" if withdraw else "acknowledge", incident, by, done)


def close(
    ctx: typer.Context,
    incident: Incident,
    *,
    reason: Annotated[str, typer.Option(help="Why, for those who read it later.")],
    by: By = "",
) -> None:
    """Close an incident. Its symptoms raise no other while they last; new ones do."""
    from kgraph.app.incidents import by_hand

    def done(store: GraphStore, who: str, now: datetime) -> Handling:
        return by_hand.close(store, by_hand.find(store, incident), who, reason, now)

    _do(session_of(ctx), "close", incident, by, done)


def merge(
    ctx: typer.Context,
    incident: Incident,
    into: Annotated[str, typer.Argument(help="The one that goes on.")],
    *,
    by: By = "",
    note: Note = "",
) -> None:
    """Make an incident a part of another one, which is explained anew with all of both."""
    from kgraph.app.incidents import by_hand

    session = session_of(ctx)

    def done(store: GraphStore, who: str, now: datetime) -> Handling:
        record, other = by_hand.find(store, incident), by_hand.find(store, into)
        return by_hand.merge(store, record, other, who, note, _tools(session, store, now))

    _do(session, "merge", f"{incident} {into}", by, done)


def split(
    ctx: typer.Context,
    incident: Incident,
    entities: Annotated[
        list[str], typer.Argument(help="What is another matter: by uid, name or Kind/name.")
    ],
    *,
    by: By = "",
    note: Note = "",
) -> None:
    """Make an incident of its own of what is wrong with some entities; both are explained anew."""
    from kgraph.app.incidents import by_hand

    session = session_of(ctx)

    def done(store: GraphStore, who: str, now: datetime) -> Handling:
        record = by_hand.find(store, incident)
        return by_hand.split(store, record, entities, who, note, _tools(session, store, now))

    _do(session, "split", incident, by, done)


def register(app: typer.Typer) -> None:
    """Make them commands of `kgraph incidents`."""
    for command in (acknowledge, close, merge, split):
        app.command(command.__name__)(command)


def audited(session: Session, store: GraphStore, what: str, of: str) -> None:
    """Write down who did it; a server that runs the command for somebody does so itself."""
    from kgraph.app.service import audit

    if session.caller:
        return
    now = session.now()
    id_ = audit.new_id(now, token_hex(4))
    audit.record(store, audit.Deed(id_, now, session.user, "", what, of, "done"))


def _do(
    session: Session,
    what: str,
    of: str,
    by: str,
    done: Callable[[GraphStore, str, datetime], Handling],
) -> None:
    from kgraph.app.stored.stores import Access, opened

    with opened(session.configuration, Access.WRITE) as store:
        row = done(store, by or session.user, session.now())
        audited(session, store, f"incident.{what}", of)
    session.remark(f"{row.incident}: {row.line}")


def _tools(session: Session, store: GraphStore, now: datetime) -> Toolkit:
    from kgraph.app.configured.toolkit import toolkit
    from kgraph.app.incidents.learning import taught

    return taught(toolkit(session.configuration, now), store)
