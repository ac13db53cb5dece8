"""Whether we live, whether we can work, and what there is to measure."""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from kgraph.app.service.standing import standing
from kgraph.logs import logger
from kgraph.schema import KgraphError
from kgraph.server.identity import Served, Viewer
from kgraph.server.problems import documented
from kgraph.server.service import Watching

router = APIRouter()
_log = logger(__name__)


_State = Literal["leading", "waiting", "stuck", "dead"]


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Whether requests can be answered.

    Attributes:
        store: empty, or why it cannot be read.
        watch: `leading`, `waiting` for another process, `stuck` where its loop has not gone round
            for two minutes, or `dead`.
    """

    ready: bool
    store: str
    watch: _State


@router.get("/healthz", tags=["health"])
async def healthz() -> Health:
    """Tell that the process answers; looks at nothing else."""
    return Health()


@router.get("/readyz", tags=["health"], responses={503: {"model": Readiness}})
async def readyz(served: Served, response: Response) -> Readiness:
    """Tell whether the store can be read and the watch runs, here or elsewhere."""
    try:
        await served.readers.ask(lambda store: store.version())
        trouble = ""
    except KgraphError as error:
        _log.warning("not ready", because=str(error))
        trouble = "it cannot be read; the log tells why"  # whoever asks need not say who they are
    watch = _state(served.watching)
    ready = not trouble and watch in {"leading", "waiting"} and not served.ending()
    if not ready:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return Readiness(ready=ready, store=trouble, watch=watch)


def _state(watching: Watching) -> _State:
    if not watching.alive:
        return "dead"
    if watching.stuck:
        return "stuck"
    return "leading" if watching.leading else "waiting"


@router.get(
    "/metrics",
    tags=["health"],
    response_class=Response,
    responses={
        200: {"content": {"application/openmetrics-text": {"schema": {"type": "string"}}}},
        **documented(401, 403, 429, 503),
    },
)
async def metrics(served: Served, _caller: Viewer) -> Response:
    """Tell what is measured, as OpenMetrics."""
    found = await served.readers.ask(standing)
    served.metrics.show(found)
    served.metrics.leading.set(served.watching.leading)
    content, kind = served.metrics.text()
    return Response(content, media_type=kind)
