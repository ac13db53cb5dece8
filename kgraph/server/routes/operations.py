"""For those who run the service: sources, the audit, dead letters."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from kgraph.app.service import audit
from kgraph.app.service.letters import discard, retry
from kgraph.schema import Document, Drawer
from kgraph.server.forms import DeadLetterForm, DeedForm, SourceForm
from kgraph.server.identity import Admin, Operator, Served, Viewer
from kgraph.server.paging import Cursor, Limit, Page, behind, cached, dated_page, tagged
from kgraph.server.problems import Refused, documented
from kgraph.server.service import Service
from kgraph.server.writing import write
from kgraph.store import GraphStore

router = APIRouter(tags=["operations"])
Id = Annotated[str, Path(max_length=500, description="As the list has it.")]


@router.get("/sources")
async def list_sources(served: Served, _caller: Viewer) -> list[SourceForm]:
    """Tell when each source was last read for each scope."""
    now = served.clock()
    scopes = await served.readers.ask(lambda store: store.scopes())
    return [SourceForm.of(row, now) for row in scopes]


@router.get("/audit", response_model=Page[DeedForm], responses=cached(400))
async def list_audit(
    request: Request, served: Served, _caller: Admin, limit: Limit = 50, after: Cursor = None
) -> Response:
    """List who wrote what, newest first."""
    first = behind(Drawer.AUDIT, after)
    found = await served.readers.ask(lambda store: audit.listed(store, limit + 1, first))
    rows, last = dated_page(found, limit)
    return tagged(request, Page(items=[DeedForm.shown(row) for row in rows], next=last))


@router.get("/dead-letters", response_model=Page[DeadLetterForm], responses=cached(400))
async def list_dead(
    request: Request, served: Served, _caller: Operator, limit: Limit = 50, after: Cursor = None
) -> Response:
    """List what could not be read or sent, newest first."""
    first = behind(Drawer.DEAD, after)
    found = await served.readers.ask(
        lambda store: store.documents(Drawer.DEAD, limit=limit + 1, after=first, newest=True)
    )
    rows, last = dated_page(found, limit)
    return tagged(request, Page(items=[_letter(row) for row in rows], next=last))


@router.post(
    "/dead-letters/{letter_id}/retry",
    status_code=HTTPStatus.NO_CONTENT,
    responses=documented(404, 409),
)
async def retry_dead(letter_id: Id, served: Served, caller: Operator) -> None:
    """Put a dead letter back to where it came from."""
    await _needed(served, letter_id)
    await write(served, caller, "dead.retry", letter_id, lambda s, now: retry(s, letter_id, now))


@router.delete(
    "/dead-letters/{letter_id}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=documented(404, 409),
)
async def drop_dead(letter_id: Id, served: Served, caller: Operator) -> None:
    """Forget a dead letter."""
    await _needed(served, letter_id)
    await write(served, caller, "dead.drop", letter_id, lambda s, _now: discard(s, letter_id))


async def _needed(served: Service, letter_id: str) -> None:
    def look(store: GraphStore) -> None:
        if not store.named(Drawer.DEAD, [letter_id]):
            told = f"no dead letter {letter_id!a}"
            raise Refused(HTTPStatus.NOT_FOUND, told, "not found")

    await served.readers.ask(look)


def _letter(row: Document) -> DeadLetterForm:
    body: dict[str, Any] = json.loads(row.body)
    if "inbox" in body:
        kind, name = "inbox", body["inbox"]["hook"]
    else:
        kind, name = "outbox", body["outbox"]["receiver"]
    return DeadLetterForm.model_validate(
        {"id": row.id, "at": row.at, "kind": kind, "name": name, "because": body["because"]}
    )
