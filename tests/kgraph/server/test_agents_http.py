"""The Model Context Protocol over HTTP, asked by the SDK's own client: who may do what."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

from kgraph.app.incidents.plans import propose, reject
from kgraph.app.service import audit, tokens
from kgraph.app.service.tokens import Role
from kgraph.config import Configuration
from kgraph.schema import PlanState
from kgraph.schema.plan_documents import identified, parse_plan
from kgraph.server.application import agents_application
from kgraph.server.service import Service
from kgraph.store import GraphStore

from .conftest import T0, listening

pytestmark = [
    pytest.mark.served,
    # Asked for, not imported: whoever only collects this needs none of it.
    pytest.mark.skipif(
        find_spec("mcp") is None, reason="the extra kgraph-rca[mcp] is not installed"
    ),
]
Token = Callable[[Role], dict[str, str]]
_HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
_TAKES = {"Accept": "application/json, text/event-stream"}


@pytest.fixture
def url(configured: Callable[[str], Configuration]) -> Iterator[str]:
    with listening(Service(configured(""))) as found:
        yield f"{found}/mcp"


def asked(url: str, headers: dict[str, str], *calls: tuple[str, dict[str, Any]]) -> list[Any]:
    """Ask as an agent does; return the tools, and an answer for each call."""
    import httpx2  # noqa: PLC0415 - the SDK's own, and it may be missing
    from mcp import Client  # noqa: PLC0415 - see above
    from mcp.client.streamable_http import streamable_http_client  # noqa: PLC0415 - see above

    async def ask() -> list[Any]:
        async with (
            httpx2.AsyncClient(headers=headers, timeout=30) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            tools = (await client.list_tools()).tools
            return [tools, *[await client.call_tool(name, given) for name, given in calls]]

    return asyncio.run(ask())


def test_an_agent_with_a_token_reads_and_proposes_and_does_nothing(
    url: str, token: Token, incident: str, store: GraphStore
) -> None:
    tools, listed, proposed = asked(
        url,
        token(Role.OPERATOR),
        ("incidents", {"status": "open"}),
        ("propose", {"incident": incident}),
    )
    assert listed.structured_content["incidents"][0]["id"] == incident
    assert not proposed.is_error, proposed
    plan = proposed.structured_content
    assert (plan["incident"], plan["state"]) == (incident, "proposed")
    assert store.plan(plan["id"]).state is PlanState.PROPOSED  # type: ignore[union-attr]
    assert store.journal(plan["id"]) == []
    hints = {tool.name: tool.annotations.read_only_hint for tool in tools}
    assert [name for name, reads in hints.items() if not reads] == ["propose"]
    (deed,) = audit.listed(store, 10)
    assert (deed.what, deed.outcome) == ("plan.propose", "done")
    assert deed.who.startswith("operator (")


def test_who_may_only_look_may_not_propose(
    url: str, token: Token, incident: str, store: GraphStore
) -> None:
    before = store.plans()
    _, report, refused = asked(
        url,
        token(Role.VIEWER),
        ("report", {"incident": incident}),
        ("propose", {"incident": incident}),
    )
    assert report.structured_content["sections"]
    assert refused.is_error
    assert "it takes the role operator" in refused.content[0].text
    assert store.plans() == before


def test_what_cannot_be_proposed_is_told_in_one_line(
    url: str, token: Token, incident: str
) -> None:
    _, *answers = asked(
        url,
        token(Role.OPERATOR),
        ("propose", {"incident": "INC-9"}),
        ("propose", {"incident": incident, "cause": "nobody"}),
    )
    told = [answer.content[0].text for answer in answers]
    assert all(answer.is_error for answer in answers)
    assert "no incident 'INC-9'" in told[0]
    assert "is no suspect" in told[1]


def test_what_a_person_said_no_to_is_not_proposed_and_takes_no_place(
    url: str, token: Token, incident: str, store: GraphStore
) -> None:
    (first,) = store.plans(incident=incident)
    plan = parse_plan(first.document, where="").plan
    reject(store, first, "anna", "the export is being moved", T0)
    ask = replace(plan.steps[0], action="ask", entity="nobody")
    other = propose(store, incident, identified(replace(plan, steps=(ask,))), T0)
    assert other is not None
    _, answer = asked(url, token(Role.OPERATOR), ("propose", {"incident": incident}))
    assert answer.is_error
    assert f"a person has said no to what {plan.id} does" in answer.content[0].text
    assert store.plan(other.id) == other


def test_nobody_comes_in_without_a_token_or_from_another_site(
    url: str, token: Token, store: GraphStore
) -> None:
    headers = token(Role.VIEWER)
    revoked = token(Role.ADMIN)
    tokens.revoke(store, revoked["Authorization"].split("_")[1])
    cases: list[tuple[dict[str, str], int]] = [
        ({}, 401),
        ({"Authorization": "Bearer kgraph_0_0"}, 401),
        (revoked, 401),
        (token(Role.HOOK), 403),
        (headers | {"Origin": "https://evil.example"}, 403),
        (headers | {"Origin": "null"}, 403),
        (headers | {"Origin": url.removesuffix("/mcp")}, 200),
        (headers, 200),
    ]
    for given, status in cases:
        answer = httpx.post(url, json=_HELLO, headers=_TAKES | given)
        assert answer.status_code == status, (given, answer.text)


def test_too_large_a_request_is_refused(
    configured: Callable[[str], Configuration], token: Token
) -> None:
    with listening(Service(configured("[server]\nbody_mib = 1\n"))) as found:
        headers = _TAKES | token(Role.VIEWER)
        answer = httpx.post(f"{found}/mcp", content=b" " * 2**21, headers=headers)
    assert answer.status_code == 413


def test_a_server_for_agents_alone_has_no_api(
    configured: Callable[[str], Configuration], token: Token
) -> None:
    service = Service(configured(""))
    with listening(service, agents_application) as found:
        (tools,) = asked(f"{found}/mcp", token(Role.VIEWER))
        assert tools
        assert httpx.get(f"{found}/api/v1/incidents").status_code == 404


def test_over_pipes_plans_are_proposed_only_when_that_was_asked_for(
    configured: Callable[[str], Configuration], folder: Path, incident: str, store: GraphStore
) -> None:
    from mcp import Client, StdioServerParameters  # noqa: PLC0415 - it may be missing

    configured("")
    config = str(folder / "kgraph.toml")

    async def names(*more: str) -> tuple[set[str], Any]:
        words = ["-m", "kgraph", "--config", config, "mcp", *more]
        server = StdioServerParameters(
            command=sys.executable, args=words, cwd=str(Path(__file__).parents[3])
        )
        async with Client(server) as client:
            tools = {tool.name for tool in (await client.list_tools()).tools}
            given = {"incident": incident}
            return tools, await client.call_tool("propose", given) if more else None

    without, _ = asyncio.run(names())
    having, proposed = asyncio.run(names("--propose"))
    assert having - without == {"propose"}
    assert proposed.structured_content["state"] == "proposed"
    assert audit.listed(store, 1)[0].who.startswith("an agent of ")


def test_nobody_holds_a_stream_on_which_nothing_comes(url: str, token: Token) -> None:
    answer = httpx.get(url, headers=token(Role.VIEWER) | _TAKES)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert httpx.get(url, headers=_TAKES).status_code == 401
