"""What is posted to the API by who is not known is not read: the framework would read it first.

32 MiB of JSON are 800 MiB in memory and half a second of the thread that answers everybody.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kgraph.app.service.tokens import Role
from kgraph.schema import KgraphError
from kgraph.server import halves
from kgraph.server.identity import bearer_of, token_of
from kgraph.server.problems import told
from kgraph.server.service import Service

_API, _LOG_IN = "/api/v1/", "/api/v1/session"  # hooks, and what agents ask, look for themselves
_SMALL = 64 * 1024  # bytes that anybody may send


class Strangers:
    """An ASGI application in front of another.

    Args:
        app: what is behind; it says itself that it does not know somebody.
        service: knows the tokens.
    """

    def __init__(self, app: ASGIApp, *, service: Service) -> None:
        self._app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on; of a stranger's without what it says, if that is not small.

        While the store cannot say who it is, it is to be sent again: emptied it would be refused
        as wrong, and its sender gives up.
        """
        try:
            if self._asks_much(scope) and not await self._known(Request(scope)):
                receive = _emptied(receive)
        except KgraphError as error:
            answer = await told(Request(scope), error)
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _asks_much(self, scope: Scope) -> bool:
        if scope["type"] != "http" or not scope["path"].startswith(_API):
            return False
        if self._service.settings.authentication == "none":
            return False
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"")
        if length.isdigit():
            return int(length) > _SMALL
        return b"transfer-encoding" in headers  # how much that is, nobody knows yet

    async def _known(self, request: Request) -> bool:
        if request.url.path == _LOG_IN:
            return False  # a token is short
        bearer = bearer_of(request)
        text = halves.token_of(request) if bearer is None else bearer
        token = await token_of(self._service, text)
        return token is not None and token.role.may(Role.VIEWER)


def _emptied(receive: Receive) -> Receive:
    """Return what yields an empty body, then whatever comes, such as that the client has left."""
    waiting: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def emptied() -> Message:
        return waiting.pop() if waiting else await receive()

    return emptied
