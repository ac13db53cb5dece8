"""Half-dead services: who asks them fails in one line, keeps no part and tells no secret.

The services are ours, since real ones cannot be made to fail like this; what is wrong with each
answer is real: bytes that never come, certificates that nobody signed, tokens that have expired.
"""

from __future__ import annotations

import json
import logging
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from kgraph import web
from kgraph.app.reading import parallel
from kgraph.app.reading.sync import Commitment, Job, Outcome, Reading, kept, unshown
from kgraph.app.sources import Context, job
from kgraph.config import Configuration, Settings, source_entry
from kgraph.schema import Key, KgraphError, Record, State
from kgraph.store import GraphStore
from tests.ingest.docker.test_docker import ANSWERS as DOCKER
from tests.ingest.netbox.test_netbox import ANSWERS as NETBOX
from tests.ingest.openstack import replay
from tests.ingest.readings import NOW
from tests.ingest.redfish.test_redfish import ANSWERS as REDFISH
from tests.stores import new_store

OPENSTACK = replay.answers()
SECRET = "hunter2-do-not-tell"
SILENT_SECONDS = 0.15  # without a byte, in place of ten
Answer = Callable[[BaseHTTPRequestHandler], None]
Row = dict[str, Any]


def _netbox(url: str) -> Row:
    return {"type": "netbox", "url": url, "token_env": "HALF_DEAD"}


def _redfish(url: str) -> Row:
    return {"type": "redfish", "url": url, "user": "reader", "password_env": "HALF_DEAD"}


def _openstack(url: str) -> Row:
    who = {"application_credential": "app", "password_env": "HALF_DEAD"}
    return {"type": "openstack", "auth_url": f"{url}/identity/v3", "region": "R1", **who}


SOURCES: dict[str, Callable[[str], Row]] = {
    "netbox": _netbox,
    "redfish": _redfish,
    "openstack": _openstack,
    "docker": lambda url: {"type": "docker", "url": url},
    "jaeger": lambda url: {"type": "otel", "jaeger": url},
    "haproxy": lambda url: {"type": "haproxy", "url": f"{url}/stats", "token_env": "HALF_DEAD"},
    "prometheus": lambda url: {"type": "prometheus", "url": url, "token_env": "HALF_DEAD"},
    "alertmanager": lambda url: {"type": "alertmanager", "url": url, "token_env": "HALF_DEAD"},
}


def _said(handler: BaseHTTPRequestHandler, status: int, body: bytes, *, more: int = 0) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body) + more))
    handler.send_header("Location", "http://127.0.0.1:9/elsewhere")
    handler.send_header("X-Subject-Token", SECRET)
    handler.end_headers()
    handler.wfile.write(body)


def _drip(handler: BaseHTTPRequestHandler) -> None:
    """Send a byte now and then, so that no silence is ever long enough."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    with suppress(OSError):  # given up on
        while True:
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.05)


def _silent(_: BaseHTTPRequestHandler) -> None:
    time.sleep(3 * SILENT_SECONDS)


def _reset(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


FAULTS: dict[str, tuple[Answer, str]] = {
    "sick": (lambda h: _said(h, 500, b"{}"), "answered 500"),
    "overloaded": (lambda h: _said(h, 503, b"<html>"), "answered 503"),
    "expired": (lambda h: _said(h, 401, b'{"detail": "token"}'), "answered 401"),
    "forbidden": (lambda h: _said(h, 403, b"{}"), "answered 403"),
    "moved": (lambda h: _said(h, 302, b""), "answered 302"),
    "cut off": (lambda h: _said(h, 200, b'{"results": [', more=99), "can't be reached|not JSON"),
    "half a document": (lambda h: _said(h, 200, b'{"results": [{"id":'), ""),
    "a page for people": (lambda h: _said(h, 200, b"<html>Please log in</html>"), ""),
    "another shape": (lambda h: _said(h, 200, b'{"results": 7, "status": [], "x": {}}'), ""),
    "nothing": (lambda h: _said(h, 200, b""), ""),
    "nested for ever": (lambda h: _said(h, 200, b"[" * 100_000), ""),
    "dripping": (_drip, "took more than|no answer"),
    "silent": (_silent, "can't be reached"),
    "reset": (_reset, "can't be reached"),
}


@dataclass
class Half:
    """A service; `answer` says how it answers."""

    url: str
    answer: Answer


@pytest.fixture(scope="module")
def server() -> Iterator[Half]:
    half = Half("", _silent)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            half.answer(self)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            half.answer(self)

        def log_message(self, *_: object) -> None:  # type: ignore[override]
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Say nothing of who hung up."""

    with Server(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True).start()
        half.url = f"http://127.0.0.1:{http.server_port}"
        yield half
        http.shutdown()


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALF_DEAD", SECRET)


