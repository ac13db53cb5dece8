"""What the watch tells, as it happens: server-sent events, from any server of the store.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import StreamingResponse

from kgraph.app.service import tokens
from kgraph.schema import Document, Drawer, KgraphError
from kgraph.server.identity import Served, Viewer
from kgraph.server.problems import Refused, documented
from kgraph.server.service import Service
from kgraph.store import GraphStore

router = APIRouter(tags=["events"])
_LOOK, _BEAT = 0.5, 15.0  # seconds between two looks; between two signs of life
_PAGE = 100
_STREAMS = 100  # at once: each looks into the store twice a second


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}},
        **documented(503),
    },
)
async def stream(
    served: Served,
    caller: Viewer,
    last_event_id: Annotated[
        str | None, Header(max_length=200, description="Go on behind this one.")
    ] = None,
) -> StreamingResponse:
    """Stream what happens to incidents, plans and sources from now on, or from an event on.

    Events are kept for a day; an id that is not kept any longer begins with the oldest that is.
    The stream ends once its token is revoked or has expired.
    """
    if served.streams >= _STREAMS:
        raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "too many listen already", "streams")
    last = await _start(served, last_event_id)
    return StreamingResponse(_told(served, caller.token, last), media_type="text/event-stream")


async def _start(served: Service, last_event_id: str | None) -> Document | None:
    if last_event_id is None:
        newest = await served.readers.ask(
            lambda store: store.documents(Drawer.EVENT, limit=1, newest=True)
        )
        return newest[0] if newest else None
    found = await served.readers.ask(lambda store: store.named(Drawer.EVENT, [last_event_id]))
    return found[0] if found else None


async def _told(served: Service, token: str, last: Document | None) -> AsyncIterator[str]:
    served.streams += 1
    quiet = 0.0
    try:
        yield "retry: 3000\n\n"
        while not served.ending():
            look = partial(_look, token=token, now=served.clock(), behind=last)
            try:
                rows = await served.readers.ask(look)
            except KgraphError:  # who listens comes again, and is told why
                return
            if rows is None:
                return
            for row in rows:
                yield _event(row)
            if rows:
                last, quiet = rows[-1], 0.0
                continue
            quiet += _LOOK
            if quiet >= _BEAT:
                quiet = 0.0
                yield ": still here\n\n"
            await asyncio.sleep(_LOOK)
    finally:
        served.streams -= 1


def _look(
    store: GraphStore, *, token: str, now: datetime, behind: Document | None
) -> list[Document] | None:
    """Return what came behind an event; None for who may look no longer."""
    if token and not tokens.stands(store, token, now):
        return None
    return store.documents(Drawer.EVENT, limit=_PAGE, after=behind)


def _event(row: Document) -> str:
    # JSON has no line breaks of its own, so one line of data is enough.
    return f"id: {row.id}\nevent: {json.loads(row.body)['event']}\ndata: {row.body}\n\n"
