"""Addresses that people write into the configuration, where no password belongs."""

from __future__ import annotations

import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator


def http_url(url: str) -> str:
    """Return an address as it is.

    Raises:
        ValueError: it is none of HTTP, or holds a password.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port  # reads it: no number, or one too large, is a ValueError
    except ValueError:
        raise ValueError(_NONE) from None
    if parts.password:
        raise ValueError("a password does not belong into the configuration")
    # `urlsplit` drops blanks, line ends and tabs where it finds them, and others do not.
    clean = url.isprintable() and not any(map(str.isspace, url))
    if parts.scheme not in {"http", "https"} or not parts.hostname or not clean:
        raise ValueError(_NONE)
    return url


def http_url_or_empty(url: str) -> str:
    """Return an address as it is, or nothing where nothing is written.

    Raises:
        ValueError: it is none of HTTP, or holds a password.
    """
    return http_url(url) if url else url


def without_password(uri: str) -> str:
    """Return libvirt's address of a connection as it is: it names things, and is shown everywhere.

    Raises:
        ValueError: it holds a password, which libvirt takes from its own auth file.
    """
    authority = uri.partition("://")[2].partition("/")[0]
    if ":" in authority.rpartition("@")[0]:
        raise ValueError("a password does not belong into an address: name an `?authfile=`")
    return uri


def is_loopback(host: str) -> bool:
    """Tell whether a host, without brackets, is this machine, which nothing on a network hears."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_NONE = "must be an http or https address, such as http://HOST:PORT"
Url = Annotated[str, AfterValidator(http_url)]  # a field for an address
LibvirtUri = Annotated[str, AfterValidator(without_password)]
UrlOrEmpty = Annotated[str, AfterValidator(http_url_or_empty)]  # for one that may be left out
