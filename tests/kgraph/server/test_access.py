"""Every route there is, asked by who may not: found in the application, so none is forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from kgraph.app.service import tokens
from kgraph.app.service.tokens import Role
from kgraph.config import Configuration
from kgraph.schema import StoreBusyError
from kgraph.server.application import application
from kgraph.server.service import Service
from kgraph.store import GraphStore

from .conftest import T0, Client, listening, secret

Serve = Callable[..., Client]
Token = Callable[[Role], dict[str, str]]
# For everybody: whether it lives, the page and what it is made of, logging in and out, the
# document that names the rest. Hooks ask for what is theirs, see test_hooks.py.
FREE = {
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/"),
    ("GET", "/incidents"),
    ("GET", "/incidents/{id_}"),
    ("GET", "/estate"),
    ("GET", "/entities/{id_}"),
    ("GET", "/page/{name}"),
    ("GET", "/api/v1/openapi.json"),
    ("HEAD", "/api/v1/openapi.json"),
    ("POST", "/api/v1/session"),
    ("DELETE", "/api/v1/session"),
    ("POST", "/hooks/{name}"),
}


def routes(service: Service) -> list[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for route in application(service).routes:
        whole: Any = getattr(route, "effective_route_contexts", lambda route=route: [route])()
        for each in whole:
            methods = each.methods or {"GET", "POST", "DELETE"}
            found |= {(method, each.path) for method in methods}
    return sorted(found - FREE)


def asked(client: Client, method: str, path: str, headers: dict[str, str]) -> int:
    names = ("incident_id", "plan_id", "uid", "letter_id", "report_id")
    return client.request(
        method, path.format(**dict.fromkeys(names, "none")), json={}, headers=headers
    ).status_code


def test_no_route_answers_without_a_token_with_a_wrong_one_or_with_one_of_a_hook(
    serve: Serve, token: Token
) -> None:
    client = serve("[server]\nrequests_per_second = 100000\n")
    hook, wrong = token(Role.HOOK), {"Authorization": "Bearer kgraph_00_00"}
    found = routes(client.service)
    assert len(found) > 35
    for method, path in found:
        assert asked(client, method, path, {}) == 401, path
        assert asked(client, method, path, hook) == 403, path
        assert asked(client, method, path, wrong) in {401, 429}, path


def test_nothing_large_is_read_of_who_is_not_known(serve: Serve, token: Token) -> None:
    """It would be taken apart before anybody asks who sent it, which takes 800 MiB at most."""
    client = serve()
    large = b"[" + b"{}," * 40_000 + b"{}"  # no JSON: whoever reads it says so
    kind = {"Content-Type": "application/json"}

    async def parts() -> AsyncIterator[bytes]:
        yield large

    wrong = {"Authorization": "Bearer kgraph_00_00"}
    for headers, status in (({}, 401), (wrong, 401), (token(Role.HOOK), 403)):
        for content in (large, parts()):
            answer = client.post("/api/v1/investigate", headers=kind | headers, content=content)
            assert answer.status_code == status
    headers = kind | token(Role.VIEWER)
    answer = client.post("/api/v1/investigate", headers=headers, content=large)
    assert (answer.status_code, "not JSON" in answer.json()["detail"]) == (422, True)
    answer = client.post("/api/v1/session", headers=kind, content=large)
    assert (answer.status_code, "not JSON" in answer.json()["detail"]) == (422, False)


def test_what_is_large_is_sent_again_where_the_store_could_not_say_who_sent_it(
    serve: Serve, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was read as empty, and refused for good, where the store was busy for a moment."""
    client, headers = serve(), token(Role.VIEWER)
    ask, answers = client.service.readers.ask, [StoreBusyError("too much waits")]

    async def asked(work: Any) -> Any:
        if answers:
            raise answers.pop()
        return await ask(work)

    monkeypatch.setattr(client.service.readers, "ask", asked)
    bundle = {"format": "kgraph.incident/v1", "id": "x", "entities": [], "note": "x" * 70_000}
    answer = client.post("/api/v1/investigate", headers=headers, json=bundle)
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)


def test_what_the_document_says_of_roles_is_so(serve: Serve, token: Token) -> None:
    client = serve("[server]\nrequests_per_second = 100000\n")
    headers = {role: token(role) for role in Role}
    document = client.get("/api/v1/openapi.json").json()
    checked = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            (needed,) = {
                Role(name)
                for scheme in operation.get("security", ())
                for names in scheme.values()
                for name in names
            } or {None}
            for role in Role:
                if needed not in {None, Role.HOOK} and not role.may(needed):
                    assert asked(client, method.upper(), path, headers[role]) == 403, path
                    checked += 1
    assert checked > 60


def test_a_stream_of_events_ends_when_its_token_is_revoked(
    configured: Callable[[str], Configuration], store: GraphStore
) -> None:
    made, text = tokens.create(store, "ada", Role.VIEWER, T0, secret)
    headers = {"Authorization": f"Bearer {text}"}
    with (
        listening(Service(configured(""))) as url,
        httpx.stream("GET", f"{url}/api/v1/events", headers=headers, timeout=30) as stream,
    ):
        lines = stream.iter_lines()
        assert next(lines) == "retry: 3000"
        tokens.revoke(store, made.id)
        assert list(lines) == [""]


def test_a_token_stands_until_it_expires_or_is_revoked(store: GraphStore) -> None:
    made, _ = tokens.create(store, "ada", Role.VIEWER, T0, secret, T0 + timedelta(hours=1))
    assert tokens.stands(store, made.id, T0)
    assert not tokens.stands(store, made.id, T0 + timedelta(hours=1))
    tokens.revoke(store, made.id)
    assert not tokens.stands(store, made.id, T0)


def test_a_stream_of_events_ends_like_any_other_where_the_store_is_away(
    configured: Callable[[str], Configuration],
    store: GraphStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, text = tokens.create(store, "ada", Role.VIEWER, T0, secret)
    headers = {"Authorization": f"Bearer {text}"}

    def away(*_: object, **__: object) -> None:
        raise StoreBusyError("another process is writing")

    with (
        listening(Service(configured(""))) as url,
        httpx.stream("GET", f"{url}/api/v1/events", headers=headers, timeout=30) as stream,
    ):
        lines = stream.iter_lines()
        assert next(lines) == "retry: 3000"
        monkeypatch.setattr("kgraph.server.routes.events._look", away)
        assert list(lines) == [""]
