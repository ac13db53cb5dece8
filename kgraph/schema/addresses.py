"""Addresses that people write into the configuration, where no password belongs."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator


def without_password(url: str) -> str:
    """Return an address as it is.

    Raises:
        ValueError: it holds a password.
    """
    if urlsplit(url).password:
        raise ValueError("a password does not belong into the configuration")
    return url


Url = Annotated[str, AfterValidator(without_password)]  # a field for an address


def http_url(url: str) -> str:
    """Return an address as it is.

    Raises:
        ValueError: it is none of HTTP, or holds a password.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an http or https address")
    return without_password(url)
