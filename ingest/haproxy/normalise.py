"""From statistics to records and what the checks see. Pure.

A back end is a service that runs as long as one of its servers does. A server is an instance; the
machine that it runs on is whoever answers to its address, and is never made here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingest.haproxy.config import Routes
from ingest.haproxy.stat import Row
from kgraph.schema import Observation, Record, RelationRecord
from kgraph.sourcekit import Alias, Here, Look, identifies
from kgraph.sourcekit.machines import Told

_FRONT, _BACK = "FRONTEND", "BACKEND"


@dataclass(frozen=True, slots=True)
class Place:
    """Which HAProxy: its name, the machine that it runs on ("": unknown), and how it was asked."""

    name: str
    host: str
    subject: str

    @property
    def key(self) -> str:
        """The record key of the load balancer."""
        return f"lb:{self.subject}"

    def of(self, what: str, name: str) -> str:
        """Return the record key of a part."""
        return f"{what}:{self.subject}/{name}"


def normalise(
    rows: Sequence[Row], place: Place, routes: Routes | None, here: Here
) -> Iterator[Told]:
    """Yield the load balancer, then front ends, back ends and servers."""
    look = here.look(f"haproxy/{place.name}")
    yield Record(
        place.key, "LoadBalancer", place.name, (here.key("name", place.name),), watched=("down",)
    )
    yield look.sees(place.key, "down", "")  # it has answered
    if place.host:
        yield Alias(place.key, "RUNS_ON", (place.host,))
    backs = {row.proxy for row in rows if row.name == _BACK}
    for row in rows:
        if row.name == _FRONT:
            yield from _front_end(row, place, routes, backs, here)
        elif row.name == _BACK:
            yield from _back_end(row, rows, place, look, here)
        elif row.proxy in backs:
            yield from _server(row, place, look, here)


def _front_end(
    row: Row, place: Place, routes: Routes | None, backs: set[str], here: Here
) -> Iterator[Told]:
    key = place.of("frontend", row.proxy)
    name = f"{place.name}/{row.proxy}"
    yield Record(key, "Endpoint", name, (here.key("name", name),))
    yield RelationRecord(key, "USES", place.key)
    led = list(routes.by_front.get(row.proxy, ())) if routes else []
    if row.proxy in backs:  # of a `listen` section
        led.append(row.proxy)
    for back in dict.fromkeys(name for name in led if name in backs):
        yield RelationRecord(key, "CALLS", place.of("backend", back))


def _back_end(
    row: Row, rows: Sequence[Row], place: Place, look: Look, here: Here
) -> Iterator[Told]:
    key = place.of("backend", row.proxy)
    claims = (here.key("serviceName", row.proxy), here.key("name", row.proxy))
    yield Record(key, "Service", row.proxy, claims, watched=("down",))
    yield RelationRecord(place.key, "BALANCES", key)
    servers = [r for r in rows if r.proxy == row.proxy and r.name not in {_FRONT, _BACK}]
    for server in servers:
        instance = place.of("server", f"{row.proxy}/{server.name}")
        yield RelationRecord(key, "RUNS_ON", instance, "servers", 1)
    resting = bool(servers) and all(_is(server.status, "MAINT", "DRAIN") for server in servers)
    if _is(row.status, "DOWN") and not resting:
        yield look.sees(key, "down", "HAProxy has no server left for it")
    elif _is(row.status, "UP") and servers:
        yield look.sees(key, "down", "")
    else:
        yield look.withdraws(key, "down")


def _server(row: Row, place: Place, look: Look, here: Here) -> Iterator[Told]:
    key, name = place.of("server", f"{row.proxy}/{row.name}"), f"{row.proxy}/{row.name}"
    address = {"address": row.address} if row.address else {}
    yield Record(
        key,
        "ServiceInstance",
        name,
        (here.key("name", name),),
        props={**address, "backup": row.backup},
        watched=("down",),
    )
    names = _machine(row, place)
    if names:
        yield Alias(key, "RUNS_ON", names)
    yield from _seen(key, row, look)


def _machine(row: Row, place: Place) -> tuple[str, ...]:
    """Return what the machine of a server may be called: its address before its name."""
    address = row.address.rpartition(":")[0].strip("[]")
    if address and not identifies(address):
        return (place.host,) if place.host else ()
    return tuple(filter(None, (address, row.name)))


def _seen(key: str, row: Row, look: Look) -> Iterator[Observation]:
    """Yield what the check sees; who is taken out of service by a person is not ill."""
    if _is(row.status, "MAINT (RESOLUTION)"):
        yield look.sees(key, "down", "its name does not resolve")
    elif _is(row.status, "DOWN"):
        yield look.sees(key, "down", f"HAProxy's check: {row.check or row.status}")
    elif _is(row.status, "UP", "NOLB"):
        yield look.sees(key, "down", "")
    else:  # in maintenance, draining, or not checked
        yield look.withdraws(key, "down")


def _is(status: str, *heads: str) -> bool:
    """Tell a status by its head: `UP 1/3` is going down, and still serves."""
    return status.upper().startswith(heads)
