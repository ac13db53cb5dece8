"""Guests and what runs in them: applications of tiers, and guests of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kgraph.simulation.infrastructure import GIB
from kgraph.simulation.parts import HostPlace, Maker, Part, SitePlace, needs, needs_some

_WORDS = (
    "shop",
    "billing",
    "search",
    "mail",
    "wiki",
    "crm",
    "ledger",
    "stock",
    "payroll",
    "media",
    "chat",
    "forum",
    "maps",
    "tickets",
    "orders",
    "reports",
    "archive",
    "survey",
    "portal",
    "backup",
    "gateway",
    "catalog",
    "press",
    "fleet",
)
_TENANTS = 12
_EXPORTED = 0.15  # share of guests whose disk is on an NBD or NFS export
_PINGED = 0.6  # share of guests that are also looked at from outside
_CALLS_OTHERS = 0.5  # share of applications that call another one
_CALLED_BACK = 0.1  # share of those that are called back: a cycle


@dataclass(frozen=True, slots=True)
class _Guest:
    name: str
    volume: str
    place: HostPlace
    parts: list[Part]


class Applications:
    """Fills the hosts with guests, and the guests with services, up to a number of entities."""

    def __init__(
        self, hosts: list[HostPlace], sites: list[SitePlace], make: Maker, *, dense: bool
    ) -> None:
        self._hosts, self._sites, self._make, self._dense = hosts, sites, make, dense
        self._next_host = 0
        self._made = 0
        self._entry_points: list[str] = []

    def parts(self, budget: int) -> Iterator[Part]:
        """Yield at most `budget` entities, and fewer by no more than two."""
        number = 0
        while True:
            web, api = self._make.rng.randint(3, 7), self._make.rng.randint(2, 5)
            size = 10 + 3 * (web + api)
            if self._made + size > budget:
                break
            yield from self._application(number, web, api)
            self._made += size
            number += 1
        for single in range((budget - self._made) // 2):
            labels = {"tenant": "internal", "owner": "team-infra"}
            yield from self._guest(f"vm-{single + 1:03d}", labels).parts

    def _application(self, number: int, web: int, api: int) -> list[Part]:
        """Return a balancer, two tiers, a database, a queue, and whom they call.

        A list, as a part of a large estate would otherwise be handed through five generators.
        """
        word, lap = _WORDS[number % len(_WORDS)], number // len(_WORDS)
        app = f"{word}{lap + 1}" if lap else word
        tenant = f"tenant-{number % _TENANTS + 1:02d}"
        labels = {"tenant": tenant, "owner": f"team-{word}", "app": app}
        parts: list[Part] = [self._make.record("Application", app, labels=labels)]
        called = []
        for tier, count, callee in (("api", api, "db"), ("web", web, "api")):
            instances = self._tier(f"{app}-{tier}", count, labels, parts)
            called += [(instance, f"{app}-{callee}") for instance in instances]
        parts += self._backed("Database", f"{app}-db", labels)
        parts.append(self._make.record("Queue", f"{app}-queue", labels=labels))
        balancer = self._guest(f"{app}-lb-01", labels)
        probe = self._sites[balancer.place.site].probe
        parts += [
            *balancer.parts,
            self._make.record("LoadBalancer", f"{app}-lb", labels=labels),
            needs(f"{app}-lb", "RUNS_ON", balancer.name),
            needs(f"{app}-queue", "RUNS_ON", f"{app}-db-01"),
            *[
                needs(f"{app}{watched}", "WATCHED_BY", probe)
                for watched in ("", "-lb", "-web", "-api", "-db", "-queue")
            ],
            needs(app, "CALLS", f"{app}-lb"),
            needs(f"{app}-lb", "BALANCES", f"{app}-web"),
            *[needs(f"{app}-web", "CALLS", f"{app}-{callee}") for callee in ("api", "queue")],
            needs(f"{app}-api", "CALLS", f"{app}-db"),
        ]
        if self._dense:
            parts += [needs(instance, "CALLS", callee) for instance, callee in called]
            inner = (f"{app}-{part}" for part in ("web", "api", "db", "queue"))
            parts += [needs(app, "USES", part) for part in inner]
        parts += self._foreign_calls(app)
        return parts

    def _foreign_calls(self, app: str) -> Iterator[Part]:
        rng = self._make.rng
        if self._entry_points and rng.random() < _CALLS_OTHERS:
            other = rng.choice(self._entry_points)
            yield needs(f"{app}-api", "CALLS", f"{other}-api")
            if rng.random() < _CALLED_BACK:
                yield needs(f"{other}-api", "CALLS", f"{app}-api")
        self._entry_points.append(app)

    def _tier(
        self, service: str, count: int, labels: dict[str, str], parts: list[Part]
    ) -> list[str]:
        """Add a service and its instances to the parts; return the instances."""
        key = ("serviceName", service)
        parts.append(self._make.record("Service", service, key=key, labels=labels))
        instances = []
        for i in range(count):
            guest = self._guest(f"{service}-{i + 1:02d}", labels)
            instance = f"{service}@{guest.name}"
            parts += guest.parts
            parts += (
                self._make.record("ServiceInstance", instance, labels=labels),
                needs(instance, "RUNS_ON", guest.name),
                needs(instance, "WATCHED_BY", self._sites[guest.place.site].probe),
            )
            instances.append(instance)
        need = max(1, count * 2 // 3)
        parts += needs_some(service, "USES", instances, "instances", need)
        return instances

    def _backed(self, kind: str, name: str, labels: dict[str, str]) -> list[Part]:
        """Return something that runs in a guest of its own and keeps its data there."""
        guest = self._guest(f"{name}-01", labels)
        return [
            *guest.parts,
            self._make.record(kind, name, labels=labels),
            needs(name, "RUNS_ON", guest.name),
            needs(name, "STORED_ON", guest.volume),
        ]

    def _guest(self, name: str, labels: dict[str, str]) -> _Guest:
        make, rng = self._make, self._make.rng
        place = self._hosts[self._next_host % len(self._hosts)]
        # The next guest goes elsewhere: instances of one service seldom share a host.
        self._next_host += rng.randint(1, max(1, min(8, len(self._hosts) - 1)))
        site = self._sites[place.site]
        uuid, volume = make.uuid(), f"{name}-vda"
        key = ("vmUuid", uuid)
        size = {"memoryBytes": rng.choice((2, 4, 8, 16)) * GIB, "vcpus": rng.choice((1, 2, 4))}
        guest = make.record("VirtualMachine", name, key=key, labels=labels, props=size)
        space = {"capacityBytes": rng.choice((20, 50, 100)) * GIB}
        disk = make.record("Volume", volume, key=("volumeKey", f"{uuid}/vda"), props=space)
        network = rng.choice(site.networks)
        parts: list[Part] = [
            guest,
            disk,
            needs(name, "RUNS_ON", place.name),
            needs(name, "STORED_ON", volume),
            needs(name, "ATTACHED_TO", network),
        ]
        if self._dense:
            others = site.networks.index(network) + 1
            parts.append(needs(name, "ATTACHED_TO", site.networks[others % len(site.networks)]))
        parts.append(needs(name, "WATCHED_BY", place.exporter))
        if rng.random() < _PINGED:
            parts.append(needs(name, "WATCHED_BY", site.probe))
        if rng.random() < _EXPORTED:
            parts.append(needs(volume, "STORED_ON", rng.choice(site.exports)))
        else:
            parts.append(needs(volume, "STORED_ON", rng.choice(place.pools)))
            parts += needs_some(name, "USES", place.paths, "paths", 1)
        return _Guest(name, volume, place, parts)
