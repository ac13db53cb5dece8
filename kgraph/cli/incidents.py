"""`kgraph incidents`: what was found so far."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgraph.cli import by_hand
from kgraph.cli.investigate import AnswerFormat
from kgraph.cli.investigate import show as show_answer
from kgraph.cli.moments import At, moment
from kgraph.cli.moments import until as end_of
from kgraph.cli.session import Session, session_of, usage
from kgraph.cli.tables import RowFormat, Rows, show, write
from kgraph.cli.text import as_json

if TYPE_CHECKING:
    from kgraph.cli.blocks import Block
    from kgraph.schema import IncidentHead

app = typer.Typer(
    help="Look at kept incidents, and say what you know of them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


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
    """List incidents, newest first, and who has taken them on; --at: those that were open then."""
    from kgraph.app.incidents.handled import acknowledgements
    from kgraph.app.stored.stores import Access, opened
    from kgraph.schema import IncidentStatus
    from kgraph.schema.timestamps import to_the_second

    session = session_of(ctx)
    wanted = IncidentStatus(status.value) if status else None
    if status and at:
        usage("--at lists what was open then: leave --status away")
    then = moment(at, session.now()) if at else None
    with opened(session.configuration, Access.READ, session.remark) as store:
        found = store.heads(wanted, limit=_ALL if then else limit)
        if then:
            found = [row for row in found if _was_open(row, then)][:limit]
        taken = acknowledgements(store, [row.id for row in found])
    rows = [
        (
            row.id,
            row.status.value,
            to_the_second(row.opened_at),
            to_the_second(row.updated_at),
            taken[row.id].by if row.id in taken else "",
            row.title,
        )
        for row in found
    ]
    columns = ("id", "status", "opened", "updated", "taken", "title")
    show(session, columns, rows, output, none="no incident to list")


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
    from kgraph.app.asking.answers import answered_at
    from kgraph.app.configured.toolkit import toolkit
    from kgraph.app.incidents.by_hand import find
    from kgraph.app.incidents.handled import trace
    from kgraph.app.incidents.keeping import again
    from kgraph.app.incidents.learning import learned_by
    from kgraph.app.incidents.placing import told
    from kgraph.app.incidents.plans import as_kept
    from kgraph.app.stored.stores import Access, opened

    session = session_of(ctx)
    with opened(session.configuration, Access.READ, session.remark) as store:
        record = find(store, incident)
        learned = learned_by(store, answered_at(record))
        done = trace(store, record.id)
        if part is not Part.REPORT:
            kept = record.answer if part is Part.ANSWER else record.bundle
            write(json.loads(kept), RowFormat.JSON)
            return
        tools = toolkit(session.configuration, record.updated_at)
        found = told(again(record, replace(tools, learned=learned)), done)
        found = replace(found, case=as_kept(found.case, store))
    show_answer(session, found, output, verbose=verbose, one_line=output is AnswerFormat.JSONL)
    if record.status.value != Status.OPEN:
        session.remark(f"{record.id} is {record.status.value}; this is as it was last explained")


class ReportFormat(StrEnum):
    """How a report is written."""

    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"


_FILES = {
    ReportFormat.HTML: "report.html",
    ReportFormat.MARKDOWN: "report.md",
    ReportFormat.JSON: "report.json",
}


@app.command("report")
def report(
    ctx: typer.Context,
    incident: Annotated[
        str | None, typer.Argument(help="Draft the post-mortem of this one; none: of a span.")
    ] = None,
    *,
    since: Annotated[
        str | None,
        typer.Option(help="Incidents opened from then on: RFC 3339, or -7d.", metavar="TIME"),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(help="And before then; none, or a time to come: now.", metavar="TIME"),
    ] = None,
    output: Annotated[
        ReportFormat, typer.Option("--output", "-o", help="How to write it.")
    ] = ReportFormat.MARKDOWN,
    folder: Annotated[
        Path | None, typer.Option(help="Write it in every form into this folder.", metavar="DIR")
    ] = None,
) -> None:
    """Sum up a span of time: how fast, what was healed, what was blamed, what nobody sees.

    With an id, draft that incident's post-mortem: time line, cause, evidence, actions, impact.
    """
    session = session_of(ctx)
    if incident is not None and (since or until):
        usage("--since and --until are about a span; an incident has times of its own")
    texts = _mortem(session, incident) if incident else _period(session, since, until)
    if folder is None:
        typer.echo(texts(output), nl=False)
        return
    folder.mkdir(parents=True, exist_ok=True)
    for form, name in _FILES.items():
        (folder / name).write_text(texts(form), "utf-8")
        session.remark(f"{folder / name}")


def _mortem(session: Session, incident: str) -> Callable[[ReportFormat], str]:
    from kgraph.app.asking.answers import answered_at
    from kgraph.app.configured.toolkit import toolkit
    from kgraph.app.incidents.by_hand import find
    from kgraph.app.incidents.handled import trace
    from kgraph.app.incidents.keeping import again
    from kgraph.app.incidents.learning import learned_by
    from kgraph.app.incidents.placing import told
    from kgraph.app.reports import mortem
    from kgraph.app.stored.stores import Access, opened
    from kgraph.cli import report as reports

    with opened(session.configuration, Access.READ, session.remark) as store:
        record = find(store, incident)
        tools = toolkit(session.configuration, record.updated_at)
        tools = replace(tools, learned=learned_by(store, answered_at(record)))
        case = told(again(record, tools), trace(store, record.id)).case
        found = mortem(store, record, case)
    title, blocks = reports.headline(found), list(reports.of_incident(found))
    return lambda form: _written(form, title, blocks, lambda: reports.mortem_document(found))


def _period(
    session: Session, since: str | None, until: str | None
) -> Callable[[ReportFormat], str]:
    from kgraph.app.configured.engine import rules_of
    from kgraph.app.reports import period
    from kgraph.app.stored.stores import Access, opened
    from kgraph.cli import report as reports

    now = session.now()
    begin, end = moment(since or "7d", now), min(end_of(until, now), now) if until else now
    if begin >= end:
        usage("--since must lie before --until")
    model = rules_of(session.configuration)
    with opened(session.configuration, Access.READ, session.remark) as store:
        found = period(store, model, begin, end, now)
    title, blocks = reports.title_of(found), list(reports.of_period(found))
    return lambda form: _written(form, title, blocks, lambda: reports.document(found))


def _written(
    form: ReportFormat,
    title: str,
    blocks: Sequence[Block],
    document: Callable[[], dict[str, Any]],
) -> str:
    from kgraph.cli import blocks as writing

    if form is ReportFormat.JSON:
        return as_json(document(), indent=2) + "\n"
    return (writing.page if form is ReportFormat.HTML else writing.markdown)(title, blocks)


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
    from kgraph.app.incidents.by_hand import find
    from kgraph.app.incidents.learning import ruling, say
    from kgraph.app.stored.stores import Access, opened
    from kgraph.incidents import probability
    from kgraph.schema.bundles import bundle_of

    with opened(session.configuration, Access.WRITE) as store:
        record = find(store, incident)
        said = ruling(
            record, cause, right=right, now=session.now(), by=by or session.user, reason=reason
        )
        say(store, record, said)
        verb = "confirmed" if right else "refuted"
        by_hand.audited(session, store, f"incident.{verb}", record.id)
    called = next(e.title for e in bundle_of(record).entities if e.uid == said.entity)
    session.remark(
        f"{verb}: {called} {said.mode.replace('_', ' ')} in {said.incident},"
        f" which was said with P {probability(said.posterior)}"
    )


by_hand.register(app)


def _was_open(row: IncidentHead, then: datetime) -> bool:
    over = None if row.status.value == "open" else row.updated_at
    return row.opened_at <= then and (over is None or over > then)
