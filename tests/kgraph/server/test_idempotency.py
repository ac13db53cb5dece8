"""A writing request that is sent again is done once, and answered the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from kgraph.app.service import audit, tokens
from kgraph.app.service.tokens import Role
from kgraph.schema import Drawer, StoreBusyError
from kgraph.server.application import application
from kgraph.server.idempotency import KEPT, Idempotent
from kgraph.store import GraphStore

from .conftest import T0, Client

Serve = Callable[..., Client]
Token = Callable[[Role], dict[str, str]]
HALT = "/api/v1/halt"


class Clock:
    def __init__(self) -> None:
        self.now = T0

    def __call__(self) -> datetime:
        return self.now


def keyed(headers: dict[str, str], key: str = '"k-1"') -> dict[str, str]:
    return {**headers, "Idempotency-Key": key}


def test_the_first_answer_comes_back_and_nothing_is_done_twice(
    serve: Serve, token: Token, store: GraphStore
) -> None:
    client, headers = serve(), keyed(token(Role.OPERATOR))
    answers = [
        client.request("PUT", HALT, json={"reason": "storm"}, headers=headers) for _ in range(3)
    ]
    assert [each.status_code for each in answers] == [200] * 3
    assert len({each.content for each in answers}) == 1
    replayed = [each.headers.get("idempotency-replayed") for each in answers]
    assert replayed == [None, "true", "true"]
    assert answers[1].headers["content-type"] == "application/json"
    assert answers[1].headers["content-security-policy"]
    assert len(audit.listed(store, 10)) == 1


def test_another_server_of_the_store_answers_the_same(serve: Serve, token: Token) -> None:
    headers = keyed(token(Role.OPERATOR), "bare-key")
    first = serve().request("PUT", HALT, json={"reason": "storm"}, headers=headers)
    other = serve().request("PUT", HALT, json={"reason": "storm"}, headers=headers)
    assert other.headers["idempotency-replayed"] == "true"
    assert other.content == first.content


def test_a_key_with_another_request_is_422(serve: Serve, token: Token) -> None:
    client, headers = serve(), keyed(token(Role.ADMIN))
    assert client.request("PUT", HALT, json={"reason": "a"}, headers=headers).is_success
    for method, reason in (("PUT", "b"), ("DELETE", "a")):
        found = client.request(method, HALT, json={"reason": reason}, headers=headers)
        assert found.status_code == 422
        assert "take a new one" in found.json()["detail"]


def test_everybody_has_keys_of_their_own(serve: Serve, token: Token, store: GraphStore) -> None:
    client = serve()
    for role in (Role.OPERATOR, Role.ADMIN):
        found = client.request("PUT", HALT, json={"reason": "a"}, headers=keyed(token(role)))
        assert "idempotency-replayed" not in found.headers
    assert len(audit.listed(store, 10)) == 2


def test_a_token_that_was_revoked_is_told_nothing(
    serve: Serve, token: Token, store: GraphStore
) -> None:
    client, headers = serve(), keyed(token(Role.OPERATOR))
    assert client.request("PUT", HALT, json={}, headers=headers).is_success
    tokens.revoke(store, tokens.listed(store)[0].id)
    assert client.request("PUT", HALT, json={}, headers=headers).status_code == 401


def test_what_was_refused_for_who_asks_may_be_asked_again(
    serve: Serve, token: Token, store: GraphStore
) -> None:
    client = serve()
    assert (
        client.request("PUT", HALT, json={}, headers=keyed(token(Role.VIEWER))).status_code == 403
    )
    assert store.count(Drawer.ANSWER) == 0


def test_who_may_change_nothing_leaves_nothing_behind(
    serve: Serve, token: Token, store: GraphStore
) -> None:
    client, asked = serve(), {"fail": [{"entity": store.find(limit=1)[0].uid, "mode": "down"}]}
    for headers in (keyed(token(Role.VIEWER)), keyed(token(Role.RESPONDER))):
        assert client.post("/api/v1/predict", json=asked, headers=headers).is_success
    assert store.count(Drawer.ANSWER) == 1, "the responder's alone"


@pytest.mark.parametrize("desk", ["readers", "writer"])
def test_a_store_that_is_busy_is_told_and_may_be_asked_again(
    desk: str, serve: Serve, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was a fault of the program, which many senders do not try again."""
    client, headers = serve(), keyed(token(Role.OPERATOR))

    async def busy(_work: Any) -> Any:
        raise StoreBusyError("somebody writes")

    with monkeypatch.context() as patched:
        patched.setattr(getattr(client.service, desk), "ask", busy)
        answer = client.request("PUT", HALT, json={"reason": "storm"}, headers=headers)
        assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    answer = client.request("PUT", HALT, json={"reason": "storm"}, headers=headers)
    assert answer.status_code == 200


