"""`kgraph apply`: show what a plan would do, or do it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli.session import Exit, Session, session_of, usage
from kgraph.cli.stopping import until_told
from kgraph.cli.tables import RowFormat, Rows, write

if TYPE_CHECKING:
    from kgraph.app.applying import Preview
    from kgraph.schema import PlanRecord
    from kgraph.store import GraphStore
    from remedies import Progress, Refusal


def apply(
    ctx: typer.Context,
    plan_id: Annotated[str, typer.Argument(help="The id, such as P-88ab12.", metavar="PLAN")],
    *,
    execute: Annotated[
        bool, typer.Option("--execute/--dry-run", help="Do it, or only show it.")
    ] = False,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Show what a plan would do and what the guards say; with --execute do it and verify it.

    Where `kgraph watch` is at work, the plan is approved and carried out by it.
    """
    from kgraph.app.stored.stores import Access, opened

    session = session_of(ctx)
    if not execute:
        _show(session, plan_id, output)
        return
    if output is not RowFormat.TABLE:
        usage(
            f"--execute tells what happens in lines; `kgraph plan {plan_id} -o {output}` after it"
        )
    with opened(session.configuration, Access.WRITE) as store, until_told() as stopping:
        _execute(session, store, plan_id, stopping)


def _show(session: Session, plan_id: str, output: RowFormat) -> None:
    from kgraph.app.applying import preview
    from kgraph.app.incidents.plans import names
    from kgraph.app.stored.stores import Access, opened
    from kgraph.cli.plan import lines, whole

    with opened(session.configuration, Access.READ) as store:
        shown = preview(session.configuration, store, plan_id, session.now())
        journal = store.journal(plan_id)
        called = names(store, shown.document.plan)
    if output is not RowFormat.TABLE:
        write(whole(shown.record, shown.document, journal) | _seen(shown), output)
    else:
        for line in (*lines(shown.record, shown.document, journal, called), *_live(shown)):
            session.out.print(line, soft_wrap=True)
    stops = [said for _, said in shown.refusals if said.weight.stops]
    if shown.document.plan.impediment:
        session.remark(f"it cannot be carried out here: {shown.document.plan.impediment}")
        session.end(Exit.REFUSED)
    elif stops:
        session.remark(f"refused by the {stops[0].guard} guard: {stops[0].why}", style="yellow")
        session.end(Exit.REFUSED)
    else:
        session.remark("nothing was done; --execute does it")
        session.end(Exit.APPROVAL)


def _seen(shown: Preview) -> dict[str, object]:
    """Return what was seen just now and what the guards say; steps count from 1."""
    numbers = {id(step): number for number, step in enumerate(shown.document.plan.steps, 1)}
    return {
        "now": [
            {"step": number + 1, "standing": look.standing.value, "said": look.said}
            for number, look in sorted(shown.looks.items())
        ],
        "guards": [
            {
                "step": numbers[id(step)],
                "guard": said.guard,
                "why": said.why,
                "stops": said.weight.stops,
            }
            for step, said in shown.refusals
        ],
    }


STANDS = {
    "ready": "to be done",
    "done": "done already",
    "either": "looks the same before and after",
    "unfit": "must not be done",
    "unknown": "nobody could look",
}


def _live(shown: Preview) -> Iterator[str]:
    """Yield what was seen just now, and what the guards say of it."""
    from kgraph.cli.text import one_line

    label = "NOW"
    for number, look in sorted(shown.looks.items()):
        step = shown.document.plan.steps[number]
        told = f"{number + 1} {step.name or step.entity}: {STANDS[look.standing.value]}"
        told += f", {look.said}" if look.said else ""
        yield f"{label:<9}{one_line(told)}"
        label = ""
    label = "GUARDS"
    for step, said in shown.refusals:
        action = step.action.replace("_", " ")
        told = f"{action} {step.name or step.entity}: {said.why} ({said.guard})"
        yield f"{label:<9}{one_line(told)}"
        label = ""
    if not shown.refusals:
        yield f"{label:<9}none objects"


def _execute(session: Session, store: GraphStore, plan_id: str, stopping: threading.Event) -> None:
    from kgraph.app import applying
    from kgraph.app.incidents.plans import document_of, find
    from kgraph.app.repairs.binding import Binding
    from kgraph.app.stored.holders import holder
    from kgraph.schema import PlanState
    from remedies import Refusal

    record, user, bound = find(store, plan_id), session.user, Binding.of(session.configuration)
    impediment = document_of(record).plan.impediment
    if record.state is PlanState.PROPOSED and impediment:
        _tell(session, Refusal("means", f"it cannot be carried out here: {impediment}"))
    if applying.watched(store, session.now()):
        told = len(store.journal(plan_id))  # before the watch may begin
        if record.state is PlanState.PROPOSED:
            record = applying.approve(store, record, user, session.now(), bound)
            session.remark(f"{plan_id} is approved; the watch carries it out")
        happened: Iterable[Progress | Refusal]
        happened = applying.follow(store, record, told, session.now, stopping)
    else:
        ours = holder("apply")
        here = applying.Applying(session.configuration, store, ours, session.now, bound)
        session.remark("reading the sources")
        happened = here.run(plan_id, user, stopping)
    for each in happened:
        _tell(session, each)
    _end(session, find(store, plan_id))


def _tell(session: Session, each: Progress | Refusal) -> None:
    from kgraph.cli.text import one_line
    from remedies import Refusal

    if isinstance(each, Refusal):
        session.remark(f"refused by the {each.guard} guard: {each.why}", style="yellow")
        raise typer.Exit(int(Exit.REFUSED if session.detailed else Exit.ERROR))
    step = "" if each.step is None else f"{each.step + 1} "
    outcome = f" ({each.outcome.value.replace('_', ' ')})" if each.outcome else ""
    line = one_line(f"{each.at:%H:%M:%S}  {step}{each.state}{outcome}: {each.said}")
    with suppress(BrokenPipeError):  # nobody reads any longer: a repair is not left half done
        session.out.print(line, soft_wrap=True)


def _end(session: Session, record: PlanRecord) -> None:
    from kgraph.schema import PlanState

    if record.state is PlanState.DONE:
        return
    if record.state is PlanState.PROPOSED:
        session.remark(f"{record.id} was not begun")
    elif record.state.under_way or record.state is PlanState.APPROVED:
        no = "--cancel" if record.state.under_way else "--reject"
        session.remark(
            f"{record.id} is {record.state.value}: a watch, or the same command, goes on with it;"
            f" `kgraph plan {record.id} {no} WHY` ends it"
        )
    else:
        session.remark(f"{record.id} ended {record.state.value}: {record.because}")
    raise typer.Exit(int(Exit.ERROR))
