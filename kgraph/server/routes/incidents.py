"""Incidents: list, one with its explanation, its report, what people say of its cause."""

from __future__ import annotations

import json
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from kgraph.app.incidents import learning
from kgraph.app.incidents.handled import acknowledgements, trace
from kgraph.incidents import Detail, build
from kgraph.incidents.handling import acknowledgement
from kgraph.schema import IncidentHead, IncidentRecord, IncidentStatus
from kgraph.server.forms import (
    HandlingForm,
    IncidentForm,
    IncidentRow,
    PlanRow,
    ReportForm,
    SectionForm,
    VerdictAsked,
    VerdictForm,
)
from kgraph.server.identity import Responder, Served, Viewer
from kgraph.server.paging import Cursor, Limit, Page, cached, cursor, cut, dated, tagged
from kgraph.server.problems import Refused, documented
from kgraph.server.service import Service
from kgraph.server.writing import write
from kgraph.store import GraphStore

router = APIRouter(prefix="/incidents", tags=["incidents"])
Id = Annotated[str, Path(max_length=200, description="Such as INC-0001.")]
StatusAsked = Annotated[
    Literal["open", "resolved", "closed"] | None, Query(description="Only these.")
]


@router.get("", response_model=Page[IncidentRow], responses=cached(400))
async def list_incidents(
    request: Request,
    served: Served,
    _caller: Viewer,
    status: StatusAsked = None,
    limit: Limit = 50,
    after: Cursor = None,
) -> Response:
    """List incidents, newest first."""
    wanted = IncidentStatus(status) if status else None
    behind = _behind(after) if after else None

    def look(store: GraphStore) -> Page[IncidentRow]:
        rows, more = cut(store.heads(wanted, limit=limit + 1, after=behind), limit)
        last = cursor(rows[-1].opened_at.isoformat(), rows[-1].id) if more else None
        taken = acknowledgements(store, [row.id for row in rows])
        return Page(items=[IncidentRow.of(row, taken.get(row.id)) for row in rows], next=last)

    return tagged(request, await served.readers.ask(look))


@router.get("/{incident_id}", response_model=IncidentForm, responses=cached(404))
async def show_incident(
    incident_id: Id, request: Request, served: Served, _caller: Viewer
) -> Response:
    """Show an incident with its explanation, its plans, and what people said of its cause."""

    def look(store: GraphStore) -> IncidentForm:
        record, done = found_in(store, incident_id), trace(store, incident_id)
        answer = json.loads(record.answer)
        said = [row for row in store.rulings() if row.incident == incident_id]
        return IncidentForm(
            **IncidentRow.of(record, acknowledgement(done)).model_dump(),
            answer=answer,
            plans=[PlanRow.of(row) for row in store.plans(incident=incident_id)],
            verdicts=[VerdictForm.of(row) for row in said],
            handling=[HandlingForm.of(row) for row in done],
        )

    return tagged(request, await served.readers.ask(look))


@router.get("/{incident_id}/bundle", responses=cached(404))
async def show_bundle(
    incident_id: Id, request: Request, served: Served, _caller: Viewer
) -> Response:
    """Return the incident bundle: enough to replay it anywhere."""
    record = await served.readers.ask(lambda store: found_in(store, incident_id))
    return tagged(request, json.loads(record.bundle))


@router.get("/{incident_id}/report", response_model=ReportForm, responses=cached(404))
async def show_report(
    incident_id: Id,
    request: Request,
    served: Served,
    _caller: Viewer,
    detail: Annotated[
        Literal["brief", "full"], Query(description="One screen, or everything.")
    ] = "brief",
) -> Response:
    """Explain an incident again from its kept bundle, for a person to read."""
    return tagged(request, await report_of(served, incident_id, Detail(detail)))


@router.post(
    "/{incident_id}/verdicts",
    status_code=HTTPStatus.CREATED,
    responses=documented(404, 409),
)
async def say(
    incident_id: Id, asked: VerdictAsked, served: Served, caller: Responder
) -> VerdictForm:
    """Confirm or refute a cause; of two words on one entity the newer counts. Answers learn."""
    record = await served.readers.ask(lambda store: found_in(store, incident_id))
    cause = f"{asked.entity}:{asked.mode}" if asked.mode else asked.entity
    right = asked.said == "confirmed"

    def keep(store: GraphStore, now: datetime) -> VerdictForm:
        said = learning.ruling(
            record, cause, right=right, now=now, by=caller.name, reason=asked.note
        )
        learning.say(store, record, said)
        return VerdictForm.of(said)

    return await write(served, caller, f"incident.{asked.said}", incident_id, keep)


async def report_of(
    served: Service, incident_id: str, detail: Detail = Detail.BRIEF
) -> ReportForm:
    """Explain an incident again from its kept bundle."""

    def look(store: GraphStore) -> ReportForm:
        record = found_in(store, incident_id)
        case = served.explained.of(record, store, served.tools_at(record.updated_at))
        report = build(case, detail)
        return ReportForm(
            id=report.id,
            headline=report.headline,
            sections=[
                SectionForm(label=row.label.value, lines=list(row.lines))
                for row in report.sections
            ],
            warnings=list(report.warnings),
        )

    return await served.engine.ask(look)


def found_in(store: GraphStore, incident_id: str) -> IncidentRecord:
    """Return a kept incident.

    Raises:
        Refused: 404.
    """
    record = store.incident(incident_id)
    if record is None:
        raise Refused(HTTPStatus.NOT_FOUND, f"no incident {incident_id!a}", "not found")
    return record


def _behind(after: str) -> IncidentHead:
    at, id_ = dated(after)
    return IncidentHead(id_, IncidentStatus.OPEN, at, at, "")
