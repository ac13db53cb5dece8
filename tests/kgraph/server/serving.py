"""`kgraph serve` as a process of its own, for the length of a block, and whom it tells."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from tests.lab.lab.processes import wait_for

from .conftest import alert, webhook

PATIENCE = 30.0


class Served:
    """A running `kgraph serve`."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, token: str) -> None:
        self.process, self.url = process, url
        self.client = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE
        )

    def post(self, content: bytes) -> int:
        return self.client.post("/hooks/alertmanager", content=content).status_code

    def incidents(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.client.get("/api/v1/incidents").json()["items"]
        return rows


@contextmanager
def running(
    folder: Path,
    token: str,
    text: str = "",
    server: str = "",
    store: str = 'url = "sqlite:///kgraph.db"',
    **environ: str,
) -> Iterator[Served]:
    (folder / "kgraph.toml").write_text(
        f'[store]\n{store}\n{text}\n[server]\nlisten = "127.0.0.1:0"\n'
        f'public_url = "https://kgraph.example"\n{server}\n'
    )
    log = folder / "serve.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "kgraph", "serve"],
            cwd=folder,
            stderr=out,
            env=os.environ | environ | {"KGRAPH_CONFIG": str(folder / "kgraph.toml")},
        )
    try:
        # The watch may have said something before.
        said = waited(
            lambda: re.search(
                r"^listening on (http://127\.0\.0\.1:\d+)$", log.read_text(), re.MULTILINE
            )
        )
        served = Served(process, said[1], token)
        with served.client:
            yield served
    except Exception as error:  # it may have been a race: only what was said then can tell
        error.add_note("\n".join(["the service said last:", *log.read_text().splitlines()[-40:]]))
        raise
    finally:
        process.kill()
        process.wait()


def waited(true: Callable[[], Any]) -> Any:
    return wait_for("what the service should have done", true)


def now() -> str:
    return datetime.now(UTC).isoformat()


class Receiver:
    """A real HTTP server that takes messages, or refuses them for a while."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.statuses: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = json.loads(self.rfile.read(length))
                status = outer.statuses.pop(0) if outer.statuses else 202
                if status < 300:
                    outer.got.append({"path": self.path, "headers": self.headers, "body": body})
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@contextmanager
def received() -> Iterator[Receiver]:
    """Run a receiver for the length of a block."""
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.02,))
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def hand_over(folder: Path, admin: str, receiver: Receiver, **how: str) -> None:
    """Kill the one of two servers that watches: the other takes over, and tells nobody twice."""
    receivers = f"""
[[receivers]]
name = "events"
type = "cloudevents"
url = "{receiver.url}"
"""
    with running(folder, admin, receivers, **how) as first:
        waited(lambda: "leading" in first.client.get("/readyz").text)
        with running(folder, admin, receivers, **how) as second:
            assert "waiting" in second.client.get("/readyz").text
            # Either takes alerts in; only the leader works on them.
            assert second.post(webhook(alert("HostDown", "h1.dc1"))) == 202
            waited(lambda: receiver.got)
            # What is being sent when the server dies is sent again: the message must be over.
            waited(
                lambda: (
                    'kgraph_queue_documents{drawer="outbox"} 0.0'
                    in second.client.get("/metrics").text
                )
            )
            first.process.kill()
            killed = time.monotonic()
            waited(lambda: "leading" in second.client.get("/readyz").text)
            assert time.monotonic() - killed < 60
            over = alert("HostDown", "h1.dc1", status="resolved", endsAt=now())
            assert second.post(webhook(over)) == 202
            waited(lambda: len(receiver.got) > 1)
    types = [row["body"]["type"] for row in receiver.got]
    assert types == ["kgraph.incident.open.v1", "kgraph.incident.resolved.v1"]
