"""`kgraph serve` as a process of its own: what it keeps when it is killed, how it ends."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_bytes
from typing import Any

import httpx
import pytest
import uvicorn
from structlog.testing import capture_logs

from kgraph.app.service import tokens
from kgraph.app.service.tokens import Role
from kgraph.config.server import ServerSettings
from kgraph.schema import ConfigurationError, Drawer
from kgraph.server.running import ServerProcess, _listening, refuse_unlocked
from kgraph.server.service import Service
from kgraph.store import open_store

from .conftest import alert, listening, webhook
from .serving import PATIENCE, Receiver, hand_over, now, received, running, waited

pytestmark = pytest.mark.served


@pytest.fixture
def admin(folder: Path) -> str:
    with closing(open_store(folder / "kgraph.db")) as store:
        return tokens.create(store, "ada", Role.ADMIN, datetime.now(UTC), token_bytes)[1]


def test_nothing_that_was_accepted_is_lost_when_it_is_killed(folder: Path, admin: str) -> None:
    with running(folder, admin, server="watch = false") as served:
        accepted: list[str] = []

        def post() -> None:
            for number in itertools.count():
                host = f"h{number}.example"
                try:
                    if served.post(webhook(alert(host=host))) == 202:
                        accepted.append(f"fp-HostDown-{host}")
                except httpx.HTTPError:
                    return  # it was killed meanwhile

        thread = threading.Thread(target=post)
        thread.start()
        waited(lambda: len(accepted) > 20)
        served.process.kill()
        thread.join()
    with closing(open_store(folder / "kgraph.db")) as store:
        kept = store.documents(Drawer.INBOX, limit=100_000)
    found = {
        json.loads(json.loads(row.body)["content"])["alerts"][0]["fingerprint"] for row in kept
    }
    assert set(accepted) <= found
    with running(folder, admin) as again:
        waited(lambda: _count(folder, Drawer.INBOX) == 0)
        assert again.post(webhook(alert("HostDown", "h1.dc1"))) == 202
        assert waited(again.incidents)[0]["title"] == "1 host unreachable"


def _count(folder: Path, drawer: Drawer) -> int:
    with closing(open_store(folder / "kgraph.db", read_only=True)) as store:
        return store.count(drawer)


def test_when_the_leader_is_killed_another_takes_over_and_tells_nobody_twice(
    folder: Path, admin: str, receiver: Receiver
) -> None:
    hand_over(folder, admin, receiver)


def test_it_ends_with_0_when_told_and_says_so_to_those_who_listen(
    folder: Path, admin: str
) -> None:
    with running(folder, admin) as served:
        waited(lambda: "leading" in served.client.get("/readyz").text)
        told = f"configuration {folder}/kgraph.toml; store {folder}/kgraph.db\n"
        assert told in (folder / "serve.log").read_text()
        with served.client.stream("GET", "/api/v1/events") as stream:
            lines = stream.iter_lines()
            assert next(lines) == "retry: 3000"
            served.process.send_signal(signal.SIGTERM)
            assert next(lines) == ""
            assert list(lines) == []
        assert served.process.wait(PATIENCE) == 0


def test_systemd_is_told_when_it_is_ready_and_when_it_stops(folder: Path, admin: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(str(folder / "n"))
        notified.settimeout(PATIENCE)
        with running(folder, admin, NOTIFY_SOCKET=str(folder / "n")) as served:
            assert notified.recv(100) == b"READY=1"
            served.process.send_signal(signal.SIGTERM)
            assert notified.recv(100) == b"STOPPING=1"
            assert served.process.wait(PATIENCE) == 0


def test_nobody_is_told_that_it_is_ready_before_it_answers() -> None:
    told: list[bool] = []

    def ready() -> None:
        told.append(server.started)
        server.should_exit = True

    async def app(_scope: object, _receive: object, _send: object) -> None: ...

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = ServerProcess(uvicorn.Config(app, log_config=None, lifespan="off"), ready)
        asyncio.run(server.serve([listener]))
    assert told == [True]


def test_an_address_that_is_taken_is_told_in_one_line(
    folder: Path, configured: Callable[..., Any]
) -> None:
    with listening(Service(configured())) as url:
        done = subprocess.run(
            [sys.executable, "-m", "kgraph", "serve", "--listen", url.removeprefix("http://")],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    told = done.stderr.splitlines()[-1]
    assert told.startswith("kgraph: server.listen: cannot listen on")
    assert told.endswith("is another kgraph serve running here? choose another port")


def test_an_address_that_this_machine_lacks_is_told_as_that() -> None:
    told = pytest.raises(ConfigurationError, match="name an address that this machine has")
    with told, _listening(ServerSettings(listen="192.0.2.1:8080")):
        pass


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "nobody could authenticate at 0.0.0.0:0: there is no token"),
        ('[server]\nauthentication = "none"\n', "it would listen on 0.0.0.0:0 without auth"),
    ],
)
def test_it_refuses_to_listen_beyond_loopback_where_nobody_must_authenticate(
    folder: Path, configured: Callable[..., Any], text: str, told: str
) -> None:
    configured(text)
    done = subprocess.run(
        [sys.executable, "-m", "kgraph", "serve", "--listen", "0.0.0.0:0"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert told in done.stderr


def test_on_loopback_without_a_token_it_says_that_nobody_can_log_in(
    configured: Callable[..., Any], token: Callable[[Role], dict[str, str]]
) -> None:
    with capture_logs() as said:
        refuse_unlocked(configured())
        token(Role.VIEWER)
        refuse_unlocked(configured())
    (row,) = said
    assert row["event"].startswith("nobody can log in yet: there is no token; `kgraph token")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with received() as made:
        yield made


def test_an_alert_comes_back_explained_within_seconds_and_its_end_too(
    folder: Path, admin: str, receiver: Receiver
) -> None:
    receivers = f"""
