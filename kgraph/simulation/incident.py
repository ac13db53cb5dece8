"""One incident of a world: faults run, the monitoring looks, the engine gets what it says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from kgraph.schema import Change, Fault, Incident, Observation
from kgraph.simulation.faults import Injection, draw_faults
from kgraph.simulation.monitors import Monitors, View
from kgraph.simulation.noise import Noise
from kgraph.simulation.region import around
from kgraph.simulation.spread import Damage, spread
from kgraph.simulation.world import World

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)  # when simulated incidents start
_CHANGES = ("deploy", "config", "migration", "upgrade")
_TRIES = 50


@dataclass(frozen=True, slots=True)
class SimulatedIncident:
    """What the engine is given, and what it should find.

    Attributes:
        hit: uid -> health in [0, 1) of everything that the faults hurt.
    """

    incident: Incident
    truth: tuple[Fault, ...]
    hit: dict[str, float]

    @property
    def abnormal(self) -> int:
        """The number of abnormal observations."""
        return sum(o.abnormal for o in self.incident.observations)


def simulate(
    world: World,
    faults: Sequence[Injection],
    rng: Random,
    noise: Noise | None = None,
    start: datetime = EPOCH,
) -> SimulatedIncident:
    """Let faults run in a world, and return what is seen of it.

    The believed graph is shared by all incidents of the world. Time and evidence grow with what
    the faults hit, not with the estate.

    Args:
        world: where it happens.
        faults: what breaks; none: only noise.
        rng: decides delays, alarms and noise.
        noise: of the monitoring; None: the usual.
        start: when the first fault sets in.
    """
    noise = noise or Noise()
    seconds = rng.uniform(*noise.seconds)
    damage = spread(world, faults, rng, seconds)
    monitors = Monitors(world, damage, noise, View(start, seconds), rng)
    observations = _observe(world, damage, monitors, rng, noise)
    incident = Incident(
        id=f"sim-{rng.getrandbits(40):010x}",
        entities=world.entities,
        relations=world.believed,
        observations=observations,
        changes=_changes(world, faults, rng, noise, start),
    )
    hit = {world.entities[i].uid: health for i, health in sorted(damage.health.items())}
    return SimulatedIncident(incident, tuple(one.fault for one in faults), hit)


def draw_incident(world: World, rng: Random, faults: int = 1) -> SimulatedIncident:
    """Draw faults until somebody notices, as nobody opens an incident without an alarm.

    Raises:
        ValueError: nothing in this world is watched.
    """
    for _ in range(_TRIES):
        found = simulate(world, draw_faults(rng, world, faults), rng)
        if found.abnormal:
            return found
    raise ValueError(f"{_TRIES} faults in a row raised no alarm")


def _observe(
    world: World, damage: Damage, monitors: Monitors, rng: Random, noise: Noise
) -> tuple[Observation, ...]:
    hurt = sorted(damage.health)
    blind = [target for probe in hurt for target in world.watched_by(probe)]
    indirect = [target for probe in blind for target in world.watched_by(probe)]
    affected = list(
        dict.fromkeys([*hurt, *blind[: noise.looked_at], *indirect[: noise.looked_at]])
    )
    nearby = around(world, affected, noise.looked_at)
    seen = [row for entity in sorted({*affected, *nearby}) for row in monitors.look(entity)]
    pairs = {(row.entity, row.signal) for row in seen}
    for _ in range(_number(noise.strays, rng)):
        stray = monitors.stray(rng.randrange(len(world.entities)))
        if stray is not None and (stray.entity, stray.signal) not in pairs:
            pairs.add((stray.entity, stray.signal))
            seen.append(stray)
    return tuple(seen)


def _number(mean: float, rng: Random) -> int:
    """Return a number of rare events with this mean (geometric: they come in bursts)."""
    return int(rng.expovariate(1 / (mean + 0.5))) if mean > 0 else 0


def _changes(
    world: World, faults: Iterable[Injection], rng: Random, noise: Noise, start: datetime
) -> tuple[Change, ...]:
    made = [
        _change(one.fault.entity, one.after - rng.uniform(10, 300), rng, start)
        for one in faults
        if rng.random() < noise.changed
    ]
    for _ in range(_number(noise.changes, rng)):
        entity = world.entities[rng.randrange(len(world.entities))]
        made.append(_change(entity.uid, -rng.uniform(0, 3600), rng, start))
    return tuple(sorted(made, key=lambda change: change.at))


def _change(entity: str, seconds: float, rng: Random, start: datetime) -> Change:
    at = start + timedelta(seconds=round(seconds, 3))
    return Change(entity, rng.choice(_CHANGES), at, source="simulation")
