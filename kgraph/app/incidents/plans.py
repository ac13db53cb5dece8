"""Keeping plans: proposing one, and taking older ones off the table."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain

from kgraph.app.asking.investigation import Investigation
from kgraph.app.incidents.handled import traces
from kgraph.incidents import Case
from kgraph.incidents.handling import Did
from kgraph.logs import logger
from kgraph.schema import (
    UNDER_WAY,
    Document,
    Drawer,
    IncidentStatus,
    InputError,
    Plan,
    PlanDocument,
    PlanMovedError,
    PlanRecord,
    PlanState,
    Risk,
    Run,
)
from kgraph.schema.plan_documents import parse_plan, plan_text
from kgraph.store import GraphStore
from remedies.restoring import DRIFTED

_log = logger(__name__)
_MOVED, _SOON = 0.1, timedelta(minutes=5)  # of the time that is left; what is worth a word
_ALL = 1_000_000
_OPEN = frozenset({PlanState.PROPOSED, PlanState.APPROVED})
REPAIRS = UNDER_WAY | {PlanState.APPROVED}  # what is wanted for sure, or is being done
_SINCE = {
    PlanState.APPROVED: "approved, and not begun",
    PlanState.RUNNING: "under way",
    PlanState.VERIFYING: "under way",
    PlanState.DONE: "done",
    PlanState.COMPENSATED: "taken back",
    PlanState.NEEDS_HUMAN: "a person has to go on",
    PlanState.SUPERSEDED: "no longer proposed",
}


def propose(
    store: GraphStore,
    incident: str,
    plan: Plan | None,
    now: datetime,
    *,
    over: str = "the incident is over",
    heard: bool = False,
) -> PlanRecord | None:
    """Keep a plan as an incident's proposal; what was proposed for it before is superseded.

    While one is approved or under way it stays as it is, and no other is proposed beside it: who
    said yes may have done so while the other was thought of. One that has ended is proposed anew,
    and keeps its earlier runs. One that a person has said no to is not: see `said_no`.

    Args:
        store: where plans are kept.
        incident: the incident that it is for, or what else asks for it.
        plan: what is proposed; None: nothing is any longer.
        now: the moment.
        over: why nothing is proposed any longer.
        heard: whether it was asked already if a person has said no to it, and nobody has.

    Returns:
        What stands now: the plan, or the one that is approved or under way; None: neither.
    """
    if plan is None:
        for old in store.plans(incident=incident, states=_OPEN):
            _take_off(store, old, now, over)
        return None
    before = store.plan(plan.id)
    stands = before is not None and before.state in _OPEN | UNDER_WAY
    refused = not stands and not heard and said_no(store, plan) is not None
    why = f"a person has said no to {plan.id}" if refused else f"{plan.id} took its place"
    for old in store.plans(incident=incident, states=_OPEN | UNDER_WAY):
        if old.id != plan.id and (repairs := _set_aside(store, old, now, why)):
            return repairs
    if refused:
        return before
    if before is not None and stands:
        return _moved(store, before, plan, now)
    document = PlanDocument(plan, _runs(before))
    record = PlanRecord(plan.id, incident, PlanState.PROPOSED, now, now, plan_text(document))
    return _unless_moved(store, record, before)


def _set_aside(store: GraphStore, old: PlanRecord, now: datetime, why: str) -> PlanRecord | None:
    """Take off the table what is only proposed; return it where somebody wants it by now."""
    if old.state is PlanState.PROPOSED:
        if old.because:  # it was approved, and could not begin: who did so has yet to read why
            why = f"{why}; before that: {old.because}"
        gone = replace(old, state=PlanState.SUPERSEDED, updated_at=now, because=why)
        kept = _unless_moved(store, gone, old)
    else:
        kept = old
    return kept if kept is not None and kept.state in REPAIRS else None


def _take_off(store: GraphStore, old: PlanRecord, now: datetime, why: str) -> None:
    """Take off the table what has not begun; that somebody has said yes to it is told."""
    if old.state is PlanState.APPROVED:
        gone = replace(old, state=PlanState.SUPERSEDED, updated_at=now, because=why)
        if _unless_moved(store, gone, old) == gone:
            _log.warning("approval void", plan=old.id, incident=old.incident, because=why)
    elif (just_now := _set_aside(store, old, now, why)) and not just_now.state.under_way:
        _take_off(store, just_now, now, why)


def set_aside(store: GraphStore, incident: str, now: datetime, why: str) -> None:
    """Take what is proposed for an incident off the table: it cannot begin, but may come back."""
    for old in store.plans(incident=incident, states={PlanState.PROPOSED}):
        _set_aside(store, old, now, why)


def repaired(store: GraphStore) -> frozenset[str]:
    """Return the incidents whose repair is under way, or was approved."""
    return frozenset(row.incident for row in store.plans(states=REPAIRS, limit=_ALL))


def said_no(store: GraphStore, plan: Plan) -> PlanRecord | None:
    """Return the plan by which a person has said no to this one; None: nobody has.

    One symptom more, or one guest, makes another plan of the same repair. So what was rejected, or
    cancelled, are its steps: for its incident, for what that becomes a part of, and for what is
    split off it while it is open. A declaration is no incident: it is never over, and each time
    another person may want what it asks for.
    """
    if plan.cause.mode == DRIFTED:
        return store.plan(plan.id) if store.named(Drawer.REJECTED, [plan.id]) else None
    told = store.documents(Drawer.REJECTED, limit=_ALL)
    if not told:
        return None
    hold = _parts(store, plan.incident) | {
        head.id for head in store.heads(IncidentStatus.OPEN, limit=_ALL)
    }
    # Of many years few go on. One that an earlier version has written does not tell its incident.
    known = {None, *hold}
    near = (each.id for each in told if json.loads(each.body).get("incident") in known)
    found = (store.plan(plan_id) for plan_id in near)
    return next(
        (row for row in found if row and row.incident in hold and _shares_a_step(plan, row)), None
    )


def _parts(store: GraphStore, incident: str) -> set[str]:
    """Return an incident with all that were merged into it."""
    found: set[str] = set()
    left = {incident}
    while left:
        found |= left
        rows = chain.from_iterable(traces(store, left).values())
        left = {row.other for row in rows if row.did is Did.TOOK_IN} - found
    return found


def _shares_a_step(plan: Plan, record: PlanRecord) -> bool:
    other = readable(record)
    return record.id == plan.id or (other is not None and bool(_does(plan) & _does(other)))


def _does(plan: Plan) -> set[tuple[str, str]]:
    """Return the (action, entity) of what it changes, or else of all."""
    acts = {(step.action, step.entity) for step in plan.steps if step.risk is not Risk.NONE}
    return acts or {(step.action, step.entity) for step in plan.steps}


def _unless_moved(
    store: GraphStore, record: PlanRecord, was: PlanRecord | None
) -> PlanRecord | None:
    """Keep a plan and return what is kept: what another process has begun just now stays."""
    try:
        store.save_plan(record, was=was)
    except PlanMovedError:
        return store.plan(record.id)
    return record


def _moved(store: GraphStore, before: PlanRecord, plan: Plan, now: datetime) -> PlanRecord | None:
    """Return the kept plan, with the newer forecast where that has moved by some minutes.

    One that is approved, or under way, stays as it was approved.
    """
    if before.state is not PlanState.PROPOSED:
        return before
    try:
        document = document_of(before)
    except InputError:  # of another version: nobody said yes to it, so it is proposed as it is now
        told = PlanDocument(plan, ())
    else:
        known = document.plan.due_at
        if plan.due_at is None or (
            known is not None and abs(plan.due_at - known) < _MOVED * max(abs(known - now), _SOON)
        ):
            return before
        told = replace(document, plan=replace(document.plan, due_at=plan.due_at))
    moved = replace(before, updated_at=now, document=plan_text(told))
    return _unless_moved(store, moved, before)


def reject(store: GraphStore, record: PlanRecord, who: str, why: str, now: datetime) -> PlanRecord:
    """Say no to a plan: it is taken off the table, and not proposed for this incident again.

    Raises:
        InputError: it is over, or under way.
        PlanMovedError: somebody else has begun it meanwhile.
    """
    if record.state not in _OPEN:
        raise InputError(f"plan {record.id} is {record.state.value}", mend="look at it again")
    because = f"rejected by {who}" + (f": {why}" if why else "")
    rejected = replace(record, state=PlanState.SUPERSEDED, updated_at=now, because=because)
    # The no is there first: the watch would propose anew what was only taken off the table.
    before = store.named(Drawer.REJECTED, [record.id])
    store.put([Document(Drawer.REJECTED, record.id, now, _no(record, who, why))])
    try:
        store.save_plan(rejected, was=record)
    except PlanMovedError:
        store.drop(Drawer.REJECTED, [record.id])
        store.put(before)
        raise
    return rejected


def cancel(store: GraphStore, record: PlanRecord, who: str, why: str, now: datetime) -> None:
    """Stop a plan that is under way; it is not proposed for this incident again.

    Whoever carries it out begins nothing more from its next look on; what is in flight ends, and
    is written down. What was done stays: kgraph takes nothing back that nobody asked it to.

    Raises:
        InputError: it is not under way.
    """
    if not record.state.under_way:
        mend = "`--reject` says no to what has not begun"
        raise InputError(f"plan {record.id} is {record.state.value}, not under way", mend=mend)
    body = _no(record, who, why)
    drawers = (Drawer.CANCELLED, Drawer.REJECTED)
    store.put([Document(drawer, record.id, now, body) for drawer in drawers])


def _no(record: PlanRecord, who: str, why: str) -> str:
    return json.dumps({"by": who, "why": why, "incident": record.incident})


def as_kept(case: Case, store: GraphStore) -> Case:
    """Return a case with its incident's newest plan, and what has become of both.

    What was proposed when an incident was explained may have been tried since, in vain.
    """
    record = store.incident(case.id)
    over = record is not None and record.status is not IncidentStatus.OPEN
    newest = store.plans(incident=case.id, limit=1)
    return replace(_with_plan(case, newest[0]) if newest else case, over=over)


def standing(found: Investigation, store: GraphStore) -> Investigation:
    """Return what was explained just now, with how its plan stands that would not be new.

    While an incident is being repaired it stays as it was explained: so does its plan.
    """
    plan = found.case.plan
    if plan is None:
        return found
    record = store.plan(plan.id)
    if record is None or record.state not in _OPEN | UNDER_WAY:
        repairs = store.plans(incident=plan.incident, states=REPAIRS, limit=1)
        record = repairs[0] if repairs else said_no(store, plan)
    return replace(found, case=_with_plan(found.case, record)) if record else found


def _with_plan(case: Case, record: PlanRecord) -> Case:
    plan = readable(record)
    if plan is None:
        return replace(case, plan=None, since=f"{record.id}: it cannot be read any longer")
    said = _SINCE.get(record.state, "")
    since = f"{said}: {record.because}" if said and record.because else said
    return replace(case, plan=plan, since=since)


def readable(record: PlanRecord) -> Plan | None:
    """Return a kept plan; None where it cannot be read any longer, as one of another version."""
    try:
        return document_of(record).plan
    except InputError:
        return None


def document_of(record: PlanRecord) -> PlanDocument:
    """Read a kept plan; InputError where it is not one."""
    return parse_plan(record.document, where=f"plan {record.id}")


def find(store: GraphStore, plan_id: str) -> PlanRecord:
    """Return a kept plan.

    Raises:
        InputError: there is none of this id.
    """
    record = store.plan(plan_id)
    if record is None:
        raise InputError(f"no plan {plan_id!r}", mend="`kgraph plan` lists them")
    return record


def names(store: GraphStore, plan: Plan) -> dict[str, str]:
    """Return what the things are called on which symptoms were seen; not all have a step."""
    found = store.get(sorted({uid for uid, _ in plan.symptoms}))
    return {entity.uid: entity.name or entity.uid for entity in found}


def _runs(before: PlanRecord | None) -> tuple[Run, ...]:
    if before is None:
        return ()
    try:
        return document_of(before).runs
    except InputError:
        return ()
