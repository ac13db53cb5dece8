"""A HAProxy: what it listens on, what it spreads over, and how its checks see the servers.

    statistics (the only I/O) -> rows -> LoadBalancer, Endpoint, Service, ServiceInstance

Source: https://docs.haproxy.org/2.6/management.html#9
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import model_validator

from ingest.haproxy.config import routes
from ingest.haproxy.fetch import Statistics, by_socket, by_url
from ingest.haproxy.normalise import Place, normalise
from ingest.haproxy.stat import rows
from kgraph.sourcekit import Found, Here, Source, SourceEntry, UrlOrEmpty, content, folded
from kgraph.web import Credentials

NAME = "haproxy"


class Entry(SourceEntry):
    """One HAProxy, by its statistics socket or its statistics page."""

    type: Literal["haproxy"]
    socket: str = ""  # a path, or host:port
    url: UrlOrEmpty = ""  # of the page; `;csv` is put behind it
    host: str = ""  # the machine that it runs on: what its loopback addresses mean
    config: Path | None = None  # haproxy.cfg, for which front end leads to which back end
    user: str = ""  # of the page, where it has `stats auth`: the token is the password then
    token_env: str = ""
    token_file: Path | None = None
    ca_file: Path | None = None  # who has signed the page's certificate

    @model_validator(mode="after")
    def _one_way(self) -> Entry:
        if bool(self.socket) == bool(self.url):
            raise ValueError("give either socket or url")
        return self

    @property
    def subject(self) -> str:
        """The socket or the page."""
        return self.socket or self.url


def read(entry: Entry, here: Here) -> Found:
    """Read one HAProxy.

    Raises:
        SourceError: it does not answer, or not with statistics.
    """
    told = _statistics(entry, here)
    named = (
        routes(content(here.resolve(entry.config)), str(entry.config)) if entry.config else None
    )
    place = Place(entry.name or told.node or entry.subject, entry.host or told.node, entry.subject)
    items = folded(normalise(rows(told.stat, entry.subject), place, named, here))
    return Found(entry.subject, items, findings=named.findings if named else ())


def _statistics(entry: Entry, here: Here) -> Statistics:
    if entry.url:
        token, ca_file = here.given(entry.token_file), here.given(entry.ca_file)
        return by_url(entry.url, Credentials(entry.token_env, token, user=entry.user), ca_file)
    remote = ":" in entry.socket and not entry.socket.startswith(("/", ".", "~"))
    return by_socket(
        entry.socket if remote else str(here.resolve(Path(entry.socket))), remote=remote
    )


SOURCE = Source(NAME, Entry, read, every=timedelta(seconds=10))
