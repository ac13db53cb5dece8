"""The address of an export as the graph's keys have it: `nbd://host:port/name`, `nfs://host/path`."""

from __future__ import annotations

import ipaddress
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from kgraph.schema import InputError
from kgraph.schema.addresses import is_loopback

NBD, NFS = "nbd", "nfs"
_PORTS = {NBD: 10809, NFS: 2049}
_MEND = {NBD: "write nbd://host:port/export", NFS: "write nfs://host/path"}


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """Where one export is served.

    Attributes:
        export: its name; empty: the server's default one. Of NFS: the path, without a slash at
            either end.
        scheme: `nbd` or `nfs`.
    """

    host: str
    port: int
    export: str
    scheme: str = NBD

    @property
    def text(self) -> str:
        """The address as a key: no slash at the end; of NFS only another port than the usual one.

        Sources that speak of mounts are told none.
        """
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = self.scheme == NFS and self.port == _PORTS[NFS]
        port = "" if usual else f":{self.port}"
        return f"{self.scheme}://{host}{port}/{self.export}".rstrip("/")

    @property
    def local(self) -> bool:
        """Whether it means whatever machine it is used on: another one for each that reads it."""
        if is_loopback(self.host) or self.host.endswith(".localhost"):
            return True
        with suppress(ValueError):
            return ipaddress.ip_address(self.host).is_unspecified
        return False


def parse_address(text: str, scheme: str = NBD) -> Address:
    """Read an address of one protocol.

    Raises:
        InputError: not of that form, or of another protocol or transport.
    """
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InputError(f"{text!r} is no address: {error}", mend=_MEND[scheme]) from error
    if parts.scheme != scheme:
        what = f"{text!r} is not reached by {scheme.upper()} over TCP"
        raise InputError(what, mend=_MEND[scheme])
    if not host or "," in host:
        raise InputError(f"{text!r} names no single host", mend=_MEND[scheme])
    # What follows ? or # is a part of the name: urlsplit cuts it off.
    authority = text.partition("://")[2]
    export = authority.partition("/")[2].strip("/")
    return Address(host.rstrip("."), port or _PORTS[scheme], export, scheme)