[[receivers]]
name = "pager"
type = "pagerduty"
url = "{receiver.url}/v2/enqueue"
token_env = "ROUTING_KEY"
"""
    receiver.statuses = [503]  # the first try fails
    with running(folder, admin, receivers, ROUTING_KEY="R0UTING") as served:
        paused = [alert("GuestPaused", domain, labels=_guest(domain)) for domain in _GUESTS]
        assert served.post(webhook(*paused)) == 202
        event = waited(lambda: receiver.got and receiver.got[0])["body"]
        assert (event["event_action"], event["dedup_key"]) == ("trigger", "kgraph-INC-0001")
        assert event["routing_key"] == "R0UTING"
        details = event["payload"]["custom_details"]
        assert details["causes"][0]["title"] == "StorageExport vmstore"
        assert details["plan"]["url"].startswith("https://kgraph.example/api/v1/plans/P-")
        over = [
            alert(
                "GuestPaused",
                domain,
                labels=_guest(domain),
                status="resolved",
                endsAt=now(),
            )
            for domain in _GUESTS
        ]
        assert served.post(webhook(*over)) == 202
        end = waited(lambda: len(receiver.got) > 1 and receiver.got[1])["body"]
        assert (end["event_action"], end["dedup_key"]) == ("resolve", "kgraph-INC-0001")
        assert len(receiver.got) == 2


_GUESTS = [f"web-{n}" for n in range(4)]


def _guest(domain: str) -> dict[str, str]:
    return {"alertname": "GuestPaused", "domain": domain}


def test_a_certificate_that_cannot_be_used_is_told_before_anything_starts(
    folder: Path, configured: Callable[..., Any]
) -> None:
    configured('[server]\ncertificate = "no.pem"\nkey = "no.key"\n')
    done = subprocess.run(
        [sys.executable, "-m", "kgraph", "serve"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "certificate and key cannot be used: No such file" in done.stderr
    assert "listening" not in done.stderr
