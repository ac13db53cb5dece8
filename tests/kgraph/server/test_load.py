"""2,000 alerts a second: a few seconds of it here, ten minutes of it in `make soak`."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_bytes

import pytest

from kgraph.app.service import tokens
from kgraph.app.service.tokens import Role
from kgraph.schema import Drawer
from kgraph.store import open_store

from .conftest import alert, webhook
from .serving import Served, running, waited

pytestmark = pytest.mark.served
_SECONDS = float(os.environ.get("KGRAPH_TEST_LOAD_SECONDS", "2"))
_POSTS, _ALERTS = 40, 50  # a second; in each
_ACTIVE = 10_000  # alerts that there are, each told again and again
_LIMITS = "requests_per_second = 100000\nburst = 100000\n"


@pytest.fixture
def token(folder: Path) -> Iterator[str]:
    with closing(open_store(folder / "kgraph.db")) as store:
        yield tokens.create(store, "ada", Role.ADMIN, datetime.now(UTC), token_bytes)[1]


def contents() -> list[bytes]:
    hosts = [f"web-{n}" for n in range(4)] + [f"h{n}.example" for n in range(_ACTIVE - 4)]
    rows = [
        alert("GuestDown", host, labels={"alertname": "GuestDown", "domain": host})
        for host in hosts
    ]
    return [webhook(*rows[n : n + _ALERTS]) for n in range(0, _ACTIVE, _ALERTS)]


def post_all(served: Served, seconds: float) -> list[float]:
    """Post at a steady pace; return how long each post took."""
    bodies, took, lock = contents(), list[float](), threading.Lock()
    begin = time.monotonic()

    def post(number: int) -> None:
        time.sleep(max(0.0, begin + number / _POSTS - time.monotonic()))
        started = time.perf_counter()
        status = served.post(bodies[number % len(bodies)])
        spent = time.perf_counter() - started
        assert status == 202, status
        with lock:
            took.append(spent)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(post, range(int(seconds * _POSTS))))
    return sorted(took)


def rss_mib(pid: int) -> float:
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def test_two_thousand_alerts_a_second_are_taken_and_worked_off(folder: Path, token: str) -> None:
    with running(folder, token, server=_LIMITS) as served:
        waited(lambda: "leading" in served.client.get("/readyz").text)
        before = rss_mib(served.process.pid)
        took = post_all(served, _SECONDS)
        sent = time.monotonic()
        waited(lambda: _left(folder) == 0)
        told = {
            "posts": len(took),
            "p50_ms": round(took[len(took) // 2] * 1000, 1),
            "p99_ms": round(took[int(len(took) * 0.99)] * 1000, 1),
            "worked_off_after_s": round(time.monotonic() - sent, 2),
            "rss_mib": [round(before), round(rss_mib(served.process.pid))],
        }
        print(json.dumps(told))  # noqa: T201 - docs/measured.md names the command that prints it
        assert waited(served.incidents)[0]["status"] == "open"


def _left(folder: Path) -> int:
    with closing(open_store(folder / "kgraph.db", read_only=True)) as store:
        return store.count(Drawer.INBOX)
