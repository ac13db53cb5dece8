"""The only I/O: ask an Alertmanager for its alerts."""

from __future__ import annotations

from kgraph.web import Credentials, Service


def fetch(url: str, credentials: Credentials | None = None) -> tuple[bytes, str]:
    """Return the answer of `GET /api/v2/alerts`, and the time that it was given at: its `Date`.

    Args:
        url: the Alertmanager's address, with or without the path.
        credentials: where the token is, if it asks for one.

    Raises:
        SourceError: unreachable, or it did not answer with 200; one line.
        ConfigurationError: the token is named but not there, or the address holds a password.
    """
    with Service("Alertmanager", url, credentials or Credentials()).asking() as ask:
        return ask.get_for("/api/v2/alerts", "Date")
