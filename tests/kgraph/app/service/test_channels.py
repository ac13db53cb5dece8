"""Messages over real sockets: HTTP and SMTP servers that note what they get."""

from __future__ import annotations

import email
import json
import re
import socketserver
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from kgraph.app.doctor import Health
from kgraph.app.doctor.service import examine_service, tell_receivers
from kgraph.app.service.channels import channel
from kgraph.app.service.sending import NotNowError, RefusedError
from kgraph.config import Configuration, load
from kgraph.schema import ConfigurationError, KgraphError

NOTICE = {
    "format": "kgraph.notice/v1",
    "incident": "INC-0001",
    "news": "changed",
    "status": "open",
    "level": "error",
    "title": "1 guest päused",
    "openedAt": "2026-11-23T04:00:00Z",
    "updatedAt": "2026-11-23T04:01:00Z",
    "acknowledged": None,
    "causes": [{"entity": "x", "title": "Host h1", "mode": "down", "posterior": 0.9}],
    "abstainedBecause": None,
    "otherwise": None,
    "evidence": [],
    "against": [],
    "hit": {"entities": 1, "services": []},
    "next": [],
    "check": None,
    "checkOf": None,
    "incidents": [],
    "plan": None,
    "warnings": [],
    "url": None,
    "text": {
        "summary": "INC-0001 error: 1 guest päused",
        "cause": "Host h1 down, P .90",
        "opened": "2026-11-23 04:00:00Z",
        **dict.fromkeys(("acknowledged", "evidence", "against", "hit"), "-"),
        **dict.fromkeys(("check", "plan", "warnings", "link"), "-"),
    },
}
Configured = Callable[..., Configuration]


@pytest.fixture
def configured(tmp_path: Path) -> Configured:
    def read(**receiver: object) -> Configuration:
        rows = "".join(f"{name} = {json.dumps(value)}\n" for name, value in receiver.items())
        (tmp_path / "kgraph.toml").write_text(f'[[receivers]]\nname = "r"\n{rows}')
        return load(cwd=tmp_path, environ={}, file=tmp_path / "kgraph.toml")

    return read


def send(configuration: Configuration) -> None:
    channel(configuration.settings.receivers[0], configuration).send(NOTICE, "m 1")


class Web:
    def __init__(self) -> None:
        self.got: list[tuple[str, Any, Any]] = []
        self.status = 202
        self.after = ""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.got.append((self.path, self.headers, body))
                self.send_response(outer.status)
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                if outer.after:
                    self.send_header("Retry-After", outer.after)
                self.end_headers()
                self.wfile.write(b"told why")

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def web() -> Iterator[Web]:
    made = Web()
    yield from _served(made.server, made)


def _served(server: socketserver.BaseServer, made: Any) -> Iterator[Any]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_cloudevent_is_posted_with_its_media_type_and_token(
    web: Web, configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "s3cret")
    send(configured(type="cloudevents", url=web.url, token_env="TOKEN"))
    ((_, headers, body),) = web.got
    assert headers["Content-Type"] == "application/cloudevents+json"
    assert headers["Authorization"] == "Bearer s3cret"
    assert (body["id"], body["data"]["incident"]) == ("m 1", "INC-0001")


def test_a_receiver_on_this_machine_is_told_without_the_proxy_of_others(
    web: Web, configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    send(configured(type="cloudevents", url=web.url))
    assert len(web.got) == 1


@pytest.mark.parametrize(
    ("status", "after", "seconds"),
    [(429, "30", 30), (503, "90000", 3600), (429, "soon", None), (429, "9" * 99, None)],
)
def test_a_receiver_may_say_when_it_is_to_be_asked_again(
    web: Web, configured: Configured, status: int, after: str, seconds: int | None
) -> None:
    web.status, web.after = status, after
    with pytest.raises(KgraphError, match=f"answered {status}: 'told why'") as caught:
        send(configured(type="cloudevents", url=web.url))
    found = caught.value.after.total_seconds() if isinstance(caught.value, NotNowError) else None
    assert found == seconds


@pytest.mark.parametrize("status", ["202 Accepted", "500 No"])
def test_an_answer_that_never_ends_holds_up_nobody(configured: Configured, status: str) -> None:
    asked = threading.Event()

    class Endless(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.request.recv(65_536)
            self.wfile.write(f"HTTP/1.1 {status}\r\n\r\nbecause".encode())
            asked.wait(30)  # and the rest, one day

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Endless) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,)).start()
        try:
            way = configured(
                type="cloudevents", url=f"http://127.0.0.1:{server.server_address[1]}"
            )
            if status.startswith("202"):
                send(way)
            else:
                with pytest.raises(KgraphError, match="answered 500: 'because'"):
                    send(way)
        finally:
            asked.set()
            server.shutdown()


def test_a_webhook_takes_its_address_from_the_environment_and_its_own_template(
    web: Web,
    configured: Configured,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.setenv("ADDRESS", f"{web.url}/services/T0/secret")
    monkeypatch.setenv("TOKEN", "s3cret")
    template = "{format: kgraph.template/v1, body: {said: '{text.cause}'}}"
    (tmp_path / "mine.yaml").write_text(template)
    send(
        configured(
            type="webhook",
            url_env="ADDRESS",
            template="mine.yaml",
            token_env="TOKEN",
            header="X-API-KEY",
            scheme="",
        )
    )
    ((path, headers, body),) = web.got
    assert (path, headers["X-API-KEY"]) == ("/services/T0/secret", "s3cret")
    assert "secret" not in caplog.text  # nor does the library tell the log
    assert body == {"said": "Host h1 down, P .90"}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RefusedError),
        (404, RefusedError),
        (302, KgraphError),
        (408, KgraphError),
        (429, KgraphError),
        (500, KgraphError),
    ],
)
def test_a_refusal_is_final_and_a_failure_is_not(
    web: Web, configured: Configured, status: int, kind: type[KgraphError]
) -> None:
    web.status = status
    with pytest.raises(KgraphError, match=f"r answered {status}") as caught:
        send(configured(type="cloudevents", url=web.url))
    assert type(caught.value) is kind
    assert len(web.got) == 1  # no redirect is followed


