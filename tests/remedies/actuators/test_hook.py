"""A site's own service: asked to look, asked to act, and never believed beyond what it says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import httpx
import pytest

from remedies import EffectError, Standing, Task
from remedies.actuators.hook import MOST_BYTES, HookActuator
from remedies.looks import RefusedError

DRAIN = Task("P-1", "drain", "i1", "ServiceInstance web-1", {"name": "web-1"}, effect="applied")
Reply = Callable[[httpx.Request], httpx.Response]


def hook(reply: Reply) -> HookActuator:
    return HookActuator(
        "https://site.example/act", frozenset({"drain"}), transport=httpx.MockTransport(reply)
    )


def endless() -> Iterator[bytes]:
    yield b'{"standing": "done"' + b" " * MOST_BYTES
    raise AssertionError("it is read on")


def says(code: int, body: object = None) -> Reply:
    return lambda _request: httpx.Response(code, json=body)


def test_it_is_told_all_that_it_must_know() -> None:
    seen: list[dict[str, object]] = []

    def reply(request: httpx.Request) -> httpx.Response:
        seen.append(json.loads(request.content))
        return httpx.Response(200, json={"standing": "done", "said": "drained\nat last"})

    look = hook(reply).look(DRAIN)
    assert (look.standing, look.said) == (Standing.DONE, "drained at last")
    assert seen[0] == {
        "format": "kgraph.hook/v1",
        "ask": "look",
        "plan": "P-1",
        "action": "drain",
        "entity": "i1",
        "title": "ServiceInstance web-1",
        "parameters": {"name": "web-1"},
        "preconditions": [],
    }


@pytest.mark.parametrize("standing", list(Standing))
def test_every_standing_can_be_said(standing: Standing) -> None:
    assert hook(says(200, {"standing": standing.value})).look(DRAIN).standing is standing


@pytest.mark.parametrize(
    "reply",
    [
        says(500),
        says(302),
        says(200, ["done"]),
        says(200, {"standing": "fine"}),
        lambda _request: httpx.Response(200, text="done"),
        lambda _request: httpx.Response(200, json={"standing": "done", "x": "y" * MOST_BYTES}),
        lambda _request: httpx.Response(200, content=endless()),
    ],
)
def test_no_clear_answer_is_unknown(reply: Reply) -> None:
    assert hook(reply).look(DRAIN).standing is Standing.UNKNOWN


def test_a_refusal_is_a_failure_with_its_reason() -> None:
    with pytest.raises(RefusedError, match="others cannot carry it"):
        hook(says(409, {"said": "others cannot carry it"})).act(DRAIN)
    with pytest.raises(EffectError, match="answered 503"):
        hook(says(503)).act(DRAIN)
    assert hook(says(200, {"said": "drained"})).act(DRAIN) == "drained"


def test_a_hook_that_is_away_is_unknown_when_looked_at_and_a_failure_when_asked_to_act() -> None:
    def away(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    assert hook(away).look(DRAIN).standing is Standing.UNKNOWN
    with pytest.raises(EffectError, match="not reached: refused"):
        hook(away).act(DRAIN)


def test_it_is_asked_only_for_what_it_is_configured_for() -> None:
    melt = Task("P-1", "melt", "i1", "x")
    assert hook(says(200, {"standing": "ready"})).look(melt).standing is Standing.UNKNOWN
    with pytest.raises(EffectError, match="not configured for melt"):
        hook(says(200)).act(melt)
