"""A client that only reads: it connects, learns an export's size, reads ranges, and leaves.

Bounded in time by one deadline, and in size whatever a server claims. It has no code that writes.

Source: https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Self

from ingest.exports.reasons import ExportError, Reason
from ingest.exports.wire import Clock, Wire

_GREETING = b"NBDMAGIC"
_OPTIONS = b"IHAVEOPT"
_OPTION_REPLY = 0x0003E889045565A9
_REQUEST, _REPLY = 0x25609513, 0x67446698
_ERROR_BIT = 1 << 31

_MOST_REPLY = 8192  # a string has at most 4096 bytes
_MOST_REPLIES = 64
_MOST_NAME = 4096
_MOST_READ = 1 << 20
_CHUNK = 1 << 15
_SECTOR = 512  # what every server can read, where it says nothing


class _Flag(IntFlag):
    """Handshake flags; the client's own have the same values."""

    FIXED_NEWSTYLE = 1
    NO_ZEROES = 2


class _Option(IntEnum):
    EXPORT_NAME = 1
    ABORT = 2
    GO = 7


class _OptionReply(IntEnum):
    ACK = 1
    INFO = 3
    UNSUPPORTED = _ERROR_BIT + 1
    POLICY = _ERROR_BIT + 2
    TLS_REQUIRED = _ERROR_BIT + 5
    UNKNOWN = _ERROR_BIT + 6


class _Info(IntEnum):
    EXPORT = 0
    BLOCK_SIZE = 3


class _Command(IntEnum):
    READ = 0
    DISCONNECT = 2


_REFUSALS = {
    _OptionReply.UNKNOWN: Reason.NO_SUCH_EXPORT,
    _OptionReply.POLICY: Reason.GUARDED,
    _OptionReply.TLS_REQUIRED: Reason.GUARDED,
}


@dataclass(frozen=True, slots=True)
class _Export:
    """What the server says of an export; block sizes in bytes."""

    size: int
    least_block: int = _SECTOR
    most_block: int = _CHUNK


