"""What every request passes first: limits on how many, how large, how slow; headers; counting."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kgraph.logs import logger
from kgraph.schema.addresses import is_loopback
from kgraph.server.limits import Rate
from kgraph.server.metrics import Metrics
from kgraph.server.problems import Refused, fault, problem

_log = logger(__name__)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_METHODS = _SAFE | {"POST", "PUT", "DELETE", "PATCH"}
_FREE = frozenset({"/healthz", "/readyz"})  # who looks whether we live must never be sent away
# Nothing that we answer is a page that may load anything from elsewhere.
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_BODIES = 8  # of the largest size, that are held at once: who sends them need not be known yet
# Bytes of a request that is never refused for what others send: whoever holds all room with slow
# ones, and need not be known, would keep every alert out.
_SMALL = 256 * 1024
_LAST = {"Connection": "close"}  # of a request of which a part was read, and the rest is not


@dataclass
class _Body:
    """How much of a request was read."""

    read: int = 0


class Gate:
    """An ASGI application in front of another.

    Args:
        app: what is behind.
        rate: how many requests an address has.
        metrics: what is counted.
        most_bytes: of a request's body.
        most_seconds: for a body to arrive.
        loopback_only: whether a request must name this machine by a loopback name: where nobody
            needs a token, another site's page in somebody's browser must not reach us.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        rate: Rate,
        metrics: Metrics,
        most_bytes: int,
        most_seconds: float,
        loopback_only: bool,
    ) -> None:
        self._app, self._rate, self._metrics = app, rate, metrics
        self._most_bytes, self._most_seconds = most_bytes, most_seconds
        self._most_held, self._held = _BODIES * most_bytes, 0
        self._loopback_only = loopback_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0

        async def outward(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                message = {**message, "headers": _with_ours(message.get("headers", ()))}
            await send(message)

        self._metrics.in_flight.inc()
        try:
            await self._pass(scope, receive, outward, lambda: status)
        finally:
            self._metrics.in_flight.dec()
            self._count(scope, status, time.perf_counter() - started)

    async def _pass(self, scope: Scope, receive: Receive, send: Send, status: _Status) -> None:
        headers = {name.decode("latin-1"): value for name, value in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            code, detail, reason, wait = refusal
            self._metrics.refused.labels(reason).inc()
            extra = {"Retry-After": str(math.ceil(wait))} if wait else {}
            await problem(code, detail, extra)(scope, receive, send)
            return
        body = _Body()
        try:
            await self._app(scope, self._bounded(scope, receive, body), send)
        except Refused as late:  # read by who stands before what answers it
            self._metrics.refused.labels(late.reason).inc()
            told = problem(late.status_code, str(late.detail), late.headers)
            if not status():
                await told(scope, _nothing, send)
        except ClientDisconnect:
            pass  # in the middle of what it sent
        except Exception as error:
            if status():
                raise
            # Answered here: further out no header of ours is added, and it counts as left.
            await fault(error)(scope, _nothing, send)
        finally:
            self._held -= body.read

    def _refusal(
        self, scope: Scope, headers: Mapping[str, bytes]
    ) -> tuple[int, str, str, float] | None:
        length = headers.get("content-length", b"0")
        if length.isdigit() and int(length) > self._most_bytes:
            return 413, f"more than {self._most_bytes} bytes", "size", 0
        if self._loopback_only and not is_loopback(_host(headers)):
            return (
                403,
                "without authentication only this machine's own names are served",
                "host",
                0,
            )
        if scope["method"] not in _SAFE and self._elsewhere(headers):
            return 403, "another site's page may not write here", "origin", 0
        if scope["path"] in _FREE:
            return None
        wait = self._rate.take(scope["client"][0] if scope.get("client") else "")
        return (_busy(scope, 429), "too many requests", "rate", wait) if wait else None

    def _elsewhere(self, headers: Mapping[str, bytes]) -> bool:
        """Tell whether another site's page asks, as far as the browser says so."""
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site in {b"cross-site", b"same-site"}
        # Older browsers tell of the origin alone; it is another one also behind a proxy that asks
        # for us by our own name. With tokens no other page can send one.
        origin = headers.get("origin")
        if origin is None or not self._loopback_only:
            return False
        return origin.partition(b"://")[2] != headers.get("host", b"")

    def _bounded(self, scope: Scope, receive: Receive, body: _Body) -> Receive:
        """Return the same with an end to what it yields, and to how long that takes.

        It raises what the framework passes on as it is: of anything else it says `400`.
        """
        end = time.monotonic() + self._most_seconds
        whole = False

        async def bounded() -> Message:
            nonlocal whole
            if whole:
                return await receive()  # waits for the client to leave
            try:
                message = await asyncio.wait_for(receive(), max(0.001, end - time.monotonic()))
            except TimeoutError:
                told = f"the request took more than {self._most_seconds:g} s to arrive"
                raise Refused(_busy(scope, 408), told, "slow", _LAST) from None
            part = len(message.get("body", b""))
            body.read += part
            self._held += part
            whole = not message.get("more_body", False)
            if body.read > self._most_bytes:
                raise Refused(413, f"more than {self._most_bytes} bytes", "size", _LAST)
            if self._held > self._most_held and body.read > _SMALL:
                raise Refused(503, "too many large requests at once", "memory", _LAST)
            return message

        return bounded

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        # A label has few values, whatever somebody sends.
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.requests.labels(method, route, str(status or 499)).inc()
        self._metrics.request_seconds.labels(route).observe(seconds)
        # Never the query or a header: secrets may be in them.
        _log.debug(
            "request", method=scope["method"], path=scope["path"], status=status, seconds=seconds
        )


_Status = Callable[[], int]


def _busy(scope: Scope, otherwise: int) -> int:
    """Return the status that lets a sender try again: Alertmanager and others do by 5xx alone."""
    return 503 if scope["path"].startswith("/hooks/") else otherwise


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


def _host(headers: Mapping[str, bytes]) -> str:
    host = headers.get("host", b"").decode("latin-1")
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _with_ours(
    headers: Iterable[tuple[bytes, bytes]],
) -> list[tuple[bytes, bytes]]:
    """Add what is missing; a route may have said it in its own way."""
    there = list(headers)
    named = {name.lower() for name, _ in there}
    return there + [
        (name.lower().encode(), value.encode())
        for name, value in HEADERS.items()
        if name.lower().encode() not in named
    ]