def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up soon on what is silent; what answers may take its time on a busy machine."""
    monkeypatch.setattr(web, "TIMEOUT_SECONDS", SILENT_SECONDS)
    monkeypatch.setattr(web, "PATIENCE", timedelta(seconds=2 * SILENT_SECONDS))


def _job(row: Row) -> Job:
    entry = source_entry(row)
    return job(entry, Context(Configuration(Settings(sources=(entry,)))))


# What is on the wire is the same for all, and tried once where it takes a while; what an answer
# holds, each reads for itself.
_EACH = (
    *("sick", "expired", "cut off", "reset", "silent"),
    *("half a document", "a page for people", "another shape", "nothing"),
)
CASES = [
    *(("netbox", fault) for fault in FAULTS),
    *((source, fault) for source in SOURCES if source != "netbox" for fault in _EACH),
]


@pytest.mark.parametrize(("source", "fault"), CASES)
def test_a_half_dead_service_is_one_line_without_a_secret(
    source: str,
    fault: str,
    server: Half,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    server.answer, told = FAULTS[fault]
    if server.answer in {_drip, _silent}:
        _impatient(monkeypatch)
    begin = time.monotonic()
    with pytest.raises(KgraphError, match=told or ".") as caught:
        _job(SOURCES[source](server.url)).fetch(NOW)
    line = str(caught.value)
    assert "\n" not in line
    assert server.url in line or source == "openstack"
    everything = "".join([line, repr(caught.value.__cause__), caplog.text, *capfd.readouterr()])
    assert SECRET not in everything
    assert time.monotonic() - begin < 30


@pytest.fixture(scope="module")
def unsigned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An HTTPS service whose certificate nobody vouches for."""
    folder = tmp_path_factory.mktemp("tls")
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    subprocess.run(
        ["openssl", *words.split(), "-subj", "/CN=localhost", "-keyout", "key", "-out", "cert"],
        check=True, capture_output=True, cwd=folder,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert", folder / "key")
    stopping = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.1)

        def serve() -> None:
            while not stopping.is_set():
                with suppress(OSError):  # an SSLError is one, and so is a pause
                    line, _ = listening.accept()
                    line.settimeout(2)
                    with line, context.wrap_socket(line, server_side=True) as secured:
                        secured.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"https://127.0.0.1:{listening.getsockname()[1]}"
        stopping.set()
        thread.join()


@pytest.mark.parametrize("source", SOURCES)
def test_a_certificate_that_nobody_signed_is_refused(source: str, unsigned: str) -> None:
    with pytest.raises(KgraphError, match="certificate verify failed") as caught:
        _job(SOURCES[source](unsigned)).fetch(NOW)
    assert SECRET not in str(caught.value)


def _recorded(answers: dict[str, Any]) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        found = answers.get(parts.path)
        found = found(dict(parse_qsl(parts.query))) if callable(found) else found
        url = "http://{}:{}".format(*handler.server.server_address[:2])
        text = replay.addressed(json.dumps(found), url)
        _said(handler, 404 if found is None else 200, text.encode())

    return answer


def _failing_after(good: Answer, count: int, fault: Answer) -> Answer:
    """Answer so many questions well, and the next one not."""
    asked = iter(range(count))

    def answer(handler: BaseHTTPRequestHandler) -> None:
        one = fault if next(asked, None) is None else good
        one(handler)

    return answer


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    with closing(new_store(tmp_path / "estate.db")) as opened:
        yield opened


def _synced(store: GraphStore, row: Row, later: timedelta = timedelta()) -> Outcome:
    reading = Reading(store, NOW, Commitment.COMMIT, unshown)
    (outcome,) = parallel.sync(parallel.Setting(reading, lambda: NOW + later, "test"), [_job(row)])
    return outcome


