"""Incidents of systems of services, drawn and lived through by physics of their own.

Every incident is a system that nobody saw before: drawn, sized for its normal day, watched for an hour, then hurt.
What is known of it is what its own monitoring would say: robust deviations from that hour, or bare alerts, with
figures that are missing, figures that are restless, calls that no trace shows, and changes that did nothing.

The truth is the entity that was hurt; only whoever scores an answer reads it.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from tests.rca.worlds.calls_physics import Lived, Strain, lived, sized
from tests.rca.worlds.calls_system import CACHE, DATABASE, QUEUE, SERVICE, Floats, System, draw

VIEWS = ("sized", "alerts", "target", "large")
QUIET, HURT = 60, 8  # minutes before and after
TOTAL = QUIET + HURT
START = datetime(2031, 5, 6, 7, 0, tzinfo=UTC)
FAULTS = {
    SERVICE: ("hog", "leak", "delay", "partDelay", "loss", "exception", "slowCode", "config", "kill", "deploy"),
    DATABASE: ("lock", "diskFull", "delay", "hog"),
    CACHE: ("kill", "delay"),
    QUEUE: ("delay", "diskFull"),
}  # fmt: skip
CODE = ("exception", "slowCode", "config", "deploy", "partDelay")
OF_WHOLE = ("partDelay", "exception", "slowCode", "config", "deploy")
LAYOUTS = ("services", "hosted", "instances", "pods")


@dataclass
class Fault:
    """What is done, to whom, and what it shows by itself."""

    name: str
    part: int
    replica: int | None = None  # one replica only
    host: int | None = None
    memory: Floats = field(default_factory=lambda: np.zeros(HURT))
    disk: float = 0.0
    hidden: bool = False  # the processors wait, they do not work


@dataclass(frozen=True)
class Case:
    """One incident, and what only the scorer may read."""

    bundle: dict[str, Any]
    truth: str
    fault: str


def incidents(view: str, count: int, seed: int) -> Iterator[Case]:
    """So many incidents of a view; each seed has its own systems."""
    for number in range(count):
        yield incident(view, seed, number)


def incident(view: str, seed: int, number: int) -> Case:
    """One incident. Draws that nobody would have noticed are drawn again."""
    rng = np.random.default_rng([seed, number, VIEWS.index(view)])
    while True:
        case = _drawn(rng, view, f"{view}-{seed}-{number}")
        if case is not None:
            return case


def _drawn(rng: np.random.Generator, view: str, name: str) -> Case | None:
    layout = str(rng.choice(LAYOUTS[:3] if view == "large" else LAYOUTS))
    services = int(rng.integers(100, 601) if view == "large" else rng.integers(9, 61))
    several = {"services": 4, "pods": 3}.get(layout, 1)
    system = draw(rng, services, several)
    strain, calm = Strain.none(system, TOTAL), Strain.none(system, TOTAL)
    _jobs(rng, system, strain, calm)
    fault = _hurt(rng, system, strain, view, layout)
    entry = _visits(rng, system)
    sizes = sized(system)
    without = lived(system, sizes, calm, entry)
    if without.failing.max() > 0.2:  # nobody runs what falls over by itself
        return None
    grew = _grow(system, lived(system, sizes, strain, entry), strain)
    with_fault = lived(system, sizes, strain, entry)
    breached = _breached(without, with_fault)
    if (breached[system.kind == SERVICE] > 0).sum() < (6 if view == "large" else 1):
        return None
    world = _Watched(rng, system, layout, view == "alerts" or (view == "large" and rng.random() < 0.3))
    return world.case(name, fault, with_fault, breached, grew, view == "target")


def _visits(rng: np.random.Generator, system: System) -> Floats:
    """Traffic: slow, wandering, and at times another level just when something breaks."""
    steps = rng.normal(0, 0.03, (len(system.kind), TOTAL))
    wander = np.zeros_like(steps)
    for minute in range(1, TOTAL):
        wander[:, minute] = 0.9 * wander[:, minute - 1] + steps[:, minute]
    day = 0.15 * np.sin(np.arange(TOTAL) / 40 + rng.uniform(0, 6))
    visits = np.exp(wander + day)
    if rng.random() < 0.3:
        visits[:, QUIET:] *= rng.uniform(0.8, 1.35)
    return visits


def _jobs(rng: np.random.Generator, system: System, *strains: Strain) -> None:
    """Background jobs: some parts are busy with something else now and then, in bad hours as in good ones."""
    at = rng.random((len(system.kind), TOTAL)) < system.jobs[:, None]
    eats = np.where(at, rng.uniform(0.1, 0.6, at.shape), 0.0)
    for strain in strains:
        strain.hog += eats[system.part]


def _hurt(
    rng: np.random.Generator, system: System, strain: Strain, view: str, layout: str
) -> Fault:  # fmt: skip
    now = slice(QUIET, TOTAL)
    if layout in ("hosted", "instances") and view != "large" and rng.random() < 0.08:
        host = int(rng.integers(0, len(system.host_asked)))
        strain.host_hog[host, now] = rng.uniform(0.6, 2.0)
        return Fault("hostHog", -1, host=host)
    part = int(rng.choice(np.flatnonzero((system.kind == SERVICE) | (rng.random(len(system.kind)) < 0.5))))
    names = CODE if view == "large" and system.kind[part] == SERVICE else FAULTS[int(system.kind[part])]
    fault = Fault(str(rng.choice(names)), part)
    mine = np.flatnonzero(system.part == part)
    if fault.name not in OF_WHOLE:
        fault.replica = int(rng.choice(mine))
        mine = np.array([fault.replica])
    span = np.ix_(mine, np.arange(QUIET, TOTAL))
    usual = float(system.seconds[part])
    match fault.name:
        case "hog":
            strain.hog[span] = rng.uniform(0.6, 0.95)
        case "lock":
            strain.hog[span], fault.hidden = rng.uniform(0.85, 0.97), True
        case "leak":
            fault.memory = np.linspace(0.1, rng.uniform(0.5, 1.0), HURT)
            strain.work[span] = 1 + (rng.uniform(1, 6) * fault.memory) ** 2
            strain.gone[mine, TOTAL - 2] = 0.5 * (rng.random() < 0.5)
        case "delay" | "partDelay":
            strain.delay[span] = max(0.02, rng.uniform(2, 30) * usual)
        case "loss":
            strain.loss[span] = rng.uniform(0.1, 0.5)
        case "exception":
            strain.broken[span] = rng.uniform(0.1, 0.9)
        case "slowCode":
            strain.work[span] = rng.uniform(3, 15)
        case "config" if rng.random() < 0.5:
            strain.room[part, now] = rng.uniform(0.02, 0.15)
        case "config":
            strain.broken[span] = rng.uniform(0.3, 1.0)
        case "kill":
            strain.gone[mine, QUIET : QUIET + int(rng.integers(3, HURT + 1))] = 1.0
        case "deploy":
            strain.work[span], strain.broken[span] = rng.uniform(1.5, 6), rng.uniform(0.02, 0.4)
        case "diskFull":
            strain.broken[span], fault.disk = rng.uniform(0.2, 0.9), rng.uniform(0.3, 0.6)
    return fault


def _grow(system: System, first: Lived, strain: Strain) -> list[tuple[int, int]]:
    """Replicas are added two minutes after a part was busy; says for which and when."""
    busy = np.maximum.reduceat(first.busy, np.searchsorted(system.part, np.arange(len(system.kind))))
    rows = []
    for part in np.flatnonzero(system.grows & (busy[:, QUIET:] > 0.8).any(axis=1)):
        minute = QUIET + 2 + int(np.argmax(busy[part, QUIET:] > 0.8))
        strain.grown[part, minute:] = 1.5
        rows.append((int(part), minute))
    return rows


def _breached(without: Lived, with_fault: Lived) -> Floats:
    """How badly each part does for those who ask it: 0, or how many times its usual time or failures."""
    slow = with_fault.seconds[:, QUIET:].mean(axis=1) / without.seconds[:, QUIET:].mean(axis=1)
    wrong = (with_fault.failing - without.failing)[:, QUIET:].mean(axis=1)
    return np.where((slow > 1.5) | (wrong > 0.03), np.maximum(slow, 1 + 20 * wrong), 0.0)


class _Watched:
    """A system as its monitoring knows it: names, what is measured where, and how loud it says what."""

    def __init__(self, rng: np.random.Generator, system: System, layout: str, bare: bool) -> None:
        self.rng, self.system, self.layout, self.bare = rng, system, layout, bare
        salt = rng.integers(1 << 60)
        self.parts = [_hash(salt, "p", one) for one in range(len(system.kind))]
        self.pods = [_hash(salt, "r", one) for one in range(len(system.part))]
        self.hosts = [_hash(salt, "h", one) for one in range(len(system.host_asked))]
        self.loudest = bool(rng.random() < 0.5)  # the worst minute counts, or the third worst
        self.alarm = float(rng.uniform(4, 8)) if bare else 5.0
        self.detectors = int(rng.integers(1, 4)) if bare else 1
        self.fails = str(rng.choice(["errors", "availability"]))
        self.seen = {
            signal for signal, often in (
                ("latency", 1.0), ("fails", 0.85), ("requests", 0.8), ("clientLatency", 0.5), ("cpu", 0.9),
                ("memory", 0.85), ("network", 0.6), ("disk", 0.4), ("saturation", 0.35), ("traced", 0.4),
                ("down", 0.3),
            ) if rng.random() < often
        }  # fmt: skip
        self.untraced = rng.random(len(system.kind)) < rng.choice([0.0, 0.1, 0.3])
        self.bound = rng.random(len(system.kind)) < 0.9  # who has figures of resources
        self.rows: list[dict[str, Any]] = []

    def case(
        self, name: str, fault: Fault, life: Lived, breached: Floats, grew: list[tuple[int, int]],
        objective: bool,
    ) -> Case | None:  # fmt: skip
        self._measured(fault, life)
        truth = self._truth(fault)
        target = None
        if objective and (target := self._target(breached)) is None:
            return None
        hurt = {self.parts[part] for part in np.flatnonzero(breached)} | {truth}
        if not any(row["state"] == "abnormal" and row["entity"] in hurt for row in self.rows):
            return None
        entities, relations = self._graph()
        ranked = None
        if fault.host is None and fault.replica is None and self.rng.random() < 0.5:
            ranked = sorted(self.parts)
        bundle = {
            "format": "kgraph.incident/v1", "id": name, "entities": entities, "relations": relations,
            "observations": self.rows, "changes": self._changes(fault, grew), "target": target,
            "candidates": ranked,
        }  # fmt: skip
        return Case(bundle, truth, fault.name)

    def _truth(self, fault: Fault) -> str:
        if fault.host is not None:
            return self.hosts[fault.host]
        if self.layout == "pods" and fault.replica is not None and self.system.kind[fault.part] == SERVICE:
            return self.pods[fault.replica]
        return self.parts[fault.part]

    def _graph(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        system, rng = self.system, self.rng
        plain = "ServiceInstance" if self.layout == "instances" else "Service"
        kinds = {SERVICE: plain, DATABASE: "Database", CACHE: "Database", QUEUE: "Queue"}
        entities = [
            {"id": name, "kind": kinds[int(kind)]} for name, kind in zip(self.parts, system.kind, strict=True)
        ]
        calls = list(zip(system.calls.source.tolist(), system.calls.target.tolist(), strict=True))
        unseen = rng.choice([0.0, 0.05, 0.15])
        pairs = {call for call in calls if rng.random() >= unseen}
        pairs |= {(int(consumer), int(queue)) for consumer, queue in system.consumes}
        # routes that only an unusual hour takes
        for _ in range(int(rng.integers(0, 1 + len(calls) // 30))):
            one, other = sorted(int(end) for end in rng.choice(len(self.parts), 2, replace=False))
            if system.kind[one] == SERVICE:
                pairs.add((one, other))
        relations = [_relation(self.parts[one], "CALLS", self.parts[other]) for one, other in sorted(pairs)]
        if self.layout == "services":
            return entities, relations
        entities += [{"id": name, "kind": "Host"} for name in self.hosts]
        for replica, part in enumerate(system.part):
            upper = self.parts[part]
            if self.layout == "pods" and system.kind[part] == SERVICE:
                count = int((system.part == part).sum())
                entities.append({"id": self.pods[replica], "kind": "Pod"})
                relations.append(
                    _relation(upper, "RUNS_ON", self.pods[replica], "replicas", max(1, count - 1))
                )
                upper = self.pods[replica]
            relations.append(_relation(upper, "RUNS_ON", self.hosts[system.host[replica]]))
        return entities, relations

    def _measured(self, fault: Fault, life: Lived) -> None:
        system, calls, n = self.system, self.system.calls, len(self.parts)
        traced = ~self.untraced
        if fault.name in CODE and self.rng.random() < 0.5:  # bad code stays where nobody measures
            traced[fault.part] = False
        self._row(self.parts, traced, "latency", life.seconds, 0.02)
        if "fails" in self.seen:
            self._row(self.parts, traced, self.fails, life.failing, 0.0, least=0.003)
        if "requests" in self.seen:
            self._row(self.parts, traced, "requests", life.load, 0.02)
        out = np.zeros((n, TOTAL))
        np.add.at(out, calls.source, life.call_seconds)
        if "clientLatency" in self.seen:
            self._row(self.parts, traced & (out.sum(axis=1) > 0), "clientLatency", out, 0.03)
        if "traced" in self.seen:
            callee = [self.parts[one] for one in calls.target]
            caller = [self.parts[one] for one in calls.source]
            watched = (self.rng.random(len(callee)) < 0.6) & traced[calls.source]
            self._row(callee, watched, "latency", life.call_seconds, 0.03, callers=caller)
        grown = np.zeros_like(life.busy)
        if fault.replica is not None:
            grown[fault.replica, QUIET:] = fault.memory
        shown = life.busy - (0.9 * (system.part == fault.part)[:, None] if fault.hidden else 0) * (
            np.arange(TOTAL) >= QUIET
        )
        figures = {
            "cpu": np.maximum(shown, 0.01),
            "memory": 0.4 + 0.25 * life.held + grown,
            "network": life.replica_load,
            "saturation": life.held,
        }
        separate = self.layout == "pods"
        for signal, values in figures.items():
            if signal not in self.seen:
                continue
            if separate:
                self._row(self.pods, self.bound[system.part] & (system.kind[system.part] == SERVICE), signal,
                          values, 0.03)  # fmt: skip
            whole = np.zeros((n, TOTAL))
            np.add.at(whole, system.part, values / np.bincount(system.part)[system.part][:, None])
            self._row(self.parts, self.bound & (~separate | (system.kind != SERVICE)), signal, whole, 0.03)
        if "disk" in self.seen:
            stores = self.bound & np.isin(system.kind, (DATABASE, QUEUE))
            written = 0.3 + 0.1 * life.load / np.maximum(life.load[:, :QUIET].mean(axis=1), 1e-9)[:, None]
            written[fault.part, QUIET:] += fault.disk
            self._row(self.parts, stores, "disk", written, 0.03)
        if len(system.consumes) and "saturation" in self.seen:
            queues = [self.parts[queue] for queue in system.consumes[:, 1]]
            self._row(queues, np.ones(len(queues), bool), "saturation", life.backlog, 0.1)
        if self.layout != "services" and "cpu" in self.seen:
            self._row(self.hosts, np.ones(len(self.hosts), bool), "cpu", life.host_busy, 0.03)
        if "down" in self.seen and fault.name == "kill":
            self._say(self._truth(fault), "down", "abnormal", None, None, QUIET, "probe/up")
        if self.bare:
            loud = {row["entity"] for row in self.rows}
            silent = [one for one in self.parts if one not in loud and self.rng.random() < 0.9]
            self.rows += [
                {"entity": one, "signal": "anomaly", "state": "healthy", "score": None, "direction": None,
                 "at": None, "detector": "all"} for one in silent
            ]  # fmt: skip

    def _row(
        self, names: list[str], watched: Any, signal: str, values: Floats, steady: float,
        least: float = 0.0, callers: list[str] | None = None,
    ) -> None:  # fmt: skip
        """What a figure's own hour says of its last minutes, for those of `names` that are `watched`."""
        rng, shape = self.rng, values.shape
        shaky = rng.uniform(steady, 0.15, (shape[0], 1))
        wild = rng.random((shape[0], 1)) < 0.08
        odd = rng.random(shape) < np.where(wild, 0.05, 0.002)
        read = values * np.exp(rng.normal(0, 1, shape) * shaky + odd * rng.standard_t(2, shape) * 4 * shaky)
        if least:
            read = np.maximum(0, values + rng.normal(0, least / 3, shape) * (values + least / 2 > least))
        usual = np.median(read[:, :QUIET], axis=1, keepdims=True)
        spread = 1.4826 * np.median(np.abs(read[:, :QUIET] - usual), axis=1, keepdims=True)
        floor = np.maximum(least, 0.02 * np.abs(usual)) + 1e-9
        z = ((read - usual) / np.maximum(spread, floor))[:, QUIET:]
        rank = np.argsort(-np.abs(z), axis=1)[:, 0 if self.loudest else 2]
        for row in np.flatnonzero(watched):
            score = float(z[row, rank[row]])
            up = (score > 0) != (signal == "availability")
            minute = QUIET + int(np.argmax(np.abs(z[row]) >= min(self.alarm, abs(score))))
            caller = callers[row] if callers else None
            if abs(score) >= self.alarm:
                for which in range(self.detectors if signal in ("latency", "clientLatency") else 1):
                    self._say(names[row], signal, "abnormal", abs(score), "up" if up else "down", minute,
                              f"{'trace' if caller else 'metric'}/{signal}{which or ''}", caller)  # fmt: skip
            elif abs(score) < 3 and not self.bare and caller is None:
                self._say(names[row], signal, "healthy", abs(score), None, minute, f"metric/{signal}")

    def _say(
        self, entity: str, signal: str, state: str, score: float | None, direction: str | None, minute: int,
        detector: str, caller: str | None = None,
    ) -> None:  # fmt: skip
        row = {
            "entity": entity, "signal": signal, "state": state, "direction": direction, "detector": detector,
            "score": None if self.bare or score is None else round(score, 3),
            "at": None if self.bare else _time(minute),
        }  # fmt: skip
        self.rows.append(row | ({"caller": caller} if caller else {}))

    def _target(self, breached: Floats) -> dict[str, str] | None:
        """An objective that is breached, at the door more often than further in."""
        loud = {(row["entity"], row["signal"]) for row in self.rows if row["state"] == "abnormal"
                and row["direction"] == ("down" if row["signal"] == "availability" else "up")}  # fmt: skip
        choice = [
            (part, signal) for part in np.flatnonzero((breached > 0) & (self.system.kind == SERVICE))
            for signal in ("latency", self.fails) if (self.parts[part], signal) in loud
        ]  # fmt: skip
        doors = [one for one in choice if self.system.entry[one[0]] > 0]
        if doors and self.rng.random() < 0.6:
            choice = doors
        if not choice:
            return None
        part, signal = choice[int(self.rng.integers(len(choice)))]
        return {"entity": self.parts[part], "signal": signal}

    def _changes(self, fault: Fault, grew: list[tuple[int, int]]) -> list[dict[str, Any]]:
        rng, rows = self.rng, []
        if fault.name in ("config", "deploy") and rng.random() < 0.8:
            rows.append((fault.part, str(fault.name), QUIET - int(rng.integers(0, 4))))
        for _ in range(int(rng.poisson(0.8))):  # what was changed too, and did nothing
            rows.append((int(rng.integers(len(self.parts))), str(rng.choice(["deploy", "config"])),
                         int(rng.integers(0, TOTAL))))  # fmt: skip
        rows += [(part, "scale", minute) for part, minute in grew]
        rows.sort(key=lambda row: row[2])
        return [
            {"entity": self.parts[part], "type": what, "at": _time(minute)} for part, what, minute in rows
        ]


def _hash(salt: Any, letter: str, number: int) -> str:
    return hashlib.sha256(f"{salt}{letter}{number}".encode()).hexdigest()[:10]


def _time(minute: int) -> str:
    return (START + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _relation(
    one: str, what: str, other: str, group: str | None = None, need: int | None = None
) -> dict[str, Any]:
    return {"from": one, "type": what, "to": other, "group": group, "need": need}
