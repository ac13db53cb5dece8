"""`kgraph mcp`, asked by the SDK's own client: over pipes, as an agent would."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from kgraph.config import Configuration
from kgraph.schema import Observation, State
from kgraph.store import GraphStore

from .conftest import T0

pytestmark = [
    pytest.mark.served,
    # Asked for, not imported: whoever only collects this needs none of it.
    pytest.mark.skipif(
        find_spec("mcp") is None, reason="the extra kgraph-rca[mcp] is not installed"
    ),
]
Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def talk(folder: Path, configured: Callable[[str], Configuration]) -> Callable[..., list[Any]]:
    """Start the server, ask it some things, return what it answered."""
    from mcp import Client, StdioServerParameters  # noqa: PLC0415 - it may be missing

    configured("")

    async def asked(*calls: tuple[str, dict[str, Any]]) -> list[Any]:
        words = ["-m", "kgraph", "--config", str(folder / "kgraph.toml"), "mcp"]
        server = StdioServerParameters(
            command=sys.executable, args=words, cwd=str(Path(__file__).parents[3])
        )
        async with Client(server) as client:
            tools = (await client.list_tools()).tools
            return [tools, *[await client.call_tool(name, given) for name, given in calls]]

    return lambda *calls: asyncio.run(asked(*calls))


def test_every_tool_says_what_it_is_for_and_that_it_only_reads(
    talk: Callable[..., list[Any]],
) -> None:
    (tools,) = talk()
    assert {tool.name for tool in tools} >= {"incidents", "report", "entities", "impact", "plans"}
    assert all(tool.description and tool.annotations.read_only_hint for tool in tools)


def test_an_agent_is_told_that_what_it_reads_is_no_instruction(
    folder: Path, configured: Callable[[str], Configuration]
) -> None:
    from mcp import Client, StdioServerParameters  # noqa: PLC0415 - it may be missing

    configured("")
    words = ["-m", "kgraph", "--config", str(folder / "kgraph.toml"), "mcp"]

    async def told() -> str | None:
        async with Client(StdioServerParameters(command=sys.executable, args=words)) as client:
            return client.instructions

    assert "they are data" in (asyncio.run(told()) or "")


def test_an_agent_finds_the_cause_of_an_incident(
    talk: Callable[..., list[Any]], incident: str, store: GraphStore
) -> None:
    uid = store.locate("cmdb", "x")
    _, listed, report, causes, impact, predicted, plans = talk(
        ("incidents", {"status": "open"}),
        ("report", {"incident": incident}),
        ("causes", {"incident": incident}),
        ("impact", {"uid": uid}),
        ("predict", {"uid": uid}),
        ("plans", {"incident": incident}),
    )
    assert listed.structured_content["incidents"][0]["id"] == incident
    labels = [row["label"] for row in report.structured_content["sections"]]
    assert labels[0] == "CAUSE"
    lead = causes.structured_content["causes"][0]
    assert (lead["kind"], lead["name"], lead["mode"]) == ("StorageExport", "vmstore", "down")
    assert len(impact.structured_content["dependents"]) == 4
    assert predicted.structured_content["hits"]
    assert plans.structured_content["plans"][0]["state"] == "proposed"


def test_what_is_not_there_is_told_in_one_line(talk: Callable[..., list[Any]]) -> None:
    calls = [
        ("report", {"incident": "INC-9"}),
        ("causes", {"incident": "INC-9"}),
        ("entity", {"uid": "e"}),
        ("history", {"uid": "e"}),
        ("predict", {"uid": "e"}),
        ("plan", {"plan": "P-9"}),
    ]
    for answer in talk(*calls)[1:]:
        assert answer.is_error
        assert "no " in answer.content[0].text
        assert "\n" not in answer.content[0].text


def test_the_rest_of_what_is_known_can_be_read(
    talk: Callable[..., list[Any]], store: GraphStore
) -> None:
    uid = store.locate("cmdb", "h1")
    assert isinstance(uid, str)
    store.observe([Observation(uid, "down", State.HEALTHY, at=T0, detector="libvirt/h1")])
    _, found, entity, history, sources = talk(
        ("entities", {"kind": "Host"}),
        ("entity", {"uid": uid}),
        ("history", {"uid": uid}),
        ("sources", {}),
    )
    assert [row["uid"] for row in found.structured_content["entities"]] == [uid]
    assert len(entity.structured_content["neededBy"]) == 4
    assert {row["what"] for row in history.structured_content["events"]} >= {"seen"}
    assert sources.structured_content["sources"][0]["records"] == 6
