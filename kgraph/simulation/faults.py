"""What breaks by itself: how often, how badly, and when."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from kgraph.schema import Fault, Severity, kind_of
from kgraph.simulation.world import World, carries

GRAY_SHARE = 0.35  # of faults weaken and do not stop
_SPREAD_SECONDS = 60.0  # within which faults of one incident set in
_MOST_TOGETHER = 4  # a redundancy that takes more simultaneous faults is not drawn
# Relative frequencies of a whole estate, not of one entity; independent of the causal rules.
_HARD = (
    "PowerFeed.tripped:4 Switch.down:5 Network.isolated:1 Nic.down:4 Host.down:10 Host.panicked:3"
    " Host.isolated:1 Host.hung:2 StorageArray.down:1 StorageController.down:3 StoragePath.down:2"
    " StorageExport.down:6 StorageExport.hung:3 Disk.failed:4 StoragePool.full:5"
    " StoragePool.offline:3 Volume.unwritable:2 VirtualMachine.down:4 VirtualMachine.hung:3"
    " VirtualMachine.panicked:3 VirtualMachine.out_of_memory:2 Service.failing:6"
    " ServiceInstance.killed:4 LoadBalancer.down:3 Database.down:4 Database.full:2 Queue.down:2"
    " Queue.full:1 Probe.down:2 Probe.hung:2"
)
_GRAY = (
    "Switch.overloaded:3 Network.congested:2 Nic.flapping:2 Host.overloaded:6"
    " Host.memory_pressure:5 Host.degraded:2 StorageController.degraded:2 StoragePath.flapping:2"
    " StorageExport.slow:3 Disk.wearing:2 StoragePool.degraded:4 VirtualMachine.overloaded:3"
    " Service.overloaded:5 Service.slow:4 ServiceInstance.overloaded:2 Database.overloaded:5"
    " Database.slow:3 Queue.overloaded:2 LoadBalancer.overloaded:2"
)


@dataclass(frozen=True, slots=True)
class Injection:
    """One fault as it is injected.

    Attributes:
        health: what is left of the entity's own ability, in [0, 1].
        after: seconds from the start of the incident.
    """

    fault: Fault
    health: float
    after: float = 0.0


def inject(entity: str, kind: str, mode: str, rng: Random, after: float = 0.0) -> Injection:
    """Return a fault as bad as its mode's severity says: hard leaves 0-5 %, gray 15-70 %."""
    gray = kind_of(kind).modes[mode].severity is Severity.GRAY
    left = rng.uniform(0.15, 0.7) if gray else rng.uniform(0, 0.05)
    return Injection(Fault(entity, mode), left, after)


def breakable(world: World) -> int:
    """Return how many entities of a world are of a kind of which faults can be drawn."""
    kinds = {kind for kind, _, _ in (*_HARD_TABLE, *_GRAY_TABLE)}
    return sum(len(members) for kind, members in world.by_kind.items() if kind in kinds)


def draw_fault(rng: Random, world: World) -> Injection:
    """Draw one fault; kinds that the world lacks are left out."""
    table = _GRAY_TABLE if rng.random() < GRAY_SHARE else _HARD_TABLE
    rows = [row for row in table if row[0] in world.by_kind]
    kind, mode, _ = rng.choices(rows, weights=[weight for _, _, weight in rows])[0]
    entity = world.entities[rng.choice(world.by_kind[kind])]
    return inject(entity.uid, kind, mode, rng)


def draw_faults(rng: Random, world: World, count: int = 1) -> tuple[Injection, ...]:
    """Draw independent faults of different entities, within a minute."""
    drawn: dict[str, Injection] = {}
    while len(drawn) < count:
        one = draw_fault(rng, world)
        after = rng.uniform(0, _SPREAD_SECONDS) if drawn else 0.0
        drawn.setdefault(one.fault.entity, Injection(one.fault, one.health, after))
    return tuple(drawn.values())


def draw_redundancy_loss(rng: Random, world: World) -> tuple[Injection, ...]:
    """Draw a group, and stop as many members at once as make the rest too few."""
    while True:
        relation = rng.choice(world.relations)
        if relation.group is None or not carries(relation):
            continue
        members = _members(world, relation.dependent, relation.type, relation.group)
        losses = len(members) - (relation.need or 1) + 1
        if 2 <= losses <= _MOST_TOGETHER:
            break
    lost = rng.sample(members, losses)
    return tuple(_stopped(uid, world, rng, after=2.0 * i) for i, uid in enumerate(lost))


def _members(world: World, dependent: str, type_: str, group: str) -> list[str]:
    rows = (world.relations[i] for i in world.towards_causes.at(world.index[dependent]))
    return [row.dependency for row in rows if row.group == group and row.type == type_]


def _stopped(uid: str, world: World, rng: Random, after: float) -> Injection:
    kind = world.entities[world.index[uid]].kind
    return inject(uid, kind, _STOPPING.get(kind, "down"), rng, after)


def _table(text: str) -> tuple[tuple[str, str, float], ...]:
    rows = (item.replace(":", ".").split(".") for item in text.split())
    return tuple((kind, mode, float(weight)) for kind, mode, weight in rows)


_HARD_TABLE = _table(_HARD)
_GRAY_TABLE = _table(_GRAY)
_STOPPING = {"PowerFeed": "tripped", "Disk": "failed", "ServiceInstance": "killed"}
