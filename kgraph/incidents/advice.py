"""Who has it, what to do next, and how far to trust it: WHO, NEXT, CHECK, PLAN, NOT, DATA, DO."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from shlex import quote

from kgraph.incidents import wording
from kgraph.incidents.aging import newest, overdue
from kgraph.incidents.case import Origin, View
from kgraph.incidents.handling import GROUPING, acknowledgement
from kgraph.incidents.impact import undone
from kgraph.incidents.report import Detail, Label, Section, Tone
from kgraph.schema import (
    KINDS,
    Actor,
    Fault,
    NextCheck,
    Plan,
    PlanStep,
    Risk,
    Severity,
    kind_of,
)

_HOURS = timedelta(hours=12)  # in which everybody knows which day it was
_STEP_ROOM = 40  # characters for the names in one step of a plan
_CERTAIN = 0.9  # from it on, what else may be broken is looked at after the repair
_TELLING = 0.05  # nats; a look at something else that tells less holds up no repair
# What an active check may answer by itself; it says where it has nothing to look at.
_LOOKED_AT = frozenset({"unreachable", "hung", "down", "errors", "paused"})
# Commands that look over the network.
_REMOTE = frozenset({"ping", "ssh", "kgraph", "curl", "kubectl"})
_MACHINE_ROOM = 30  # characters for the machines of one look
_BY_HAND = "for a person"
_KEEPS = "kgraph investigate"  # what has asked without keeping anything
_SAID = 4  # kinds of steps that the line of what comes next has room for


def who(view: View) -> Section:
    """Say who has taken it on, and what people did to it besides, the newest first."""
    rows = view.case.handled
    taken = acknowledgement(rows)
    lines = []
    if taken is not None:
        note = f": {taken.note}" if taken.note else ""
        lines.append(f"{taken.by} has it since {_lately(view, taken.at)}{note}")
    others = [row for row in reversed(rows) if row is not taken and row.by != GROUPING]
    lines += [f"{_lately(view, row.at)} {row.line}" for row in others]
    return Section(Label.WHO, view.first(lines, 2))


def _lately(view: View, at: datetime) -> str:
    """Say when, with the day where it is not of the last hours: who has it since may sleep."""
    return f"{at:%H:%M:%SZ}" if view.case.now - at < _HOURS else f"{at:%Y-%m-%d %H:%M:%SZ}"


def upcoming(view: View) -> Section:
    """Say in one line what a tired person does now; nothing once it is over."""
    if view.case.over:
        return Section(Label.NEXT, ())
    if view.case.answer.abstained:
        return Section(Label.NEXT, (_look(view) or _outside(view),), Tone.WARNING)
    lead = view.lead
    if view.suspected:
        doubt = "no suspect is sure enough to be repaired: compare those under ELSE"
        return Section(Label.NEXT, (_look(view) or doubt,), Tone.WARNING)
    undo = "" if view.case.since else undone(view)
    done = "; else ".join(part for part in (undo, _repair(view)) if part)
    said = "; then ".join(part for part in (_look(view), done) if part)
    if not said and lead is not None:
        said = f"no remedy in the catalogue fits: start at {view.estate.title(lead.entity)}"
    return Section(Label.NEXT, (said,) if said else ())


def _look(view: View) -> str:
    """Say what is looked at first: what tells most, else a suspect that nobody has seen."""
    first = _first_check(view)
    if first is not None:
        return f"{wording.unbroken(typed(view, first))}{_splits(first)}"
    lead = view.lead
    if lead is None or view.case.answer.abstained:
        return ""
    seen = [row for row in view.case.incident.observations if row.entity == lead.entity]
    if any(row.abnormal for row in seen):
        return ""
    why = ": nothing that is seen of it says so" if seen else ", since no probe does"
    return f"look at {view.estate.name(lead.entity)} itself{why}"


def _first_check(view: View) -> NextCheck | None:
    """Return the check that comes before the repair.

    Where the cause is as good as certain, a check of something else is about what is broken
    besides it, and can wait, unless that is told to be down and nothing explains it; so can one of
    something else that tells next to nothing, and one of what a monitoring tells of that has
    failed itself.
    """
    checks, lead = view.case.answer.next_checks, view.lead
    if not checks or _blind(view):
        return None
    first = checks[0]
    if lead is None or first.entity == lead.entity:
        return first
    sure = lead.posterior >= _CERTAIN and not view.case.answer.abstained
    waits = sure and (first.entity, "down") not in {(s.entity, s.signal) for s in view.unexplained}
    return None if waits or first.gain < _TELLING else first


def _outside(view: View) -> str:
    if _blind(view):
        return "mend the monitoring first: what it says of the rest is not to be trusted"
    return "ask what changed that the graph does not hold: people, power, carriers, providers"


def _blind(view: View) -> bool:
    """Tell whether the monitoring is blamed: then a look at what it tells of is not the first."""
    answer = view.case.answer
    return answer.abstained and answer.monitoring > answer.elsewhere


def _repair(view: View) -> str:
    chosen = view.case.plan
    if chosen is None or not chosen.steps:
        return ""
    runs = [tuple(run) for _, run in groupby(chosen.steps, key=_likeness)]
    kept = view.case.origin in {Origin.STORE, Origin.KEPT}  # else its plan is in no store
    acts = chosen.executable and kept
    # Where nothing is done but by hand, no step needs to say so of itself.
    tell = said_of if acts else _asked
    said = ", ".join(wording.unbroken(_short(view, run, tell(run[0]))) for run in runs[:_SAID])
    more = f", {len(runs) - _SAID} more" if len(runs) > _SAID else ""
    if view.case.since:
        stand, _, _ = view.case.since.partition(": ")
        return f"{wording.unbroken(f'kgraph plan {chosen.id}')}: {stand}"
    if acts:
        return f"{wording.unbroken(f'kgraph apply {chosen.id} --execute')}: {said}{more}"
    if chosen.executable and view.case.origin is Origin.ASIDE:
        return f"{wording.unbroken(_KEEPS)} keeps the plan: {said}{more}"
    kind = view.estate.kind(chosen.cause.entity)
    fault = f"{kind if kind in KINDS else 'any'}.{chosen.cause.mode}"  # of a bundle, any word
    begin = f"kgraph plan {chosen.id}" if kept else f"kgraph remedies show {fault}"
    where = f"; where to begin: {wording.unbroken(begin)}" if chosen.runbook else ""
    return f"by hand: {said}{more}{where}"


def _short(view: View, steps: Sequence[PlanStep], what: str) -> str:
    """Say steps that are alike without all their names: `resume 10 VMs`."""
    if len(steps) == 1:
        name = view.estate.name(steps[0].entity)
        return f"{what} ({name})" if "what" in steps[0].parameters else f"{what} {name}"
    kinds = {view.estate.kind(step.entity) for step in steps}
    on = wording.count(len(steps), kinds.pop()) if len(kinds) == 1 else f"{len(steps)} things"
    return f"{what} {on}"


def check(view: View) -> Section:
    """Name the looks that would settle most after the one that comes next."""
    rows = view.case.answer.next_checks
    others = [row for row in rows if row is not _first_check(view)]
    wanted = rows if view.detail is Detail.FULL else others[:1]
    return Section(Label.CHECK, tuple(f"{typed(view, row)}{_splits(row)}" for row in wanted))


def typed(view: View, look: NextCheck) -> str:
    """Say what to type, and on which machine, where the command does not go there by itself."""
    where = place(view, look)
    return f"{where}: {look.command}" if where else look.command


def place(view: View, look: NextCheck) -> str:
    """Say on which machine a command is typed: `on h01`; empty: wherever one is.

    Nobody logs in to a machine that is itself taken to be down or cut off.
    """
    machines = view.estate.machines(look.entity)
    if not look.command or not machines or not _REMOTE.isdisjoint(look.command.split()):
        return ""
    lost = {view.estate.name(fault.entity) for fault in view.blamed if _stops(view, fault)}
    console = ", at its console" if lost.issuperset(machines) else ""
    return f"on {wording.names(machines, _MACHINE_ROOM)}{console}"


def _stops(view: View, fault: Fault) -> bool:
    mode = kind_of(view.estate.kind(fault.entity)).modes.get(fault.mode)
    return mode is not None and mode.severity is Severity.HARD


def _splits(row: NextCheck) -> str:
    return f"  (splits {row.splits})" if row.splits else ""


def plan(view: View) -> Section:
    """Show what could be done, and what was done of it since."""
    chosen = view.case.plan
    if view.case.answer.abstained:
        return Section(Label.PLAN, ())
    if chosen is None:
        return Section(Label.PLAN, (view.case.since,) if view.case.since else ())
    takes = f"  about {wording.age(chosen.duration)}" if chosen.duration else ""
    coming = f"  {said}" if (said := _before(view)) else ""
    stand = view.case.since or stands(chosen)
    if stand.startswith(f"{_BY_HAND}: "):
        stand = _BY_HAND  # the steps below say what
    new = view.case.origin is Origin.ASIDE and not view.case.since
    called = "not saved" if new else chosen.id
    head = f"{called}{coming}  risk {chosen.risk.value.upper()}{takes}  {stand}"
    because = [chosen.because] if chosen.because else []
    if view.detail is Detail.FULL:
        lines = list(_steps(view, chosen.steps))
    else:
        alike = [tuple(run) for _, run in groupby(chosen.steps, key=_likeness)]
        told = (_step(view, str(number), steps) for number, steps in enumerate(alike, 1))
        lines = ["  ".join(map(wording.unbroken, told))]
    return Section(Label.PLAN, (head, *because, *lines) if chosen.steps else ())


def stands(plan: Plan) -> str:
    """Say in a phrase whether it can be carried out here, and else who has to do what."""
    if plan.executable:
        return "proposed: nothing was done"
    hands = [step for step in plan.steps if _for_a_person(step)]
    others = [
        step for step in plan.steps if not _for_a_person(step) and step.risk is not Risk.NONE
    ]
    if hands and not others:
        return f"{_BY_HAND}: {by_people(hands)}"
    if not hands and not others:
        return "there is nothing to change: people are told"
    lacking = [step.unable for step in others if step.actor is Actor.NOBODY]
    if all(unable.startswith("no way to act") for unable in lacking):
        partly = f" in {len(lacking)} of {len(others)} steps" if len(lacking) < len(others) else ""
        return f"suggest only: no way to act{partly}"
    return "suggest only: it must not be done just so"


def by_people(steps: Sequence[PlanStep]) -> str:
    """Say what people have to do to what."""
    what: dict[str, list[str]] = {}
    for step in steps:
        asked = _asked(step)
        what.setdefault(f"{asked}{where_to(step)}", []).append(step.title)
    named = (f"{asked} ({wording.names(who, _STEP_ROOM)})" for asked, who in what.items())
    return "; ".join(named)


def _for_a_person(step: PlanStep) -> bool:
    """Tell whether an action is one for people, whether or not anybody can be told of it here."""
    return step.actuator == "notify" and step.action != "notify"


def _before(view: View) -> str:
    """Say until when preventive maintenance has to be done; empty: it is a repair."""
    chosen = view.case.plan
    if chosen is None or chosen.due_at is None:
        return ""
    left = chosen.due_at - view.case.now
    if left <= timedelta(0):
        return "preventive, and due now"
    return f"preventive: {wording.ahead(left)} left"


def refused(view: View) -> Section:
    """Say what will not be done, and why."""
    chosen = view.case.plan
    rows = chosen.refused if chosen else ()
    return Section(Label.NOT, (" · ".join(rows),) if rows else (), Tone.QUIET)


def data(view: View) -> Section:
    """Say how old the data are, the freshest first."""
    now, said = view.case.now, []
    for row in newest(view.case.sources):
        late = " STALE" if overdue(row.read_at, row.interval, now) else ""
        said.append(f"{row.source} {wording.age(now - row.read_at)} old{late}")
    tone = Tone.WARNING if any(s.endswith("STALE") for s in said) else Tone.QUIET
    missing = (
        ["evidence incomplete: the sender left some out"] if view.case.incident.incomplete else []
    )
    return Section(Label.DATA, (" · ".join((*said, *missing)),) if said or missing else (), tone)


def do(view: View) -> Section:
    """Name the commands that come next; a bundle's entities are in no graph to look at."""
    if view.case.origin not in {Origin.STORE, Origin.ASIDE}:
        return Section(Label.DO, ())
    lead = view.lead
    commands = []
    if view.detail is Detail.BRIEF:
        commands.append("kgraph investigate --verbose")
    if lead is not None:
        name = view.estate.name(lead.entity)
        typed_name = f"-- {quote(name)}" if name.startswith("-") else quote(name)
        commands.append(f"kgraph impact {typed_name}")
        commands.append(f"kgraph graph show {typed_name}")
    if view.case.id and any(row.signal in _LOOKED_AT for row in view.case.answer.next_checks):
        commands = [f"kgraph check --incident {view.case.id}", *commands]
    chosen = view.case.plan
    if chosen is not None and chosen.executable and not view.case.since:
        if view.case.origin is Origin.ASIDE:
            commands = [_KEEPS, *commands]
        else:
            commands = [f"kgraph apply {chosen.id} --execute", *commands, "kgraph halt"]
    return Section(
        Label.DO, (" · ".join(map(wording.unbroken, commands)),) if commands else (), Tone.QUIET
    )


