"""Hooks in: what is posted is in the store before we say yes."""

from __future__ import annotations

from contextlib import suppress
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from kgraph.app.service.hooks import Posted, accept
from kgraph.app.service.tokens import Role
from kgraph.schema import Document, InputError, KgraphError
from kgraph.server.identity import Served, admitted, fresh
from kgraph.server.problems import Refused, documented
from kgraph.server.service import Service

router = APIRouter(prefix="/hooks", tags=["hooks"])


class Accepted(BaseModel):
    """What was taken in.

    Attributes:
        deliveries: how many are kept, to be worked off.
        alerts: how many they hold.
    """

    deliveries: int
    alerts: int


Name = Annotated[str, Path(max_length=200, description="Its `name` in the configuration.")]
_ALERT = {
    "status": "firing",
    "labels": {"alertname": "HostDown", "instance": "h1.dc1:9100"},
    "annotations": {"summary": "no answer for 5 minutes"},
    "startsAt": "2026-11-23T04:00:00Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "fingerprint": "5ef77f1f8a3ecb8d",
}
_ANY_JSON = {
    "schema": {"description": "What the hook's type says; here of the type `alertmanager`."},
    "example": {"version": "4", "groupKey": "{}", "truncatedAlerts": 0, "alerts": [_ALERT]},
}


@router.post(
    "/{name}",
    status_code=HTTPStatus.ACCEPTED,
    responses=documented(400, 401, 403, 404, 408, 409, 413, 422, 429, 503),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": dict.fromkeys(
                (
                    "application/json",
                    "application/cloudevents+json",
                    "application/cloudevents-batch+json",
                ),
                _ANY_JSON,
            ),
        },
        "security": [{"HTTPBearer": [Role.HOOK.value]}, {}],
    },
)
async def post(name: Name, request: Request, served: Served) -> Accepted:
    """Take in alerts, changes, and what was done to incidents elsewhere, by the hook's type."""
    hook = served.hooks.get(name)
    if hook is None:
        raise Refused(HTTPStatus.NOT_FOUND, f"no hook is called {name!a}", "no hook")
    admission = await admitted(served, hook, request)
    seen = admission.seen
    posted = Posted({k.lower(): v for k, v in request.headers.items()}, admission.body)
    try:
        found = await run_in_threadpool(accept, hook, posted, served.clock())
        if found.stamp is not None:
            seen = await fresh(served, name, *found.stamp)
        await served.mail.keep(found.documents)
    except InputError as error:
        outcome = "malformed" if type(error) is InputError else "unkept"
        served.metrics.deliveries.labels(name, outcome).inc()
        if outcome == "unkept":
            await _forget(served, seen)
        raise
    served.metrics.deliveries.labels(name, "accepted").inc()
    served.metrics.alerts.labels(name).inc(found.alerts)
    served.metrics.truncated.labels(name).inc(found.truncated)
    served.watching.nudge()
    return Accepted(deliveries=len(found.documents), alerts=found.alerts)


async def _forget(served: Service, seen: Document | None) -> None:
    """Let a request that could not be kept come again, as it is signed."""
    if seen is not None:
        with suppress(KgraphError):  # the store is in trouble; who signs anew is not held up
            await served.writer.ask(lambda store: store.drop(seen.drawer, [seen.id]))