@pytest.mark.parametrize("fault", ["sick", "cut off", "expired"])
@pytest.mark.parametrize(
    ("source", "answers"),
    [("netbox", NETBOX), ("redfish", REDFISH), ("docker", DOCKER), ("openstack", OPENSTACK)],
)
def test_one_that_fails_in_the_middle_closes_nothing_and_says_why(
    source: str,
    answers: dict[str, Any],
    fault: str,
    server: Half,
    store: GraphStore,
) -> None:
    asked: list[str] = []
    good = _recorded(answers)

    def counted(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        good(handler)

    row = SOURCES[source](server.url)
    server.answer = counted
    assert not _synced(store, row).failure
    before = {entity.uid for entity in store.graph().entities}
    read_at = {scope.scope: scope.completed_at for scope in store.scopes()}
    for count in (1, len(asked) - 1):
        server.answer = _failing_after(good, count, FAULTS[fault][0])
        outcome = _synced(store, row, timedelta(minutes=1))
        assert outcome.failure
        assert server.url in outcome.failure
        assert SECRET not in outcome.failure
        assert {entity.uid for entity in store.graph().entities} == before
    now = {scope.scope: scope.completed_at for scope in store.scopes()}
    assert now == read_at, "a reading that failed makes nothing look fresh"


def test_what_a_service_called_well_is_unknown_once_it_is_silent(
    server: Half, store: GraphStore
) -> None:
    """In a watch, where one job reads again and again; what was ill stays so."""
    server.answer = _recorded(REDFISH)
    reading = Reading(store, NOW, Commitment.COMMIT, unshown)
    made = _job(_redfish(server.url))
    kept(reading, made, made.fetch(NOW))

    def standing(now: datetime) -> set[tuple[str, State]]:
        seen = store.evidence(now=now).observations
        return {(o.signal, o.state) for o in seen if o.expires_at is None or o.expires_at > now}

    assert ("down", State.HEALTHY) in standing(NOW)
    server.answer = FAULTS["sick"][0]
    later = NOW + timedelta(minutes=1)
    with pytest.raises(KgraphError) as caught:
        made.fetch(later)
    outcome = kept(replace(reading, at=later), made, None, caught.value)
    assert "answered 500" in outcome.failure
    assert standing(later) == {("degraded", State.ABNORMAL), ("down", State.ABNORMAL)}
    (scope,) = (s for s in store.scopes() if s.scope == server.url)
    assert scope.completed_at == NOW, "it was read then, and not since"
    assert kept(replace(reading, at=later), made, None, caught.value).failure


def _twin(serial: str) -> dict[str, Any]:
    """Return what another controller tells: the same UUID, as of a cloned board."""
    path = "/redfish/v1/Systems/1"
    return REDFISH | {path: REDFISH[path] | {"SerialNumber": serial, "HostName": serial}}


def test_two_machines_that_tell_one_uuid_stay_two_and_that_is_told(
    server: Half, store: GraphStore
) -> None:
    other = server.url.replace("127.0.0.1", "localhost")
    for url, serial in ((server.url, "S1"), (other, "S2")):
        server.answer = _recorded(_twin(serial))
        outcome = _synced(store, {**_redfish(url), "host": serial})
        assert not outcome.failure
    names = {entity.name for entity in store.graph().entities if entity.kind == "Host"}
    assert names == {"S1", "S2"}
    assert outcome.diff is not None
    assert any("identity_conflict" in str(each) for each in outcome.diff.findings)


@pytest.mark.parametrize("minutes", [-7, 7])
def test_alerts_of_a_clock_that_is_off_are_evidence_all_the_same(
    minutes: int, server: Half, store: GraphStore
) -> None:
    theirs = NOW + timedelta(minutes=minutes)
    alert = {
        "labels": {"alertname": "GuestDown", "domain": "vm1"},
        "annotations": {},
        "startsAt": theirs.isoformat(),
        "endsAt": (theirs + timedelta(minutes=4)).isoformat(),
        "updatedAt": theirs.isoformat(),
        "fingerprint": "f1",
        "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
        "receivers": [{"name": "x"}],
        "generatorURL": "",
    }
    with store.sync("x", "", complete=True, at=NOW) as run:
        run.stage([Record("vm1", "VirtualMachine", "vm1", (Key("name", "vm1"),))])
        run.commit()
    server.answer = _recorded({"/api/v2/alerts": [alert]})
    assert not _synced(store, SOURCES["alertmanager"](server.url)).failure
    (seen,) = store.evidence(now=NOW).observations
    assert (seen.signal, seen.state) == ("down", State.ABNORMAL)
    assert seen.at <= NOW
    assert seen.expires_at is None or seen.expires_at > NOW
