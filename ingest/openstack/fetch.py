"""The only I/O: everything that Nova, Neutron and Cinder list, page by page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ingest.openstack.login import Login, log_in
from kgraph.schema import SourceError
from kgraph.sourcekit import Node, parsed
from kgraph.web import Asker, RefusedError

_PAGE = 500
_MOST_PAGES = 2_000
_LISTED_AGAIN = 3
_NO_SUCH_PLACE = frozenset({400, 404})


@dataclass(frozen=True, slots=True)
class Objects:
    """What was listed; empty where the cloud has no such service."""

    hypervisors: tuple[Node, ...]
    services: tuple[Node, ...]
    servers: tuple[Node, ...]
    networks: tuple[Node, ...] = ()
    ports: tuple[Node, ...] = ()
    volumes: tuple[Node, ...] = ()


def fetch(login: Login) -> Objects:
    """Log in and list.

    Raises:
        SourceError: a service does not answer, refuses, or answers nonsense.
    """
    cloud = log_in(login)
    everybody = {"all_tenants": "1"}
    with cloud.services["compute"].asking() as ask:
        hypervisors = _one(ask, "/os-hypervisors/detail", "hypervisors")
        services = _one(ask, "/os-services", "services")
        servers = _pages(ask, "/servers/detail", "servers", everybody)
    networks: tuple[Node, ...] = ()
    ports: tuple[Node, ...] = ()
    volumes: tuple[Node, ...] = ()
    if "network" in cloud.services:
        with cloud.services["network"].asking() as ask:
            networks = _pages(ask, "/v2.0/networks", "networks", {})
            ports = _pages(ask, "/v2.0/ports", "ports", {})
    if "volume" in cloud.services:
        with cloud.services["volume"].asking() as ask:
            volumes = _pages(ask, "/volumes/detail", "volumes", everybody)
    return Objects(hypervisors, services, servers, networks, ports, volumes)


def _one(ask: Asker, path: str, name: str) -> tuple[Node, ...]:
    return _listed(parsed(ask.get(path), f"{ask.service.url}{path}"), name)


def _listed(root: Node, name: str) -> tuple[Node, ...]:
    if root.at(name).value is None:
        raise root.wrong(f"a list of {name}")
    return tuple(root.at(name).each())


def _pages(ask: Asker, path: str, name: str, wanted: Mapping[str, str]) -> tuple[Node, ...]:
    """Return all objects; each page begins after the last object of the one before.

    What comes or goes meanwhile shifts nothing. Only where that last object itself has gone, the
    service knows no such place: then all is listed again.
    """
    found: dict[str, Node] = {}
    where, place = f"{ask.service.url}{path}", {"limit": str(_PAGE)}
    again = _LISTED_AGAIN
    for _ in range(_MOST_PAGES):
        try:
            content = ask.get(path, {**wanted, **place})
        except RefusedError as error:
            if error.status not in _NO_SUCH_PLACE or "marker" not in place or not again:
                raise
            again -= 1
            found.clear()
            del place["marker"]
            continue
        rows = _listed(parsed(content, where), name)
        fresh = {row.needed("id"): row for row in rows if row.needed("id") not in found}
        if not fresh:
            return tuple(found.values())
        found |= fresh
        place["marker"] = rows[-1].needed("id")
    raise SourceError("its pages have no end", where=where, mend=f"is this {ask.service.title}?")
