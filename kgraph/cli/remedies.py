"""`kgraph remedies`: what would be done about which fault, and by whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli.session import session_of
from kgraph.cli.tables import RowFormat, Rows, show
from kgraph.schema.counting import counted

if TYPE_CHECKING:
    from remedies.coverage import Covered
    from remedies.remedy import Measure, Remedy

app = typer.Typer(
    help="Look at the catalogue of repairs.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("coverage")
def coverage(
    ctx: typer.Context,
    *,
    every: Annotated[
        bool,
        typer.Option("--all", help="Each mode of each kind, not only causes of rules."),
    ] = False,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Show what would be done about each fault of the rules, and by whom, the frequent first.

    `kgraph`: with endpoints for it, kgraph does it itself, as far as the policy lets it.
    `a person`: people are asked, unless a hook or a playbook of yours does the action.
    """
    from collections import Counter

    from kgraph.app.configured.catalogue import catalogue_of
    from kgraph.app.configured.engine import rules_of
    from remedies.coverage import coverage as covered

    session = session_of(ctx)
    rates = {(f.kind, f.mode): f.per_year for f in rules_of(session.configuration).faults}
    found = covered(catalogue_of(session.configuration), None if every else rates)
    found.sort(key=lambda row: -rates.get((row.kind, row.mode), 0.0))
    rows = [_row(row, rates.get((row.kind, row.mode)), output) for row in found]
    show(session, ("fault", "perYear", "by", "does", "where"), rows, output)
    count = Counter(row.by.value for row in found)
    told = ", ".join(f"{many} by {who}" for who, many in count.most_common())
    session.remark(f"{counted(len(found), 'fault')}: {told}")


@app.command("show")
def show_one(
    ctx: typer.Context,
    fault: Annotated[str, typer.Argument(help="Such as StoragePool.full.", metavar="KIND.MODE")],
) -> None:
    """Show all that the catalogue has for one fault: steps, what it will not do, the runbook."""
    from kgraph.app.configured.catalogue import catalogue_of
    from kgraph.schema import Fault
    from remedies.rows import check_fault

    session = session_of(ctx)
    kind, mode = check_fault(fault, "KIND.MODE")
    remedy = catalogue_of(session.configuration).for_fault(kind, Fault("", mode))
    if remedy is None:
        session.remark(f"nothing: people are told of {fault}")
        return
    for line in _lines(remedy):
        session.out.print(line, soft_wrap=True)


def _row(row: Covered, per_year: float | None, output: RowFormat) -> tuple[object, ...]:
    fault = f"{row.kind}.{row.mode}"
    if row.remedy is None:
        return fault, per_year, row.by.value, "", ""
    rungs = [[_done(measure) for measure in rung] for rung in row.remedy.rungs]
    said = "; then ".join(", ".join(rung) for rung in rungs)
    does = said if output is RowFormat.TABLE else rungs
    return fault, per_year, row.by.value, does, row.remedy.where.partition(":")[0]


def _done(measure: Measure) -> str:
    name = measure.what or measure.action.name.replace("_", " ")
    return f"{name} ({measure.of})" if measure.of else name


def _lines(remedy: Remedy) -> Iterator[str]:
    for number, rung in enumerate(remedy.rungs, 1):
        if len(remedy.rungs) > 1:
            yield "FIRST" if number == 1 else "IF THAT DID NOT HELP"
        for measure in rung:
            yield f"  {_done(measure)}: {measure.why}{_terms(measure)}"
    if remedy.refused:
        yield "NOT"
        yield from (f"  {row}" for row in remedy.refused)
    if remedy.runbook:
        yield "RUNBOOK"
        yield from (f"  {number} {row}" for number, row in enumerate(remedy.runbook, 1))
    yield f"FROM {remedy.where}"


def _terms(measure: Measure) -> str:
    action = measure.action
    asked = [each.replace("_", " ") for each in (*action.preconditions, *action.requires)]
    said = [
        f"by {action.by}",
        f"risk {measure.risk.value}",
        f"only if: {', '.join(asked)}" if asked else "",
        f"only where: {measure.when.replace('_', ' ')}" if measure.when else "",
        "left out where nothing here does it" if measure.optional else "",
        f"undo: {action.inverse.replace('_', ' ')}" if action.inverse else "",
    ]
    return f" ({', '.join(each for each in said if each)})"
