"""`kgraph investigate`: what is wrong, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli.moments import At, estate_at, moment
from kgraph.cli.session import Exit, Session, session_of, usage
from kgraph.cli.tables import RowFormat, write
from kgraph.cli.text import as_json

if TYPE_CHECKING:
    from kgraph.app.asking.investigation import Investigation, Toolkit
    from kgraph.app.incidents.placing import Sorted
    from kgraph.schema import Incident
    from kgraph.store import GraphStore


class AnswerFormat(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    YAML = "yaml"
    MARKDOWN = "markdown"
    MERMAID = "mermaid"
    DOT = "dot"
    HTML = "html"


# Several of these in one stream are no document of their language any more.
_WHOLE = frozenset({AnswerFormat.HTML, AnswerFormat.MERMAID, AnswerFormat.DOT})


def investigate(
    ctx: typer.Context,
    misplaced: Annotated[str | None, typer.Argument(hidden=True)] = None,
    *,
    bundle: Annotated[
        str | None,
        typer.Option(help="Explain the incidents in this file; - is stdin.", metavar="FILE"),
    ] = None,
    output: Annotated[
        AnswerFormat, typer.Option("--output", "-o", help="How to write the answer.")
    ] = AnswerFormat.TABLE,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", "--all", help="Leave nothing out.")
    ] = False,
    save: Annotated[
        bool, typer.Option("--save/--no-save", help="Keep the incident in the store.")
    ] = True,
    at: At = None,
) -> None:
    """Find the root cause of what is wrong, explain it, and say what it hits."""
    session = session_of(ctx)
    if misplaced is not None:
        usage(
            "it asks what is wrong now; `kgraph incidents show INCIDENT` tells of one that is"
            " kept, --bundle FILE of what stands in a file"
        )
    if bundle is not None and at is not None:
        usage("--at is about the stored estate; a bundle has times of its own")
    if at is not None:
        session.end(_of_then(session, at, output, verbose=verbose))
        return
    if bundle is None:
        session.end(_of_store(session, output, verbose=verbose, save=save))
        return
    codes = _of_bundles(session, bundle, output, verbose=verbose)
    session.end(max(codes, default=Exit.OK))


def show(
    session: Session,
    found: Investigation,
    form: AnswerFormat,
    *,
    verbose: bool,
    one_line: bool = True,
) -> None:
    """Write one answer."""
    from kgraph.app.asking.answers import document
    from kgraph.cli import drawing, screen
    from kgraph.incidents import Detail, build

    if form in {AnswerFormat.JSON, AnswerFormat.JSONL}:
        text = as_json(document(found), indent=None if one_line else 2)
        typer.echo(text)
        return
    if form is AnswerFormat.YAML:
        typer.echo("---")
        write(document(found), RowFormat.YAML)
        return
    if form is AnswerFormat.HTML:
        from kgraph.cli.incident_page import page

        typer.echo(page(found.case), nl=False)
        return
    report = build(found.case, Detail.FULL if verbose else Detail.BRIEF)
    if form is AnswerFormat.TABLE:
        screen.show(session, report)
    else:
        typer.echo(drawing.write(form.value, report, found.case), nl=False)


def _of_store(session: Session, form: AnswerFormat, *, verbose: bool, save: bool) -> Exit:
    from kgraph.app.asking import investigation
    from kgraph.app.asking.certified import certified
    from kgraph.app.asking.seeing_all import seeing_all
    from kgraph.app.configured.toolkit import toolkit
    from kgraph.app.incidents import keeping, learning, placing
    from kgraph.app.stored.stores import Access, opened
    from kgraph.incidents import Verdict
    from kgraph.schema import StoreError
    from remedies.execution.ledger import tried_in_vain

    now, away = session.now(), list[str]()
    with opened(session.configuration, Access.READ, away.append) as store:
        tools = toolkit(session.configuration, now, lambda: tried_in_vain(store, now))
        tools = seeing_all(learning.taught(tools, store), store, lambda: now)
        explained = investigation.of_store(store, tools)
        if verbose:
            explained = [certified(each, tools) for each in explained]
        done = keeping.sort(store, explained)
        found = _found(done, store)
    for line in away:
        session.remark(f"{line}; nothing is saved", style="yellow")
    _refuse_many([each.investigation for each in done.kept], form)
    saved = False
    worth = done.resolved or done.merged or done.ended or any(map(placing.worth, done.kept))
    if save and not away and (worth or tools.decisions):
        try:
            done, found = _kept(session, explained, tools)
            saved = True
        except (
            StoreError
        ) as error:  # a full or read-only disk, or a colleague's file: answer all the same
            session.remark(f"nothing is saved: {error}", style="yellow")
    _show_all(session, found, form, verbose=verbose)
    for each in done.kept:
        if each.verdict is Verdict.CLOSED:
            incident_id = each.investigation.case.id
            session.remark(f"{incident_id} was closed by hand; its symptoms are still there")
    for incident_id in done.resolved:
        stands = "is" if saved else "would be"
        session.remark(f"{incident_id} {stands} over: nothing of it is abnormal any longer")
    for incident_id, before in done.split:
        session.remark(
            f"{incident_id} was a part of {before}"
            if saved
            else f"a part of {before} would be an incident of its own"
        )
    for incident_id, into in done.merged:
        stands = "is" if saved else "would be"
        session.remark(f"{incident_id} {stands} part of {into}")
    return max((_code(each) for each in found), default=Exit.OK)


def _kept(
    session: Session, explained: Sequence[Investigation], tools: Toolkit
) -> tuple[Sorted, list[Investigation]]:
    """Write what was explained to its incidents, as these stand by now.

    Raises:
        StoreError: it cannot be written; or people have sorted incidents meanwhile.
    """
    from kgraph.app.incidents import handled, keeping, plans
    from kgraph.app.stored import turns
    from kgraph.app.stored.stores import Access, opened
    from kgraph.schema import StoreBusyError

    now, opening = tools.now, opened(session.configuration, Access.WRITE)
    with opening as store, turns.waited_for(store, now):
        if handled.grouping(handled.decisions(store)) != handled.grouping(tools.decisions):
            told = "people have sorted incidents meanwhile"
            raise StoreBusyError(told, mend="investigate again")
        done = keeping.sort(store, explained)
        found = [plans.standing(each.investigation, store) for each in done.kept]
        keeping.save(store, done, plans.repaired(store))
        handled.expire(store, now)
        found = [keeping.as_stored(each, store) for each in found]
    return done, found


def _found(done: Sorted, store: GraphStore) -> list[Investigation]:
    """Return what was found, by the names that it has in the store."""
    from kgraph.app.incidents import keeping, plans

    standing = (plans.standing(each.investigation, store) for each in done.kept)
    return [keeping.as_stored(each, store) for each in standing]


def _of_then(session: Session, at: str, form: AnswerFormat, *, verbose: bool) -> Exit:
    """Explain the estate as it was; nothing of that is kept."""
    from dataclasses import replace

    from kgraph.app.asking import investigation
    from kgraph.app.asking.certified import certified
    from kgraph.app.configured.toolkit import toolkit
    from kgraph.app.stored.stores import Access, opened
    from kgraph.app.stored.topologies import Topologies
    from kgraph.incidents import Origin

    tools = replace(
        toolkit(session.configuration, moment(at, session.now())), topologies=Topologies()
    )
    with opened(session.configuration, Access.READ, session.remark) as store:
        found = investigation.of_store(estate_at(session, store, at), tools)
    found = [replace(each, case=replace(each.case, origin=Origin.PAST)) for each in found]
    if verbose:
        found = [certified(each, tools) for each in found]
    _show_all(session, found, form, verbose=verbose)
    session.remark(f"as of {tools.now:%Y-%m-%dT%H:%M:%SZ}; nothing was saved")
    return max((_code(each) for each in found), default=Exit.OK)


def _show_all(
    session: Session, found: Sequence[Investigation], form: AnswerFormat, *, verbose: bool
) -> None:
    _refuse_many(found, form)
    for number, each in enumerate(found):
        if number and form is AnswerFormat.TABLE:
            typer.echo("")
        whole = form is not AnswerFormat.JSONL and len(found) == 1
        show(session, each, form, verbose=verbose, one_line=not whole)


def _refuse_many(found: Sequence[Investigation], form: AnswerFormat) -> None:
    if len(found) > 1 and form in _WHOLE:
        ids = ", ".join(each.case.id for each in found if each.case.id)
        named = f" ({ids})" if ids else ""  # those of the past have none
        usage(
            f"there are {len(found)} incidents{named}: {form} draws one;"
            f" `kgraph investigate` keeps them, `kgraph incidents show ID -o {form}` draws each"
        )


def _of_bundles(session: Session, path: str, form: AnswerFormat, *, verbose: bool) -> list[Exit]:
    from kgraph.app.asking import investigation
    from kgraph.app.asking.bundles import bundles, resolver
    from kgraph.app.asking.certified import certified
    from kgraph.app.configured.toolkit import toolkit

    tools = toolkit(session.configuration, session.now())
    codes: list[Exit] = []
    asked: Iterable[Incident] = bundles(path)
    if form in _WHOLE:
        asked = tuple(islice(asked, 2))
        if len(asked) > 1:
            usage(f"{path} holds more than one incident: {form} draws one")
    with resolver(session.configuration) as store:
        for number, incident in enumerate(asked):
            if number and form is AnswerFormat.TABLE:
                typer.echo("")
            found = investigation.of_bundle(incident, store(incident), tools)
            if verbose:
                found = certified(found, tools)
            show(session, found, form, verbose=verbose)
            codes.append(_code(found))
    if not codes:
        session.remark(f"{path}: no incident in it")
    return codes


def _code(found: Investigation) -> Exit:
    if not any(row.abnormal for row in found.case.incident.observations):
        return Exit.OK
    return Exit.INCONCLUSIVE if found.case.answer.abstained else Exit.FINDINGS
