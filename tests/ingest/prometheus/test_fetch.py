"""Asking a server on loopback: what is asked, what is refused, and what silence is."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ingest.prometheus import Question, Reading, fetch
from kgraph.schema import SourceError
from kgraph.web import Credentials, NoAnswerError
from tests.ingest.prometheus.answers import rule, target

CLOCK = 1_795_000_000.25
ASKED = Question("x", ("host", "job"))
EMPTY: dict[str, Any] = {"activeTargets": [], "droppedTargets": []}


@dataclass
class Prometheus:
    """What the server answers, by path, and what it was asked."""

    url: str = ""
    targets: object = field(default_factory=lambda: dict(EMPTY))
    rules: object = field(default_factory=lambda: {"groups": []})
    started: object = None
    series: dict[str, str] = field(default_factory=lambda: {"host": "h1", "job": "a"})
    status: dict[str, int] = field(default_factory=dict)  # path or query -> status
    warnings: dict[str, list[str]] = field(default_factory=dict)  # path -> of its answer
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)

    def answer(self, path: str, query: str) -> tuple[int, object]:
        path = path.removeprefix("/prom")
        status = self.status.get(path, self.status.get(query, 200))
        if path == "/api/v1/targets":
            data: object = self.targets
        elif path == "/api/v1/rules":
            data = self.rules
        elif path == "/api/v1/status/runtimeinfo":
            data = {"startTime": self.started}
        elif query == "time()":
            data = {"resultType": "scalar", "result": [CLOCK, str(CLOCK)]}
        else:
            sample = {"metric": self.series, "value": [CLOCK, "3"]}
            data = {"resultType": "vector", "result": [sample]}
        return status, data


@pytest.fixture
def server() -> Iterator[Prometheus]:
    state = Prometheus()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            self._answer(parts.path, parse_qs(parts.query).get("query", [""])[0])

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer(self.path, parse_qs(body)["query"][0])

        def _answer(self, path: str, query: str) -> None:
            state.asked.append((path, query, self.headers.get("Authorization")))
            status, data = state.answer(path, query)
            whole = {"status": "success", "data": data, "warnings": state.warnings.get(path, [])}
            body = json.dumps(whole).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    http = HTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, args=(0.01,))
    thread.start()
    yield state
    http.shutdown()
    thread.join()
    http.server_close()


def ask(server: Prometheus, *questions: Question, **fields: Any) -> Reading:
    return fetch(server.url, lambda _rules: questions, **fields)


def test_targets_rules_and_series_are_read(server: Prometheus) -> None:
    server.targets = {"activeTargets": [target("h1")]}
    server.rules = {"groups": [{"interval": 5, "rules": [rule("GuestPaused")]}]}
    server.started = "2026-11-18T10:00:00Z"
    found = ask(server, ASKED)
    assert found.clock == datetime.fromtimestamp(CLOCK, UTC)
    assert [each.job for each in found.targets] == ["libvirt"]
    assert found.targets[0].interval == timedelta(seconds=15)
    assert [(each.name, each.interval) for each in found.rules] == [
        ("GuestPaused", timedelta(seconds=5))
    ]
    assert found.series == {ASKED: ({"host": "h1", "job": "a"},)}
    assert found.troubles == ()
    assert found.started_at == datetime(2026, 11, 18, 10, tzinfo=UTC)


def test_series_are_told_apart_by_the_labels_alone_that_name_something(
    server: Prometheus,
) -> None:
    ask(server, ASKED, ASKED)
    queries = [query for _, query, _ in server.asked if query]
    assert queries == ["time()", "count by (host, job) (x)"]


@pytest.mark.parametrize(("instance", "blinks"), [("127.0.0.1:9171", True), ("elsewhere", False)])
def test_a_target_that_was_up_at_one_of_its_last_two_scrapes_only_blinks(
    server: Prometheus, instance: str, *, blinks: bool
) -> None:
    server.targets = {"activeTargets": [target("h1", "down"), target("h2")]}
    server.series = {"job": "libvirt", "instance": instance}
    assert [each.blinks for each in ask(server).targets] == [blinks, False]
    assert "max_over_time(up[37500ms]) > 0" in {query for _, query, _ in server.asked}


def test_who_cannot_tell_of_earlier_scrapes_is_taken_at_its_word(server: Prometheus) -> None:
    server.targets = {"activeTargets": [target("h1", "down")]}
    server.status = {"max_over_time(up[37500ms]) > 0": 422}
    assert [each.blinks for each in ask(server).targets] == [False]


def test_a_prefix_of_the_address_is_kept(server: Prometheus) -> None:
    fetch(f"{server.url}/prom/", lambda _rules: ())
    assert server.asked
    assert all(path.startswith("/prom/api/v1/") for path, _, _ in server.asked)


def test_a_question_that_is_refused_stops_no_other(server: Prometheus) -> None:
    bad = Question("y", ("job",))
    server.status = {bad.query: 422}
    found = ask(server, bad, ASKED)
    assert set(found.series) == {ASKED}
    assert found.troubles == ("series of y: Prometheus answered 422 Unprocessable Entity",)


def test_a_server_that_gets_sick_on_the_way_is_asked_no_more(server: Prometheus) -> None:
    sick = Question("y", ("job",))
    server.status = {sick.query: 503}
    found = ask(server, sick, ASKED)
    assert found.series == {}
    assert found.troubles == (
        "2 of 2 questions about series: Prometheus answered 503 Service Unavailable",
    )


def test_questions_end_with_patience(server: Prometheus) -> None:
    found = ask(server, ASKED, patience=timedelta(seconds=-1))
    assert found.series == {}
    assert found.troubles == ("1 of 1 questions about series were left unasked",)


@pytest.mark.parametrize("what", ["targets", "rules"])
def test_an_answer_that_says_that_a_part_of_it_is_missing_vouches_for_nothing_and_closes_nothing(
    server: Prometheus, what: str
) -> None:
    server.targets = {"activeTargets": [target("h1")]}
    server.warnings = {f"/api/v1/{what}": ["store at 10.0.0.9\nis not there"]}
    found = ask(server, ASKED)
    assert found.troubles == (f"a part of its {what} is missing: store at 10.0.0.9 is not there",)
    assert found.series == {}
    assert not found.settled


def test_who_does_not_say_when_it_was_started_is_read_all_the_same(server: Prometheus) -> None:
    server.status = {"/api/v1/status/runtimeinfo": 404}
    assert ask(server).started_at is None


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_that_says_it_is_sick_is_silent(server: Prometheus, status: int) -> None:
    server.status = {"/api/v1/targets": status}
    with pytest.raises(NoAnswerError, match=f"Prometheus answered {status}"):
        ask(server)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_server_that_refuses_is_not_silent(server: Prometheus, status: int) -> None:
    server.status = {"/api/v1/query": status}
    with pytest.raises(SourceError, match=f"Prometheus answered {status}") as caught:
        ask(server)
    assert not isinstance(caught.value, NoAnswerError)


def test_a_refused_connection_is_silence_in_one_line() -> None:
    with socket.socket() as held:  # bound, but nobody listens
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        with pytest.raises(NoAnswerError, match="Prometheus can't be reached") as caught:
            fetch(url, lambda _rules: ())
    assert "can't be reached: Connection refused; check the address" in str(caught.value)


def test_an_address_that_is_none_is_one_sentence() -> None:
    with pytest.raises(NoAnswerError, match=r"is missing an 'http://' or 'https://' protocol; "):
        fetch("prometheus:9090x", lambda _rules: ())


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {"activeTargets": 3},
        {"activeTargets": [{"labels": {}, "health": "odd"}]},
        {"activeTargets": [{"labels": {"a": 1}, "health": "up"}]},
    ],
)
def test_an_answer_that_is_none_of_prometheus_is_told_in_one_line(
    server: Prometheus, data: object
) -> None:
    server.targets = data
    with pytest.raises(SourceError, match="is this Prometheus") as caught:
        ask(server)
    assert "\n" not in str(caught.value)


def test_the_token_is_sent_with_every_question(
    server: Prometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROM", "s3cret")
    ask(server, ASKED, credentials=Credentials(token_env="PROM"))
    assert {token for _, _, token in server.asked} == {"Bearer s3cret"}


def test_text_that_no_store_can_hold_is_made_whole(server: Prometheus) -> None:
    odd = target("h1")
    odd["lastError"] = "cut \ud83d off"
    server.targets = {"activeTargets": [odd]}
    assert ask(server).targets[0].last_error == "cut ? off"


def test_a_recording_rule_and_an_alert_that_is_neither_firing_nor_pending_are_left_out(
    server: Prometheus,
) -> None:
    inactive = {"labels": {"alertname": "A"}, "state": "inactive"}
    server.rules = {
        "groups": [{"rules": [rule("A", "x", inactive), rule("b:c", type="recording")]}]
    }
    (found,) = ask(server).rules
    assert (found.name, found.alerts) == ("A", ())
