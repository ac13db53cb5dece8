"""The only I/O: ask an Alertmanager for its alerts."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import httpx

from kgraph.schema import ConfigurationError, SourceError

TIMEOUT_SECONDS = 10.0
MOST_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Credentials:
    """Where the bearer token is; never the token itself, so that it can't be logged.

    Attributes:
        token_env: name of an environment variable.
        token_file: a file that holds the token alone.
    """

    token_env: str = ""
    token_file: Path | None = None

    def headers(self) -> dict[str, str]:
        """Read the token now; ConfigurationError when it is named but not there."""
        token = ""
        if self.token_env:
            token = os.environ.get(self.token_env, "")
            if not token:
                raise ConfigurationError(
                    f"environment variable {self.token_env} is not set", mend="export it first"
                )
        elif self.token_file is not None:
            try:
                token = self.token_file.read_text("utf-8").strip()
            except OSError as error:
                reason = error.strerror or "can't be read"
                raise ConfigurationError(
                    reason, where=str(self.token_file), mend="correct the path"
                ) from None
        return {"Authorization": f"Bearer {token}"} if token else {}


def fetch(url: str, credentials: Credentials | None = None) -> bytes:
    """Return the answer of `GET /api/v2/alerts`.

    Args:
        url: the Alertmanager's address, with or without the path.
        credentials: where the token is, if it asks for one.

    Raises:
        SourceError: unreachable, or it did not answer with 200; one line.
        ConfigurationError: the token is named but not there.
    """
    address = url if url.endswith("/api/v2/alerts") else url.rstrip("/") + "/api/v2/alerts"
    headers = (credentials or Credentials()).headers()
    try:
        # Redirects are not followed: a token must not travel to another host.
        with httpx.stream("GET", address, headers=headers, timeout=TIMEOUT_SECONDS) as answer:
            return _body(answer, address)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        what = f"Alertmanager can't be reached: {str(error) or type(error).__name__}"
        raise SourceError(what, where=address, mend="check the address and that it runs") from None


def _body(answer: httpx.Response, address: str) -> bytes:
    if answer.status_code != httpx.codes.OK:
        mend = "check the address, and the token if it asks for one"
        what = f"Alertmanager answered {answer.status_code} {answer.reason_phrase}"
        raise SourceError(what, where=address, mend=mend)
    content = bytearray()
    for chunk in answer.iter_bytes():
        content += chunk
        if len(content) > MOST_BYTES:
            raise SourceError("the answer has no end", where=address, mend="is this Alertmanager?")
    return bytes(content)
