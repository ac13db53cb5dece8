"""Incidents of the enterprise as its monitoring tells them, in four views.

`covered` tells health and sizes; `alerts` is a list of alerts without sizes; `several` has two or
three faults; `storm` is a fault of something that much stands on, heard through alerts that miss
and lie.
"""

import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Any

from kgraph.schema import Incident
from kgraph.schema.bundles import parse_bundle
from tests.rca.worlds.drawn import Drawn
from tests.rca.worlds.enterprise_estate import Estate, Thing, draw
from tests.rca.worlds.enterprise_faults import FAULTS, Fault
from tests.rca.worlds.enterprise_physics import STEP, Effect, State, World


class View(Enum):
    """How many faults, and what is said besides alarms."""

    COVERED = auto()
    ALERTS = auto()
    SEVERAL = auto()
    STORM = auto()


_START = 300.0  # seconds of the first fault
_BIG = frozenset({"core", "ups", "pdu", "tor", "array", "pool", "dns", "vlan", "datastore"})
_BOX = ("down", "unreachable", "cpu")
_ASKED = ("latency", "errors", "availability", "requests")
SIGNALS: dict[str, tuple[str, ...]] = {
    "Host": (*_BOX, "memory", "disk", "network", "saturation"),
    "VirtualMachine": (*_BOX, "latency", "memory", "disk", "paused", "ioError", "panic", "hung"),
    "Nic": ("down", "errors"),
    "Bond": ("down",),
    "Switch": ("down", "unreachable", "cpu", "errors"),
    "Router": ("down", "unreachable", "cpu", "errors"),
    "Bmc": ("unreachable",),
    "Network": ("unreachable",),
    "PowerFeed": ("down",),
    "StorageArray": ("down", "latency"),
    "StorageController": ("down", "latency"),
    "StoragePath": ("down",),
    "StoragePool": ("down", "full", "latency", "saturation"),
    "StorageExport": ("down", "unreachable", "latency"),
    "Disk": ("down", "errors", "latency"),
    "Volume": ("full", "latency"),
    "Service": (*_ASKED, "cpu", "network", "saturation"),
    "ServiceInstance": ("down", *_ASKED, "memory"),
    "Pod": ("down", "latency", "errors", "memory", "cpu"),
    "Database": ("down", "latency", "errors", "saturation", "cpu"),
    "Queue": ("down", "latency", "saturation"),
    "LoadBalancer": ("down", *_ASKED),
    "Endpoint": ("latency", "availability"),
    "Application": ("availability",),
    "ConfigItem": ("anomaly",),
    "Probe": ("down",),
}
_STATES = {"down", "unreachable", "paused", "ioError", "panic", "hung", "full", "anomaly"}
_OUTSIDE = {"down", "unreachable", "availability", "paused", "ioError", "panic", "hung"}


def incident(seed: str, view: View) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """One bundle and what struck (fault, entity); drawn again where nobody would have noticed."""
    rng = random.Random(seed)
    while True:
        estate = draw(rng)
        struck = _strike(estate, rng, view)
        end = max(_first(some) for _, _, some in struck) + rng.uniform(240, 900)
        told = [_told(estate, rng, view, some, end) for _, _, some in struck]
        if all(_noticed(rows) for rows in told):
            break
    rows = told[0]
    if len(struck) > 1:
        rows = _told(estate, rng, view, [e for _, _, some in struck for e in some], end)
    for row in rows:
        row.pop("real", None)
    bundle = {
        "format": "kgraph.incident/v1",
        "id": seed,
        "entities": [{"id": t.id, "kind": t.kind} for t in estate.things.values()],
        "relations": [
            {"from": k.source, "type": k.type, "to": k.to, "group": k.group, "need": k.need}
            for k in estate.links
        ],
        "observations": rows,
        "changes": _changes(estate, rng, struck),
        "target": _target(estate, rows, rng),
        "candidates": None,
    }
    return bundle, [(fault.name, x) for fault, x, _ in struck]


def _told(
    e: Estate, rng: random.Random, view: View, effects: list[Effect], end: float
) -> list[dict[str, Any]]:
    return _Monitoring(e, rng, view).look(World(e, rng).play(effects, end), end)


def _noticed(rows: list[dict[str, Any]]) -> bool:
    return sum(row["state"] == "abnormal" and row["real"] for row in rows) >= 2


