"""`kgraph policy`: what may happen by itself, and why."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgraph.cli.moments import instant
from kgraph.cli.session import Session, session_of
from kgraph.cli.tables import RowFormat, Rows, show, write
from kgraph.schema.counting import counted

if TYPE_CHECKING:
    from kgraph.app.repairs.policies import Explained, StepExplained

_ROOM = 60  # characters for the names of alike steps

app = typer.Typer(
    help="What may happen by itself, and why.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("rules")
def rules(ctx: typer.Context, output: Rows = RowFormat.TABLE) -> None:
    """List the rules and maintenance windows in force, the highest priority first."""
    from kgraph.app.repairs.policies import policy_of

    session = session_of(ctx)
    policy = policy_of(session.configuration)
    found = sorted(policy.rules, key=lambda rule: (-rule.priority, -rule.when.specific))
    rows = [(r.priority, r.name, r.mode.value, r.when.specific, r.why, r.where) for r in found]
    show(session, ("priority", "rule", "mode", "conditions", "why", "where"), rows, output)
    for warning in policy.warnings:
        session.remark(f"{warning.where}: {warning.what}; {warning.mend}", style="yellow")


@app.command("test")
def explain_one(
    ctx: typer.Context,
    plan_id: Annotated[str, typer.Argument(help="The id, such as P-88ab12.", metavar="PLAN")],
    at: Annotated[
        str | None,
        typer.Option(help="Decide as at this time, to come or past: RFC 3339.", metavar="TIME"),
    ] = None,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Say what may happen with a plan: which rule decides, and why the others do not."""
    from kgraph.app.incidents.plans import find
    from kgraph.app.repairs.policies import explain
    from kgraph.app.stored.stores import Access, opened

    session = session_of(ctx)
    now = instant(at) if at else session.now()
    with opened(session.configuration, Access.READ) as store:
        found = explain(session.configuration, store, find(store, plan_id), now)
    if output is RowFormat.TABLE:
        _lines(session, found)
    else:
        write(_document(found), output)


def _lines(session: Session, found: Explained) -> None:
    from kgraph.incidents import wording

    decision, around = found.decision, found.around

    def say(line: str) -> None:
        session.out.print(line, soft_wrap=True)

    by = f"by {decision.rule!r}" if decision.rule else "since no rule holds"
    say(f"{found.plan.id}  {decision.mode.value}  {by}  {decision.why}".rstrip())
    read = "every source was read" if around.synced else "not every source was read completely"
    chance = wording.probability(around.posterior)
    say(f"AT       {around.now:%Y-%m-%d %H:%M:%SZ}  cause P {chance}  {read}")
    for first, rows in _alike(found):
        last = first + len(rows) - 1
        steps = f"STEP {first}" if first == last else f"STEPS {first}-{last}"
        titles = wording.titles([row.step.title for row in rows], _ROOM)
        action = rows[0].step.action.replace("_", " ")
        say(f"{steps:<8} {action} {titles}  risk {rows[0].step.risk.value}: {_said(rows[0])}")
        for line in _rules(rows[0]):
            say(line)


def _alike(found: Explained) -> Iterator[tuple[int, list[StepExplained]]]:
    """Yield runs of steps that are judged alike, each with the number of its first in the plan."""
    numbers = {id(step): number for number, step in enumerate(found.plan.steps, 1)}

    def kind(place: tuple[int, StepExplained]) -> tuple[object, ...]:
        position, row = place
        step = row.step
        gap = numbers[id(step)] - position  # grows with each step that is not ours to do
        return gap, step.action, step.kind, step.risk, row.decision, row.rules

    for _, run in groupby(enumerate(found.steps), key=kind):
        rows = [row for _, row in run]
        yield numbers[id(rows[0].step)], rows


def _rules(row: StepExplained) -> Iterator[str]:
    decides = True
    for rule, why in row.rules:
        mark = "no" if why else ("->" if decides else "ok")
        decides = decides and bool(why)
        conditions = counted(rule.when.specific, "condition")
        said = why or f"holds, priority {rule.priority}, {conditions}"
        yield f"      {mark:>2} {rule.mode.value:<8}{rule.name}: {said}"


def _said(row: StepExplained) -> str:
    why = f" ({row.decision.why})" if row.decision.why else ""
    return f"{row.decision.mode.value}{why}"


def _document(found: Explained) -> dict[str, Any]:
    from kgraph.schema.timestamps import format_time

    return {
        "plan": found.plan.id,
        "at": format_time(found.around.now),
        "mode": found.decision.mode.value,
        "rule": found.decision.rule,
        "why": found.decision.why,
        "posterior": found.around.posterior,
        "synced": found.around.synced,
        "steps": [
            {
                "action": row.step.action,
                "entity": row.step.entity,
                "mode": row.decision.mode.value,
                "rule": row.decision.rule,
                "why": row.decision.why,
                "rules": [
                    {
                        "rule": rule.name,
                        "mode": rule.mode.value,
                        "priority": rule.priority,
                        "conditions": rule.when.specific,
                        "holds": not why,
                        "because": why,
                    }
                    for rule, why in row.rules
                ],
            }
            for row in found.steps
        ],
    }
