"""Estates as graphs, for placement and proofs: small ones by hand, large ones by a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from kgraph.schema import Entity, Fault, Plan, PlanStep, Relation, Role
from kgraph.schema.plans import Actor
from remedies.proof import Does, Graph

GIB = 1 << 30
DOES = {
    "fence": Does.POWERS_OFF,
    "migrate": Does.MOVES_LIVE,
    "migrate_cold": Does.MOVES_COLD,
    "start_elsewhere": Does.STARTS_ELSEWHERE,
    "reset": Does.INTERRUPTS,
    "stop": Does.STOPS,
    "resume": Does.STARTS,
    "cordon": Does.CLOSES,
    "uncordon": Does.OPENS,
    "scale_out": Does.ADDS,
    "check": Does.NOTHING,
}


@dataclass
class Plant:
    """A graph that is put together row by row."""

    entities: dict[str, Entity] = field(default_factory=dict)
    relations: list[Relation] = field(default_factory=list)

    def add(self, uid: str, kind: str, props: dict[str, int] | None = None, **labels: str) -> str:
        self.entities[uid] = Entity(uid, kind, uid, labels=labels, props=dict(props or {}))
        return uid

    def host(self, uid: str, gib: int = 64, cpus: int = 16, **labels: str) -> str:
        return self.add(uid, "Host", {"memoryBytes": gib * GIB, "cpus": cpus}, **labels)

    def guest(
        self, uid: str, host: str, gib: int = 4, vcpus: int = 2, *needs: str, **labels: str
    ) -> str:
        self.add(uid, "VirtualMachine", {"memoryBytes": gib * GIB, "vcpus": vcpus}, **labels)
        self.join(uid, "RUNS_ON", host)
        for need in needs:
            kind = self.entities[need].kind
            self.join(uid, "ATTACHED_TO" if kind == "Network" else "STORED_ON", need)
        return uid

    def join(
        self, one: str, type_: str, other: str, group: str | None = None, need: int | None = None
    ) -> None:
        self.relations.append(Relation(one, type_, other, group, need))

    def service(self, uid: str, need: int, *guests: str) -> str:
        self.add(uid, "Service")
        for guest in guests:
            self.join(uid, "RUNS_ON", guest, "copies", need)
        return uid

    @property
    def graph(self) -> Graph:
        return Graph.of(self.entities.values(), self.relations)


def random_plant(seed: int, hosts: int, guests: int, *, fill: float = 0.6) -> Plant:
    """An estate of that many hosts and guests, about so full, with rules and services."""
    rng, plant = random.Random(seed), Plant()
    for network in ("lan", "dmz"):
        plant.add(network, "Network")
    for store in ("nfs", "san"):
        plant.add(store, "StorageExport")
    each = max(1, round(guests * 4 / hosts / fill))
    names = [plant.host(f"h{n}", max(16, each), 32) for n in range(hosts)]
    for name in names:
        for shared in ("lan", "nfs", "san", "dmz"):
            if shared in {"lan", "nfs"} or rng.random() < 0.8:
                type_ = "CONNECTED_TO" if plant.entities[shared].kind == "Network" else "USES"
                plant.join(name, type_, shared)
    free = dict.fromkeys(names, max(16, each) * 0.95)
    taken: dict[str, set[str]] = {name: set() for name in names}
    reach = {
        name: {r.dependency for r in plant.relations if r.dependent == name} for name in names
    }
    copies: dict[str, list[str]] = {}
    for n in range(guests):
        size = rng.choice((1, 2, 4, 8))
        needs = [rng.choice(("lan", "lan", "dmz")), rng.choice(("nfs", "nfs", "san"))]
        labels = {"antiAffinity": f"g{rng.randrange(guests)}"} if rng.random() < 0.3 else {}
        group = labels.get("antiAffinity", "")
        fitting = [
            name
            for name in names
            if free[name] >= size and set(needs) <= reach[name] and group not in taken[name] - {""}
        ]
        if not fitting:
            continue
        host = rng.choice(fitting)
        free[host] -= size
        taken[host].add(group)
        guest = plant.guest(f"v{n}", host, size, rng.choice((1, 2)), *needs, **labels)
        copies.setdefault(rng.choice(("shop", "mail", "wiki")), []).append(guest)
    for service, members in copies.items():
        plant.service(service, rng.randint(1, len(members)), *members)
    return plant


def step(action: str, entity: str, role: Role = Role.VICTIM, **parameters: str) -> PlanStep:
    return PlanStep(action, entity, parameters, role=role, actor=Actor.KGRAPH, name=entity)


def cause(action: str, entity: str, **parameters: str) -> PlanStep:
    return step(action, entity, Role.CAUSE, **parameters)


def plan(*steps: PlanStep, fault: tuple[str, str] = ("h1", "down")) -> Plan:
    return Plan("P-1", "INC-1", Fault(*fault), steps)
