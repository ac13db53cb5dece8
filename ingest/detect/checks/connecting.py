"""Connecting within a time that counts from the first try, for all that follows."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from ingest.detect.checks.seen import Target


class Left:
    """How much time is left; raises TimeoutError once there is none."""

    def __init__(self, patience: timedelta) -> None:
        self._end = time.monotonic() + patience.total_seconds()

    def seconds(self) -> float:
        """Return what is left, > 0."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


@contextmanager
def connected(target: Target, left: Left) -> Iterator[socket.socket]:
    """Connect, and close in the end; OSError as the socket raises it."""
    with socket.create_connection((target.host, target.port), left.seconds()) as line:
        yield line


def some_bytes(line: socket.socket, left: Left, most: int) -> bytes:
    """Return bytes up to the end of a line, of the connection, or up to `most`."""
    found = b""
    while len(found) < most and b"\n" not in found:
        line.settimeout(left.seconds())
        part = line.recv(most - len(found))
        if not part:
            break
        found += part
    return found
