"""A plan for an incident, worked out because somebody asks for it. It is proposed, never begun."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from kgraph.app.asking.investigation import Toolkit
from kgraph.app.asking.seeing_all import seeing_all
from kgraph.app.incidents.by_hand import find
from kgraph.app.incidents.keeping import again
from kgraph.app.incidents.plans import REPAIRS, propose, said_no
from kgraph.app.stored.turns import waited_for
from kgraph.schema import Answer, IncidentRecord, IncidentStatus, InputError, Plan, PlanRecord
from kgraph.store import GraphStore
from remedies import renamed


def worked_out(store: GraphStore, tools: Toolkit, incident: str, cause: str | None) -> Plan:
    """Return what should be done about an incident, as it was last explained.

    Args:
        store: holds the incident.
        tools: rules, remedies, endpoints.
        incident: an open one.
        cause: uid of one of its suspects; None: the likeliest.

    Raises:
        InputError: there is no such incident or suspect, it is over, or nothing is sure enough.
    """
    case = again(_still_open(store, incident), tools).case
    answer = case.answer if cause is None else _suspected(case.answer, cause)
    remedy = seeing_all(tools, store, lambda: tools.now).remedy
    plan = None if answer.abstained else remedy(answer, case.incident)
    if plan is None:
        raise InputError(
            f"no suspect of {incident} is likely enough to act on",
            mend="look at `causes` and its next checks",
        )
    return renamed(plan, incident)


def put_forward(store: GraphStore, plan: Plan, now: datetime) -> PlanRecord | None:
    """Propose a plan for its incident, and return what is kept of it.

    Raises:
        InputError: a person has said no to what it does, or its incident is over by now, or is
            being repaired by another plan; what stands for its incident stays.
        StoreBusyError: somebody else was sorting incidents all the time.
    """
    with waited_for(store, now):  # else it would be proposed for what ends just then
        _still_open(store, plan.incident)
        for other in store.plans(incident=plan.incident, states=REPAIRS):
            if other.id != plan.id:
                raise InputError(
                    f"{plan.incident} is being repaired by {other.id}", mend="wait for its end"
                )
        if said_no(store, plan) is not None:
            told = f"a person has said no to what {plan.id} does: it is not proposed again"
            raise InputError(told)
        return propose(store, plan.incident, plan, now, heard=True)


def _still_open(store: GraphStore, incident: str) -> IncidentRecord:
    record = find(store, incident, mend="`incidents` lists them")
    if record.status is not IncidentStatus.OPEN:
        raise InputError(f"{incident} is {record.status.value}: there is nothing to repair")
    return record


def _suspected(answer: Answer, cause: str) -> Answer:
    """Return the answer with a suspect in front."""
    first = [row for row in answer.causes if row.entity == cause]
    if not first:
        raise InputError(f"{cause!r} is no suspect", mend="`causes` lists them by uid")
    others = (row for row in answer.causes if row.entity != cause)
    return replace(answer, causes=(*first, *others))
