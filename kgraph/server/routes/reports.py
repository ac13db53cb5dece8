"""Periodic reports that were made."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from kgraph.schema import Drawer
from kgraph.server.forms import ReportRow
from kgraph.server.identity import Served, Viewer
from kgraph.server.paging import Cursor, Limit, Page, behind, cached, dated_page, tagged
from kgraph.server.problems import Refused, documented

router = APIRouter(prefix="/reports", tags=["reports"])
_KINDS = {"html": "text/html", "markdown": "text/markdown", "json": "application/json"}


@router.get("", response_model=Page[ReportRow], responses=cached(400))
async def list_reports(
    request: Request, served: Served, _caller: Viewer, limit: Limit = 50, after: Cursor = None
) -> Response:
    """List the periodic reports, newest first."""
    first = behind(Drawer.REPORT, after)
    found = await served.readers.ask(
        lambda store: store.documents(Drawer.REPORT, limit=limit + 1, after=first, newest=True)
    )
    rows, last = dated_page(found, limit)
    return tagged(request, Page(items=[ReportRow.of(row) for row in rows], next=last))


@router.get(
    "/{report_id}",
    response_class=Response,
    responses={
        200: {"content": {kind: {"schema": {"type": "string"}} for kind in _KINDS.values()}},
        **documented(404),
    },
)
async def show_report(
    report_id: Annotated[str, Path(max_length=200, description="As the list has it.")],
    served: Served,
    _caller: Viewer,
    form: Annotated[
        Literal["json", "html", "markdown"], Query(description="How it is written.")
    ] = "json",
) -> Response:
    """Return a report: figures, a page, or Markdown."""
    rows = await served.readers.ask(lambda store: store.named(Drawer.REPORT, [report_id]))
    if not rows:
        raise Refused(HTTPStatus.NOT_FOUND, f"no report {report_id!a}", "not found")
    return Response(json.loads(rows[0].body)[form], media_type=_KINDS[form])
