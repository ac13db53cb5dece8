"""`kgraph plan`: what was proposed and done; one plan with everything that is known of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgraph.cli.session import Session, session_of, usage
from kgraph.cli.tables import RowFormat, Rows, show, write

if TYPE_CHECKING:
    from kgraph.schema import JournalEntry, Plan, PlanDocument, PlanRecord

_COLUMN = 8
_NAMED = 3  # with the same symptom


class State(StrEnum):
    """Where a plan stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    RUNNING = "running"
    VERIFYING = "verifying"
    DONE = "done"
    COMPENSATED = "compensated"
    NEEDS_HUMAN = "needs_human"
    SUPERSEDED = "superseded"


def plan(
    ctx: typer.Context,
    plan_id: Annotated[
        str | None,
        typer.Argument(help="The id, such as P-88ab12; none: list them.", metavar="PLAN"),
    ] = None,
    state: Annotated[State | None, typer.Option(help="List only these.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="List at most so many.")] = 50,
    reject: Annotated[
        str | None,
        typer.Option(
            help="Say no to it, and why: it is not proposed for its incident again.",
            metavar="REASON",
        ),
    ] = None,
    cancel: Annotated[
        str | None,
        typer.Option(
            help="Stop it while it is under way, and why: nothing more of it begins.",
            metavar="REASON",
        ),
    ] = None,
    output: Rows = RowFormat.TABLE,
) -> None:
    """List repair plans, newest first; or show one: steps, means, risk, rollback, journal."""
    from kgraph.app.incidents.plans import document_of, find, names
    from kgraph.app.stored.stores import Access, opened
    from kgraph.schema import PlanState

    session = session_of(ctx)
    if reject is not None:
        _reject(session, plan_id, reject)
        return
    if cancel is not None:
        _cancel(session, plan_id, cancel)
        return
    with opened(session.configuration, Access.READ) as store:
        if plan_id is None:
            states = {PlanState(state.value)} if state else None
            _list(session, store.plans(states=states, limit=limit), output)
            return
        record = find(store, plan_id)
        document, journal = document_of(record), store.journal(plan_id)
        called = names(store, document.plan)
    if output is RowFormat.TABLE:
        for line in lines(record, document, journal, called):
            session.out.print(line, soft_wrap=True)
    else:
        write(whole(record, document, journal), output)


def _reject(session: Session, plan_id: str | None, why: str) -> None:
    from kgraph.app.incidents.plans import find, reject
    from kgraph.app.stored.stores import Access, opened

    if plan_id is None:
        usage("--reject needs a PLAN")
    with opened(session.configuration, Access.WRITE) as store:
        record = reject(store, find(store, plan_id), session.user, why, session.now())
    session.remark(f"{plan_id} is {record.state.value}: {record.because}")


def _cancel(session: Session, plan_id: str | None, why: str) -> None:
    from kgraph.app.incidents.plans import cancel, find
    from kgraph.app.stored.stores import Access, opened

    if plan_id is None:
        usage("--cancel needs a PLAN")
    with opened(session.configuration, Access.WRITE) as store:
        cancel(store, find(store, plan_id), session.user, why, session.now())
    session.remark(f"{plan_id} is cancelled: nothing more of it begins")


def _list(session: Session, records: list[PlanRecord], output: RowFormat) -> None:
    from kgraph.app.incidents.plans import document_of
    from kgraph.schema import InputError
    from kgraph.schema.timestamps import to_the_second

    def title(record: PlanRecord) -> str:
        try:
            return document_of(record).plan.title
        except InputError:
            return "cannot be read any longer"

    rows = [
        (r.id, r.state.value, r.incident, to_the_second(r.updated_at), title(r), r.because)
        for r in records
    ]
    columns = ("id", "state", "incident", "updated", "repairs", "because")
    show(session, columns, rows, output, none="no plan to list")


def whole(
    record: PlanRecord, document: PlanDocument, journal: list[JournalEntry]
) -> dict[str, Any]:
    """Return everything as one document."""
    from kgraph.schema.plan_documents import dump_plan
    from kgraph.schema.timestamps import format_time

    return {
        **dump_plan(document),
        "state": record.state.value,
        "because": record.because,
        "createdAt": format_time(record.created_at),
        "updatedAt": format_time(record.updated_at),
        "executable": document.plan.executable,
        "risk": document.plan.risk.value,
        "durationSeconds": document.plan.duration.total_seconds(),
        "journal": [
            {
                "at": format_time(entry.at),
                "step": entry.step + 1,
                "state": entry.state.value,
                "attempt": entry.attempt,
                "detail": entry.detail,
            }
            for entry in journal
        ],
    }


def lines(
    record: PlanRecord,
    document: PlanDocument,
    journal: list[JournalEntry],
    names: Mapping[str, str],
) -> Iterator[str]:
    """Yield a plan for a person, one thought a line; `names`: of uids that have symptoms."""
    from kgraph.cli.text import one_line
    from kgraph.incidents.advice import stands
    from kgraph.schema import Risk
    from kgraph.schema.timestamps import to_the_second
    from remedies.hazards import by_hand, hazards

    chosen = document.plan
    head = f"{record.id}  {record.state.value}  {record.incident}  {chosen.title}"
    yield one_line(head)
    yield one_line(f"  {record.because}" if record.because else "")
    acts = chosen.risk is not Risk.NONE
    yield f"RISK     {_risk(chosen) if acts else 'none: nothing is changed'}"
    if not chosen.executable:
        yield f"STANDS   {one_line(stands(chosen))}"
    if chosen.due_at is not None:
        yield f"BEFORE   {to_the_second(chosen.due_at)}  preventive: by then it is expected"
    if chosen.because:
        yield f"BECAUSE  {one_line(chosen.because)}"
    yield from _block("STEPS", steps(document, journal))
    for label, said in (("TAKES", _takes(chosen)), ("HELPED", one_line(_helped(chosen, names)))):
        yield from _block(label, [said] if said else [])
    yield from _block("COULD GO WRONG", [one_line(row) for row in hazards(chosen)])
    taken_back = [*_undone(chosen), *by_hand(chosen)] if acts else []
    yield from _block("ROLLBACK", [one_line(row) for row in taken_back])
    yield from _block("NOT", [one_line(row) for row in chosen.refused])
    numbered = (f"{n} {one_line(row)}" for n, row in enumerate(chosen.runbook, 1))
    yield from _block("RUNBOOK", list(numbered))
    current = journal[document.run.journal_from :] if document.run else []
    yield from _block("JOURNAL", [_entry(entry) for entry in current])
    yield from _block("NEXT", _next(record, chosen))


def _undone(chosen: Plan) -> list[str]:
    """Say which steps are taken back once another one fails, and whether by itself."""
    itself = "by itself, if" if chosen.executable else "if"
    undo = [
        f"{itself} {' or '.join(step.undo_if)} fails: {step.inverse.replace('_', ' ')} {step.name}"
        for step in chosen.steps
        if step.undo_if
    ]
    return undo or ["nothing is taken back by itself"]


def steps(document: PlanDocument, journal: list[JournalEntry]) -> list[str]:
    """Return the steps, and below each its why, means, risk and way back.

    What is said alike of several that follow each other is said once.
    """
    from kgraph.cli.text import one_line
    from kgraph.incidents.advice import said_of, where_to
    from kgraph.schema import Actor
    from remedies.execution.track import tracks
    from remedies.means import BY_PERSON

    run = document.run
    found = tracks(document.plan, journal[run.journal_from :] if run else [])
    told = []
    for number, (step, track) in enumerate(zip(document.plan.steps, found, strict=True), 1):
        undo = f", undo: {step.inverse.replace('_', ' ')}" if step.inverse else ""
        told_by = "told by" if step.actor is Actor.PERSON else "by"
        by = step.unable.removeprefix(BY_PERSON).strip() or f"{told_by} {step.endpoint}"
        state = f"  [{track.state.value}]" if track.since else ""
        why = f"{step.why} ({by}, risk {step.risk.value}{undo})"
        said = said_of(step), f"{where_to(step)}{state}", why
        told.append((said, number, step.name or step.entity))
    rows = []
    for (what, rest, why), alike in groupby(told, key=itemgetter(0)):
        several = list(alike)
        first, last = several[0][1], several[-1][1]
        numbers = str(first) if first == last else f"{first}-{last}"
        names = ", ".join(name for _, _, name in several)
        rows += [one_line(f"{numbers} {what} {names}{rest}"), f"  {one_line(why)}"]
    return rows


def _entry(entry: JournalEntry) -> str:
    from kgraph.cli.text import one_line

    again = f" (attempt {entry.attempt})" if entry.attempt > 1 else ""
    told = f"{entry.at:%H:%M:%S}  {entry.step + 1} {entry.state.value}{again}: {entry.detail}"
    return one_line(told)


def _risk(chosen: Plan) -> str:
    hurt = len(chosen.reach)
    things = f"{hurt} thing{'' if hurt == 1 else 's'}"
    return f"{chosen.risk.value}: if it goes wrong, {things} may be hurt"


def _takes(chosen: Plan) -> str:
    """Say how long it takes."""
    from kgraph.incidents import wording
    from kgraph.schema import Actor

    waits = any(step.actor is Actor.PERSON for step in chosen.steps)
    about = f"about {wording.age(chosen.duration)}" if chosen.duration else ""
    return ", and ".join(each for each in (about, "as long as a person needs" * waits) if each)


def _helped(chosen: Plan, names: Mapping[str, str]) -> str:
    """Say when it has helped: which symptoms must be gone, and for how long."""
    if not chosen.settle:
        return ""
    signs: dict[str, list[str]] = {}
    for uid, signal in sorted(chosen.symptoms, key=lambda sign: sign[0] != chosen.cause.entity):
        signs.setdefault(signal.replace("_", " "), []).append(names.get(uid, uid))
    gone = "; ".join(f"{signal} on {_some(who)}" for signal, who in signs.items())
    return f"once gone for {chosen.settle.total_seconds():g} s: {gone or 'every symptom'}"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _next(record: PlanRecord, chosen: Plan) -> list[str]:
    """Say what a person can do with it now."""
    from kgraph.schema import Actor, PlanState

    if record.state.under_way:
        stops = f"kgraph plan {record.id} --cancel WHY: nothing more of it begins"
        return [stops, "kgraph halt: stops this and all others"]
    if record.state is not PlanState.PROPOSED:
        return []
    no = f"kgraph plan {record.id} --reject WHY: no, and do not propose it again"
    if chosen.executable:
        yes = f"kgraph apply {record.id}: looks whether it could be done, and does nothing"
        return [yes, f"kgraph apply {record.id} --execute: yes, do it", no]
    lacks = any(step.actor is Actor.NOBODY and step.endpoint == "" for step in chosen.steps)
    hand = "done by hand, it is seen to be done once the symptoms are gone"
    ways = ["`[[endpoints]]` in kgraph.toml name ways to act: docs/remedies.md"] if lacks else []
    return [hand, *ways, no]


def _block(label: str, rows: list[str]) -> Iterator[str]:
    """Yield rows under a label; one that is longer than the column stands above them."""
    if len(label) > _COLUMN and rows:
        yield label
        label = ""
    for number, row in enumerate(rows):
        yield f"{label if not number else '':<9}{row}"
