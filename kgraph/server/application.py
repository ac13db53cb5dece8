"""The application put together."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.routing import Route

from kgraph import __version__
from kgraph.server import assets, problems
from kgraph.server.agents_http import PATH, Agents
from kgraph.server.described import describe
from kgraph.server.gate import Gate
from kgraph.server.idempotency import Idempotent
from kgraph.server.idempotency import describe as describe_keys
from kgraph.server.limits import Rate
from kgraph.server.routes import (
    by_hand,
    commands,
    entities,
    events,
    health,
    hooks,
    incidents,
    investigation,
    looks,
    operations,
    page,
    plans,
    reports,
    session,
)
from kgraph.server.service import Service
from kgraph.server.strangers import Strangers

_MIB = 2**20
_API = (
    incidents.router,
    by_hand.router,
    entities.router,
    investigation.router,
    plans.router,
    reports.router,
    operations.router,
    events.router,
    looks.router,
    session.router,
    commands.router,
)


def _routed() -> APIRouter:
    """Return all routes: what FastAPI works out of each is the same for every application."""
    routes = APIRouter()
    routes.include_router(health.router)
    routes.include_router(hooks.router)
    routes.include_router(page.router)
    refusals = problems.documented(401, 403, 422, 429, 503)
    for router in _API:
        routes.include_router(router, prefix="/api/v1", responses=refusals)
    return routes


_ROUTES = _routed()


def application(service: Service) -> FastAPI:
    """Return the application; its threads live as long as it does."""
    agents = Agents(service)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        service.start()
        page.tell(app.state.page)
        try:
            async with agents.running():
                yield
        finally:
            service.stop()

    app = FastAPI(
        title="kgraph",
        version=__version__,
        description="Root causes, incidents and repairs of a virtualised estate.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # it would load its page from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.service = service
    app.state.page = assets.read(assets.FOLDER)
    problems.install(app)
    app.router.routes.extend(_ROUTES.routes)
    _guard(app, service, agents)
    app.openapi = lambda: _documented(app)  # type: ignore[method-assign]  # as FastAPI's guide has it
    return app


def agents_application(service: Service) -> FastAPI:
    """Return an application that speaks the Model Context Protocol, and nothing else."""
    agents = Agents(service)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        service.start()
        try:
            async with agents.running():
                yield
        finally:
            service.stop()

    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.service = service
    problems.install(app)
    _guard(app, service, agents)
    return app


def _guard(app: FastAPI, service: Service, agents: Agents) -> None:
    """Put in front what every request passes, and beside the routes what speaks to agents."""
    settings = service.settings
    # At its own path and no other: a mount would redirect.
    app.router.routes.append(Route(PATH, agents, include_in_schema=False))
    app.add_middleware(Idempotent, service=service)
    app.add_middleware(Strangers, service=service)
    app.add_middleware(
        Gate,
        rate=Rate(settings.requests_per_second, settings.burst, time.monotonic),
        metrics=service.metrics,
        most_bytes=settings.body_mib * _MIB,
        most_seconds=settings.body_seconds,
        loopback_only=settings.authentication == "none",
    )


def _documented(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = FastAPI.openapi(app)
        describe_keys(document)
        describe(document)
    assert app.openapi_schema is not None  # noqa: S101 - it was made just now
    return app.openapi_schema
