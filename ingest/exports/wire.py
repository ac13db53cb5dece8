"""A connection on which nothing takes longer than it may, however the other side behaves."""

from __future__ import annotations

import errno
import socket
import threading
import time
from contextlib import suppress
from datetime import timedelta
from queue import Empty, SimpleQueue

from ingest.exports.reasons import ExportError, Reason
from kgraph.schema.errors import one_line

Target = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
Address = tuple[socket.AddressFamily, Target]
_NO_WAY = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN})


class Clock:
    """What is left until a deadline."""

    def __init__(self, patience: timedelta) -> None:
        self._patience = patience
        self._end = time.monotonic() + patience.total_seconds()

    def left(self) -> float:
        """Return the seconds that are left.

        Raises:
            TimeoutError: none are.
        """
        seconds = self._end - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds

    def __str__(self) -> str:
        return f"{self._patience.total_seconds():g} s"


class Wire:
    """One TCP connection; each call raises ExportError by what went wrong."""

    def __init__(self, host: str, port: int, clock: Clock, where: str) -> None:
        self._clock, self.where = clock, where
        self._socket = _connect(host, port, clock, where)

    def send(self, data: bytes) -> None:
        """Send all of it."""
        try:
            self._socket.settimeout(self._clock.left())
            self._socket.sendall(data)
        except OSError as error:
            raise self._broken(error) from error

    def receive(self, count: int) -> bytes:
        """Receive exactly `count` bytes."""
        data = bytearray()
        while len(data) < count:
            try:
                self._socket.settimeout(self._clock.left())
                part = self._socket.recv(count - len(data))
            except OSError as error:
                raise self._broken(error) from error
            if not part:
                raise self.error(Reason.DROPPED, "the server hung up")
            data += part
        return bytes(data)

    def close(self, farewell: bytes = b"") -> None:
        """Say good-bye if that is possible at once, and hang up."""
        with suppress(OSError):
            self._socket.settimeout(0)
            self._socket.send(farewell)
        self._socket.close()

    def error(self, reason: Reason, what: str) -> ExportError:
        """Return the error that says what is wrong with this export."""
        return ExportError(reason, what, where=self.where)

    def _broken(self, error: OSError) -> ExportError:
        if isinstance(error, TimeoutError):
            return self.error(Reason.SILENT, f"connected, but no answer within {self._clock}")
        return self.error(Reason.DROPPED, f"the connection broke: {one_line(error)}")


def _connect(host: str, port: int, clock: Clock, where: str) -> socket.socket:
    """Connect to the first of a name's addresses that takes the call."""
    failed: OSError = TimeoutError()
    found = _resolve(host, port, clock, where)
    for number, (family, address) in enumerate(found):
        attempt = socket.socket(family, socket.SOCK_STREAM)
        try:
            # A dead IPv6 address must not use up the time of the IPv4 one after it.
            attempt.settimeout(clock.left() / (len(found) - number))
            attempt.connect(address)
        except OSError as error:
            attempt.close()
            failed = error
        else:
            return attempt
    if isinstance(failed, ConnectionRefusedError):
        raise ExportError(Reason.REFUSED, "connection refused", where=where) from failed
    if isinstance(failed, TimeoutError):
        what = f"no connection within {clock}"
    elif failed.errno in _NO_WAY:
        what = f"no way there: {one_line(failed)}"
    else:
        what = f"cannot connect: {one_line(failed)}"
    raise ExportError(Reason.UNREACHABLE, what, where=where) from failed


def _resolve(host: str, port: int, clock: Clock, where: str) -> list[Address]:
    """Look a name up in a thread of its own: a resolver that waits can't be interrupted."""
    numeric = _numeric(host, port)
    if numeric:
        return numeric
    outcome: SimpleQueue[list[Address] | OSError] = SimpleQueue()

    def work() -> None:
        try:
            outcome.put(_addresses(host, port))
        except (OSError, UnicodeError) as error:
            outcome.put(error if isinstance(error, OSError) else OSError(str(error)))

    threading.Thread(target=work, name=f"resolve {host}", daemon=True).start()
    try:
        found = outcome.get(timeout=clock.left())
    except (Empty, TimeoutError):
        what = f"the name was not resolved within {clock}"
        raise ExportError(Reason.UNNAMED, what, where=where) from None
    if isinstance(found, OSError):
        what = f"cannot resolve the name: {one_line(found)}"
        raise ExportError(Reason.UNNAMED, what, where=where) from found
    return found


def _numeric(host: str, port: int) -> list[Address]:
    try:
        return _addresses(host, port, socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return []


def _addresses(host: str, port: int, flags: int = 0) -> list[Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return [(family, address) for family, _, _, _, address in found]
