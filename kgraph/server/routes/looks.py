"""What the page asks: the board of incidents, and one incident at one look."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from kgraph.app.incidents.handled import acknowledgements
from kgraph.schema import IncidentStatus, PlanRecord, PlanState
from kgraph.server.forms import BoardRow, IncidentView
from kgraph.server.identity import Served, Viewer
from kgraph.server.paging import Page, cached, tagged
from kgraph.server.routes.incidents import found_in
from kgraph.server.viewing import on_board, viewed
from kgraph.store import GraphStore

router = APIRouter(tags=["page"])
Id = Annotated[str, Path(max_length=200, description="Such as INC-0001.")]
_ROWS = 30  # whole incidents are read for it; older ones are on the plain list
_STANDING = {state for state in PlanState if state is not PlanState.SUPERSEDED}


@router.get("/board", response_model=Page[BoardRow], responses=cached())
async def show_board(request: Request, served: Served, _caller: Viewer) -> Response:
    """List incidents with what is blamed and the plan that stands; open ones come first."""

    def look(store: GraphStore) -> Page[BoardRow]:
        opened = store.incidents(IncidentStatus.OPEN, limit=_ROWS)
        known = {row.id for row in opened}
        lately = [row for row in store.incidents(limit=_ROWS) if row.id not in known]
        rows = [*opened, *lately][:_ROWS]
        taken = acknowledgements(store, [row.id for row in rows])
        shown = [on_board(row, _plan(store, row.id), taken.get(row.id)) for row in rows]
        return Page(items=shown)

    return tagged(request, await served.readers.ask(look))


@router.get("/incidents/{incident_id}/view", response_model=IncidentView, responses=cached(404))
async def show_view(
    incident_id: Id, request: Request, served: Served, _caller: Viewer
) -> Response:
    """Show all of an incident at one look: explained from its kept bundle, with its picture."""

    def look(store: GraphStore) -> IncidentView:
        record = found_in(store, incident_id)
        case = served.explained.of(record, store, served.tools_at(record.updated_at))
        said = [row for row in store.rulings() if row.incident == incident_id]
        return viewed(case, record, store.plans(incident=incident_id), said)

    return tagged(request, await served.engine.ask(look))


def _plan(store: GraphStore, incident_id: str) -> PlanRecord | None:
    found = store.plans(incident=incident_id, states=_STANDING, limit=1)
    return found[0] if found else None
