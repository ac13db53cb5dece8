"""Where an entity can be looked at: as the graph knows it, or as a person writes it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from ingest.detect.checks.catalogue import CHECKS
from ingest.detect.checks.seen import Target
from kgraph.schema import Entity, InputError
from kgraph.sourcekit import is_here

_MACHINES = frozenset(
    {"Host", "VirtualMachine", "Switch", "Router", "StorageArray", "Bmc", "PowerFeed"}
)
_LOGGED_INTO = frozenset({"Host", "VirtualMachine"})
_HOST = re.compile(r"[\w.:-]+")  # what may be asked for by name
_SSH, _PORTS = 22, {"http": 80, "https": 443}


def targets_of(entity: Entity) -> list[Target]:
    """Return all looks that the graph has an address for; none where it has none.

    Loopback addresses are left out: on whichever machine we run, they mean that one.
    """
    return [t for t in dict.fromkeys(_targets(entity)) if not is_here(t.host)]


def parse_target(check: str, entity: str, address: str) -> Target:
    """Return a look as the configuration has it.

    Raises:
        InputError: no such check, or an address that it cannot use.
    """
    where = f"check {check}"
    if check not in CHECKS:
        raise InputError("no such check", where=where, mend=f"known: {', '.join(CHECKS)}")
    mend = f"write it as {CHECKS[check].address}"
    if check == "disk":
        if not address.startswith("/"):
            raise InputError(f"{address!r} is no absolute path", where=where, mend=mend)
        return Target(check, entity, path=address)
    if check == "http":
        return _web(entity, address, where, mend)
    place, _, path = address.partition("/")
    host, port = _place(place, where, mend)
    if not host or (check == "tcp" and not port) or (check == "dns") != bool(path):
        raise InputError(f"{address!r} is no such address", where=where, mend=mend)
    usual = {"tls": 443, "ssh": _SSH, "dns": 53}.get(check, 0)
    return Target(check, entity, host, port or usual, path)


def _web(entity: str, address: str, where: str, mend: str) -> Target:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise InputError(f"{address!r} is no address", where=where, mend=mend) from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise InputError(f"{address!r} is no address of HTTP", where=where, mend=mend)
    if parts.username or parts.password:
        raise InputError("a password does not belong into an address", where=where, mend=mend)
    path = parts.path or "/"
    return Target(
        "http",
        entity,
        parts.hostname,
        port or _PORTS[parts.scheme],
        f"{path}?{parts.query}" if parts.query else path,
        secure=parts.scheme == "https",
    )


def _place(text: str, where: str, mend: str) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{text}")
        port = parts.port or 0
    except ValueError:
        raise InputError(f"{text!r} is no host and port", where=where, mend=mend) from None
    return parts.hostname or "", port


def _targets(entity: Entity) -> Iterator[Target]:
    if entity.kind in _MACHINES:
        for host in _hosts(entity)[:1]:
            yield Target("ping", entity.uid, host)
            if entity.kind in _LOGGED_INTO:
                yield Target("ssh", entity.uid, host, _SSH)
        return
    for address in _addresses(entity):
        yield from _looks(entity, address)


def _hosts(entity: Entity) -> list[str]:
    """Return how a machine is reached: by its keys, its properties and labels, else its name.

    What a hypervisor calls a guest is no name of a host, and nothing with blanks in it is.
    """
    keys: dict[str, list[str]] = {"ip": [], "hostname": []}
    for key in entity.keys:
        if key.namespace in keys:
            keys[key.namespace].append(key.value)
    told = [*map(_host, _told(entity)), "" if entity.kind == "VirtualMachine" else entity.name]
    return [*keys["ip"], *keys["hostname"], *filter(_HOST.fullmatch, told)]


def _host(address: str) -> str:
    try:
        return urlsplit(address if "://" in address else f"//{address}").hostname or ""
    except ValueError:
        return ""


def _told(entity: Entity) -> Iterator[str]:
    """Yield the addresses that stand in properties and labels."""
    for holder in (entity.props, entity.labels):
        for name in ("url", "address", "endpoint"):
            if isinstance(value := holder.get(name), str) and value:
                yield value


def _addresses(entity: Entity) -> Iterator[str]:
    """Yield what looks like an address: in properties and labels, and names that are one."""
    yield from _told(entity)
    # Of an exporter whether it takes connections: what it answers depends on who asks, and how.
    if isinstance(scraped := entity.props.get("scrapeAddress"), str):
        scheme, _, rest = scraped.partition("://")
        place = rest.partition("/")[0]
        yield place
        if scheme in _PORTS:
            yield f"{place}:{_PORTS[scheme]}"  # no address where it has a port of its own
    if entity.kind in {"Endpoint", "StorageExport"}:
        yield entity.name
        yield from (key.value for key in entity.keys if key.namespace == "exportAddress")


def _looks(entity: Entity, address: str) -> Iterator[Target]:
    scheme, slashes, rest = address.partition("://")
    try:
        if slashes and scheme in _PORTS:
            target = parse_target("http", entity.uid, address)
            yield target
            if target.secure:
                yield Target("tls", entity.uid, target.host, target.port)
            return
        place = (rest if slashes else address).partition("/")[0]
        yield parse_target("tcp", entity.uid, place)
    except InputError:
        return  # a name, and no address
