"""The only I/O: ask an Alertmanager for its alerts."""

from __future__ import annotations

from datetime import datetime

from kgraph.schema import SourceError
from kgraph.schema.timestamps import parse_time
from kgraph.sourcekit import parsed
from kgraph.web import Asker, Credentials, NoAnswerError, Service

_ALERTS = "/api/v2/alerts"


def fetch(url: str, credentials: Credentials | None = None) -> tuple[bytes, str, datetime | None]:
    """Return the answer of `GET /api/v2/alerts`, its `Date`, and since when the service runs.

    The last by its own clock; None where it does not say.

    Args:
        url: the Alertmanager's address, with or without the path.
        credentials: where the token is, if it asks for one.

    Raises:
        SourceError: unreachable, or it did not answer with 200; one line.
        ConfigurationError: the token is named but not there, or the address holds a password.
    """
    service = url.rstrip("/").removesuffix(_ALERTS)
    with Service("Alertmanager", service, credentials or Credentials()).asking() as ask:
        # Started anew in between, it says so.
        return *ask.get_for(_ALERTS, "Date"), _started_at(ask)


def _started_at(ask: Asker) -> datetime | None:
    """Ask what others that speak its language may not know."""
    try:
        told = parsed(ask.get("/api/v2/status"), ask.service.url).text("uptime")
        return parse_time(told) if told else None
    except NoAnswerError:
        raise
    except (SourceError, ValueError):
        return None
