"""`kgraph drift`: what is not as it was declared, and how to restore it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgraph.cli.session import Exit, Session, session_of
from kgraph.cli.tables import RowFormat, Rows, show, write

if TYPE_CHECKING:
    from kgraph.app.repairs.drift import Compared
    from kgraph.schema import Plan, PlanRecord


def drift(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A kgraph.desired/v1 document.")],
    *,
    propose: Annotated[
        bool, typer.Option("--propose", help="Keep the plan, for people to approve.")
    ] = False,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Compare the estate with what was declared, and plan how to restore it. Does nothing.

    A proposed plan is one like any other: `kgraph plan` shows it, `kgraph apply` carries it out
    under the same guards. Plans of one file take each other's place.
    """
    from kgraph.app.repairs.drift import compare, declared, keep
    from kgraph.app.stored.stores import Access, opened

    session = session_of(ctx)
    desired = declared(file)
    access, now, kept = Access.WRITE if propose else Access.READ, session.now(), None
    with opened(session.configuration, access, session.remark) as store:
        found = compare(store, desired, session.configuration, now, file.name)
        if propose:
            kept = keep(store, found, file.name, now)
    if output is not RowFormat.TABLE:
        write(_document(found, kept), output)
    elif found.deviations:
        rows = [(d.title, d.drift.value, d.said) for d in found.deviations]
        show(session, ("entity", "drift", "what differs"), rows, output)
        session.out.print()
        show(session, ("step", "what", "on", "by", "why"), _steps(found), output)
    for title in found.unknown:
        session.remark(f"{title}: nobody has seen lately whether it runs", style="yellow")
    if not (desired.entities or desired.relations):
        session.remark(f"{file.name} declares nothing: see docs/changes.md", style="yellow")
    elif not found.deviations:
        session.remark("everything is as declared")
    elif kept is not None:
        _told(session, found, kept)
    elif propose:
        session.remark("nothing of it is in the graph: there is no plan to keep", style="yellow")
    session.end(Exit.FINDINGS if found.deviations else Exit.OK)


def _told(session: Session, found: Compared, kept: PlanRecord) -> None:
    """Say what came of the plan, and the command that comes next."""
    said = f"{kept.id} is {kept.state.value}"
    if kept.state.value != "proposed":
        session.remark(f"{said}: {kept.because}")
    elif found.plan is not None and found.plan.impediment:
        session.remark(f"{said}, for people: {found.plan.impediment}")
    else:
        session.remark(f"{said}: `kgraph apply {kept.id}` looks at it, --execute does it")


def _steps(found: Compared) -> list[tuple[str, ...]]:
    """Return the plan, then what no entity of the graph stands for, by name."""
    rows: list[tuple[str, ...]] = [
        (str(number), step["what"], step["on"], step["by"], step["why"])
        for number, step in enumerate(_planned(found.plan), 1)
    ]
    gone = [d for d in found.deviations if not d.entity]
    rows += [
        (str(number), d.mend, d.title, "a person", d.said)
        for number, d in enumerate(gone, len(rows) + 1)
    ]
    return rows


def _planned(plan: Plan | None) -> list[dict[str, str]]:
    if plan is None:
        return []
    found = []
    for step in plan.steps:
        what = step.parameters.get("what") or step.action.replace("_", " ")
        to = step.parameters.get("toName")
        by = step.endpoint if step.actor.value == "kgraph" and not step.unable else "a person"
        on = f"{step.kind} {step.name}".strip()
        why = f"{step.why}; {step.unable}" if step.unable else step.why
        found.append({"what": f"{what} to {to}" if to else what, "on": on, "by": by, "why": why})
    return found


def _document(found: Compared, kept: PlanRecord | None) -> dict[str, Any]:
    return {
        "proposed": kept.id if kept else None,
        "deviations": [
            {"entity": d.entity, "title": d.title, "drift": d.drift.value, "differs": d.said}
            for d in found.deviations
        ],
        "plan": _steps_document(found),
        "unknown": list(found.unknown),
    }


def _steps_document(found: Compared) -> list[dict[str, str]]:
    names = ("step", "what", "on", "by", "why")
    return [dict(zip(names, row, strict=True)) for row in _steps(found)]
