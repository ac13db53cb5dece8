"""`kgraph doctor --self`: does kgraph depend on what it watches?

The one that is to tell of a failure must not go down with it. What carries us, and what carries
the server that has our store, is looked for in the graph by what machines are known by.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from kgraph.app.queries.impact import dependencies
from kgraph.app.stored.stores import Access, opened
from kgraph.config import Configuration
from kgraph.schema import Key
from kgraph.schema.addresses import is_loopback
from kgraph.store import GraphStore, is_server

_SHOWN = 4
_MACHINE_ID = Path("/etc/machine-id")
_PRODUCT_UUID = Path("/sys/class/dmi/id/product_uuid")  # readable for root alone


@dataclass(frozen=True, slots=True)
class Machine:
    """One that something of ours runs on, and the keys that it may be known by."""

    role: str
    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Carrier:
    """An entity of the graph that something of ours runs on.

    Attributes:
        by: the key that it was found by.
        needs: what it depends on in turn, nearest first.
    """

    role: str
    title: str
    by: Key
    needs: tuple[str, ...]


def carriers(store: GraphStore, machines: Iterable[Machine]) -> Iterator[Carrier]:
    """Yield what of the graph carries us; one entity of a role once."""
    for machine in machines:
        told: set[str] = set()
        for key in machine.keys:
            uid = store.resolve(key.namespace, key.value)
            if not isinstance(uid, str) or uid in told:
                continue
            told.add(uid)
            (entity,) = store.get([uid])
            needs = tuple(f"{kind} {name}" for _, kind, name, _ in dependencies(store, uid))
            yield Carrier(machine.role, entity.title, key, needs)


def examine_self(configuration: Configuration) -> list[str]:
    """Return one line for each thing that kgraph watches and depends on.

    Raises:
        KgraphError: the store cannot be read.
    """
    machines = [own_machine()]
    url = configuration.settings.store.url
    if is_server(url):
        host = urlsplit(url).hostname or ""
        machines.append(Machine("the server that has its store", tuple(keys_of_host(host))))
    with opened(configuration, Access.READ) as store:
        return [_line(carrier) for carrier in carriers(store, machines)]


def own_machine() -> Machine:
    """Return this machine, by what it can be known by."""
    keys = [*_names(socket.gethostname()), *_names(socket.getfqdn())]
    for namespaces, file in (
        (("machineId",), _MACHINE_ID),
        (("smbiosUuid", "vmUuid"), _PRODUCT_UUID),
    ):
        with suppress(OSError):
            text = file.read_text().strip()
            keys += [Key(namespace, text) for namespace in namespaces if text]
    return Machine("kgraph", tuple(dict.fromkeys(keys)))


def keys_of_host(host: str) -> Iterator[Key]:
    """Yield what a host that a URL names may be known by; nothing for this machine itself."""
    if not host or is_loopback(host):
        return
    with suppress(ValueError):
        ip_address(host)
        yield Key("ip", host)
        return
    yield from _names(host)
    with suppress(OSError):
        for *_, address in socket.getaddrinfo(host, None):
            yield Key("ip", str(address[0]))


def _names(name: str) -> list[Key]:
    short = name.partition(".")[0]
    names = [name] if short == name else [name, short]
    return [Key(namespace, each) for each in names for namespace in ("hostname", "name") if each]


def _line(carrier: Carrier) -> str:
    shown = ", ".join(carrier.needs[:_SHOWN])
    more = f" and {len(carrier.needs) - _SHOWN} more" if len(carrier.needs) > _SHOWN else ""
    needs = f", which needs {shown}{more}" if shown else ""
    return f"{carrier.role} runs on {carrier.title} ({carrier.by.namespace}){needs}"
