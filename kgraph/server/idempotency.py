"""Writing requests that are sent again: the first answer comes back, and nothing is done twice.

Source: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kgraph.app.service.tokens import Role
from kgraph.logs import logger
from kgraph.schema import Document, Drawer, KgraphError
from kgraph.schema.timestamps import format_time, parse_time
from kgraph.server.identity import bearer_of, token_of
from kgraph.server.problems import documented, problem, told
from kgraph.server.service import Service
from kgraph.store import GraphStore

KEPT = timedelta(hours=24)  # the answer to a key
_WRITING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_API = "/api/v1/"
_KEY = re.compile(r'"([ !#-\[\]-~]{1,200})"|([!#-+\--~]{1,200})')  # a string of RFC 9651, or bare
_MOST = 2**20  # bytes of an answer that are kept
# A server that was killed answers no more: the key is free again after that.
_UNDER_WAY = timedelta(minutes=2)
_LONG: Mapping[str, timedelta] = {f"{_API}commands": timedelta(hours=1)}
# No word on what was asked: it may be asked again.
_NO_ANSWER = frozenset({401, 403, 408, 413, 429})
_HEADERS = frozenset({b"content-type", b"etag", b"location"})
_HELP = (
    "A key of your own making, such as a UUID: sent again with the same request within a day, the"
    " first answer comes back and nothing is done twice."
)
_log = logger(__name__)


@dataclass
class _Answer:
    """What the application answers, as far as it came."""

    status: int = 0
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""
    whole: bool = False

    def add(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            rows = message.get("headers", ())
            self.headers = tuple((k, v) for k, v in rows if k.lower() in _HEADERS)
        elif message["type"] == "http.response.body":
            if len(self.body) <= _MOST:
                self.body += message.get("body", b"")
            self.whole = not message.get("more_body", False)

    @property
    def lasting(self) -> bool:
        """Whether the same is to be answered again."""
        return self.whole and self.status < 500 and self.status not in _NO_ANSWER


class Idempotent:
    """An ASGI application in front of another."""

    def __init__(self, app: ASGIApp, *, service: Service) -> None:
        self._app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request once, however often it comes."""
        key = _key_of(scope)
        if key is None:
            await self._app(scope, receive, send)
            return
        if not key:
            what = "Idempotency-Key: 1 to 200 printable characters, in double quotes or without"
            await problem(HTTPStatus.BAD_REQUEST, what)(scope, receive, send)
            return
        try:
            owner = await self._owner(scope)
            if owner is None:  # the application says why
                await self._app(scope, receive, send)
                return
            whole = await _read(receive)
            if whole is None:
                return  # whoever asked has left
            id_ = _hash(owner, key)
            mark = _hash(scope["method"], scope["path"], scope["query_string"], whole)
            found = await self._claim(id_, mark, scope["path"])
        except KgraphError as error:  # the store is busy or away: nothing was done yet
            answer = await told(Request(scope), error)
            await answer(scope, receive, send)
            return
        if found is None:
            await self._first(id_, mark, scope, _again(whole, receive), send)
        else:
            await _told(found, mark)(scope, receive, send)

    async def _owner(self, scope: Scope) -> str | None:
        """Return whose keys these are: an answer is for who has asked; None: nobody's.

        A viewer changes nothing that could be done twice, and would fill the store with answers.
        """
        service = self._service
        if service.settings.authentication == "none":
            return ""
        text = bearer_of(Request(scope))
        if text is None:
            return None
        token = await token_of(service, text)
        return token.id if token and token.role.may(Role.RESPONDER) else None

    async def _claim(self, id_: str, mark: str, path: str) -> dict[str, Any] | None:
        """Take a key; return what is known of it where somebody had it before."""
        now = self._service.clock()
        until = now + _LONG.get(path, _UNDER_WAY)
        ours = _under_way(id_, mark, now, until)

        def take(store: GraphStore) -> dict[str, Any] | None:
            if store.claim(ours):
                return None
            there = store.named(Drawer.ANSWER, [id_])
            if there and not _over(there[0], now):
                found: dict[str, Any] = json.loads(there[0].body)
                return found
            # It is over: one of those who see that goes on.
            turn = _under_way(f"{id_} {there[0].at if there else ''}", mark, now, until)
            if not store.claim(turn):
                return {"mark": mark}
            store.put([ours])
            return None

        return await self._service.writer.ask(take)

    async def _first(
        self, id_: str, mark: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Let it be done; the answer is kept before its end is sent."""
        answer = _Answer()

        async def outward(message: Message) -> None:
            answer.add(message)
            if answer.whole:
                try:
                    await self._keep(id_, mark, answer)
                except KgraphError as error:  # it is done: who asked must not do it again
                    _log.warning("the answer to a key is not kept", because=str(error))
            await send(message)

        try:
            await self._app(scope, receive, outward)
        finally:
            if not answer.whole:
                _log.warning("a request with a key was left before its end", path=scope["path"])

    async def _keep(self, id_: str, mark: str, answer: _Answer) -> None:
        now = self._service.clock()

        def keep(store: GraphStore) -> None:
            if answer.lasting:
                store.put([Document(Drawer.ANSWER, id_, now, _document(mark, answer, now))])
            else:
                store.drop(Drawer.ANSWER, [id_])

        await self._service.writer.ask(keep)


def describe(schema: MutableMapping[str, Any]) -> None:
    """Write the header and what it may lead to into an OpenAPI document."""
    header = {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": _HELP,
        "schema": {"type": "string", "minLength": 1, "maxLength": 200},
    }
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            if method.upper() in _WRITING and path.startswith(_API):
                operation.setdefault("parameters", []).append(header)
                for status, response in documented(400, 409, 422).items():
                    operation["responses"].setdefault(str(status), response)


def _key_of(scope: Scope) -> str | None:
    """Return a request's key; None where it has none or needs none; empty where it is faulty."""
    if scope["type"] != "http" or scope["method"] not in _WRITING:
        return None
    if not scope["path"].startswith(_API):
        return None
    given = [value for name, value in scope["headers"] if name == b"idempotency-key"]
    if not given:
        return None
    found = _KEY.fullmatch(given[0].decode("latin-1").strip()) if len(given) == 1 else None
    return (found[1] or found[2]) if found else ""


async def _read(receive: Receive) -> bytes | None:
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _again(whole: bytes, receive: Receive) -> Receive:
    """Return what yields a body that was read already, then whatever comes."""
    waiting: list[Message] = [{"type": "http.request", "body": whole, "more_body": False}]

    async def replayed() -> Message:
        return waiting.pop() if waiting else await receive()

    return replayed


def _told(found: Mapping[str, Any], mark: str) -> Response:
    if found["mark"] != mark:
        told = "this Idempotency-Key was sent with another request; take a new one"
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, told)
    if "status" not in found:
        told = "the first request with this Idempotency-Key is still under way"
        return problem(HTTPStatus.CONFLICT, told, {"Retry-After": "1"})
    if found["body"] is None:
        told = f"done before; the answer ({found['status']}) was too large to be kept"
        return problem(HTTPStatus.CONFLICT, told)
    return Response(
        base64.b64decode(found["body"]),
        found["status"],
        {**found["headers"], "Idempotency-Replayed": "true"},
    )


def _under_way(id_: str, mark: str, now: datetime, until: datetime) -> Document:
    return Document(
        Drawer.ANSWER, id_, now, json.dumps({"mark": mark, "until": format_time(until)})
    )


def _document(mark: str, answer: _Answer, now: datetime) -> str:
    kept = len(answer.body) <= _MOST
    return json.dumps(
        {
            "mark": mark,
            "until": format_time(now + KEPT),
            "status": answer.status,
            "headers": {k.decode("latin-1"): v.decode("latin-1") for k, v in answer.headers},
            "body": base64.b64encode(answer.body).decode() if kept else None,
        }
    )


def _over(row: Document, now: datetime) -> bool:
    until = parse_time(json.loads(row.body)["until"])
    return until is None or until <= now


def _hash(*parts: str | bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()
