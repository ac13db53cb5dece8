"""What the monitoring of a system of services says of an hour: robust deviations, or bare alerts.

Which figures there are differs from system to system. Some are restless, some parts have none,
some calls are in no trace, and some are made in an unusual hour alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from kgraph.schema import Direction, Entity, Observation, Relation, State, Target
from tests.rca.worlds.calls_physics import Lived
from tests.rca.worlds.calls_system import CACHE, DATABASE, QUEUE, SERVICE, Floats, System

QUIET, HURT = 60, 8  # minutes before and after
TOTAL = QUIET + HURT
ALARM, WELL = 5.0, 3.0  # deviations
_START = datetime(2031, 5, 6, 7, tzinfo=UTC)
_OFTEN = {
    "latency": 1.0,
    "fails": 0.85,
    "requests": 0.8,
    "clientLatency": 0.5,
    "cpu": 0.9,
    "memory": 0.85,
    "network": 0.6,
    "disk": 0.4,
    "saturation": 0.35,
    "traced": 0.4,
    "down": 0.3,
}  # signal -> share of systems that have it


class Watched:
    """A system as its monitoring knows it."""

    def __init__(self, rng: np.random.Generator, system: System, layout: str, bare: bool) -> None:  # noqa: FBT001
        """Draw how it is watched; `bare`: it sends alerts and nothing else."""
        self.rng, self.system, self.layout, self.bare = rng, system, layout, bare
        salt = int(rng.integers(1 << 60))
        self.parts = [_hash(salt, "p", one) for one in range(len(system.kind))]
        self.pods = [_hash(salt, "r", one) for one in range(len(system.part))]
        self.hosts = [_hash(salt, "h", one) for one in range(len(system.host_asked))]
        self.place = 0 if rng.random() < 0.5 else 2  # the worst minute counts, or the third worst
        self.alarm = float(rng.uniform(4, 8)) if bare else ALARM
        self.detectors = int(rng.integers(1, 4)) if bare else 1
        self.fails = str(rng.choice(["errors", "availability"]))
        self.seen = {signal for signal, often in _OFTEN.items() if rng.random() < often}
        self.traced = rng.random(len(system.kind)) >= rng.choice([0.0, 0.1, 0.3])
        self.measured = rng.random(len(system.kind)) < 0.9  # who has figures of its means
        self.is_service = system.kind == SERVICE
        self.rows: list[Observation] = []

    def graph(self) -> tuple[list[Entity], list[Relation]]:
        """The system as it is written down."""
        system, rng, parts = self.system, self.rng, self.parts
        plain = "ServiceInstance" if self.layout == "instances" else "Service"
        kinds = {SERVICE: plain, DATABASE: "Database", CACHE: "Database", QUEUE: "Queue"}
        entities = [Entity(parts[i], kinds[int(kind)]) for i, kind in enumerate(system.kind)]
        ends = np.column_stack((system.calls.source, system.calls.target)).tolist()
        unseen = rng.choice([0.0, 0.05, 0.15])
        pairs = {(one, other) for one, other in ends if rng.random() >= unseen}
        pairs |= {(one, queue) for one, queue in system.consumes.tolist()}
        for _ in range(int(rng.integers(0, 1 + len(ends) // 30))):  # ways of an unusual hour
            one, other = sorted(rng.choice(len(parts), 2, replace=False).tolist())
            if self.is_service[one]:
                pairs.add((one, other))
        relations = [Relation(parts[one], "CALLS", parts[other]) for one, other in sorted(pairs)]
        if self.layout == "services":
            return entities, relations
        entities += [Entity(host, "Host") for host in self.hosts]
        replicas = np.bincount(system.part)
        for i, part in enumerate(system.part.tolist()):
            upper = parts[part]
            if self.layout == "pods" and self.is_service[part]:
                need = max(1, int(replicas[part]) - 1)
                entities.append(Entity(self.pods[i], "Pod"))
                relations.append(Relation(upper, "RUNS_ON", self.pods[i], "replicas", need))
                upper = self.pods[i]
            relations.append(Relation(upper, "RUNS_ON", self.hosts[system.host[i]]))
        return entities, relations

    def look(self, life: Lived) -> None:
        """Tell what is measured of requests and calls."""
        calls = self.system.calls
        self._tell(self.parts, self.traced, "latency", life.seconds, 0.02)
        self._tell(self.parts, self.traced, self.fails, life.failing, 0.0, least=0.003)
        self._tell(self.parts, self.traced, "requests", life.load, 0.02)
        waits = np.zeros_like(life.load)
        np.add.at(waits, calls.source, life.call_seconds)
        calling = self.traced & (waits.sum(axis=1) > 0)
        self._tell(self.parts, calling, "clientLatency", waits, 0.03)
        if "traced" in self.seen:
            callees = [self.parts[one] for one in calls.target]
            callers = [self.parts[one] for one in calls.source]
            known = (self.rng.random(len(callees)) < 0.6) & self.traced[calls.source]
            self._tell(callees, known, "latency", life.call_seconds, 0.03, callers=callers)

    def look_within(self, life: Lived, shown: Floats, memory: Floats, disk: Floats) -> None:
        """Tell what is measured of the means of parts, replicas and hosts.

        Args:
            shown: processors in use (replicas, minutes), as their own figures have it.
            memory: what of it has leaked, likewise.
            disk: in use (parts, minutes).
        """
        system, part = self.system, self.system.part
        figures = {
            "cpu": np.maximum(shown, 0.01),
            "memory": 0.4 + 0.25 * life.held + memory,
            "network": life.replica_load,
            "saturation": life.held,
        }
        pods = (self.layout == "pods") & self.is_service
        for signal, values in figures.items():
            if pods.any():
                self._tell(self.pods, (self.measured & pods)[part], signal, values, 0.03)
            mean = np.zeros_like(life.load)
            np.add.at(mean, part, values / np.bincount(part)[part][:, None])
            self._tell(self.parts, self.measured & ~pods, signal, mean, 0.03)
        stores = self.measured & np.isin(system.kind, (DATABASE, QUEUE))
        self._tell(self.parts, stores, "disk", disk, 0.03)
        queues = [self.parts[queue] for queue in system.consumes[:, 1]]
        self._tell(queues, np.ones(len(queues), bool), "saturation", life.backlog, 0.1)
        if self.layout != "services":
            self._tell(self.hosts, np.ones(len(self.hosts), bool), "cpu", life.host_busy, 0.03)

    def look_for_silence(self) -> None:
        """Of an alert list most parts that sent nothing are known to be watched."""
        loud = {row.entity for row in self.rows}
        self.rows += [
            Observation(one, "anomaly", State.HEALTHY, detector="all")
            for one in self.parts
            if one not in loud and self.rng.random() < 0.9
        ]

    def target(self, breached: Floats) -> Target | None:
        """Return a breached objective, at the door more often than further in."""
        bad = {"latency": Direction.UP, "errors": Direction.UP, "availability": Direction.DOWN}
        loud = {
            (row.entity, row.signal)
            for row in self.rows
            if row.abnormal and row.caller is None and bad.get(row.signal) is row.direction
        }
        choice = [
            (part, signal)
            for part in np.flatnonzero((breached > 0) & self.is_service)
            for signal in ("latency", self.fails)
            if (self.parts[part], signal) in loud
        ]
        doors = [one for one in choice if self.system.entry[one[0]] > 0]
        if doors and self.rng.random() < 0.6:
            choice = doors
        if not choice:
            return None
        part, signal = choice[int(self.rng.integers(len(choice)))]
        return Target(self.parts[part], signal)

    def say(self, entity: str, signal: str) -> None:
        """A probe tells that something is so."""
        at = None if self.bare else minute(QUIET)
        self.rows.append(Observation(entity, signal, State.ABNORMAL, at=at, detector="probe/up"))

    def _tell(
        self,
        names: Sequence[str],
        watched: NDArray[np.bool_],
        signal: str,
        values: Floats,
        steady: float,
        *,
        least: float = 0.0,
        callers: Sequence[str] | None = None,
    ) -> None:
        """Tell what a figure's own hour says of its last minutes."""
        if ("fails" if signal == self.fails else signal) not in self.seen:
            return
        z, rank = self._deviations(values, steady, least)
        for row in np.flatnonzero(watched):
            score = float(z[row, rank[row]])
            size, up = abs(score), (score > 0) != (signal == "availability")
            when = QUIET + int(np.argmax(np.abs(z[row]) >= min(self.alarm, size)))
            said = (None, None) if self.bare else (round(size, 3), minute(when))
            caller = callers[row] if callers else None
            if size >= self.alarm:
                direction = Direction.UP if up else Direction.DOWN
                many = self.detectors if signal in {"latency", "clientLatency"} else 1
                for i in range(many):
                    detector = f"{'trace' if caller else 'metric'}/{signal}{i or ''}"
                    seen = (signal, State.ABNORMAL, said[0], direction, said[1], detector, caller)
                    self.rows.append(Observation(names[row], *seen))
            elif size < WELL and not self.bare and caller is None:
                seen = (signal, State.HEALTHY, said[0], None, said[1], f"metric/{signal}")
                self.rows.append(Observation(names[row], *seen))

    def _deviations(
        self, values: Floats, steady: float, least: float
    ) -> tuple[Floats, NDArray[np.int64]]:
        """Return robust deviations in the last minutes, and which of these counts."""
        rng, shape = self.rng, values.shape
        shaky = rng.uniform(steady, 0.15, (shape[0], 1))
        restless = rng.random((shape[0], 1)) < 0.08
        odd = rng.random(shape) < np.where(restless, 0.05, 0.002)
        noise = rng.normal(0, 1, shape)
        read = values * np.exp((noise + 4 * odd * rng.standard_t(2, shape)) * shaky)
        if least:  # a share of few: none on most days
            read = np.maximum(0, values + noise * least / 3 * (values > least / 2))
        usual = np.median(read[:, :QUIET], axis=1, keepdims=True)
        spread = 1.4826 * np.median(np.abs(read[:, :QUIET] - usual), axis=1, keepdims=True)
        floor = np.maximum(least, 0.02 * np.abs(usual)) + 1e-9
        z = ((read - usual) / np.maximum(spread, floor))[:, QUIET:]
        return z, np.argsort(-np.abs(z), axis=1)[:, self.place]


def minute(number: int) -> datetime:
    """Return the time of a minute of the hour that is looked at."""
    return _START + timedelta(minutes=number)


def _hash(salt: int, letter: str, number: int) -> str:
    return hashlib.sha256(f"{salt}{letter}{number}".encode()).hexdigest()[:10]
