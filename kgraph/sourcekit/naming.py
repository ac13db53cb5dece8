"""Names that several sources must spell alike, or they describe two things."""

from __future__ import annotations

import ipaddress

from kgraph.identity import canonical
from kgraph.schema import Key, SourceError
from kgraph.schema.addresses import is_loopback
from kgraph.signals.index import is_address

# Where Docker, libvirt, Podman and LXC put a machine itself, on every machine that has them.
_BEHIND_A_BRIDGE = frozenset({"172.17.0.1", "192.168.122.1", "10.88.0.1", "10.0.3.1"})

# The label that says who else repairs a thing, such as Pacemaker: there kgraph only observes.
MANAGED_BY = "managedBy"


def spelled_uuid(uuid: str) -> str:
    """Return a machine's UUID in the one spelling, "" for a placeholder.

    Sources build other names from it, such as that of a guest's NIC.
    """
    claim = canonical(Key("vmUuid", uuid)) if uuid.strip() else None
    return claim.value if claim else ""


def own_name(told: str, where: str) -> str:
    """Return what a machine calls itself.

    Raises:
        SourceError: it has no name of its own: all that is read of it would be taken for parts of
            the next one that has none either.
    """
    name = told.strip()
    if not name or canonical(Key("hostname", name)) is None:
        what = f"the machine calls itself {name!r}, as others do"
        raise SourceError(what, where=where, mend="give `host`, or a host name to the machine")
    return name


def identifies(address: str) -> bool:
    """Tell whether an IP address can belong to one machine alone.

    Loopback and link-local ones do not, nor do those that bridges for guests and containers come
    with.
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return address not in _BEHIND_A_BRIDGE and not (
        parsed.is_loopback or parsed.is_unspecified or parsed.is_link_local or parsed.is_multicast
    )


def is_here(address: str) -> bool:
    """Tell whether an address means whatever machine says it: loopback, or a socket's path."""
    named = canonical(Key("hostname", address)) is not None
    return address.startswith("/") or not named or is_loopback(address.strip("[]"))


def local_name(host: str, name: str) -> str:
    """Name a part of a host, such as an interface, for those who have no UUID of the host.

    Domains are left out, since some sources know them and others don't; so it is a weak name.
    An address has none.
    """
    if canonical(Key("hostname", host)) is None:
        return ""
    short = host.lower() if is_address(host) else host.lower().partition(".")[0]
    return f"{short}/{name}" if short and name else ""
