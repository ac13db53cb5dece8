"""A real Alertmanager posts to the hook, as `kgraph init alertmanager` has set it up."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_bytes

import pytest

from kgraph.app.service import tokens
from kgraph.app.service.tokens import Role
from kgraph.cli import run
from kgraph.store import open_store
from tests.kgraph.server.conftest import filled
from tests.kgraph.server.serving import Receiver, Served, received, running, waited
from tests.lab.lab.processes import end, spawn, wait_for
from tests.real import need
from tools.ports import free_address

pytestmark = [pytest.mark.monitoring, pytest.mark.served]
_GUESTS = [f"web-{n}" for n in range(4)]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with received() as made:
        yield made


@pytest.fixture
def served(tmp_path: Path, receiver: Receiver) -> Iterator[Served]:
    filled(tmp_path / "kgraph.db")
    with closing(open_store(tmp_path / "kgraph.db")) as store:
        now = datetime.now(UTC)
        admin = tokens.create(store, "ada", Role.ADMIN, now, token_bytes)[1]
        hook = tokens.create(store, "alertmanager", Role.HOOK, now, token_bytes)[1]
    (tmp_path / "token").write_text(hook)
    text = (
        f'[[receivers]]\nname = "all"\ntype = "cloudevents"\nurl = "{receiver.url}"\nevery = 0\n'
    )
    with running(tmp_path, admin, text) as made:
        waited(lambda: "leading" in made.client.get("/readyz").text)
        yield made


@pytest.fixture
def alertmanager(tmp_path: Path, served: Served) -> Iterator[str]:
    """An Alertmanager with the receiver that we write, started as it is."""
    need("prometheus-alertmanager", "setpriv")
    hook, token = f"{served.url}/hooks/alertmanager", str(tmp_path / "token")
    written = tmp_path / "monitoring"
    written.mkdir()
    words = ["init", "alertmanager", "--output", str(written), "--url", hook]
    assert run([*words, "--token-file", token]) == 0
    (config,) = written.iterdir()
    address = free_address()
    command = [
        "prometheus-alertmanager",
        f"--config.file={config}",
        f"--storage.path={tmp_path / 'alertmanager'}",
        "--cluster.listen-address=",
        f"--web.listen-address={address}",
    ]
    process = spawn(command, tmp_path / "alertmanager.log")
    try:
        wait_for("Alertmanager", lambda: _ready(f"http://{address}"))
        yield f"http://{address}"
    finally:
        end(process)


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=1) as answer:  # noqa: S310 - loopback
            return bool(answer.status == 200)
    except OSError:
        return False


def fire(alertmanager: str, seconds: float) -> None:
    """Let every guest be paused until so many seconds from now."""
    now = datetime.now(UTC)
    alerts = [
        {
            "labels": {"alertname": "GuestPaused", "domain": guest},
            "startsAt": (now - timedelta(minutes=1)).isoformat(),
            "endsAt": (now + timedelta(seconds=seconds)).isoformat(),
        }
        for guest in _GUESTS
    ]
    request = urllib.request.Request(  # noqa: S310 - loopback
        f"{alertmanager}/api/v2/alerts",
        json.dumps(alerts).encode(),
        {"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=5).close()  # noqa: S310


def test_a_storm_is_explained_to_a_receiver_and_its_end_is_told(
    alertmanager: str, receiver: Receiver
) -> None:
    fire(alertmanager, 600)
    waited(lambda: any(_causes(row) == ["StorageExport vmstore"] for row in receiver.got))
    fire(alertmanager, -1)
    waited(lambda: receiver.got[-1]["body"]["type"] == "kgraph.incident.resolved.v1")


def _causes(row: dict[str, dict[str, dict[str, list[dict[str, str]]]]]) -> list[str]:
    return [cause["title"] for cause in row["body"]["data"]["causes"]]


def test_the_rules_for_watching_kgraph_itself_are_sound(promtool: str) -> None:
    rules = Path(__file__).parents[2] / "docs" / "reference" / "kgraph-self.rules.yml"
    done = subprocess.run(
        [promtool, "check", "rules", str(rules)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
