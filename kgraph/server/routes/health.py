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


_State = Literal["leading", "waiting", "held_up", "stuck", "dead"]


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Whether requests can be answered.

    A store that keeps nothing is read all the same: who looks is not sent away, and posts are
    refused one by one.

    Attributes:
        store: empty, or what is wrong with it: it cannot be read, or nothing can be kept.
        watch: `leading`, `waiting` for another process, `held_up` where nothing can be kept, such
            as on a full disk, `stuck` where its loop did not go round for two minutes, or `dead`.
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
    ready = not trouble and watch not in {"stuck", "dead"} and not served.ending()
    if not trouble and watch == "held_up":
        trouble = "nothing can be kept, and what is shown gets old; the log tells why"
    if not ready:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return Readiness(ready=ready, store=trouble, watch=watch)


def _state(watching: Watching) -> _State:
    if not watching.alive:
        return "dead"
    if watching.stuck:
        return "stuck"
    if watching.held_up:
        return "held_up"
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
