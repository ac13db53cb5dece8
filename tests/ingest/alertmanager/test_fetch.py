"""Asking a real HTTP server on loopback: answers, refusals, and tokens that stay secret."""

import json
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ingest.alertmanager import AlertBatch, fetch, parse_payload
from kgraph.app.reading.alerts import fetched
from kgraph.schema import ConfigurationError, SourceError
from kgraph.web import Credentials

TOKEN = "s3cret-t0ken"
BODY = json.dumps([{"labels": {"alertname": "HostDown"}}]).encode()


@dataclass
class Alertmanager:
    """What the server answers with, and what it was asked."""

    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = BODY
    told: bytes = b"{}"  # of itself
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    date: str = ""  # what its clock says; empty: the right time


@pytest.fixture
def alertmanager() -> Iterator[Alertmanager]:
    state = Alertmanager()

    class Handler(BaseHTTPRequestHandler):
        def date_time_string(self, timestamp: float | None = None) -> str:
            return state.date or super().date_time_string(timestamp)

        def do_GET(self) -> None:
            state.asked.append((self.path, self.headers.get("Authorization")))
            body = state.told if self.path.endswith("/status") else state.body
            self.send_response(state.status)
            for name, value in state.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing on stderr."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("path", ["", "/", "/api/v2/alerts"])
def test_the_alerts_are_fetched_with_or_without_the_path(
    alertmanager: Alertmanager, path: str
) -> None:
    assert fetch(alertmanager.url + path)[0] == BODY
    assert alertmanager.asked == [("/api/v2/alerts", None), ("/api/v2/status", None)]


