"""The only I/O: ask an Alertmanager for its alerts."""

from __future__ import annotations

from kgraph.web import Credentials, Service


def fetch(url: str, credentials: Credentials | None = None) -> bytes:
    """Return the answer of `GET /api/v2/alerts`.

    Args:
        url: the Alertmanager's address, with or without the path.
        credentials: where the token is, if it asks for one.

    Raises:
        SourceError: unreachable, or it did not answer with 200; one line.
        ConfigurationError: the token is named but not there, or the address holds a password.
    """
    with Service("Alertmanager", url, credentials or Credentials()).asking() as ask:
        return ask.get("/api/v2/alerts")
