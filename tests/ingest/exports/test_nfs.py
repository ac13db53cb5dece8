"""What an NFS server answers, byte by byte: the answers are made here, as RFC 7530 has them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from ingest.exports import NFS, Address, ExportError, Look, Reason, parse_address
from ingest.exports.nfs import look
from ingest.exports.rpc import numbers, opaque
from kgraph.schema import InputError

XID = 0x6B677261
ACCEPTED = numbers(XID, 1, 0, 0, 0, 0)  # reply, accepted, no verifier, success
ATTRIBUTES = b"".join(value.to_bytes(8, "big") for value in (0xAB, 0x1, 0x2A, 1 << 40))
DONE = numbers(24, 0, 15, 0, 9, 0)


def compound(state: int, body: bytes = b"", done: int = 0) -> bytes:
    return ACCEPTED + numbers(state) + opaque(b"") + numbers(done) + body


def told(bits: tuple[int, ...] = (1 << 8 | 1 << 20, 1 << 12)) -> bytes:
    attributes = numbers(len(bits), *bits) + opaque(ATTRIBUTES)
    return compound(0, DONE + attributes, done=3)


def served(answer: bytes, cut: Callable[[bytes], list[bytes]] = lambda whole: [whole]) -> int:
    """Answer one call with these bytes, in these fragments; return the port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answers() -> None:
        with listener, listener.accept()[0] as line:
            line.recv(1 << 16)
            parts = cut(answer)
            for number, part in enumerate(parts, 1):
                mark = len(part) | (1 << 31 if number == len(parts) else 0)
                line.sendall(numbers(mark) + part)

    threading.Thread(target=answers, daemon=True).start()
    return int(listener.getsockname()[1])


def seen(answer: bytes) -> Look | Reason:
    try:
        return look("127.0.0.1", served(answer), "/srv", deadline=timedelta(seconds=5))
    except ExportError as error:
        return error.reason


def test_what_lies_there_is_known_by_its_file_system_and_its_root() -> None:
    assert seen(told()) == Look(1 << 40, "nfs4:ab.1/2a")


def test_an_answer_may_come_in_fragments() -> None:
    port = served(told(), lambda whole: [whole[:7], whole[7:]])
    assert look("127.0.0.1", port, "srv", deadline=timedelta(seconds=5)).size_bytes == 1 << 40


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (compound(2), Reason.NO_SUCH_EXPORT),
        (compound(13), Reason.GUARDED),
        (compound(10021), Reason.GUARDED),
        (compound(70), Reason.UNREADABLE),
        (compound(5), Reason.UNREADABLE),
        (told((1 << 8, 0)), Reason.NONSENSE),
        (told()[:-4], Reason.NONSENSE),
        (numbers(XID, 1, 1, 1, 5), Reason.GUARDED),  # who we say we are is not taken
        (numbers(XID, 1, 0, 0, 0, 2, 3, 3), Reason.GUARDED),  # it speaks version 3 only
        (numbers(XID, 1, 0, 0, 0, 4), Reason.NONSENSE),
        (b"HTTP/1.1 400 Bad Request\r\n", Reason.NONSENSE),
    ],
)
def test_each_answer_that_is_none_says_what_it_proves(answer: bytes, reason: Reason) -> None:
    assert seen(answer) is reason


def test_an_answer_without_end_is_not_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answers() -> None:
            with listener.accept()[0] as line:
                line.recv(1 << 16)
                line.sendall(numbers(1 << 30) + b"x")

        threading.Thread(target=answers, daemon=True).start()
        port = int(listener.getsockname()[1])
        with pytest.raises(ExportError, match="does not speak NFS"):
            look("127.0.0.1", port, "srv", deadline=timedelta(seconds=5))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("nfs://stor1/srv/vm/", Address("stor1", 2049, "srv/vm", NFS)),
        ("nfs://[2001:db8::1]/a", Address("2001:db8::1", 2049, "a", NFS)),
        ("nfs://stor1:20049/a", Address("stor1", 20049, "a", NFS)),
    ],
)
def test_an_address_is_as_those_who_mount_it_have_it(text: str, address: Address) -> None:
    assert parse_address(text, NFS) == address
    assert address.text == text.rstrip("/")


def test_an_address_of_another_protocol_is_refused() -> None:
    with pytest.raises(InputError, match="not reached by NFS"):
        parse_address("nbd://stor1/a", NFS)
