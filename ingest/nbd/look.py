"""One look at one export."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ingest.nbd.address import Address
from ingest.nbd.client import Client
from ingest.nbd.signature import LOOKS_AT, signature
from ingest.nbd.wire import Clock


@dataclass(frozen=True, slots=True)
class Look:
    """What a healthy export showed: its size, and what is on it (see `signature`)."""

    size_bytes: int
    signature: str


def look(host: str, port: int, export: str, *, deadline: timedelta) -> Look:
    """Connect as a client, negotiate, read the first 64 KiB, and leave.

    Args:
        host: name or address of the server.
        port: its TCP port.
        export: the export's name; may be empty, for the server's default.
        deadline: how long all of it may take.

    Raises:
        NbdError: with the reason; never later than the deadline.
    """
    where = Address(host, port, export).text
    with Client(host, port, export, clock=Clock(deadline), where=where) as client:
        return Look(client.size, signature(client.read(0, LOOKS_AT)))