def _strike(e: Estate, rng: random.Random, view: View) -> list[tuple[Fault, str, list[Effect]]]:
    choice = [f for f in FAULTS if e.of(*f.roles) and (view != View.STORM or _BIG & set(f.roles))]
    struck: list[tuple[Fault, str, list[Effect]]] = []
    for _ in range(rng.choice((2, 2, 3)) if view == View.SEVERAL else 1):
        (fault,) = rng.choices(choice, [f.often for f in choice])
        here = [x for x in e.of(*fault.roles) if view != View.STORM or e.things[x].role in _BIG]
        x = rng.choice(here)
        if x not in {y for _, y, _ in struck}:
            at = _START if not struck else _START + rng.uniform(-60, 240)
            struck.append((fault, x, fault.make(e, rng, x, at)))
    return struck


def _first(effects: list[Effect]) -> float:
    return min(e.at for e in effects)


def _when(t: float) -> str:
    start = datetime(2026, 3, 2, 9, tzinfo=UTC)
    return (start + timedelta(seconds=round(t))).strftime("%Y-%m-%dT%H:%M:%SZ")


def _changes(
    e: Estate, rng: random.Random, struck: list[tuple[Fault, str, list[Effect]]]
) -> list[dict[str, Any]]:
    found = [
        (x, _first(some) - rng.uniform(20, 400))
        for f, x, some in struck
        if rng.random() < f.change
    ]
    found += [
        (rng.choice(list(e.things)), _START - rng.uniform(-200, 1800))
        for _ in range(rng.choice((0, 1, 1, 2, 4)))
    ]
    kinds = ("config", "deploy", "restart")
    return [{"entity": x, "type": rng.choice(kinds), "at": _when(t)} for x, t in found]


def _target(e: Estate, rows: list[dict[str, Any]], rng: random.Random) -> dict[str, str] | None:
    """The promise that raised the incident, where one did."""
    felt = [
        r for r in rows
        if r["state"] == "abnormal" and e.things[r["entity"]].kind in {"Endpoint", "Application"}
    ]  # fmt: skip
    if not felt or rng.random() < 0.5:
        return None
    row = rng.choice(felt)
    return {"entity": row["entity"], "signal": row["signal"]}


