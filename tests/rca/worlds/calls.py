"""Incidents of systems of services, drawn and lived through by physics of their own.

A fifth world, written from the published formats and before the rules, the inference or another
world were read. Every incident is a system that nobody saw before: drawn, sized for its normal
day, watched for an hour, then hurt. The cause is the entity that was hurt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from kgraph.schema import Change, Incident
from tests.rca.worlds.calls_physics import Lived, Strain, lived, sized
from tests.rca.worlds.calls_system import CACHE, DATABASE, QUEUE, SERVICE, Floats, System, draw
from tests.rca.worlds.calls_watch import HURT, QUIET, TOTAL, Watched, minute
from tests.rca.worlds.drawn import Drawn

Array = NDArray[np.int64]
Uniform = Callable[[float, float], float]


class View(Enum):
    """What monitoring tells of an incident, and how large the system is."""

    SIZED = "sizes, times and what is well"
    ALERTS = "alerts without sizes, times or health"
    TARGET = "a breached objective, sizes"
    LARGE = "100 to 600 services, bad code, sizes or alerts"


FAULTS = {
    SERVICE: (
        *("hog", "leak", "delay", "partDelay", "loss"),
        *("exception", "slowCode", "config", "kill", "deploy"),
    ),
    DATABASE: ("lock", "diskFull", "delay", "hog"),
    CACHE: ("kill", "delay"),
    QUEUE: ("delay", "diskFull"),
}
CODE = ("exception", "slowCode", "config", "deploy", "partDelay")  # of all replicas of a part
TRIES = 20  # faults in one system, until somebody would notice
REPLICAS = {"services": 4, "hosted": 1, "instances": 1, "pods": 3}  # layout -> at most


@dataclass(frozen=True)
class Fault:
    """What was done; to one replica or host, or to a part as a whole."""

    name: str
    part: int
    replica: int | None = None
    host: int | None = None


def incidents(seed: int, count: int, view: View) -> Iterator[Drawn]:
    """Yield incidents, each in a system of its own."""
    for number in range(count):
        yield drawn(seed, number, view)[0]


def drawn(seed: int, number: int, view: View) -> tuple[Drawn, str]:
    """Return one incident and the name of its fault; what nobody would notice is drawn again."""
    rng = np.random.default_rng([seed, number, list(View).index(view)])
    while (found := _incident(rng, f"calls-{seed}-{number}", view)) is None:
        pass
    return found


def _incident(rng: np.random.Generator, name: str, view: View) -> tuple[Drawn, str] | None:
    large = view is View.LARGE
    layout = str(rng.choice(list(REPLICAS)[: 3 if large else 4]))
    services = int(rng.integers(100, 601) if large else rng.integers(9, 61))
    system = draw(rng, services, REPLICAS[layout])
    calm = Strain.none(system, TOTAL)
    calm.hog += _jobs(rng, system)[system.part]
    entry, sizes = _visits(rng, system), sized(system)
    without = lived(system, sizes, calm, entry)
    if without.failing.max() > 0.2:  # nobody runs what falls over by itself
        return None
    needed, glance = (6 if large else 1), [QUIET + 1, TOTAL - 1]
    for _ in range(TRIES):
        strain = calm.at(range(TOTAL))
        fault = _chosen(rng, system, view, layout)
        memory, disk = _hurt(rng, system, strain, fault)
        shortly = lived(system, sizes, strain.at(glance), entry[:, glance])
        if _noticed(system, _breached(without, shortly, glance)) >= needed:
            break
    else:
        return None
    grew = _grow(system, lived(system, sizes, strain, entry), strain)
    life = lived(system, sizes, strain, entry)
    breached = _breached(without, life, list(range(QUIET, TOTAL)))
    if _noticed(system, breached) < needed:
        return None
    bare = view is View.ALERTS or (large and rng.random() < 0.3)
    watch = Watched(rng, system, layout, bare)
    if fault.name in CODE and rng.random() < 0.5:  # bad code stays where nobody measures
        watch.traced[fault.part] = False
    watch.look(life)
    locked = (fault.name == "lock") * 0.9 * (system.part == fault.part)[:, None]
    shown = life.busy - locked * (np.arange(TOTAL) >= QUIET)  # who waits for a lock works little
    usual = np.maximum(life.load[:, :QUIET].mean(axis=1), 1e-9)[:, None]
    watch.look_within(life, shown, memory, 0.3 + 0.1 * life.load / usual + disk)
    truth = _truth(system, watch, fault)
    if fault.name == "kill" and "down" in watch.seen:
        watch.say(truth, "down")
    if watch.bare:
        watch.look_for_silence()
    target = watch.target(breached) if view is View.TARGET else None
    hurt = {watch.parts[part] for part in np.flatnonzero(breached)} | {truth}
    heard = any(row.abnormal and row.entity in hurt for row in watch.rows)
    if not heard or (view is View.TARGET and target is None):
        return None
    entities, relations = watch.graph()
    code = fault.host is None and fault.replica is None
    incident = Incident(
        name,
        tuple(sorted(entities, key=lambda one: one.uid)),
        tuple(relations),
        tuple(watch.rows),
        tuple(_changes(rng, watch, fault, grew)),
        target=target,
        candidates=tuple(sorted(watch.parts)) if code and rng.random() < 0.5 else None,
    )
    return Drawn(incident, (truth,)), fault.name


def _visits(rng: np.random.Generator, system: System) -> Floats:
    """Traffic: it wanders, and at times it is another just when something breaks."""
    steps = rng.normal(0, 0.03, (len(system.kind), TOTAL))
    wander = np.zeros_like(steps)
    for now in range(1, TOTAL):
        wander[:, now] = 0.9 * wander[:, now - 1] + steps[:, now]
    visits = np.exp(wander + 0.15 * np.sin(np.arange(TOTAL) / 40 + rng.uniform(0, 6)))
    if rng.random() < 0.3:
        visits[:, QUIET:] *= rng.uniform(0.8, 1.35)
    return visits


def _jobs(rng: np.random.Generator, system: System) -> Floats:
    """Background jobs: some are busy with something else now and then, in good hours as in bad."""
    at = rng.random((len(system.kind), TOTAL)) < system.jobs[:, None]
    return np.where(at, rng.uniform(0.1, 0.6, at.shape), 0.0)


def _chosen(rng: np.random.Generator, system: System, view: View, layout: str) -> Fault:
    hosts = layout in {"hosted", "instances"} and view is not View.LARGE
    if hosts and rng.random() < 0.08:
        return Fault("hostHog", -1, host=int(rng.integers(0, len(system.host_asked))))
    eligible = (system.kind == SERVICE) | (rng.random(len(system.kind)) < 0.5)
    part = int(rng.choice(np.flatnonzero(eligible)))
    kind = int(system.kind[part])
    names = CODE if view is View.LARGE and kind == SERVICE else FAULTS[kind]
    name = str(rng.choice(names))
    if name in CODE:
        return Fault(name, part)
    return Fault(name, part, replica=int(rng.choice(np.flatnonzero(system.part == part))))


def _hurt(
    rng: np.random.Generator, system: System, strain: Strain, fault: Fault
) -> tuple[Floats, Floats]:
    """Do it; return what leaks of memory (replicas, minutes) and fills of disks (parts, ...)."""
    memory, disk = np.zeros_like(strain.work), np.zeros_like(strain.room)
    if fault.host is not None:
        strain.host_hog[fault.host, QUIET:] = rng.uniform(0.6, 2.0)
        return memory, disk
    mine = np.flatnonzero(system.part == fault.part)
    if fault.replica is not None:
        mine = np.array([fault.replica])
    if fault.name == "leak":
        memory[mine, QUIET:] = np.linspace(0.1, rng.uniform(0.5, 1.0), HURT)
        strain.work[mine] = 1 + (rng.uniform(1, 6) * memory[mine]) ** 2
        strain.gone[mine, TOTAL - 2] = 0.5 * (rng.random() < 0.5)  # killed for it
    elif fault.name == "kill":
        strain.gone[mine, QUIET : QUIET + int(rng.integers(3, HURT + 1))] = 1.0
    elif fault.name == "config" and rng.random() < 0.5:  # else what it says is wrong
        strain.room[fault.part, QUIET:] = rng.uniform(0.02, 0.15)
    else:
        _strained(rng.uniform, strain, fault.name, mine, float(system.seconds[fault.part]))
        disk[fault.part, QUIET:] = (fault.name == "diskFull") * rng.uniform(0.3, 0.6)
    return memory, disk


def _strained(uniform: Uniform, strain: Strain, name: str, mine: Array, usual: float) -> None:
    """Do what lasts from the first minute to the last."""
    now = np.ix_(mine, np.arange(QUIET, TOTAL))
    if name in {"hog", "lock"}:
        strain.hog[now] = uniform(0.85 if name == "lock" else 0.6, 0.97)
    if name in {"delay", "partDelay"}:
        strain.delay[now] = max(0.02, uniform(2, 30) * usual)
    if name in {"slowCode", "deploy"}:
        strain.work[now] = uniform(3, 15) if name == "slowCode" else uniform(1.5, 6)
    if name == "loss":
        strain.loss[now] = uniform(0.1, 0.5)
    if name in {"exception", "config", "diskFull", "deploy"}:
        strain.broken[now] = uniform(0.02, 0.4) if name == "deploy" else uniform(0.1, 0.9)


def _grow(system: System, first: Lived, strain: Strain) -> list[tuple[int, int]]:
    """Add replicas two minutes after a part was busy; return of which and when."""
    begins = np.searchsorted(system.part, np.arange(len(system.kind)))
    busy = np.maximum.reduceat(first.busy, begins)[:, QUIET:] > 0.8
    rows = []
    for part in np.flatnonzero(system.grows & busy.any(axis=1)).tolist():
        when = QUIET + 2 + int(np.argmax(busy[part]))
        strain.grown[part, when:] = 1.5
        rows.append((part, when))
    return rows


def _breached(without: Lived, life: Lived, minutes: list[int]) -> Floats:
    """Return how badly each part does: 0, or about how many times as badly as it would.

    Args:
        life: with the fault, of these minutes last.
    """
    now = slice(-len(minutes), None)
    slow = life.seconds[:, now].mean(axis=1) / without.seconds[:, minutes].mean(axis=1)
    more = life.failing[:, now].mean(axis=1) - without.failing[:, minutes].mean(axis=1)
    return np.where((slow > 1.5) | (more > 0.03), np.maximum(slow, 1 + 20 * more), 0.0)


def _noticed(system: System, breached: Floats) -> int:
    return int(np.count_nonzero(breached[system.kind == SERVICE]))


def _truth(system: System, watch: Watched, fault: Fault) -> str:
    if fault.host is not None:
        return watch.hosts[fault.host]
    if watch.layout == "pods" and fault.replica is not None and system.kind[fault.part] == SERVICE:
        return watch.pods[fault.replica]
    return watch.parts[fault.part]


def _changes(
    rng: np.random.Generator, watch: Watched, fault: Fault, grew: list[tuple[int, int]]
) -> Iterator[Change]:
    """Yield what was changed: what broke it, more replicas because of it, and what did nothing."""
    rows = [(part, "scale", when) for part, when in grew]
    if fault.name in {"config", "deploy"} and rng.random() < 0.8:
        rows.append((fault.part, fault.name, QUIET - int(rng.integers(0, 4))))
    for _ in range(int(rng.poisson(0.8))):
        what = str(rng.choice(["deploy", "config"]))
        rows.append((int(rng.integers(len(watch.parts))), what, int(rng.integers(0, TOTAL))))
    for part, what, when in sorted(rows, key=lambda row: row[2]):
        yield Change(watch.parts[part], what, minute(when))
