"""Requests through a random graph of services: latency and errors are sums, metrics are noisy.

A service answers after its own work and that of what it calls; load is closed, so that all
slow down together where the front does. Every measurement has a noise of its own and some alarm
without a reason, each at its own rate. A fault is one of: code that is slow or errs, a busy
process, a bad network at one service, a restart, a busy host.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from random import Random

from kgraph.schema import Direction, Entity, Incident, Observation, Relation, State, Target
from tests.rca.worlds.drawn import Drawn, renamed

_BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
SERVICES = 12, 40  # in a system, least and most; stores and hosts a quarter and a fifth of it
_ALARM, _WELL = 5.0, 3.0  # z from which a measurement alarms, and below which it is well
_QUANTILES = {"latency": 3, "clientLatency": 3, "memory": 3, "network": 2}  # detectors of a signal
_METRICS = ("latency", "clientLatency", "errors", "requests", "cpu", "memory", "network", "disk")


class View(Enum):
    """What monitoring tells of an incident."""

    SIZED = "sizes, times and what is well"
    ALERTS = "alerts without sizes, times or health"
    TARGET = "a breached objective of the front, few signals, sizes"


class Ill(Enum):
    """What is wrong with the entity at fault."""

    SLOW = "slow code"
    ERRS = "code that errs"
    BUSY = "a busy process"
    NETWORK = "a bad network"
    RESTARTED = "restarted"
    HOST = "a busy host"


@dataclass
class _World:
    rng: Random
    calls: dict[int, dict[int, float]] = field(default_factory=dict)  # caller -> callee -> share
    host: dict[int, int] = field(default_factory=dict)
    own: dict[int, float] = field(default_factory=dict)  # seconds of own work
    stores: set[int] = field(default_factory=set)
    hosts: range = field(default_factory=lambda: range(0))


def incidents(
    seed: int, count: int, view: View, services: tuple[int, int] = SERVICES
) -> Iterator[Drawn]:
    """Yield incidents, each in a system of its own with so many services, least and most."""
    for number in range(count):
        rng = Random(f"{seed}/{view.name}/{number}")
        while (drawn := _incident(rng, f"micro-{number}", view, services)) is None:
            pass
        yield renamed(drawn, f"{seed}/{number}")


def _world(rng: Random, size: tuple[int, int]) -> _World:
    least, most = size
    services, stores = rng.randint(least, most), rng.randint(least // 4, most // 4)
    world = _World(rng, stores=set(range(services, services + stores)))
    for one in range(services):
        world.calls[one] = {}
        later = range(one + 1, min(services, one + 12))
        for callee in rng.sample(later, min(len(later), rng.choice((0, 1, 1, 2, 3)))):
            world.calls[one][callee] = rng.choice((0.1, 0.5, 1.0, 1.0))
        if rng.random() < 0.5:
            world.calls[one][rng.choice(sorted(world.stores))] = rng.uniform(0.3, 1.0)
    for one in range(1, services):  # everybody is called by somebody
        if not any(one in callees for callees in world.calls.values()):
            world.calls[rng.randrange(max(0, one - 8), one)][one] = rng.uniform(0.3, 1.0)
    if rng.random() < 0.5:  # something that most need
        common = services - 1
        for one in range(services - 1):
            if rng.random() < 0.7:
                world.calls[one][common] = rng.uniform(0.1, 0.5)
        world.calls[common] = {}
    everything = services + stores
    world.hosts = range(everything, everything + rng.randint(least // 4, most // 5))
    for one in range(everything):
        world.host[one] = rng.choice(world.hosts)
        world.own[one] = math.exp(rng.gauss(-4, 1))
        world.calls.setdefault(one, {})
    return world


_Metrics = dict[tuple[int, str], float]


def _run(world: _World, at_fault: int | None, ill: Ill, much: float) -> tuple[_Metrics, _Metrics]:
    """Return (entity, metric) -> value, and (caller, `calls N`) -> seconds of a call."""
    found: _Metrics = {}
    edges: _Metrics = {}
    order = sorted(world.own, reverse=True)  # callees come later than callers
    wait = dict.fromkeys(order, 0.0)
    latency: dict[int, float] = {}
    errors: dict[int, float] = {}
    busy = dict.fromkeys(order, 1.0)
    if at_fault is not None and ill is Ill.HOST:
        busy |= {one: 1 + much / 2 for one in order if world.host[one] == at_fault}
    if at_fault is not None and ill in {Ill.SLOW, Ill.BUSY, Ill.RESTARTED}:
        busy[at_fault] *= 1 + much * (1 if ill is not Ill.RESTARTED else 0.4)
    net = {one: much * 0.03 if one == at_fault and ill is Ill.NETWORK else 0.0 for one in order}
    for one in order:
        for callee, share in world.calls[one].items():
            there = latency[callee] + net[one] + net[callee] + 0.001
            edges[one, f"calls {callee}"] = there
            wait[one] += share * there
        latency[one] = world.own[one] * busy[one] + wait[one]
        failing = 0.3 * min(1, much / 5) if one == at_fault and ill is Ill.ERRS else 0.0
        failing += 0.15 if one == at_fault and ill is Ill.RESTARTED else 0.0
        below = sum(share * errors[callee] for callee, share in world.calls[one].items())
        errors[one] = min(1.0, 0.005 + failing + 0.7 * below)
    pace = 1 / (0.5 + latency[0])  # users wait for an answer before they ask again
    load = dict.fromkeys(order, 0.0)
    load[0] = pace
    for one in reversed(order):
        for callee, share in world.calls[one].items():
            load[callee] += load[one] * share * (1 - 0.5 * errors[one])
    for one in order:
        used = load[one] * world.own[one] + 0.05
        used *= 1 + much if one == at_fault and ill is Ill.BUSY else 1
        memory = 1 + 0.2 * load[one] / pace
        memory *= 0.5 if one == at_fault and ill is Ill.RESTARTED else 1
        found |= {
            (one, "latency"): latency[one],
            (one, "clientLatency"): wait[one],
            (one, "errors"): errors[one],
            (one, "requests"): load[one],
            (one, "cpu"): used,
            (one, "memory"): memory,
            (one, "network"): load[one] * (0.6 if net[one] else 1),
            (one, "disk"): 0.1 + 0.5 * load[one] * (one in world.stores),
        }
    for host in world.hosts:
        there = sum(found[one, "cpu"] for one in order if world.host[one] == host) + 0.2
        found[host, "cpu"] = there * (1 + much if host == at_fault else 1)
    return found, edges


def _incident(rng: Random, name: str, view: View, services: tuple[int, int]) -> Drawn | None:
    world = _world(rng, services)
    ill = rng.choice(list(Ill))
    at_fault = rng.choice(world.hosts) if ill is Ill.HOST else rng.choice(sorted(world.own))
    before, edges_before = _run(world, None, ill, 0.0)
    after, edges_after = _run(world, at_fault, ill, rng.uniform(1, 12))
    seen = _Seen(rng, view)
    for (one, metric), value in after.items():
        if view is View.TARGET and metric not in {"latency", "errors", "requests"}:
            continue
        if metric == "clientLatency" and not world.calls[one]:
            continue
        seen.look(str(one), metric, before[one, metric], value)
    for (one, metric), value in edges_after.items():
        if view is View.ALERTS:
            callee = metric.removeprefix("calls ")
            seen.look(callee, "latency", edges_before[one, metric], value, caller=str(one))
    target = None
    if view is View.TARGET:
        slow = after[0, "latency"] / before[0, "latency"] - 1
        errs = after[0, "errors"] - before[0, "errors"]
        if max(slow, 5 * errs) < 0.3:
            return None
        target = Target("0", "latency" if slow > 5 * errs else "errors")
    if not any(row.abnormal for row in seen.rows):
        return None
    kinds = {one: "Database" if one in world.stores else "Service" for one in world.own}
    entities = [Entity(str(one), kind) for one, kind in kinds.items()]
    entities += [Entity(str(one), "Host") for one in world.hosts]
    relations = [
        Relation(str(one), "CALLS", str(callee))
        for one, callees in world.calls.items()
        for callee in callees
    ]
    relations += [Relation(str(one), "RUNS_ON", str(host)) for one, host in world.host.items()]
    candidates = None if ill is Ill.HOST else tuple(str(one) for one in world.own)
    incident = Incident(
        name,
        tuple(entities),
        tuple(relations),
        tuple(seen.rows),
        target=target,
        candidates=candidates,
    )
    return Drawn(incident, (str(at_fault),))


@dataclass
class _Seen:
    """What monitoring tells."""

    rng: Random
    view: View
    rows: list[Observation] = field(default_factory=list)

    def look(
        self, entity: str, signal: str, before: float, after: float, caller: str | None = None
    ) -> None:
        rng = self.rng
        noise = math.exp(rng.gauss(-2.5, 0.7))  # relative, of this measurement
        strays = rng.betavariate(0.25, 4)  # how often it alarms without a reason
        change = (after - before) / max(1e-6, before) / noise
        stray = rng.choice((-1, 1)) * rng.paretovariate(1.2) * 5 if rng.random() < strays else 0.0
        many = _QUANTILES.get(signal, 1) if self.view is View.ALERTS and caller is None else 1
        for detector in range(many):
            z = change * rng.uniform(0.6, 1.2) + stray * rng.uniform(0.7, 1.3) + rng.gauss(0, 1.2)
            self._tell(entity, signal, z, f"{signal}{detector}", caller)

    def _tell(self, entity: str, signal: str, z: float, detector: str, caller: str | None) -> None:
        direction = Direction.UP if z > 0 else Direction.DOWN
        alerts = self.view is View.ALERTS
        if abs(z) >= _ALARM:
            late = timedelta(seconds=self.rng.expovariate(1 / 60) if signal != "requests" else 90)
            self.rows.append(
                Observation(
                    entity,
                    signal,
                    State.ABNORMAL,
                    None if alerts else abs(z),
                    direction,
                    None if alerts else _BEGAN + late,
                    detector,
                    caller,
                )
            )
        elif abs(z) < _WELL and not alerts:
            row = Observation(entity, signal, State.HEALTHY, abs(z), detector=detector)
            self.rows.append(row)
