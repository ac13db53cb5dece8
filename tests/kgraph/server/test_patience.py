"""Who asks nothing, or half of it, is sent away, and takes no place from who asks."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import httpx
import pytest

from kgraph.config import Configuration
from kgraph.server.patience import end_unread, patient
from kgraph.server.service import Service

from .conftest import listening


@pytest.fixture
def url(configured: Callable[[str], Configuration]) -> Iterator[str]:
    with listening(Service(configured("")), http=patient(1.0), limit_concurrency=3) as url:
        yield url


def connected(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def read_until(line: socket.socket, end: bytes) -> None:
    found = b""
    while not found.endswith(end):
        part = line.recv(65_536)
        assert part, found
        found += part


@pytest.mark.parametrize("said", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_a_connection_on_which_nothing_whole_is_asked_ends(url: str, said: bytes) -> None:
    with connected(url) as one, connected(url) as other, connected(url) as third:
        for each in (one, other, third):
            each.sendall(said)
        assert [each.recv(1) for each in (one, other, third)] == [b""] * 3
    assert httpx.get(f"{url}/healthz").status_code == 200


def test_half_a_second_request_ends_it_too(url: str) -> None:
    with connected(url) as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        read_until(line, b'{"status":"ok"}')
        line.sendall(b"GET /hea")
        assert line.recv(1) == b""


def test_an_answer_that_is_on_its_way_is_not_cut_off(
    configured: Callable[[str], Configuration],
) -> None:
    told = configured('[server]\nauthentication = "none"\n')
    with listening(Service(told), http=patient(0.5)) as url, connected(url) as line:
        line.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: {url[7:]}\r\n\r\n".encode())
        read_until(line, b"retry: 3000\n\n\r\n")
        line.settimeout(1.0)
        with pytest.raises(TimeoutError):
            line.recv(1)


def test_what_nobody_reads_is_given_up() -> None:
    with socket.socket() as listener:
        end_unread(listener)
        assert listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000


def test_a_body_that_dribbles_behind_its_answer_ends_it_too(url: str) -> None:
    with connected(url) as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        read_until(line, b'{"status":"ok"}')
        line.sendall(b"x")
        assert line.recv(1) == b""
