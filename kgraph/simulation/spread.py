"""How faults spread: continuous health, capacity of groups, delays. Not the inference model.

A discrete-event simulation. At each event one entity's health is worked out anew from what it
needs; if it fell, those who need it are visited after a delay. Health only ever falls, so this
ends, cycles of calls included; only what is hit is visited.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from types import MappingProxyType

from kgraph.simulation.faults import Injection
from kgraph.simulation.trouble import Trouble, passed_on, trouble_of
from kgraph.simulation.world import Need, World

_NOTICEABLE = 0.01  # a smaller loss is not passed on: that ends cycles
_DEAD = 0.05
_WORKS = 0.5  # a member of a group counts from this health on
# Losing a member too many of these loses everything; of others, a share of the capacity.
_CLIFF = frozenset({"STORED_ON", "POWERED_BY"})
_MEAN_DELAY_SECONDS: Mapping[str, float] = MappingProxyType(
    {
        "POWERED_BY": 2.0,
        "CONNECTED_TO": 3.0,
        "ATTACHED_TO": 5.0,
        "RUNS_ON": 5.0,
        "STORED_ON": 8.0,
        "USES": 5.0,
        "CALLS": 20.0,
        "BALANCES": 15.0,
    }
)


@dataclass(slots=True)
class Damage:
    """Who is hurt; whoever is not in `health` is well.

    Attributes:
        health: entity -> what is left, in [0, 1).
        since: entity -> seconds from the start of the incident.
    """

    health: dict[int, float] = field(default_factory=dict)
    since: dict[int, float] = field(default_factory=dict)
    trouble: dict[int, Trouble] = field(default_factory=dict)

    def of(self, entity: int) -> float:
        """Return the health of an entity, in [0, 1]."""
        return self.health.get(entity, 1.0)


def spread(world: World, faults: Iterable[Injection], rng: Random, seconds: float) -> Damage:
    """Let faults run for so many seconds: what would happen later has not happened.

    `rng` draws the delays.
    """
    own = {world.index[one.fault.entity]: one for one in faults}
    events = [(one.after, number, entity) for number, (entity, one) in enumerate(own.items())]
    heapq.heapify(events)
    damage, number = Damage(), len(events)
    while events and events[0][0] <= seconds:
        now, _, entity = heapq.heappop(events)
        fault = own.get(entity)
        active = fault if fault is not None and fault.after <= now else None
        health, trouble = _assess(world, entity, active, damage)
        if damage.of(entity) - health < _NOTICEABLE:
            continue
        damage.health[entity] = health
        damage.trouble[entity] = trouble
        damage.since.setdefault(entity, now)
        for dependent, type_ in world.hit_by(entity):
            number += 1
            delay = rng.expovariate(1 / _MEAN_DELAY_SECONDS.get(type_, 10.0))
            heapq.heappush(events, (now + delay, number, dependent))
    return damage


def _assess(
    world: World, entity: int, fault: Injection | None, damage: Damage
) -> tuple[float, Trouble]:
    """Return an entity's health, and what limits it most."""
    own = fault.health if fault else 1.0
    worst, trouble = own, trouble_of(fault.fault.mode) if fault else Trouble.WEAK
    firm, soft = 1.0, 1.0
    for need in world.needs(entity):
        supply = _supply(need, damage)
        if need.type in {"CALLS", "BALANCES"}:
            soft *= supply
        else:
            firm = min(firm, supply)
        if supply < worst:
            worst, trouble = supply, _inherited(world, need, supply, damage)
    return own * firm * soft, trouble


def _supply(need: Need, damage: Damage) -> float:
    """Return how much of what is needed is there, in [0, 1]."""
    if len(need.members) == 1:
        left = damage.of(need.members[0])
        soft = need.type in {"CALLS", "BALANCES"}
        if left < _DEAD and not soft:
            return 0.0
        return 1 - need.sensitivity[0] * (1 - left)
    healths = [damage.of(member) for member in need.members]
    if need.type in _CLIFF and sum(h > _WORKS for h in healths) < need.need:
        gray = any(_DEAD < h <= _WORKS for h in healths)
        return min(1.0, sum(healths) / need.need) if gray else 0.0
    return min(1.0, sum(healths) / need.need)


def _inherited(world: World, need: Need, supply: float, damage: Damage) -> Trouble:
    culprit = min(need.members, key=damage.of)
    trouble = damage.trouble.get(culprit, Trouble.WEAK)
    return passed_on(need.type, world.entities[culprit].kind, trouble, supply)
