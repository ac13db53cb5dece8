"""`kgraph incidents`: what was found so far."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli.investigate import AnswerFormat
from kgraph.cli.investigate import show as show_answer
from kgraph.cli.moments import At, moment
from kgraph.cli.session import Session, session_of, usage
from kgraph.cli.tables import RowFormat, Rows, show, write

if TYPE_CHECKING:
    from kgraph.schema import IncidentRecord

app = typer.Typer(help="Look at kept incidents.", no_args_is_help=True, rich_markup_mode=None)


class Status(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    RESOLVED = "resolved"
    CLOSED = "closed"


class Part(StrEnum):
    """What of an incident is shown."""

    REPORT = "report"
    ANSWER = "answer"
    BUNDLE = "bundle"


_ALL = 1_000_000


@app.command("list")
def list_incidents(
    ctx: typer.Context,
    status: Annotated[Status | None, typer.Option(help="Only these.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    at: At = None,
    output: Rows = RowFormat.TABLE,
) -> None:
    """List incidents, newest first; --at lists those that were open then."""
    from kgraph.app.stores import Access, opened
    from kgraph.schema import IncidentStatus

    session = session_of(ctx)
    wanted = IncidentStatus(status.value) if status else None
    if status and at:
        usage("--at lists what was open then: leave --status away")
    then = moment(at, session.now()) if at else None
    with opened(session.configuration, Access.READ, session.remark) as store:
        found = store.incidents(wanted, _ALL if then else limit)
    if then:
        found = [row for row in found if _was_open(row, then)][:limit]
    rows = [
        (
            row.id,
            row.status.value,
            _second(row.opened_at),
            _second(row.updated_at),
            row.title,
        )
        for row in found
    ]
    show(session, ("id", "status", "opened", "updated", "title"), rows, output)


@app.command("show")
def show_incident(
    ctx: typer.Context,
    incident: Annotated[str, typer.Argument(help="The id, such as INC-0001.")],
    part: Annotated[
        Part, typer.Option(help="The answer again, or the kept documents.")
    ] = Part.REPORT,
    *,
    output: Annotated[
        AnswerFormat, typer.Option("--output", "-o", help="How to write the answer.")
    ] = AnswerFormat.TABLE,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Leave nothing out.")] = False,
) -> None:
    """Show one incident: explained again from its kept bundle, as of then."""
    from kgraph.app.learning import learned_by
    from kgraph.app.stores import Access, opened
    from kgraph.schema import InputError

    session = session_of(ctx)
    with opened(session.configuration, Access.READ, session.remark) as store:
        record = store.incident(incident)
        learned = learned_by(store, record.updated_at) if record else None
    if record is None:
        raise InputError(f"no incident {incident!r}", mend="`kgraph incidents list` shows them")
    if part is not Part.REPORT:
        kept = record.answer if part is Part.ANSWER else record.bundle
        write(json.loads(kept), RowFormat.JSON)
        return
    from kgraph.app.keeping import again
    from kgraph.app.toolkit import toolkit

    tools = toolkit(session.configuration, record.updated_at)
    found = again(record, replace(tools, learned=learned))
    show_answer(session, found, output, verbose=verbose, one_line=output is AnswerFormat.JSONL)


Incident = Annotated[str, typer.Argument(help="The id, such as INC-0001.")]
CauseName = Annotated[
    str, typer.Argument(help="The entity by uid, name or Kind/name, and its mode if you know.")
]
By = Annotated[str, typer.Option(help="Who says so.")]
Reason = Annotated[str, typer.Option(help="Why, for those who read it later.")]


@app.command("confirm")
def confirm(
    ctx: typer.Context, incident: Incident, cause: CauseName, by: By = "", reason: Reason = ""
) -> None:
    """Say that something was at fault: later answers learn from it."""
    _rule(session_of(ctx), incident, cause, right=True, by=by, reason=reason)


@app.command("refute")
def refute(
    ctx: typer.Context, incident: Incident, cause: CauseName, by: By = "", reason: Reason = ""
) -> None:
    """Say that something was not at fault: later answers learn from it."""
    _rule(session_of(ctx), incident, cause, right=False, by=by, reason=reason)


def _rule(
    session: Session, incident: str, cause: str, *, right: bool, by: str, reason: str
) -> None:
    from kgraph.app.learning import ruling
    from kgraph.app.stores import Access, opened
    from kgraph.incidents import probability
    from kgraph.schema import InputError

    with opened(session.configuration, Access.WRITE) as store:
        record = store.incident(incident)
        if record is None:
            raise InputError(
                f"no incident {incident!r}", mend="`kgraph incidents list` shows them"
            )
        said = ruling(
            record, cause, right=right, now=session.now(), by=by or session.caller, reason=reason
        )
        store.rule(said)
    verb = "confirmed" if right else "refuted"
    session.remark(
        f"{verb}: {said.kind} {said.entity} {said.mode} in {said.incident},"
        f" which was said with P {probability(said.posterior)}"
    )


def _was_open(row: IncidentRecord, then: datetime) -> bool:
    over = None if row.status.value == "open" else row.updated_at
    return row.opened_at <= then and (over is None or over > then)


def _second(at: datetime) -> str:
    """Return a time to the second: more is in the JSON of the incident itself."""
    from kgraph.schema.timestamps import format_time

    return format_time(at.replace(microsecond=0))
