"""Logs go to stderr as JSON for machines, and only at the level that was asked for."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import structlog

from kgraph.cli.logs import set_up
from kgraph.logs import configured_by, logger
from remedies import Task
from remedies.actuators.notify import Notify
from tests.kgraph.cli.conftest import Run

Logged = Callable[[], dict[str, str]]


def test_a_source_that_was_read_is_logged_with_its_counts(run: Run, estate: Path) -> None:
    done = run("--log-level", "info", "ingest", "topology", estate)
    (row,) = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
    assert (row["event"], row["created"], row["level"]) == ("source read", 9, "info")
    assert "{" not in done.out


def test_by_default_nothing_is_logged(run: Run, estate: Path) -> None:
    assert run("ingest", "topology", estate).err == ""


def test_a_command_without_configuration_logs_nothing_by_default_either(run: Run) -> None:
    done = run("demo")
    assert done.code == 0
    assert "investigated" not in done.out
    assert done.err == ""


def test_no_thread_writes_a_line_before_logging_is_configured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The watch begins in a thread while the server begins in another."""
    begun, go_on = threading.Event(), threading.Event()

    def slowly() -> None:
        begun.set()
        go_on.wait()
        structlog.configure(processors=[structlog.processors.JSONRenderer()])

    configured_by(slowly)
    both = [threading.Thread(target=lambda: logger("x").warning("said")) for _ in range(2)]
    both[0].start()
    begun.wait()
    both[1].start()
    both[1].join(0.2)  # it waits, or has written its line already
    go_on.set()
    for each in both:
        each.join()
    structlog.reset_defaults()
    told = capsys.readouterr()
    lines = (told.out + told.err).splitlines()
    assert [sorted(json.loads(line)) for line in lines] == [["event"], ["event"]]


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], dict[str, str]]]:
    """The one line that was logged since."""

    def row() -> dict[str, str]:
        told: dict[str, str] = json.loads(capsys.readouterr().err)
        return told

    root = logging.getLogger()
    before = root.level, list(root.handlers)
    set_up("info")
    yield row
    root.setLevel(before[0])
    root.handlers[:] = before[1]


def test_what_looks_like_a_token_is_blotted_out_wherever_it_stands(logged: Logged) -> None:
    token = f"kgraph_{'a1' * 6}_{'b2' * 32}"
    logger("test").warning(f"got {token} here", because="Authorization: Bearer abc.def-g")
    row = logged()
    assert row["event"] == "got kgraph_a1a1a1a1a1a1_... here"
    assert row["because"] == "Authorization: Bearer ..."


def test_what_a_library_warns_of_goes_the_same_way(logged: Logged) -> None:
    logging.getLogger("lib").warning("sent %s", "Bearer abc.def-g")
    row = logged()
    assert (row["event"], row["level"]) == ("sent Bearer ...", "warning")


def test_an_address_that_is_a_secret_itself_is_not_logged_while_somebody_debugs(
    logged: Logged,
) -> None:
    """Whoever asks: a webhook that tells people is none of the sources."""
    set_up("debug")
    answers = httpx.MockTransport(lambda _asked: httpx.Response(200))
    webhook = Notify("https://chat.example/hooks/secret", transport=answers)
    webhook.act(Task("P-1", "ask", "v1", "x"))
    assert logged()["event"] == "a person is asked"


def test_a_traceback_on_a_terminal_shows_no_values(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def opened(password: str) -> None:
        raise RuntimeError(f"sent Bearer abc.def-{len(password)}")

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    set_up("warning")
    try:
        opened("hunter" + str(2))
    except RuntimeError:
        logger("test").exception("failed")
    told = capsys.readouterr().err
    assert "in opened" in told
    assert "RuntimeError: sent Bearer ..." in told
    assert "hunter2" not in told


def test_a_failure_that_reaches_us_as_an_exception_is_told_once(run: Run) -> None:
    done = run("--store", "neo4j://127.0.0.1:1", "impact", "x")
    assert done.code == 1
    assert "cannot be reached" in done.err
    assert len(done.err.splitlines()) == 1


def test_a_fault_of_the_program_is_logged_with_its_traceback(logged: Logged) -> None:
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        logger("test").exception("fault")
    row = logged()
    assert "ZeroDivisionError" in row["exception"]
