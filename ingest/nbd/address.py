"""The address of an export: `nbd://host:port/name`, as the graph's keys have it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from kgraph.schema import InputError

SCHEME = "nbd"
PORT = 10809
_MEND = "write nbd://host:port/export"


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """Where one export is served.

    Attributes:
        export: its name; empty: the server's default one.
    """

    host: str
    port: int
    export: str

    @property
    def text(self) -> str:
        """The address as a key: port written out, no slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{SCHEME}://{host}:{self.port}/{self.export}".rstrip("/")

    @property
    def local(self) -> bool:
        """Whether it means whatever machine it is used on: another one for each that reads it."""
        try:
            address = ipaddress.ip_address(self.host)
        except ValueError:
            return self.host == "localhost" or self.host.endswith(".localhost")
        return address.is_loopback or address.is_unspecified


def parse_address(text: str) -> Address:
    """Read an address.

    Raises:
        InputError: not of that form, or of another protocol or transport.
    """
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InputError(f"{text!r} is no address: {error}", mend=_MEND) from error
    if parts.scheme != SCHEME:
        raise InputError(f"{text!r} is not reached by NBD over TCP", mend=_MEND)
    if not host or "," in host:
        raise InputError(f"{text!r} names no single host", mend=_MEND)
    # What follows ? or # is a part of the name: urlsplit cuts it off.
    authority = text.partition("://")[2]
    return Address(host.rstrip("."), port or PORT, authority.partition("/")[2].strip("/"))
