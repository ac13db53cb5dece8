"""Checking an export against its baseline, and telling people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from kgraph.schema import SourceError
from kgraph.web import Credentials
from remedies import EffectError, Standing, Task
from remedies.actuators.export_check import ExportCheck
from remedies.actuators.notify import Notify
from remedies.actuators.secrets import NOBODY, headers_of

TOLD = {
    "serverAddress": "10.0.0.5",
    "port": "10810",
    "exportName": "vmstore",
    "sizeBytes": "1024",
    "signature": "abc",
}


@dataclass
class Seen:
    size_bytes: int
    signature: str


def check(found: Seen | SourceError, told: dict[str, str] | None = None) -> tuple[Standing, str]:
    def look(host: str, port: int, export: str, *, deadline: timedelta) -> Seen:
        assert (host, port, export) == ("10.0.0.5", 10810, "vmstore")
        assert deadline == timedelta(seconds=30)
        if isinstance(found, SourceError):
            raise found
        return found

    task = Task("P-1", "check", "x", "StorageExport nbd1", TOLD if told is None else told)
    answer = ExportCheck({"nbd": look}).look(task)
    return answer.standing, answer.said


def test_an_export_that_is_as_before_passes() -> None:
    assert check(Seen(1024, "abc")) == (
        Standing.DONE,
        "size and signature as before (1024 bytes)",
    )


@pytest.mark.parametrize("found", [Seen(2048, "abc"), Seen(1024, "xyz")])
def test_another_disk_does_not(found: Seen) -> None:
    assert check(found)[0] is Standing.UNFIT


def test_one_that_cannot_be_looked_at_is_unknown() -> None:
    assert check(SourceError("refused", where="nbd"))[0] is Standing.UNKNOWN


@pytest.mark.parametrize("missing", ["sizeBytes", "signature"])
def test_without_a_baseline_nothing_passes(missing: str) -> None:
    told = {name: value for name, value in TOLD.items() if name != missing}
    assert check(Seen(1024, "abc"), told)[0] is Standing.UNFIT


def test_a_check_never_acts() -> None:
    with pytest.raises(EffectError, match="only looks"):
        ExportCheck({"nbd": lambda *_args, **_more: Seen(0, "")}).act(Task("P", "check", "x", "x"))


ASK = Task("P-1", "ask", "p", "StoragePool vmpool", message="please make room")
Reply = Callable[[httpx.Request], httpx.Response]


def webhook(reply: Reply, credentials: Credentials = NOBODY) -> Notify:
    return Notify("https://on.call/hook", credentials, httpx.MockTransport(reply))


def test_a_webhook_is_told_what_is_asked_and_gets_its_token(tmp_path: Path) -> None:
    seen: list[httpx.Request] = []

    def reply(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(202)

    (tmp_path / "token").write_text("s3cret\n")
    told = webhook(reply, Credentials(token_file=tmp_path / "token")).act(ASK)
    assert told == "told by webhook"
    assert seen[0].headers["authorization"] == "Bearer s3cret"
    assert b"please make room" in seen[0].content


def test_a_webhook_that_refuses_has_told_nobody() -> None:
    with pytest.raises(EffectError, match="answered 500"):
        webhook(lambda _request: httpx.Response(500)).act(ASK)


def test_a_webhook_that_is_not_reached_has_told_nobody() -> None:
    def refuse(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(EffectError, match="not reached: refused"):
        webhook(refuse).act(ASK)


def test_what_a_webhook_says_need_not_end() -> None:
    def endless() -> Iterator[bytes]:
        yield b"x" * 65_536
        raise AssertionError("it is read on")

    told = webhook(lambda _request: httpx.Response(200, content=endless())).act(ASK)
    assert told == "told by webhook"


@pytest.mark.parametrize("content", ["", "two words", "naïve"])
def test_an_unusable_token_is_refused_and_never_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    monkeypatch.setenv("HOOK_TOKEN", content)
    (tmp_path / "token").write_text(content, "utf-8")
    files = (Credentials(token_file=tmp_path / "token"), Credentials(token_file=tmp_path))
    for each in (Credentials("HOOK_TOKEN"), *files):
        with pytest.raises(EffectError) as caught:
            headers_of(each)
        assert not content or content not in str(caught.value)


def test_without_a_webhook_the_log_is_told() -> None:
    assert Notify().act(ASK) == "told in the log"
    assert Notify().look(ASK).standing is Standing.EITHER
