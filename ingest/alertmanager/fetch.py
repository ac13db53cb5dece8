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
        """Read the token now; ConfigurationError when it is named but not usable."""
        if self.token_env:
            where, token = f"environment variable {self.token_env}", os.environ.get(self.token_env)
            if token is None:
                raise ConfigurationError("it is not set", where=where, mend="export it first")
        elif self.token_file is not None:
            where, token = str(self.token_file), _content(self.token_file)
        else:
            return {}
        token = token.strip()
        # Checked here: the HTTP library would put a faulty header, token and all, into its error.
        if not token or not all("!" <= character <= "~" for character in token):
            mend = "it must hold the token alone, in one line of ASCII"
            raise ConfigurationError("no usable token", where=where, mend=mend)
        return {"Authorization": f"Bearer {token}"}


def _content(path: Path) -> str:
    try:
        return path.read_text("ascii", errors="replace")
    except OSError as error:
        reason = error.strerror or "can't be read"
        raise ConfigurationError(reason, where=str(path), mend="correct the path") from None


def fetch(url: str, credentials: Credentials | None = None) -> bytes:
    """Return the answer of `GET /api/v2/alerts`.

    Args:
        url: the Alertmanager's address, with or without the path.
        credentials: where the token is, if it asks for one.

    Raises:
        SourceError: unreachable, or it did not answer with 200; one line.
        ConfigurationError: the token is named but not there, or the address holds a password.
    """
    if "@" in url.partition("://")[2].partition("/")[0]:
        mend = "take it out, and name `token_env` or `token_file`"
        raise ConfigurationError("the Alertmanager's address holds a password", mend=mend)
    address = url if url.endswith("/api/v2/alerts") else url.rstrip("/") + "/api/v2/alerts"
    headers = (credentials or Credentials()).headers()
    try:
        # Redirects are not followed: a token must not travel to another host.
        with httpx.stream("GET", address, headers=headers, timeout=TIMEOUT_SECONDS) as answer:
            return _body(answer, address)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
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
