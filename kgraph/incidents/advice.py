"""What to do next, and how far to trust it: CHECK, PLAN, NOT, DATA, DO."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby

from kgraph.incidents import wording
from kgraph.incidents.case import Origin, View
from kgraph.incidents.report import Detail, Label, Section, Tone
from kgraph.schema import Actor, PlanStep

STALE_AFTER = timedelta(hours=1)
_STEP_ROOM = 40  # characters for the names in one step of a plan


def check(view: View) -> Section:
    """Name the look that would settle most."""
    lines = [
        "  ".join(part for part in (row.command, row.splits and f"(splits {row.splits})") if part)
        for row in view.case.answer.next_checks
    ]
    return Section(Label.CHECK, view.first(lines, 1))


def plan(view: View) -> Section:
    """Show what could be done; nothing is."""
    chosen = view.case.plan
    if chosen is None or view.case.answer.abstained:
        return Section(Label.PLAN, ())
    total = sum((step.duration for step in chosen.steps), timedelta(0))
    takes = f"  about {wording.age(total)}" if total else ""
    stands = "proposed: nothing was done" if chosen.executable else "suggest only: no way to act"
    head = f"{chosen.id}  risk {chosen.risk.value.upper()}{takes}  {stands}"
    because = [chosen.because] if chosen.because else []
    if view.detail is Detail.FULL:
        lines = [_step(view, number, (step,)) for number, step in enumerate(chosen.steps, 1)]
    else:
        alike = [tuple(run) for _, run in groupby(chosen.steps, key=_likeness)]
        told = (_step(view, number, steps) for number, steps in enumerate(alike, 1))
        lines = ["  ".join(map(wording.unbroken, told))]
    return Section(Label.PLAN, (head, *because, *lines) if chosen.steps else ())


def refused(view: View) -> Section:
    """Say what will not be done, and why."""
    chosen = view.case.plan
    rows = chosen.refused if chosen else ()
    return Section(Label.NOT, (" · ".join(rows),) if rows else (), Tone.QUIET)


def data(view: View) -> Section:
    """Say how old the data are, the freshest first."""
    newest: dict[str, timedelta] = {}
    for row in view.case.sources:
        old = view.case.now - row.read_at
        newest[row.source] = min(old, newest.get(row.source, old))
    said = []
    for source, old in sorted(newest.items(), key=lambda row: (row[1], row[0])):
        stale = " STALE" if old > STALE_AFTER else ""
        said.append(f"{source} {wording.age(old)} old{stale}")
    tone = Tone.WARNING if any(s.endswith("STALE") for s in said) else Tone.QUIET
    missing = (
        ["evidence incomplete: the sender left some out"] if view.case.incident.incomplete else []
    )
    return Section(Label.DATA, (" · ".join((*said, *missing)),) if said or missing else (), tone)


def do(view: View) -> Section:
    """Name the commands that come next; a bundle's entities are in no graph to look at."""
    if view.case.origin is Origin.BUNDLE:
        return Section(Label.DO, ())
    lead = view.lead
    commands = []
    if view.detail is Detail.BRIEF:
        commands.append("kgraph investigate --verbose")
    if lead is not None:
        commands.append(f"kgraph impact {_quoted(view.estate.name(lead.entity))}")
        commands.append(f"kgraph graph show {_quoted(view.estate.name(lead.entity))}")
    chosen = view.case.plan
    if chosen is not None and chosen.executable:
        commands = [f"kgraph apply {chosen.id} --execute", *commands, "kgraph halt"]
    return Section(
        Label.DO, (" | ".join(map(wording.unbroken, commands)),) if commands else (), Tone.QUIET
    )


def _likeness(step: PlanStep) -> tuple[str, str, Actor, str, str]:
    return step.action, step.inverse, step.actor, step.parameters.get("what", ""), where_to(step)


def _step(view: View, number: int, steps: Sequence[PlanStep]) -> str:
    """Say one action on one thing, or on several that are treated alike."""
    step = steps[0]
    undo = f" (undo: {step.inverse.replace('_', ' ')})" if step.inverse else ""
    why = f", {step.why}" if step.why and view.detail is Detail.FULL else ""
    on_what = wording.names([view.estate.name(row.entity) for row in steps], _STEP_ROOM)
    return f"{number} {said_of(step)} {on_what}{where_to(step)}{undo}{_means(view, step)}{why}"


def said_of(step: PlanStep) -> str:
    """Say what is done, and that a person does it where kgraph cannot."""
    what = step.parameters.get("what") or step.action.replace("_", " ")
    asked = step.actuator == "notify" and step.action != "notify"
    return f"a person: {what}:" if asked else what


def where_to(step: PlanStep) -> str:
    """Say to which host a step brings something, if it does."""
    to = step.parameters.get("toName", "")
    return f" to {to}" if to else ""


def _means(view: View, step: PlanStep) -> str:
    """Say by which endpoint, where everything is told; that there is none, always."""
    if step.actor is Actor.NOBODY:
        # The head says it of a plan of which nothing can be done.
        partly = view.case.plan is not None and view.case.plan.executable
        full = view.detail is Detail.FULL
        return f" ({step.unable if full else 'no way to act'})" if full or partly else ""
    return f" (by {step.endpoint})" if view.detail is Detail.FULL and step.endpoint else ""


def _quoted(name: str) -> str:
    """Quote a name for a shell, in case somebody pastes the line."""
    return (
        name
        if name.replace("-", "").replace(".", "").isalnum()
        else "'" + name.replace("'", "'\\''") + "'"
    )
