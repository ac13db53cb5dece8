"""Addresses that people write into the configuration, where no password belongs."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator


def http_url(url: str) -> str:
    """Return an address as it is.

    Raises:
        ValueError: it is none of HTTP, or holds a password.
    """
    parts = urlsplit(url)
    if parts.password:
        raise ValueError("a password does not belong into the configuration")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an http or https address, such as http://HOST:PORT")
    return url


Url = Annotated[str, AfterValidator(http_url)]  # a field for an address