def test_a_prefix_of_the_address_is_kept(alertmanager: Alertmanager) -> None:
    fetch(f"{alertmanager.url}/alertmanager/")
    assert alertmanager.asked[0][0] == "/alertmanager/api/v2/alerts"


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503, 204])
def test_any_answer_but_200_is_told_in_one_line(alertmanager: Alertmanager, status: int) -> None:
    alertmanager.status, alertmanager.body = status, b""
    with pytest.raises(SourceError, match=f"Alertmanager answered {status}") as caught:
        fetch(alertmanager.url)
    assert alertmanager.url in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_redirect_is_not_followed_so_a_token_never_travels(
    alertmanager: Alertmanager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERTS", TOKEN)
    alertmanager.status = 302
    alertmanager.headers = {"Location": f"{alertmanager.url}/elsewhere"}
    with pytest.raises(SourceError, match="answered 302") as caught:
        fetch(alertmanager.url, Credentials(token_env="ALERTS"))
    assert [path for path, _ in alertmanager.asked] == ["/api/v2/alerts"]
    assert TOKEN not in str(caught.value)


def test_a_refused_connection_is_told_in_one_line() -> None:
    with socket.socket() as held:  # bound, but nobody listens
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        with pytest.raises(SourceError, match=r"can't be reached: .*refused") as caught:
            fetch(url)
    assert url in str(caught.value)


@pytest.mark.parametrize(
    "url", ["nonsense", "ftp://127.0.0.1", "http://[::1", "http://\x00", f"http://{'a' * 64}.x"]
)
def test_an_address_that_is_none_is_told_in_one_line(url: str) -> None:
    with pytest.raises(SourceError, match="check the address"):
        fetch(url)


def test_an_answer_cut_off_is_an_error(alertmanager: Alertmanager) -> None:
    alertmanager.headers = {"Content-Encoding": "gzip"}  # and the body is not
    with pytest.raises(SourceError, match="can't be reached"):
        fetch(alertmanager.url)


def test_an_answer_without_end_is_given_up(
    alertmanager: Alertmanager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["kgraph.web"], "MOST_BYTES", 10)
    with pytest.raises(SourceError, match="has no end"):
        fetch(alertmanager.url)


def test_a_token_from_the_environment_is_sent(
    alertmanager: Alertmanager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERTS", f"{TOKEN}\n")
    fetch(alertmanager.url, Credentials(token_env="ALERTS"))
    assert alertmanager.asked[0][1] == f"Bearer {TOKEN}"


def test_a_token_from_a_file_is_sent(alertmanager: Alertmanager, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    fetch(alertmanager.url, Credentials(token_file=path))
    assert alertmanager.asked[0][1] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("status", [401, 500])
def test_a_token_is_in_no_message(
    alertmanager: Alertmanager, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setenv("ALERTS", TOKEN)
    alertmanager.status, alertmanager.body = status, TOKEN.encode()
    credentials = Credentials(token_env="ALERTS")
    with pytest.raises(SourceError) as caught:
        fetch(alertmanager.url, credentials)
    assert TOKEN not in str(caught.value)
    assert TOKEN not in repr(credentials)


@pytest.mark.parametrize("token", ["", " ", f"{TOKEN}\nX: y", f"{TOKEN} two", f"{TOKEN}é"])
def test_a_token_that_cannot_be_sent_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, token: str
) -> None:
    monkeypatch.setenv("ALERTS", token)
    path = tmp_path / "token"
    path.write_text(token, "utf-8")
    for credentials in (Credentials(token_env="ALERTS"), Credentials(token_file=path)):
        with pytest.raises(ConfigurationError, match="no usable token") as caught:
            fetch("http://127.0.0.1:9", credentials)
        assert TOKEN not in str(caught.value)


def test_a_token_that_is_not_there_is_told_before_anything_is_sent(
    alertmanager: Alertmanager, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("ALERTS", raising=False)
    with pytest.raises(ConfigurationError, match="variable ALERTS: it is not set"):
        fetch(alertmanager.url, Credentials(token_env="ALERTS"))
    with pytest.raises(ConfigurationError, match="No such file"):
        fetch(alertmanager.url, Credentials(token_file=tmp_path / "none"))
    assert alertmanager.asked == []


def test_an_address_with_a_password_is_refused_without_showing_it() -> None:
    with pytest.raises(ConfigurationError, match="holds a password") as caught:
        fetch(f"http://me:{TOKEN}@127.0.0.1:9/")
    assert TOKEN not in str(caught.value)


def test_what_is_fetched_can_be_parsed(alertmanager: Alertmanager) -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    batch = parse_payload(fetch(alertmanager.url)[0], where=alertmanager.url, received_at=now)
    assert [alert.name for alert in batch.alerts] == ["HostDown"]


def _listed(alertmanager: Alertmanager, began: datetime, clock: datetime) -> AlertBatch:
    """Let an Alertmanager with that clock tell of an alert that began then, by its clock."""
    alert = {"labels": {"alertname": "HostDown"}, "startsAt": began.isoformat()}
    alertmanager.body = json.dumps([alert]).encode()
    alertmanager.date = format_datetime(clock, usegmt=True)
    return fetched(alertmanager.url, datetime.now(UTC))


@pytest.mark.parametrize("minutes", [-7, 4])
def test_alerts_of_an_alertmanager_whose_clock_is_off_are_dated_by_ours(
    alertmanager: Alertmanager, minutes: int
) -> None:
    began, off = datetime.now(UTC) - timedelta(minutes=10), timedelta(minutes=minutes)
    batch = _listed(alertmanager, began + off, datetime.now(UTC) + off)
    (alert,) = batch.alerts
    assert alert.starts_at is not None
    assert abs(alert.starts_at - began) < timedelta(seconds=20)
    (told,) = batch.clock.findings()
    assert told.startswith("the clock of the Alertmanager is about")


def test_an_alert_that_begins_ahead_began_when_it_was_told_and_its_sender_is_named(
    alertmanager: Alertmanager,
) -> None:
    now = datetime.now(UTC)
    # Prometheus is ahead, the Alertmanager is not.
    batch = _listed(alertmanager, now + timedelta(minutes=5), now)
    (alert,) = batch.alerts
    assert alert.starts_at is not None
    assert alert.starts_at <= datetime.now(UTC)
    assert "ahead of ours" in batch.clock.findings()[0]


@pytest.mark.parametrize(
    ("minutes", "ahead", "young"),
    [(1, 0, True), (30, 0, False), (1, 600, True), (30, 1800, False)],
)
def test_one_that_was_just_started_says_so_by_our_clock(
    alertmanager: Alertmanager, minutes: int, ahead: int, *, young: bool
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    theirs = now + timedelta(seconds=ahead)
    alertmanager.date = format_datetime(theirs, usegmt=True)
    started = theirs - timedelta(minutes=minutes)
    alertmanager.told = json.dumps({"uptime": started.isoformat()}).encode()
    found = fetched(alertmanager.url, now).restarted
    assert found == (now - timedelta(minutes=minutes) if young else None)


@pytest.mark.parametrize("told", [b"{}", b"<html>", b'{"uptime": "since Monday"}', b"[]"])
def test_one_that_does_not_say_since_when_it_runs_is_taken_at_its_word(
    alertmanager: Alertmanager, told: bytes
) -> None:
    alertmanager.told = told
    assert fetched(alertmanager.url, datetime.now(UTC)).restarted is None
