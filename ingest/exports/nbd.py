"""One look at one NBD export. It never writes."""

from __future__ import annotations

from datetime import timedelta

from ingest.exports.address import Address
from ingest.exports.look import Look
from ingest.exports.nbd_client import Client
from ingest.exports.signature import LOOKS_AT, signature
from ingest.exports.wire import Clock


def look(host: str, port: int, export: str, *, deadline: timedelta) -> Look:
    """Connect as a client, negotiate, read the first 64 KiB, and leave.

    Args:
        host: name or address of the server.
        port: its TCP port.
        export: the export's name; may be empty, for the server's default.
        deadline: how long all of it may take.

    Raises:
        ExportError: with the reason; never later than the deadline.
    """
    where = Address(host, port, export).text
    with Client(host, port, export, clock=Clock(deadline), where=where) as client:
        return Look(client.size, signature(client.read(0, LOOKS_AT)))