def test_a_mistake_is_answered_the_same_again(serve: Serve, token: Token) -> None:
    client, headers = serve(), keyed(token(Role.OPERATOR))
    path = "/api/v1/plans/P-none/approve"
    answers = [client.post(path, headers=headers) for _ in range(2)]
    assert [each.status_code for each in answers] == [404, 404]
    assert answers[0].content == answers[1].content
    assert answers[1].headers["idempotency-replayed"] == "true"


def test_while_the_first_is_under_way_the_second_is_409(serve: Serve, token: Token) -> None:
    client, headers = serve(), keyed(token(Role.OPERATOR))

    async def both() -> tuple[httpx.Response, httpx.Response]:
        inside, go_on = asyncio.Event(), asyncio.Event()

        async def slow(_scope: object, _receive: object, send: Callable[..., object]) -> None:
            inside.set()
            await go_on.wait()
            await send({"type": "http.response.start", "status": 204, "headers": []})  # type: ignore[misc]
            await send({"type": "http.response.body", "body": b""})  # type: ignore[misc]

        app = Idempotent(slow, service=client.service)
        through = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=through, base_url="http://127.0.0.1") as asking:
            first = asyncio.create_task(asking.put(HALT, headers=headers))
            await inside.wait()
            second = await asking.put(HALT, headers=headers)
            go_on.set()
            return await first, second

    first, second = asyncio.run(both())
    assert first.status_code == 204
    assert second.status_code == 409
    assert second.headers["retry-after"] == "1"


@pytest.mark.parametrize("later", [KEPT, KEPT + timedelta(hours=1)])
def test_a_key_is_free_again_after_a_day(
    later: timedelta, serve: Serve, token: Token, store: GraphStore
) -> None:
    clock = Clock()
    client, headers = serve(clock=clock), keyed(token(Role.OPERATOR))
    assert client.request("PUT", HALT, json={"reason": "a"}, headers=headers).is_success
    clock.now = T0 + later
    again = client.request("PUT", HALT, json={"reason": "b"}, headers=headers)
    assert again.status_code == 200
    assert len(audit.listed(store, 10)) == 2


def test_what_a_killed_server_began_is_free_after_a_while(
    serve: Serve, token: Token, store: GraphStore
) -> None:
    clock = Clock()
    client, headers = serve(clock=clock), keyed(token(Role.OPERATOR))

    async def killed() -> None:
        async def never(*_: object) -> None:
            raise ConnectionError

        through = httpx.ASGITransport(Idempotent(never, service=client.service))
        async with httpx.AsyncClient(transport=through, base_url="http://127.0.0.1") as asking:
            with pytest.raises(ConnectionError):
                await asking.put(HALT, headers=headers, json={})

    asyncio.run(killed())
    assert client.request("PUT", HALT, json={}, headers=headers).status_code == 409
    clock.now = T0 + timedelta(minutes=3)
    assert client.request("PUT", HALT, json={}, headers=headers).status_code == 200
    assert client.request("PUT", HALT, json={}, headers=headers).status_code == 200
    assert len(audit.listed(store, 10)) == 1


@pytest.mark.parametrize("key", ["", '""', '"open', "a b", "x" * 201])
def test_a_faulty_key_is_refused(key: str, serve: Serve, token: Token) -> None:
    found = serve().request("PUT", HALT, json={}, headers=keyed(token(Role.OPERATOR), key))
    assert found.status_code == 400


def test_an_answer_that_is_too_large_is_not_done_again(serve: Serve, token: Token) -> None:
    client, headers = serve(), keyed(token(Role.OPERATOR))

    async def large(_scope: object, _receive: object, send: Callable[..., object]) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[misc]
        for more in (True, True, False):
            body = b"x" * 2**20
            await send({"type": "http.response.body", "body": body, "more_body": more})  # type: ignore[misc]

    async def twice() -> list[httpx.Response]:
        through = httpx.ASGITransport(Idempotent(large, service=client.service))
        async with httpx.AsyncClient(transport=through, base_url="http://127.0.0.1") as asking:
            return [await asking.put(HALT, headers=headers) for _ in range(2)]

    first, second = asyncio.run(twice())
    assert len(first.content) == 3 * 2**20
    assert second.status_code == 409
    assert "too large" in second.json()["detail"]


def test_the_document_tells_of_the_header(serve: Serve) -> None:
    schema = application(serve().service).openapi()
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            named = {each["name"] for each in operation.get("parameters", ())}
            writes = method != "get" and path.startswith("/api/v1/")
            assert ("Idempotency-Key" in named) == writes, (method, path)


def test_what_is_done_is_answered_though_the_answer_cannot_be_kept(
    serve: Serve, token: Token, store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who heard nothing would do it again."""

    async def full(*_: object) -> None:
        raise StoreBusyError("another process is writing")

    monkeypatch.setattr(Idempotent, "_keep", full)
    headers = keyed(token(Role.OPERATOR))
    answer = serve().request("PUT", HALT, json={"reason": "storm"}, headers=headers)
    assert (answer.status_code, answer.json()["halted"]) == (200, True)
    assert store.halted() is not None
