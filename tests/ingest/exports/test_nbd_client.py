"""What the client makes of servers that behave, and of those that don't."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.exports import ExportError, Reason
from ingest.exports.nbd import look
from ingest.exports.nbd_client import Client
from ingest.exports.wire import Clock
from tests.ingest.exports.servers import (
    ERROR,
    GREETING,
    HOST,
    fake_server,
    option,
    reply,
    request,
    taken,
)
from tools.ports import free_port

PATIENCE = timedelta(seconds=20)
DISK = bytes(range(256)) * 512  # 128 KiB
EXPORT_INFO = struct.pack(">HQH", 0, len(DISK), 1)
Serve = Callable[[socket.socket], None]


def _greet(connection: socket.socket, flags: int = 3) -> int:
    connection.sendall(GREETING + struct.pack(">H", flags))
    (answer,) = struct.unpack(">I", taken(connection, 4))
    assert answer & ~flags == 0, "a client takes only what was offered"
    return int(answer)


def _reads(connection: socket.socket, error: int = 0) -> None:
    while True:
        command, handle, offset, length = request(connection)
        if command == 2:
            return
        assert command == 0, "a client that only reads"
        data = b"" if error else DISK[offset : offset + length]
        connection.sendall(struct.pack(">IIQ", 0x67446698, error, handle) + data)


def go(*replies: bytes, then: Serve = _reads) -> Serve:
    """A server that answers NBD_OPT_GO by these."""

    def serve(connection: socket.socket) -> None:
        _greet(connection)
        number, _ = option(connection)
        assert number == 7
        for each in replies:
            connection.sendall(each)
        then(connection)

    return serve


WELL = (reply(7, 3, EXPORT_INFO), reply(7, 1))


def failure(serve: Serve, patience: timedelta = PATIENCE) -> ExportError:
    with fake_server(serve) as port, pytest.raises(ExportError) as caught:
        look(HOST, port, "disk", deadline=patience)
    return caught.value


def test_a_range_is_read_in_pieces_that_the_server_takes() -> None:
    blocks = reply(7, 3, struct.pack(">HIII", 3, 4096, 4096, 8192))
    with fake_server(go(WELL[0], blocks, WELL[1])) as port:
        clock = Clock(PATIENCE)
        with Client(HOST, port, "disk", clock=clock, where="here") as client:
            assert client.size == len(DISK)
            assert client.read(4096, 70_000) == DISK[4096:73728]
            assert client.read(len(DISK) - 4096, 8192) == DISK[-4096:]
            with pytest.raises(ValueError, match="cannot read"):
                client.read(100, 4096)


def test_a_server_without_the_go_option_is_asked_by_name() -> None:
    def serve(connection: socket.socket) -> None:
        assert _greet(connection, flags=1) == 1
        assert option(connection)[0] == 7
        connection.sendall(reply(7, ERROR + 1))
        assert option(connection) == (1, b"disk")
        connection.sendall(struct.pack(">QH", len(DISK), 1) + bytes(124))
        _reads(connection)

    with fake_server(serve) as port:
        assert look(HOST, port, "disk", deadline=PATIENCE).size_bytes == len(DISK)


def test_a_server_that_is_not_fixed_is_asked_by_name_at_once() -> None:
    def serve(connection: socket.socket) -> None:
        assert _greet(connection, flags=2) == 2
        assert option(connection) == (1, b"disk")
        connection.sendall(struct.pack(">QH", len(DISK), 1))
        _reads(connection)

    with fake_server(serve) as port:
        assert look(HOST, port, "disk", deadline=PATIENCE).size_bytes == len(DISK)


def test_hanging_up_when_asked_by_name_means_that_there_is_no_such_export() -> None:
    def serve(connection: socket.socket) -> None:
        _greet(connection, flags=0)
        option(connection)

    assert failure(serve).reason is Reason.NO_SUCH_EXPORT


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (2, Reason.GUARDED),
        (5, Reason.GUARDED),
        (6, Reason.NO_SUCH_EXPORT),
        (7, Reason.GUARDED),
    ],
)
def test_a_refusal_is_told_with_the_servers_own_words_in_one_line(
    code: int, reason: Reason
) -> None:
    aborted: list[int] = []

    def then(connection: socket.socket) -> None:
        aborted.append(option(connection)[0])

    error = failure(go(reply(7, ERROR + code, b"go\naway\x1b[2J"), then=then))
    assert error.reason is reason
    assert "go away" in str(error)
    assert str(error).isprintable()
    assert aborted == [2], "the client says that it leaves"


def test_nobody_listening_is_refused_at_once() -> None:
    started = time.monotonic()
    with pytest.raises(ExportError, match="connection refused") as caught:
        look(HOST, free_port(), "disk", deadline=PATIENCE)
    assert caught.value.reason is Reason.REFUSED
    assert time.monotonic() - started < PATIENCE.total_seconds() / 2


def test_a_name_that_nobody_knows_is_no_export_that_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unknown(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(ExportError) as caught:
        look("no-such-host.invalid", 10809, "disk", deadline=PATIENCE)
    assert caught.value.reason is Reason.UNNAMED


def test_a_resolver_that_hangs_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = socket.getaddrinfo

    def slow(host: str, port: int, **options: int) -> object:
        if not options.get("flags"):
            time.sleep(1)
        return answered(host, port, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with pytest.raises(ExportError, match="not resolved within") as caught:
        look("localhost", 10809, "disk", deadline=timedelta(seconds=0.2))
    assert caught.value.reason is Reason.UNNAMED
    time.sleep(1)  # let the resolver's thread end


@pytest.mark.parametrize(
    "said",
    [b"", GREETING, GREETING + b"\0\3"],
    ids=["at once", "after the greeting", "after the flags"],
)
def test_a_server_that_falls_silent_ends_at_the_deadline(said: bytes) -> None:
    def serve(connection: socket.socket) -> None:
        connection.sendall(said)
        while connection.recv(64):
            continue

    started = time.monotonic()
    error = failure(serve, timedelta(seconds=0.3))
    assert error.reason is Reason.SILENT
    assert "no answer within 0.3 s" in str(error)
    assert time.monotonic() - started < PATIENCE.total_seconds() / 2


def test_a_server_that_trickles_ends_at_the_deadline() -> None:
    def serve(connection: socket.socket) -> None:
        for byte in GREETING * 40:
            connection.sendall(bytes([byte]))
            time.sleep(0.05)

    started = time.monotonic()
    assert failure(serve, timedelta(seconds=0.4)).reason is Reason.SILENT
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("serve", "told"),
    [
        (lambda c: c.sendall(b"SSH-2.0-OpenSSH_9.2p1 and more"), "does not speak NBD"),
        (lambda c: c.sendall(b"NBDMAGIC" + bytes(144)), "oldstyle"),
        (go(reply(7, 1)), "does not tell the export's size"),
        (go(reply(3, 1)), "its answer to an option is none"),
        (go(struct.pack(">QIII", 0x0003E889045565A9, 7, 3, 1 << 31)), "an answer of 2147483648"),
        (go(*[reply(7, 3, b"\0\1name")] * 70), "does not end"),
        (go(reply(7, 3, b"x")), "cut off"),
        (go(WELL[0], reply(7, 3, struct.pack(">HIII", 3, 3, 3, 3)), WELL[1]), "block sizes"),
        (go(*WELL, then=lambda c: c.sendall(bytes(16))), "its answer to a read is none"),
    ],
)
def test_nonsense_is_told_as_such(serve: Serve, told: str) -> None:
    error = failure(serve)
    assert error.reason is Reason.NONSENSE
    assert told in str(error)


def test_a_failed_read_is_told_with_its_place() -> None:
    error = failure(go(*WELL, then=lambda c: _reads(c, error=5)))
    assert error.reason is Reason.UNREADABLE
    assert "a read at byte 0 failed with errno 5" in str(error)


def test_hanging_up_at_once_is_no_silence() -> None:
    assert failure(lambda _c: None).reason is Reason.DROPPED


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    said=st.binary(max_size=400),
    polite=st.sampled_from(["polite", "rude"]),
    kinds=st.lists(st.tuples(st.integers(0, ERROR + 9), st.binary(max_size=40)), max_size=6),
)
def test_whatever_a_server_says_the_look_ends_in_time_with_a_reason(
    said: bytes,
    polite: str,
    kinds: list[tuple[int, bytes]],
) -> None:
    def serve(connection: socket.socket) -> None:
        if polite == "polite":
            _greet(connection)
            option(connection)
            for kind, data in kinds:
                connection.sendall(reply(7, kind, data))
        connection.sendall(said)

    started = time.monotonic()
    with fake_server(serve) as port, pytest.raises(ExportError) as caught:
        look(HOST, port, "disk", deadline=timedelta(seconds=0.5))
    assert time.monotonic() - started < 10
    assert "\n" not in str(caught.value)
