"""Does it answer over HTTP, and without a server error? One GET, of which only the head is read.

Redirects are answers. Whose certificate is not good is in trouble with whoever asks it.
"""

from __future__ import annotations

import ssl
import time
from datetime import timedelta

import httpx

from ingest.detect.checks.seen import Seen, Target, slow, unanswered, well, wrong
from kgraph.schema.errors import one_line

_SERVER_ERROR = 500


def look(target: Target, patience: timedelta) -> tuple[Seen, ...]:
    """Look once."""
    begin = time.monotonic()
    seconds = patience.total_seconds()
    try:
        trusted = ssl.create_default_context(cafile=target.ca_file or None)
        with (
            httpx.Client(
                verify=trusted, timeout=seconds, trust_env=False, follow_redirects=False
            ) as client,
            client.stream("GET", target.url, headers={"User-Agent": "kgraph-check"}) as answer,
        ):
            taken = time.monotonic() - begin
            told = f"{target.address} answers {answer.status_code}, {taken * 1000:.0f} ms"
            if answer.status_code >= _SERVER_ERROR:
                return (wrong("errors", told), *well("down", "unreachable"))
            return (*well("errors", "down", "unreachable", detail=told), *slow(target, taken))
    except httpx.ConnectTimeout:
        return unanswered(target, TimeoutError())
    except httpx.TimeoutException:
        told = f"{target.address} takes the request and answers nothing"
        return (wrong("errors", told), *well("unreachable"))
    except httpx.TransportError as error:
        return _broken(target, error)
    except OSError as error:  # the file of certificates
        return unanswered(target, error)


def _broken(target: Target, error: httpx.TransportError) -> tuple[Seen, ...]:
    """Tell what is behind a failure: httpx names the way in which it failed, not why."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            told = f"{target.address}: TLS failed: {one_line(cause)}"
            return (wrong("errors", told), *well("unreachable"))
        if isinstance(cause, OSError) and unanswered(target, cause):
            return unanswered(target, cause)
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.RemoteProtocolError):
        told = f"{target.address} does not speak HTTP, or hangs up: {one_line(error)}"
        return (wrong("errors", told), *well("unreachable"))
    return ()