class Client:
    """A session with one export; a context manager that says good-bye.

    Attributes:
        size: of the export, in bytes.
    """

    def __init__(self, host: str, port: int, export: str, *, clock: Clock, where: str) -> None:
        """Connect and negotiate.

        Raises:
            ExportError: see `Reason`.
        """
        self._wire = Wire(host, port, clock, where)
        self._handle = 0
        try:
            self._export = _negotiate(self._wire, export)
        except ExportError as error:
            talking = error.reason in {Reason.NO_SUCH_EXPORT, Reason.GUARDED}
            self._wire.close(_option(_Option.ABORT) if talking else b"")
            raise
        except BaseException:
            self._wire.close()
            raise
        self.size = self._export.size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._wire.close(_request(_Command.DISCONNECT))

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`: less at the end of the export.

        Where the server reads whole blocks only, an unfinished last block is left out.

        Raises:
            ExportError: see `Reason`.
            ValueError: more than 1 MiB, or not at the start of a block.
        """
        if not 0 <= length <= _MOST_READ or offset < 0 or offset % self._export.least_block:
            raise ValueError(f"cannot read {length} bytes at {offset}")
        block = self._export.least_block if self.size >= self._export.least_block else 1
        end = min(offset + length, self.size)
        end -= end % block
        data = bytearray()
        while offset + len(data) < end:
            start = offset + len(data)
            data += self._read_chunk(start, min(end - start, self._export.most_block))
        return bytes(data)

    def _read_chunk(self, offset: int, length: int) -> bytes:
        self._handle += 1
        self._wire.send(_request(_Command.READ, self._handle, offset, length))
        magic, error, handle = struct.unpack(">IIQ", self._wire.receive(16))
        if (magic, handle) != (_REPLY, self._handle):
            raise self._wire.error(Reason.NONSENSE, "its answer to a read is none")
        if error:
            what = f"a read at byte {offset} failed with errno {error}"
            raise self._wire.error(Reason.UNREADABLE, what)
        return self._wire.receive(length)


def _negotiate(wire: Wire, export: str) -> _Export:
    name = export.encode()
    if len(name) > _MOST_NAME:
        what = f"an export's name has at most {_MOST_NAME} bytes"
        raise wire.error(Reason.NO_SUCH_EXPORT, what)
    flags = _greeted(wire)
    if _Flag.FIXED_NEWSTYLE in flags:
        found = _go(wire, name)
        if found is not None:
            return found
    return _by_name(wire, name, flags)


def _greeted(wire: Wire) -> _Flag:
    """Take the server's greeting, answer it, and return the flags that both know."""
    greeting = wire.receive(16)
    if greeting != _GREETING + _OPTIONS:
        old = greeting.startswith(_GREETING)
        what = "speaks the oldstyle protocol only" if old else "does not speak NBD"
        raise wire.error(Reason.NONSENSE, f"what listens there {what}")
    (offered,) = struct.unpack(">H", wire.receive(2))
    flags = _Flag(offered & (_Flag.FIXED_NEWSTYLE | _Flag.NO_ZEROES))
    wire.send(struct.pack(">I", flags))
    return flags


def _go(wire: Wire, name: bytes) -> _Export | None:
    """Ask for the export by NBD_OPT_GO; None where the server does not know that option."""
    wanted = struct.pack(">HH", 1, _Info.BLOCK_SIZE)
    wire.send(_option(_Option.GO, struct.pack(">I", len(name)) + name + wanted))
    size: int | None = None
    blocks: tuple[int, int] = (_SECTOR, _CHUNK)
    for _ in range(_MOST_REPLIES):
        kind, data = _option_reply(wire, _Option.GO)
        if kind == _OptionReply.ACK:
            if size is None:
                raise wire.error(Reason.NONSENSE, "the server does not tell the export's size")
            return _Export(size, *blocks)
        if kind == _OptionReply.UNSUPPORTED:
            return None
        if kind & _ERROR_BIT:
            raise _refusal(wire, kind, data)
        if kind == _OptionReply.INFO:
            size, blocks = _information(wire, data, size, blocks)
    raise wire.error(Reason.NONSENSE, "the server's answer to NBD_OPT_GO does not end")


def _information(
    wire: Wire, data: bytes, size: int | None, blocks: tuple[int, int]
) -> tuple[int | None, tuple[int, int]]:
    """Return what is known after one NBD_REP_INFO; unknown kinds are passed over."""
    if len(data) < 2:
        raise wire.error(Reason.NONSENSE, "an answer to NBD_OPT_GO is cut off")
    (kind,) = struct.unpack_from(">H", data)
    if kind == _Info.EXPORT and len(data) == 12:
        (size,) = struct.unpack_from(">Q", data, 2)
    elif kind == _Info.BLOCK_SIZE and len(data) == 14:
        least, _, most = struct.unpack_from(">III", data, 2)
        if not 1 <= least <= most or least & (least - 1) or least > _CHUNK:
            raise wire.error(Reason.NONSENSE, f"block sizes of {least} to {most} bytes")
        most = min(most, _CHUNK)
        blocks = (least, most - most % least)
    return size, blocks


def _by_name(wire: Wire, name: bytes, flags: _Flag) -> _Export:
    """Ask for the export by NBD_OPT_EXPORT_NAME, to which a refusal is a hung up connection."""
    wire.send(_option(_Option.EXPORT_NAME, name))
    try:
        size, _ = struct.unpack(">QH", wire.receive(10))
    except ExportError as error:
        if error.reason is not Reason.DROPPED:
            raise
        what = "the server hung up when it was asked for this export"
        raise wire.error(Reason.NO_SUCH_EXPORT, what) from error
    if _Flag.NO_ZEROES not in flags:
        wire.receive(124)
    return _Export(size)


def _option_reply(wire: Wire, option: _Option) -> tuple[int, bytes]:
    """Return type and data of one reply to an option."""
    magic, answered, kind, length = struct.unpack(">QIII", wire.receive(20))
    if (magic, answered) != (_OPTION_REPLY, option):
        raise wire.error(Reason.NONSENSE, "its answer to an option is none")
    if length > _MOST_REPLY:
        raise wire.error(Reason.NONSENSE, f"an answer of {length} bytes to an option")
    return kind, wire.receive(length)


def _refusal(wire: Wire, kind: int, data: bytes) -> ExportError:
    text = data.decode(errors="replace")
    said = " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200]
    reason = next((why for code, why in _REFUSALS.items() if code == kind), Reason.GUARDED)
    if reason is Reason.NO_SUCH_EXPORT:
        what = "the server has no such export"
    elif kind == _OptionReply.TLS_REQUIRED:
        what = "the server wants TLS"
    else:
        what = f"the server refuses (error {kind & ~_ERROR_BIT})"
    return wire.error(reason, f"{what}: {said}" if said else what)


def _option(option: _Option, data: bytes = b"") -> bytes:
    return _OPTIONS + struct.pack(">II", option, len(data)) + data


def _request(command: _Command, handle: int = 0, offset: int = 0, length: int = 0) -> bytes:
    return struct.pack(">IHHQQI", _REQUEST, 0, command, handle, offset, length)