def _likeness(step: PlanStep) -> tuple[str, str, Actor, str, str]:
    return step.action, step.inverse, step.actor, step.parameters.get("what", ""), where_to(step)


def _steps(view: View, steps: Sequence[PlanStep]) -> Iterator[str]:
    """Say everything of each step; what is said of several alike is said once."""
    number = 1
    for _, run in groupby(
        steps, key=lambda s: (*_likeness(s), s.parameters, s.why, s.unable, s.endpoint)
    ):
        alike = tuple(run)
        last = number + len(alike) - 1
        yield _step(view, f"{number}-{last}" if last > number else str(number), alike)
        number = last + 1


def _step(view: View, number: str, steps: Sequence[PlanStep]) -> str:
    """Say one action on one thing, or on several that are treated alike."""
    step = steps[0]
    undo = f" (undo: {step.inverse.replace('_', ' ')})" if step.inverse else ""
    why = f", {step.why}" if step.why and view.detail is Detail.FULL else ""
    room = _STEP_ROOM if view.detail is Detail.BRIEF else None
    on_what = wording.names([view.estate.name(row.entity) for row in steps], room)
    return f"{number} {said_of(step)} {on_what}{where_to(step)}{undo}{_means(view, step)}{why}"


def said_of(step: PlanStep) -> str:
    """Say what is done, and that a person does it where kgraph cannot."""
    return f"a person: {_asked(step)}:" if _for_a_person(step) else _asked(step)


def _asked(step: PlanStep) -> str:
    if step.action == "notify":
        return "tell people of"
    return step.parameters.get("what") or step.action.replace("_", " ")


def where_to(step: PlanStep) -> str:
    """Say to which host a step brings something, if it does."""
    to = step.parameters.get("toName", "")
    return f" to {to}" if to else ""


def _means(view: View, step: PlanStep) -> str:
    """Say by which endpoint, where everything is told; that there is none, always."""
    if step.actor is Actor.NOBODY:
        # The head says it of a plan of which nothing can be done.
        plan = view.case.plan
        partly = plan is not None and any(one.ours for one in plan.steps)
        full = view.detail is Detail.FULL
        return f" ({step.unable if full else 'no way to act'})" if full or partly else ""
    return f" (by {step.endpoint})" if view.detail is Detail.FULL and step.endpoint else ""
