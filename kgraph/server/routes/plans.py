"""Plans: list, one with its journal, approve, reject; and the kill switch."""

from __future__ import annotations

import json
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from kgraph.app.applying import approve as say_yes
from kgraph.app.incidents.plans import cancel as say_stop
from kgraph.app.incidents.plans import document_of
from kgraph.app.incidents.plans import reject as say_no
from kgraph.incidents.advice import stands
from kgraph.schema import Halt, InputError, PlanRecord, PlanState
from kgraph.server.forms import HaltForm, JournalForm, PlanForm, PlanRow, ReasonAsked
from kgraph.server.identity import Admin, Operator, Served, Viewer
from kgraph.server.paging import Cursor, Limit, Page, cached, cut, following, offset, tagged
from kgraph.server.problems import Refused, documented
from kgraph.server.writing import write
from kgraph.store import GraphStore

router = APIRouter(tags=["plans"])
Id = Annotated[str, Path(max_length=200, description="Such as P-88ab12.")]
_State = Literal[
    "proposed",
    "approved",
    "running",
    "verifying",
    "done",
    "compensated",
    "needs_human",
    "superseded",
]


@router.get("/plans", response_model=Page[PlanRow], responses=cached(400))
async def list_plans(
    request: Request,
    served: Served,
    _caller: Viewer,
    incident: Annotated[str | None, Query(max_length=200, description="Only of this.")] = None,
    state: Annotated[_State | None, Query(description="Only in this state.")] = None,
    limit: Limit = 50,
    after: Cursor = None,
) -> Response:
    """List plans, newest first."""
    states, start = {PlanState(state)} if state else None, offset(after)
    found = await served.readers.ask(
        lambda store: store.plans(incident=incident, states=states, limit=start + limit + 1)
    )
    rows, more = cut(found[start:], limit)
    shown = [PlanRow.of(row) for row in rows]
    return tagged(request, Page(items=shown, next=following(start, limit, more=more)))


@router.get("/plans/{plan_id}", response_model=PlanForm, responses=cached(404))
async def show_plan(plan_id: Id, request: Request, served: Served, _caller: Viewer) -> Response:
    """Show a plan: its steps, its runs, its journal."""

    def look(store: GraphStore) -> PlanForm:
        record = _found(store, plan_id)
        plan = document_of(record).plan
        return PlanForm(
            **PlanRow.of(record).model_dump(),
            executable=plan.executable,
            stands=stands(plan),
            risk=plan.risk,
            duration_seconds=plan.duration.total_seconds(),
            document=json.loads(record.document),
            journal=[JournalForm.of(row) for row in store.journal(plan_id)],
        )

    return tagged(request, await served.readers.ask(look))


@router.post("/plans/{plan_id}/approve", responses=documented(404, 409))
async def approve(plan_id: Id, served: Served, caller: Operator) -> PlanRow:
    """Say yes to a plan: the watch carries it out, if every guard lets it.

    The yes is bound to the plan and to all of the graph that its proof has read: where any of that
    is another one when it is to begin, it does not, and wants another yes.
    """
    await served.readers.ask(lambda store: _found(store, plan_id))

    def yes(store: GraphStore, now: datetime) -> PlanRow:
        record = _there(store, plan_id)
        return PlanRow.of(say_yes(store, record, caller.name, now, served.binding))

    return await write(served, caller, "plan.approve", plan_id, yes, by=served.changing)


@router.post("/plans/{plan_id}/reject", responses=documented(404, 409))
async def reject(plan_id: Id, asked: ReasonAsked, served: Served, caller: Operator) -> PlanRow:
    """Say no to a plan: it is not proposed for this incident again."""
    await served.readers.ask(lambda store: _found(store, plan_id))

    def no(store: GraphStore, now: datetime) -> PlanRow:
        record = _there(store, plan_id)
        return PlanRow.of(say_no(store, record, caller.name, asked.reason, now))

    return await write(served, caller, "plan.reject", plan_id, no)


@router.post("/plans/{plan_id}/cancel", responses=documented(404, 409))
async def cancel(plan_id: Id, asked: ReasonAsked, served: Served, caller: Operator) -> PlanRow:
    """Stop a plan that is under way: nothing more of it begins."""
    await served.readers.ask(lambda store: _found(store, plan_id))

    def stop(store: GraphStore, now: datetime) -> PlanRow:
        record = _there(store, plan_id)
        say_stop(store, record, caller.name, asked.reason, now)
        return PlanRow.of(record)

    return await write(served, caller, "plan.cancel", plan_id, stop)


@router.get("/halt")
async def show_halt(served: Served, _caller: Viewer) -> HaltForm:
    """Tell whether the kill switch is on."""
    return _shown(await served.readers.ask(lambda store: store.halted()))


@router.put("/halt")
async def halt(asked: ReasonAsked, served: Served, caller: Operator) -> HaltForm:
    """Throw the kill switch: no new effect begins, whoever wants it."""

    def throw(store: GraphStore, now: datetime) -> HaltForm:
        store.halt(Halt(now, asked.reason or f"by {caller.name}"))
        return _shown(store.halted())

    return await write(served, caller, "halt", "", throw)


@router.delete("/halt")
async def lift_halt(served: Served, caller: Admin) -> HaltForm:
    """Let effects begin again."""

    def lift(store: GraphStore, _now: datetime) -> HaltForm:
        store.lift_halt()
        return _shown(store.halted())

    return await write(served, caller, "halt.lift", "", lift)


def _shown(found: Halt | None) -> HaltForm:
    if found is None:
        return HaltForm(halted=False)
    return HaltForm(halted=True, since=found.at, reason=found.reason)


def _found(store: GraphStore, plan_id: str) -> PlanRecord:
    record = store.plan(plan_id)
    if record is None:
        raise Refused(HTTPStatus.NOT_FOUND, f"no plan {plan_id!a}", "not found")
    return record


def _there(store: GraphStore, plan_id: str) -> PlanRecord:
    record = store.plan(plan_id)
    if record is None:
        raise InputError(f"plan {plan_id!r} is gone")
    return record
