"""The only I/O: everything that Nova, Neutron, Cinder, Placement and Masakari list."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import httpx

from ingest.openstack.login import VERSION, Login, log_in
from kgraph.schema import SourceError
from kgraph.sourcekit import Node, parsed
from kgraph.web import Asker, RefusedError, Service

_PAGE = 500
_MOST_PAGES = 2_000
_LISTED_AGAIN = 3
_AT_ONCE = 8  # questions to Placement
_NO_SUCH_PLACE = frozenset({400, 404})


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider of resources: a hypervisor, or a part of one, such as a NUMA cell.

    Attributes:
        root: UUID of the provider that it is a part of, or is itself.
        inventories: class of resource -> what there is of it.
        allocations: UUID of a consumer -> what is given to it.
    """

    uuid: str
    name: str
    root: str
    inventories: Node
    allocations: Node


@dataclass(frozen=True, slots=True)
class Objects:
    """What was listed; empty where the cloud has no such service.

    Attributes:
        recovery_hidden: there is a Masakari, and we may not read which hosts it recovers.
        refused: what we may not read, and what is missing for it, one line each.
    """

    hypervisors: tuple[Node, ...]
    services: tuple[Node, ...]
    servers: tuple[Node, ...]
    networks: tuple[Node, ...] = ()
    ports: tuple[Node, ...] = ()
    volumes: tuple[Node, ...] = ()
    agents: tuple[Node, ...] = ()
    volume_services: tuple[Node, ...] = ()
    providers: tuple[Provider, ...] = ()
    segment_hosts: tuple[Node, ...] = ()
    recovery_hidden: bool = False
    refused: tuple[str, ...] = ()

    @property
    def hidden(self) -> tuple[str, ...]:
        """Hosts in cells that are down: Nova names their services, and leaves out all else."""
        down = (row for row in self.services if row.text("status") == "UNKNOWN")
        return tuple(row.needed("host") for row in down)


def fetch(login: Login) -> Objects:
    """Log in and list.

    Raises:
        SourceError: a service does not answer, refuses, or answers nonsense.
    """
    cloud = log_in(login)
    everybody = {"all_tenants": "1"}
    told = _computed(cloud.services["compute"], everybody)
    if "network" in cloud.services:
        with cloud.services["network"].asking() as ask:
            told = replace(
                told,
                networks=_pages(ask, "/v2.0/networks", "networks", {}),
                ports=_pages(ask, "/v2.0/ports", "ports", {}),
                **_allowed(ask, "/v2.0/agents", "agents", "agents", told),
            )
    if "volume" in cloud.services:
        with cloud.services["volume"].asking() as ask:
            told = replace(
                told,
                volumes=_pages(ask, "/volumes/detail", "volumes", everybody),
                **_allowed(ask, "/os-services", "services", "volume_services", told),
            )
    if "placement" in cloud.services:
        with cloud.services["placement"].asking() as ask:
            told = _placed(ask, told)
    if "recovery" in cloud.services:
        with cloud.services["recovery"].asking() as ask:
            told = _recovered(ask, told)
    return told


def _computed(compute: Service, wanted: Mapping[str, str]) -> Objects:
    """List what Nova has; one before Stein knows no newer version than its first."""
    try:
        with compute.asking() as ask:
            return Objects(
                _pages(ask, "/os-hypervisors/detail", "hypervisors", {}),
                _one(ask, "/os-services", "services"),
                _pages(ask, "/servers/detail", "servers", wanted),
            )
    except RefusedError as error:
        if error.status != httpx.codes.NOT_ACCEPTABLE or VERSION not in compute.headers:
            raise
    headers = {name: value for name, value in compute.headers.items() if name != VERSION}
    return _computed(replace(compute, headers=headers), wanted)


def _allowed(ask: Asker, path: str, name: str, field: str, told: Objects) -> dict[str, Any]:
    """Return the field with what is listed; where we may not, what is missing for it.

    A cloud may have no such list at all.
    """
    try:
        return {field: _one(ask, path, name)}
    except RefusedError as error:
        if error.status == httpx.codes.NOT_FOUND:
            return {}
        if error.status != httpx.codes.FORBIDDEN:
            raise
        line = f"{error}: whether its {name} report is not known"
        return {"refused": (*told.refused, line)}


def _recovered(ask: Asker, told: Objects) -> Objects:
    """List the hosts of Masakari's segments: those that it recovers by itself."""
    try:
        segments = [row.needed("uuid") for row in _one(ask, "/segments", "segments")]
        hosts = (_one(ask, f"/segments/{uuid}/hosts", "hosts") for uuid in segments)
        return replace(told, segment_hosts=tuple(host for rows in hosts for host in rows))
    except RefusedError as error:
        if error.status != httpx.codes.FORBIDDEN:
            raise
        line = f"{error}: Masakari may recover any host by itself, so all count as its own"
        return replace(told, recovery_hidden=True, refused=(*told.refused, line))


def _placed(ask: Asker, told: Objects) -> Objects:
    try:
        return replace(told, providers=_providers(ask))
    except RefusedError as error:
        if error.status != httpx.codes.FORBIDDEN:
            raise
        line = f"{error}: sizes of hosts and servers are not known"
        return replace(told, refused=(*told.refused, line))


def _providers(ask: Asker) -> tuple[Provider, ...]:
    """Ask for each, some at once: a cloud has one for each of its hosts, and no list of all."""
    rows = _one(ask, "/resource_providers", "resource_providers")
    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="placement")
    try:
        return tuple(filter(None, pool.map(partial(_provider, ask), rows)))
    finally:
        pool.shutdown(cancel_futures=True)


def _provider(ask: Asker, row: Node) -> Provider | None:
    uuid = row.needed("uuid")
    try:
        inventories = _part(ask, uuid, "inventories")
        allocations = _part(ask, uuid, "allocations")
    except RefusedError as error:
        if error.status != httpx.codes.NOT_FOUND:
            raise
        return None  # it went since it was listed
    root = row.text("root_provider_uuid") or uuid
    return Provider(uuid, row.needed("name"), root, inventories, allocations)


def _part(ask: Asker, uuid: str, name: str) -> Node:
    path = f"/resource_providers/{uuid}/{name}"
    return parsed(ask.get(path), f"{ask.service.url}{path}").at(name)


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
