"""What goes wrong on the way is told and counted as what it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from starlette.types import Message

from kgraph.app.service.tokens import Role
from kgraph.server.gate import HEADERS

from .conftest import Client

Serve = Callable[..., Client]
Token = Callable[[Role], dict[str, str]]


def statuses(client: Client) -> set[str]:
    """The statuses that were counted, of whatever route."""
    (family,) = client.service.metrics.requests.collect()
    return {row.labels["status"] for row in family.samples if row.name.endswith("_total")}


def test_a_fault_of_the_program_has_the_headers_of_every_answer_and_counts_as_one(
    serve: Serve, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve()

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the inside")

    monkeypatch.setattr("kgraph.server.routes.plans.PlanRow", broken)
    monkeypatch.setattr("kgraph.server.routes.plans.offset", broken)
    answer = client.get("/api/v1/plans", headers=token(Role.VIEWER))
    assert (answer.status_code, answer.json()["status"]) == (500, 500)
    assert HEADERS.items() <= {name: answer.headers.get(name) for name in HEADERS}.items()
    assert statuses(client) == {"500"}


def test_what_is_too_much_in_parts_is_told_so_where_the_framework_reads_it(
    serve: Serve, token: Token
) -> None:
    client = serve("[server]\nbody_mib = 1\n")

    async def parts() -> AsyncIterator[bytes]:
        yield b" " * 2**19
        yield b" " * (2**19 + 1)

    headers = token(Role.VIEWER) | {"Content-Type": "application/json"}
    answer = client.post("/api/v1/investigate", content=parts(), headers=headers)
    assert (answer.status_code, answer.json()["detail"]) == (413, "more than 1048576 bytes")
    assert client.service.metrics.refused.labels("size")._value.get() == 1


def test_who_leaves_while_sending_is_no_fault_of_the_program(serve: Serve, token: Token) -> None:
    client, sent = serve(), list[Message]()
    headers = [(k.lower().encode(), v.encode()) for k, v in token(Role.HOOK).items()]
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/hooks/alertmanager",
        "query_string": b"",
        "headers": [*headers, (b"content-length", b"100"), (b"host", b"127.0.0.1")],
        "client": ("127.0.0.1", 1),
        "scheme": "http",
        "http_version": "1.1",
        "server": ("127.0.0.1", 80),
    }
    told: list[Message] = [
        {"type": "http.disconnect"},
        {"type": "http.request", "body": b"{", "more_body": True},
    ]

    async def receive() -> Message:
        return told.pop()

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(client._app(scope, receive, send))
    assert (sent, statuses(client)) == ([], {"499"})
