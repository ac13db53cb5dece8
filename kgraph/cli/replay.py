"""`kgraph replay`: was the answer right by its own lights, and would it be given again?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli.session import Exit, Session, session_of, usage
from kgraph.cli.tables import RowFormat, Rows, show
from kgraph.schema.counting import counted

if TYPE_CHECKING:
    from kgraph.app.asking.investigation import Toolkit
    from kgraph.app.incidents.replay import Document, Replay

_SHOWN = 20  # differences of one answer in a table
Row = tuple[str, str, str, str, str]


def replay(
    ctx: typer.Context,
    what: Annotated[
        str, typer.Argument(help="A kept incident's id, or a file of bundles; - is stdin.")
    ],
    answer: Annotated[
        Path | None,
        typer.Option(help="What was answered to the bundles, as JSON.", metavar="FILE"),
    ] = None,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Hold the answer against graph, evidence and rules.")
    ] = False,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Ask an incident again from its bundle; tell whether the answer is the same to the byte.

    Of bundles without --answer, what is answered now is asked twice. Changes nothing.
    """
    from kgraph.app.configured.toolkit import toolkit
    from kgraph.app.incidents.replay import checked

    session = session_of(ctx)
    tools = toolkit(session.configuration, session.now())
    of_file = what == "-" or Path(what).is_file()
    if answer is not None and not of_file:
        usage("--answer goes with a file of bundles; a kept incident has its answer")
    found = _of_file(session, what, answer, tools) if of_file else _of_store(session, what, tools)
    rows: list[Row] = []
    failed = False
    for one in found:
        flaws = checked(one, tools) if check else []
        failed |= bool(flaws) or not one.identical
        rows += _rows(one, output)
        rows += [(one.now.case.id, "flaw", flaw.where, flaw.what, "") for flaw in flaws]
        _remark(session, one, flaws=len(flaws) if check else None)
    show(session, ("id", "outcome", "where", "then", "now"), rows, output)
    if failed:
        session.end(Exit.FINDINGS if session.detailed else Exit.ERROR)


def _of_store(session: Session, incident: str, tools: Toolkit) -> Iterator[Replay]:
    from kgraph.app.asking.answers import answered_at
    from kgraph.app.incidents import learning
    from kgraph.app.incidents.by_hand import find
    from kgraph.app.incidents.replay import of_record
    from kgraph.app.stored.stores import Access, opened

    mend = "`kgraph incidents list` shows them; no file is called so either"
    with opened(session.configuration, Access.READ, session.remark) as store:
        record = find(store, incident, mend)
        tools = learning.taught(tools, store, answered_at(record))
    yield of_record(record, tools)


def _of_file(session: Session, path: str, answer: Path | None, tools: Toolkit) -> Iterator[Replay]:
    from kgraph.app.asking import investigation
    from kgraph.app.asking.answers import document
    from kgraph.app.asking.bundles import bundles, resolver
    from kgraph.app.asking.certified import certified
    from kgraph.app.incidents.replay import answers, compared
    from kgraph.schema import InputError

    given = None if answer is None else answers(answer)
    with resolver(session.configuration) as store:
        for incident in bundles(path):
            found = investigation.of_bundle(incident, store(incident), tools)
            if given is None:
                then: Document = document(certified(found, tools))
                found = investigation.of_bundle(incident, store(incident), tools)
            elif incident.id in given:
                then = given[incident.id]
            else:
                raise InputError(
                    f"no answer to incident {incident.id!r}",
                    where=str(answer),
                    mend="name the file that was written for these bundles",
                )
            yield compared(then, found, tools)


def _rows(one: Replay, output: RowFormat) -> list[Row]:
    incident = one.now.case.id
    if one.identical:
        return [(incident, "identical", "", "", "")]
    told = one.differences[:_SHOWN] if output is RowFormat.TABLE else one.differences
    return [(incident, "differs", row.where, row.then, row.now) for row in told]


def _remark(session: Session, one: Replay, flaws: int | None) -> None:
    incident, more = one.now.case.id, len(one.differences) - _SHOWN
    before, after = one.then.get("modelVersion"), one.now.case.answer.model_version
    if one.identical:
        session.remark(f"{incident}: answered the same, to the byte")
    else:
        why = f"; the rules changed since: {before}, now {after}" if before != after else ""
        places = counted(len(one.differences), "difference")
        session.remark(f"{incident}: {places}{why}", style="yellow")
        if more > 0:
            session.remark(f"the table leaves {more} of them out; --output json has all")
    if flaws is not None:
        wrong = f"the answer does not hold: {counted(flaws, 'flaw')}"
        verdict = wrong if flaws else "the answer holds"
        session.remark(f"{incident}: {verdict}", style="yellow" if flaws else "")
