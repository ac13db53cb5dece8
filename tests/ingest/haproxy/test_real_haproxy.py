"""A real HAProxy from Debian, with two web servers behind it, on loopback."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from kgraph.schema import SourceError
from kgraph.sourcekit import Found
from tests.ingest.edges import DEFAULTS, frontend, stats, web_servers
from tests.ingest.readings import found, records, relations, well, wrong
from tests.real import PATH, free_port, need, until

pytestmark = pytest.mark.sources

_BEHIND = """\
backend web
  option httpchk GET /
  default-server inter 100ms fall 1 rise 1
  server web1 127.0.0.1:{first} check
  server web2 127.0.0.1:{second} check
listen page
  bind 127.0.0.1:{page}
  option socket-stats
  stats enable
  stats uri /stats
  stats auth reader:hunter2
"""


@dataclass
class Edge:
    socket: str
    page: str
    config: Path
    servers: list[ThreadingHTTPServer]


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    need("haproxy")
    page, config = free_port(), tmp_path / "haproxy.cfg"
    with web_servers(2) as servers:
        first, second = (server.server_port for server in servers)
        behind = _BEHIND.format(first=first, second=second, page=page)
        config.write_text(stats(tmp_path) + DEFAULTS + frontend(free_port(), "web") + behind)
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen(
                ["haproxy", "-db", "-f", config], stdout=log, stderr=log, env={"PATH": PATH}
            )
        try:
            until("the statistics socket", (tmp_path / "s").exists)
            yield Edge(str(tmp_path / "s"), f"http://127.0.0.1:{page}/stats", config, servers)
        finally:
            process.terminate()
            process.wait(10)


def _wrong(edge: Edge) -> dict[tuple[str, str], str]:
    return wrong(found("haproxy", socket=edge.socket, host="lb1").items)


def test_a_real_haproxy_is_read_by_its_socket_with_its_routes(edge: Edge) -> None:
    items = list(found("haproxy", socket=edge.socket, config=edge.config, name="edge").items)
    at = edge.socket
    assert {row.kind for row in records(items).values()} == {
        "LoadBalancer",
        "Endpoint",
        "Service",
        "ServiceInstance",
    }
    assert {
        (f"frontend:{at}/shop", "CALLS", f"backend:{at}/web"),
        (f"backend:{at}/web", "RUNS_ON", f"server:{at}/web/web1"),
        (f"backend:{at}/web", "RUNS_ON", f"server:{at}/web/web2"),
    } <= relations(items)


def _by_page(edge: Edge) -> Found:
    return found("haproxy", url=edge.page, name="edge", user="reader", token_env="STATS")


def test_its_page_says_the_same_as_its_socket(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATS", "hunter2")
    by_socket = records(found("haproxy", socket=edge.socket, name="edge").items)
    by_page = records(_by_page(edge).items)
    assert {(r.kind, r.name) for r in by_socket.values()} == {
        (r.kind, r.name) for r in by_page.values()
    }


def test_a_wrong_password_is_told_without_it(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATS", "hunter3")
    with pytest.raises(SourceError, match="HAProxy answered 401") as told:
        _by_page(edge)
    assert "hunter3" not in str(told.value)


def test_what_is_bound_is_no_server(edge: Edge) -> None:
    items = found("haproxy", socket=edge.socket).items
    servers = {key for key in records(items) if key.startswith("server:")}
    assert servers == {f"server:{edge.socket}/web/web{number}" for number in (1, 2)}


def test_a_server_that_ends_is_seen_down_and_its_service_once_none_is_left(edge: Edge) -> None:
    at = edge.socket

    def both_up() -> bool:
        return (f"server:{at}/web/web1", "down") in well(found("haproxy", socket=at).items)

    until("the first check", both_up)
    edge.servers[0].shutdown()
    edge.servers[0].server_close()
    gone = f"server:{at}/web/web1", "down"

    def refused() -> dict[tuple[str, str], str]:
        seen = _wrong(edge)  # whom it asked just when its server ended is told as reset first
        return seen if "L4CON" in seen.get(gone, "") else {}

    assert set(until("web1 to be down", refused)) == {gone}
    edge.servers[1].shutdown()
    edge.servers[1].server_close()
    until("web to be down", lambda: (f"backend:{at}/web", "down") in _wrong(edge))


def test_a_page_that_is_not_there_is_one_line(edge: Edge) -> None:
    with pytest.raises(SourceError, match=r"HAProxy answered 50\d|HAProxy answered 404"):
        found("haproxy", url=edge.page.replace("stats", "other"))