class _Monitoring:
    """Who looks at what, how well, and what he says at the end."""

    def __init__(self, estate: Estate, rng: random.Random, view: View) -> None:
        self.estate, self.rng, self.view = estate, rng, view
        self.cover = {View.STORM: rng.uniform(0.4, 0.8)}.get(view, rng.uniform(0.6, 0.98))
        self.miss = rng.uniform(0.02, 0.12)
        self.false = rng.choice((0.0002, 0.001, 0.003))
        self.sized = view in {View.COVERED, View.SEVERAL}
        self.timed = view != View.ALERTS or rng.random() < 0.6

    def look(self, history: dict[str, dict[float, State]], end: float) -> list[dict[str, Any]]:
        blind = self._probes(history, end)
        rows: list[dict[str, Any]] = []
        for thing in self.estate.things.values():
            states = history.get(thing.id, {})
            for signal in SIGNALS.get(thing.kind, ()):
                if self.rng.random() < self.cover:
                    row = self._row(thing, signal, states, end, blind)
                    if row is not None:
                        rows.append(row)
        if self.view in {View.ALERTS, View.STORM}:
            rows = [r for r in rows if r["state"] == "abnormal" or self.view == View.STORM]
        rows.sort(key=lambda r: r["at"] or "")
        return rows

    def _probes(self, history: dict[str, dict[float, State]], end: float) -> dict[str, str]:
        """Probes that do not see, and how: `lies` or `silent`."""
        last = {p: _at(history.get(p, {}), end) for p in self.estate.of("probe")}
        return {
            p: "lies" if "lies" in s.flags else "silent"
            for p, s in last.items()
            if "lies" in s.flags or s.served < 0.3
        }

    def _row(
        self,
        thing: Thing,
        signal: str,
        states: dict[float, State],
        end: float,
        blind: dict[str, str],
    ) -> dict[str, Any] | None:
        rng = self.rng
        sight = blind.get(thing.traits.get("probe", ""))
        if sight == "silent":
            return None
        if sight == "lies" and signal in {"down", "unreachable"} and rng.random() < 0.8:
            return self._say(thing, signal, 9.0, "up", rng.uniform(_START, end), real=True)
        now = _at(states, end)
        if self._mute(thing, signal, now):
            return None
        size, direction = self._measure(signal, now, thing)
        if size >= 5 and rng.random() >= self.miss:
            began = self._since(signal, states, thing, end)
            if end - began >= 60 or rng.random() < 0.5:
                late = rng.uniform(15, 120)
                return self._say(thing, signal, size, direction, min(end, began + late), real=True)
            return None
        if rng.random() < self.false:
            return self._say(
                thing, signal, rng.uniform(5, 12), "up", rng.uniform(0, end), real=False
            )
        if size < 3 and rng.random() < 0.97:
            healthy = {"entity": thing.id, "signal": signal, "state": "healthy"}
            noise = {"score": round(abs(rng.gauss(0, 0.8)), 2)} if self.sized else {}
            return healthy | noise | {"at": _when(end), "detector": f"check/{signal}"}
        return None

    @staticmethod
    def _mute(thing: Thing, signal: str, now: State) -> bool:
        """Whether nobody could tell: the agent inside is gone, or the way to it."""
        if now.reach < 0.3 and signal in {"down", "panic", "hung"} and thing.kind != "Host":
            return True
        gone = now.work < 0.1 or now.reach < 0.3
        return gone and signal not in _OUTSIDE and thing.kind not in {"Service", "StoragePool"}

    def _say(
        self, thing: Thing, signal: str, size: float, direction: str, at: float, *, real: bool
    ) -> dict[str, Any]:
        return {
            "entity": thing.id,
            "signal": signal,
            "state": "abnormal",
            "score": round(size, 2) if self.sized and signal not in _STATES else None,
            "direction": direction if signal not in _STATES else None,
            "at": _when(at) if self.timed else None,
            "detector": f"check/{signal}",
            "real": real,
        }

    def _since(self, signal: str, states: dict[float, State], thing: Thing, end: float) -> float:
        """When the last unbroken stretch of trouble began."""
        began = end
        for t in sorted(states, reverse=True):
            if began - t > 3 * STEP or self._measure(signal, states[t], thing, quiet=True)[0] < 5:
                break
            began = t
        return began

    def _measure(
        self, signal: str, s: State, thing: Thing, *, quiet: bool = False
    ) -> tuple[float, str]:
        """Robust z and direction of a signal of a state."""
        noise = 1.0 if quiet else math.exp(self.rng.gauss(0, 0.25))
        served = s.served
        if signal in _STATES:
            return (10.0 if self._state(signal, s) else 0.0), "up"
        if signal == "latency":
            return min(80.0, (s.lag - 1) / (0.1 + 0.3 * thing.traits["load"])) * noise, "up"
        if signal == "errors":
            if "errors" in s.readings:
                return s.readings["errors"] * noise, "up"
            lost = 1 - s.reach if thing.kind in {"Nic", "Switch", "Router"} else 1 - served
            return min(80.0, lost / 0.02) * noise, "up"
        if signal == "availability":
            return min(80.0, (1 - served) / 0.02) * noise, "down"
        if signal == "requests" and "requests" not in s.readings:
            return min(20.0, max(0.0, (1 - s.requests) / 0.08)) * noise, "down"
        size = s.readings.get(signal, 0.0)
        if signal in {"cpu", "saturation"}:
            size = max(size, s.use / 0.05)
        return size * noise, "up"

    @staticmethod
    def _state(signal: str, s: State) -> bool:
        if signal == "down":
            return s.work < 0.1 and not s.flags & {"paused", "ioError", "hung"}
        if signal == "unreachable":
            return s.reach < 0.3 or s.work < 0.1
        if signal == "anomaly":
            return bool(s.flags & {"expired", "changed"})
        return signal in s.flags


def _at(states: dict[float, State], t: float) -> State:
    """The state at a time: what was not recorded was as usual."""
    step = t - t % STEP
    return states.get(step, State())


def read(bundle: dict[str, Any]) -> Incident:
    """Read a bundle as anybody's."""
    return parse_bundle(bundle, where=bundle["id"])


def incidents(seed: int, count: int, view: View) -> Iterator[Drawn]:
    """Draw incidents, each in another enterprise; the same seed gives the same."""
    for i in range(count):
        ident = f"enterprise-{seed}-{view.name.lower()}-{i}"
        bundle, struck = incident(ident, view)
        yield Drawn(read(bundle), tuple(x for _, x in struck))
