"""The estate: search, one entity, its history, all that needs it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from kgraph.app.views.graphs import dependents, edges
from kgraph.app.views.history import story
from kgraph.schema import KINDS, Entity, InputError, suggest_kind
from kgraph.server.forms import (
    DependentForm,
    EntityForm,
    EntityRow,
    EventForm,
    HistoryForm,
    ImpactForm,
    SpanForm,
)
from kgraph.server.identity import Served, Viewer
from kgraph.server.paging import Cursor, Limit, Page, cached, cut, following, offset, tagged
from kgraph.server.problems import Refused
from kgraph.store import GraphStore

router = APIRouter(prefix="/entities", tags=["entities"])
Uid = Annotated[str, Path(max_length=200, description="The entity's uid.")]


@router.get("", response_model=Page[EntityRow], responses=cached(400))
async def search(
    request: Request,
    served: Served,
    _caller: Viewer,
    text: Annotated[
        str | None,
        Query(max_length=200, description="A part of the name, or a whole uid or key."),
    ] = None,
    kind: Annotated[str | None, Query(max_length=100, description="Only this kind.")] = None,
    limit: Limit = 50,
    after: Cursor = None,
) -> Response:
    """Search the estate; ordered by kind and name."""
    if kind is not None and kind not in KINDS:
        raise InputError(f"unknown kind {kind!a}", mend=suggest_kind(kind))
    start = offset(after)
    found = await served.readers.ask(
        lambda store: store.find(kind=kind, text=text or None, limit=start + limit + 1)
    )
    rows, more = cut(found[start:], limit)
    shown = [EntityRow.of(row) for row in rows]
    return tagged(request, Page(items=shown, next=following(start, limit, more=more)))


@router.get("/{uid}", response_model=EntityForm, responses=cached(404))
async def show_entity(uid: Uid, request: Request, served: Served, _caller: Viewer) -> Response:
    """Show an entity: keys, labels, properties, what it needs and who needs it."""

    def look(store: GraphStore) -> EntityForm:
        entity = _open(store, uid)
        needs, needed_by = edges(store, uid)
        return EntityForm.whole(entity, needs, needed_by)

    return tagged(request, await served.readers.ask(look))


@router.get("/{uid}/history", response_model=HistoryForm, responses=cached(404))
async def show_history(uid: Uid, request: Request, served: Served, _caller: Viewer) -> Response:
    """Show what an entity went through; also one that is gone by now."""

    def look(store: GraphStore) -> HistoryForm:
        found = store.history(uid)
        if found is None:
            raise _nothing(uid)
        return HistoryForm(
            uid=found.uid,
            kind=found.kind,
            name=found.name,
            existed=[SpanForm.of(row) for row in found.existed],
            events=[EventForm.of(row) for row in story(found)],
        )

    return tagged(request, await served.readers.ask(look))


@router.get("/{uid}/impact", response_model=ImpactForm, responses=cached(404))
async def show_impact(
    uid: Uid,
    request: Request,
    served: Served,
    _caller: Viewer,
    depth: Annotated[int, Query(ge=1, le=20, description="At most so many hops.")] = 8,
) -> Response:
    """List who needs an entity, nearest first: its blast radius."""

    def look(store: GraphStore) -> ImpactForm:
        _open(store, uid)
        rows, truncated = dependents(store, uid, depth)
        return ImpactForm(items=[DependentForm.at(row) for row in rows], truncated=truncated)

    return tagged(request, await served.readers.ask(look))


def _open(store: GraphStore, uid: str) -> Entity:
    found = store.get([uid])
    if not found:
        raise _nothing(uid)
    return found[0]


def _nothing(uid: str) -> Refused:
    return Refused(HTTPStatus.NOT_FOUND, f"no entity {uid!a}", "not found")