def test_one_that_is_not_there_is_told_without_its_address(
    configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADDRESS", "http://127.0.0.1:9/services/secret")
    with pytest.raises(KgraphError, match="r can't be reached") as caught:
        send(configured(type="webhook", url_env="ADDRESS"))
    assert "secret" not in str(caught.value)


def test_pagerduty_needs_its_routing_key(configured: Configured) -> None:
    with pytest.raises(ConfigurationError, match="receiver r: no routing key"):
        send(configured(type="pagerduty"))


def test_a_template_that_is_not_there_is_told(configured: Configured) -> None:
    made = configured(type="webhook", url="http://127.0.0.1/", template="slak")
    with pytest.raises(ConfigurationError, match="shipped: plain, slack"):
        send(made)


class Post(socketserver.StreamRequestHandler):
    """As much of RFC 5321 as a mail needs."""

    def handle(self) -> None:
        server: Any = self.server
        self._say("220 here")
        lines: list[bytes] | None = None
        for raw in self.rfile:
            if lines is not None:
                if raw == b".\r\n":
                    server.mails.append(b"".join(lines))
                    lines = None
                    self._say("250 taken")
                else:
                    lines.append(raw[1:] if raw.startswith(b"..") else raw)
                continue
            word = raw.split()[0].upper() if raw.split() else b""
            if word == b"DATA":
                lines = []
                self._say("354 go on")
            elif word == b"RCPT":
                unknown = any(each in raw for each in server.unknown)
                self._say(f"{550 if unknown else server.answers} to that")
            elif word == b"QUIT":
                self._say(f"{server.leaves} bye")
                return
            else:
                self._say("250 ok")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@pytest.fixture
def mail() -> Iterator[Any]:
    server: Any = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Post)
    server.mails, server.answers, server.unknown, server.leaves = [], 250, [], 221
    yield from _served(server, server)


def mailed(mail: Any, configured: Configured, *others: str) -> None:
    port, to = mail.server_address[1], ["ops@dc1.example", *others]
    send(configured(type="email", port=port, sender="kgraph@dc1.example", to=to))


def test_a_mail_arrives_whole_and_in_the_incident_s_thread(
    mail: Any, configured: Configured
) -> None:
    mailed(mail, configured)
    got: Message = email.message_from_bytes(mail.mails[0], policy=email.policy.default)
    assert got["Subject"] == "INC-0001 error: 1 guest päused"
    assert got["References"] == "<INC-0001@dc1.example>"
    assert got["Auto-Submitted"] == "auto-generated"
    assert "CAUSE    Host h1 down, P .90" in got.get_payload(decode=True).decode()


def test_a_mail_that_was_taken_is_sent_whatever_is_said_at_leaving(
    mail: Any, configured: Configured
) -> None:
    """It would be sent again, and be taken again, seventeen times."""
    mail.leaves = 421
    mailed(mail, configured)
    assert len(mail.mails) == 1


def test_a_mail_that_one_of_several_does_not_get_is_told_and_not_sent_twice(
    mail: Any, configured: Configured, capsys: pytest.CaptureFixture[str]
) -> None:
    mail.unknown = [b"gone@dc1.example"]
    mailed(mail, configured, "gone@dc1.example")
    assert len(mail.mails) == 1
    said = "".join(capsys.readouterr())
    assert "a mail went to some alone" in said
    assert "gone@dc1.example" in said


@pytest.mark.parametrize(("code", "kind"), [(550, RefusedError), (450, KgraphError)])
def test_a_mailbox_that_does_not_exist_is_final_and_a_full_one_is_not(
    mail: Any, configured: Configured, code: int, kind: type[KgraphError]
) -> None:
    mail.answers = code
    with pytest.raises(KgraphError) as caught:
        mailed(mail, configured)
    assert type(caught.value) is kind


def test_a_password_is_never_sent_in_the_open(configured: Configured) -> None:
    email = {"type": "email", "sender": "kgraph@dc1.example", "to": ["ops@dc1.example"]}
    with pytest.raises(ConfigurationError, match="a password needs security"):
        configured(**email, host="mail.example", user="kgraph")
    assert configured(**email, host="localhost", user="kgraph")  # nobody hears it


def test_the_doctor_sends_a_drill_and_its_end_and_tells_who_did_not_take_it(
    web: Web, configured: Configured
) -> None:
    configuration = configured(type="pagerduty", url=web.url, token_file="key")
    now = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
    (missing,) = examine_service(configuration)
    assert missing.health is Health.FAIL
    assert re.match(r"receiver r: .*/key: No such file", missing.told)
    configuration.resolve(Path("key")).write_text("R0UTING")
    (fine,) = examine_service(configuration)
    assert fine.health is Health.OK
    (took,) = tell_receivers(configuration, now, "ab12")
    assert (took.health, took.told) == (Health.OK, "r took a drill message and its end")
    events = [(body["event_action"], body["dedup_key"]) for _, _, body in web.got]
    assert events == [("trigger", "kgraph-DRILL-ab12"), ("resolve", "kgraph-DRILL-ab12")]
    web.status = 403
    (refused,) = tell_receivers(configuration, now, "ab13")
    assert (refused.health, "r answered 403" in refused.told) == (Health.FAIL, True)
