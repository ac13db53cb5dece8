"""Asking the engine: about a bundle, and what would be hit."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from pydantic import JsonValue

from kgraph.app.asking.answers import document
from kgraph.app.asking.investigation import of_bundle
from kgraph.app.service.predicting import predict as predicted
from kgraph.schema import Fault
from kgraph.schema.bundles import parse_bundle
from kgraph.server.forms import PredictionAsked, PredictionForm
from kgraph.server.identity import Served, Viewer
from kgraph.server.problems import Refused, documented
from kgraph.store import GraphStore

router = APIRouter(tags=["investigation"])
# Relations of a bundle: they are explained in the process that watches, and so many as go into the
# largest request take 3 GiB where each entity needs all of the next layer.
_MOST = 100_000


@router.post("/investigate", responses=documented(400, 413))
async def investigate(
    bundle: dict[str, JsonValue], served: Served, _caller: Viewer
) -> dict[str, JsonValue]:
    """Explain a `kgraph.incident/v1` bundle; one without entities speaks of the stored estate."""

    def ask(store: GraphStore) -> dict[str, Any]:
        incident = parse_bundle(bundle, where="bundle")
        if len(incident.relations) > _MOST:
            told = f"more than {_MOST:,} relations; `kgraph --server URL investigate --bundle`"
            told += " explains them in a process of its own"
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, told, "size")
        return document(of_bundle(incident, store, served.tools_at(served.clock())))

    return await served.engine.ask(ask)


@router.post("/predict", responses=documented(400))
async def predict(asked: PredictionAsked, served: Served, _caller: Viewer) -> PredictionForm:
    """Tell who would be hit if these failed, redundancy counted in; nothing is changed."""
    faults = [Fault(row.entity, row.mode) for row in asked.fail]

    def ask(store: GraphStore) -> PredictionForm:
        return PredictionForm.of(predicted(store, served.tools_at(served.clock()).model, faults))

    return await served.engine.ask(ask)
