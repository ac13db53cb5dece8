"""By which way services are asked: a proxy of the environment, and when it is passed by."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from kgraph.schema import ConfigurationError
from kgraph.web import NoAnswerError, Service
from remedies import Actuator, EffectError, Task
from remedies.actuators.hook import HookActuator
from remedies.actuators.notify import Notify

DRAIN = Task("P-1", "drain", "i1", "ServiceInstance web-1", {}, effect="applied")


@pytest.fixture
def near() -> Iterator[str]:
    """The address of a service on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"here")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *_arguments: object) -> None:
            """Say nothing on stderr."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def dead() -> Iterator[str]:
    """An address at which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_this_machine_is_asked_without_a_proxy(
    near: str, dead: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, f"http://{dead}")
    with Service("It", near).asking() as ask:
        assert ask.get("/") == b"here"


def test_a_proxy_that_does_not_answer_is_named_without_its_password(
    dead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://ada:s3cret@{dead}")
    with pytest.raises(NoAnswerError, match=f"asked by the proxy {dead}; NO_PROXY") as caught:
        ask("http://prometheus.example:9090")
    assert "s3cret" not in str(caught.value)


def test_where_no_proxy_is_asked_none_is_named(dead: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://{dead}")
    monkeypatch.setenv("no_proxy", "192.0.2.1")
    with pytest.raises(NoAnswerError) as caught:
        ask(f"http://{dead}")
    assert "proxy" not in str(caught.value)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "ftp://127.0.0.1:1", "http://a:b@c:x"])
def test_a_proxy_that_cannot_be_used_is_told_in_one_line(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("all_proxy", proxy)
    with pytest.raises(ConfigurationError, match="write it as http://HOST:PORT") as caught:
        ask("http://prometheus.example:9090")
    assert "a:b" not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_certificates_that_are_none_are_told_in_one_line(
    tmp_path: Path, content: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = tmp_path / "ca.pem"
    if content is not None:
        named.write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(named))
    for host in ("127.0.0.1", "prometheus.example"):
        with pytest.raises(ConfigurationError, match="SSL_CERT_FILE or SSL_CERT_DIR names no"):
            ask(f"https://{host}:9090")


def test_who_speaks_no_tls_is_told_as_that(near: str) -> None:
    with pytest.raises(NoAnswerError, match="can't be reached: no TLS is spoken there; "):
        ask(near.replace("http://", "https://"))


def ask(url: str) -> None:
    with Service("It", url).asking() as asker:
        asker.get("/")


def acting(url: str) -> list[Actuator]:
    return [HookActuator(url, frozenset({"drain"})), Notify(url)]


def test_who_acts_by_a_service_of_this_machine_asks_no_proxy(
    near: str, dead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://{dead}")
    assert [each.act(DRAIN) for each in acting(near)] == ["drain was accepted", "told by webhook"]


def test_who_acts_by_a_proxy_that_cannot_be_used_has_done_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "nonsense://there")
    for each in acting("http://192.0.2.1/act"):
        with pytest.raises(EffectError, match="HTTP_PROXY"):
            each.act(DRAIN)
