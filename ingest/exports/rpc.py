"""One ONC RPC call over TCP, bounded in time by its wire and in size here.

Source: https://www.rfc-editor.org/rfc/rfc5531
"""

from __future__ import annotations

import struct

from ingest.exports.reasons import Reason
from ingest.exports.wire import Wire

_LAST = 1 << 31  # of the fragments of one message
_CALL, _REPLY, _VERSION = 0, 1, 2
_AUTH_NONE, _AUTH_SYS = 0, 1
_ACCEPTED = 0
_SUCCESS, _NO_PROGRAM, _NO_VERSION = 0, 1, 2
_MOST = 1 << 16  # bytes of one reply
_XID = 0x6B677261  # one call a connection: nothing else can be answered on it


class Reader:
    """Reads XDR from the start; what ends early is nonsense."""

    def __init__(self, data: bytes, wire: Wire) -> None:
        self._data, self._at, self._wire = data, 0, wire

    def take(self, count: int) -> bytes:
        """Return the next bytes."""
        part = self._data[self._at : self._at + count]
        if len(part) < count:
            raise self._wire.error(Reason.NONSENSE, "its answer ends in the middle")
        self._at += count
        return part

    def number(self) -> int:
        """Return an unsigned number of 32 bits."""
        return int.from_bytes(self.take(4), "big")

    def large(self) -> int:
        """Return an unsigned number of 64 bits."""
        return int.from_bytes(self.take(8), "big")

    def opaque(self) -> bytes:
        """Return bytes of a length that stands before them."""
        length = self.number()
        found = self.take(length)
        self.take(-length % 4)
        return found


def numbers(*values: int) -> bytes:
    """Return unsigned numbers of 32 bits as XDR has them."""
    return struct.pack(f">{len(values)}I", *values)


def opaque(content: bytes) -> bytes:
    """Return bytes with their length before them, filled up to four."""
    return numbers(len(content)) + content + bytes(-len(content) % 4)


def call(wire: Wire, program: int, version: int, procedure: int, body: bytes, ids: str) -> Reader:
    """Call a procedure once; return its results.

    Args:
        wire: a fresh connection.
        program: what is called.
        version: of it.
        procedure: of that.
        body: its arguments.
        ids: `uid:gid` that are claimed, as every NFS client does.

    Raises:
        ExportError: with the reason.
    """
    uid, gid = map(int, ids.split(":"))
    claim = numbers(0) + opaque(b"kgraph") + numbers(uid, gid, 0)
    head = numbers(_XID, _CALL, _VERSION, program, version, procedure, _AUTH_SYS) + opaque(claim)
    message = head + numbers(_AUTH_NONE, 0) + body
    wire.send(numbers(_LAST | len(message)) + message)
    answer = Reader(_message(wire), wire)
    if (answer.number(), answer.number()) != (_XID, _REPLY):
        raise wire.error(Reason.NONSENSE, "what listens there does not speak NFS")
    if answer.number() != _ACCEPTED:
        raise wire.error(Reason.GUARDED, "it answers, and does not want us")
    answer.number()
    answer.opaque()
    state = answer.number()
    if state in {_NO_PROGRAM, _NO_VERSION}:
        raise wire.error(Reason.GUARDED, f"it answers, and speaks no NFS {version}")
    if state != _SUCCESS:
        raise wire.error(Reason.NONSENSE, f"it does not understand the call ({state})")
    return answer


def _message(wire: Wire) -> bytes:
    """Receive one message, in as many fragments as it comes."""
    found = bytearray()
    last = False
    while not last:
        mark = int.from_bytes(wire.receive(4), "big")
        last, size = bool(mark & _LAST), mark & ~_LAST
        if len(found) + size > _MOST:
            raise wire.error(Reason.NONSENSE, "what listens there does not speak NFS")
        found += wire.receive(size)
    return bytes(found)
