"""An edit before the errors: a real HAProxy is told a wrong port, and the watch names the edit.

HAProxy and a web server on loopback, and `kgraph watch` as a process of its own.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kgraph.store import open_store
from tests.ingest.edges import DEFAULTS, frontend, web_servers
from tests.kgraph.estates import document
from tests.lab.lab.watching import Event, Watching
from tests.real import PATH, free_port, need, until

pytestmark = pytest.mark.sources

_ESTATE = """\
entities:
  - {id: h1, kind: Host, name: h1, keys: {hostname: h1}}
  - {id: shop, kind: Service, name: shop, keys: {serviceName: shop}}
  - {id: web, kind: Service, name: web, keys: {serviceName: web}}
  - {id: portal, kind: Application, name: portal}
relations:
  - {from: shop, type: RUNS_ON, to: h1}
  - {from: web, type: RUNS_ON, to: h1}
  - {from: shop, type: CALLS, to: web}
  - {from: portal, type: CALLS, to: shop}
"""
_SOURCES = """\
[store]
url = "sqlite:///{folder}/kgraph.db"
[watch]
tick = 0.1
[[sources]]
type = "topology"
path = "estate.yaml"
[[sources]]
type = "changes"
every = 0.5
host = "h1"
configures = "Service/shop"
files = ["{conf}"]
[[sources]]
type = "checks"
every = 0.5
deadline_seconds = 5
[[sources.targets]]
check = "http"
entity = "Service/shop"
address = "http://127.0.0.1:{front}/"
slow_seconds = 30
[[sources.targets]]
check = "http"
entity = "Service/web"
address = "http://127.0.0.1:{web}/"
slow_seconds = 30
"""


@dataclass
class Edge:
    """A HAProxy before one web server."""

    conf: Path
    front: int
    web: int
    process: subprocess.Popen[bytes] | None = None

    def configure(self, port: int) -> None:
        """Write its configuration, and let it be read: the old process makes way for a new one."""
        behind = f"backend web\n  server web1 127.0.0.1:{port}\n"
        told = DEFAULTS + frontend(self.front, "web") + behind
        (self.conf / "haproxy.cfg").write_text(told)
        self.end()
        self.process = subprocess.Popen(
            ["haproxy", "-db", "-f", str(self.conf / "haproxy.cfg")],
            env={"PATH": PATH},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(timeout=10)


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    need("haproxy", "find", "sha256sum", "setpriv")
    conf = tmp_path / "etc"
    conf.mkdir()
    with web_servers(1) as (server,):
        made = Edge(conf, free_port(), server.server_port)
        made.configure(made.web)
        yield made
        made.end()


@pytest.fixture
def watching(tmp_path: Path, edge: Edge) -> Iterator[Watching]:
    (tmp_path / "estate.yaml").write_text(document(_ESTATE))
    config = tmp_path / "kgraph.toml"
    config.write_text(
        _SOURCES.format(folder=tmp_path, conf=edge.conf, front=edge.front, web=edge.web)
    )
    made = Watching(config)
    yield made
    made.close()


def test_an_edit_that_breaks_a_service_is_named_first(
    edge: Edge, watching: Watching, tmp_path: Path
) -> None:
    watching.wait_for("all sources to be read", lambda event: event["event"] == "watch.synced")

    def well() -> bool:
        with closing(open_store(tmp_path / "kgraph.db", read_only=True)) as store:
            seen = store.evidence(now=datetime.now(UTC)).observations
            shop = store.find(kind="Service", text="shop")[0].uid
        return any(o.entity == shop and o.signal == "errors" and not o.abnormal for o in seen)

    until("the shop to be seen well", well)
    begun = time.monotonic()
    edge.configure(free_port())

    def named(event: Event) -> bool:
        causes = event.get("causes") or []
        return event["event"] == "incident.explained" and any(
            c["mode"] == "changed" for c in causes
        )

    told = watching.wait_for("the edit to be named", named)
    assert [cause["title"] for cause in told["causes"]] == [
        f"ConfigItem h1:{edge.conf}/haproxy.cfg"
    ]
    # The web server itself answers, and so nobody else was blamed before.
    blamed = {
        c["title"]
        for event in watching.of("incident.explained")
        for c in event.get("causes") or []
    }
    assert blamed == {f"ConfigItem h1:{edge.conf}/haproxy.cfg"}
    print(f"\nfrom the edit to its name: {time.monotonic() - begun:.1f} s")  # noqa: T201
