"""The Model Context Protocol over streamable HTTP, for who has a token.

Source: https://modelcontextprotocol.io/specification, "Transports": servers must look at `Origin`,
should listen on loopback, and should authenticate.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fastapi.security import HTTPAuthorizationCredentials
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from kgraph.app.service.tokens import Role
from kgraph.schema import KgraphError
from kgraph.server.identity import CALLER, admit, bearer_of
from kgraph.server.problems import Refused, problem
from kgraph.server.service import Service

if TYPE_CHECKING:
    from mcp.server import MCPServer

PATH = "/mcp"


def available() -> bool:
    """Tell whether the library for it is installed."""
    return find_spec("mcp") is not None


class Agents:
    """An ASGI application: it refuses who may not look, and hands on who may.

    It answers only between the beginning and the end of `running`. The library is loaded for the
    first agent that comes: it is 25 MiB, and most servers never see one.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._open = False
        self._task: asyncio.Task[None] | None = None
        self._made: asyncio.Future[ASGIApp] | None = None
        self._stop = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Answer for the length of a block."""
        self._open = True
        try:
            yield
        finally:
            self._open = False
            if self._task is not None:
                self._stop.set()
                await self._task

    async def _app(self) -> ASGIApp | None:
        """Return what answers; None where nothing does."""
        if not self._open or not available():
            return None
        if self._made is None:
            self._made = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._run(self._made))
        return await asyncio.shield(self._made)

    async def _run(self, made: asyncio.Future[ASGIApp]) -> None:
        """Load the library and hold it open: it wants to end in the task that began it."""
        try:
            server = await asyncio.to_thread(_server, self._service)
            app = _streamable(server)
            async with server.session_manager.run():
                made.set_result(app)
                await self._stop.wait()
        except Exception as error:
            if made.done():
                raise
            made.set_exception(error)  # whoever has asked is told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope)
        try:
            self._check_origin(request)
            scope[CALLER] = await admit(self._service, Role.VIEWER, _bearer(request), request)
        except Refused as refusal:
            self._service.metrics.refused.labels(refusal.reason).inc()
            answer = problem(refusal.status_code, str(refusal.detail), refusal.headers)
            await answer(scope, receive, send)
            return
        except KgraphError as error:
            await problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error))(scope, receive, send)
            return
        if request.method == "GET":
            # It would be a stream on which nothing ever comes: requests stand for themselves.
            told = "nothing is told unasked here: POST is taken"
            await problem(HTTPStatus.METHOD_NOT_ALLOWED, told, {"Allow": "POST"})(
                scope, receive, send
            )
            return
        app = await self._app()
        if app is None:
            told = "it answers no more" if available() else "the extra mcp is not installed"
            await problem(HTTPStatus.SERVICE_UNAVAILABLE, told)(scope, receive, send)
            return
        await app(scope, receive, send)

    def _check_origin(self, request: Request) -> None:
        """Refuse another site's page: it would speak with the rights of whoever looks at it."""
        origin = request.headers.get("origin")
        if origin is None:
            return
        ours = {f"{request.url.scheme}://{request.headers.get('host', '')}"}
        if self._service.settings.public_url:
            parts = urlsplit(self._service.settings.public_url)
            ours.add(f"{parts.scheme}://{parts.netloc}")
        if origin not in ours:
            raise Refused(HTTPStatus.FORBIDDEN, "another site's page may not ask", "origin")


def _server(service: Service) -> MCPServer:
    from kgraph.server.agents import Permission, server  # noqa: PLC0415 - an extra

    return server(service, Permission.PROPOSE)


def _streamable(server: MCPServer) -> ASGIApp:
    from mcp.server.transport_security import (  # noqa: PLC0415 - an extra
        TransportSecuritySettings,
    )

    # Who asks, and from what site, was looked at before; no request needs another, so any server
    # of the store answers it.
    return server.streamable_http_app(
        streamable_http_path=PATH,
        stateless_http=True,
        json_response=True,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )


def _bearer(request: Request) -> HTTPAuthorizationCredentials | None:
    text = bearer_of(request)
    if text is None:
        return None
    return HTTPAuthorizationCredentials(scheme="Bearer", credentials=text)
