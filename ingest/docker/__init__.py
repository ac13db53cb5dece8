"""A Docker engine: containers, their networks and volumes, and Compose's services.

    the engine's API (the only I/O) -> answers -> records and states

Source: https://docs.docker.com/reference/api/engine/
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal

from ingest.docker.fetch import Engine, fetch
from ingest.docker.normalise import normalise
from kgraph.sourcekit import Found, Here, Source, SourceEntry, UrlOrEmpty, folded, own_name

NAME = "docker"


class Entry(SourceEntry):
    """One engine, by its socket or over the network."""

    type: Literal["docker"]
    socket: Path = Path("/var/run/docker.sock")
    url: UrlOrEmpty = ""  # http(s)://host:port instead of the socket
    host: str = ""  # the machine's name; empty: what the engine calls it

    @property
    def subject(self) -> str:
        """The socket or the address."""
        return self.url or str(self.socket)


def read(entry: Entry, here: Here) -> Found:
    """Read one engine.

    Raises:
        SourceError: it does not answer, or answers nonsense.
    """
    engine = Engine(entry.url, None if entry.url else here.resolve(entry.socket))
    told = fetch(engine)
    host = entry.host or own_name(told.info.needed("Name"), f"docker {entry.subject}")
    items = folded(normalise(told, host, here))
    findings = tuple(f"docker {entry.subject}: {line}" for line in told.gone)
    return Found(host, items, findings=findings)


SOURCE = Source(NAME, Entry, read, every=timedelta(seconds=15))
