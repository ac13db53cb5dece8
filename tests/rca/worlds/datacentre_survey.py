"""What a shop that runs a data centre knows of it: alarms in its own words, readings, a plan.

Thresholds are set by hand and not well, some checks look at nothing, an agent on a dead machine
says nothing at all, and whoever keeps the plan has made mistakes in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kgraph.schema import Direction, Observation, Relation, State
from tests.rca.worlds.datacentre_estate import Estate
from tests.rca.worlds.datacentre_physics import NET, RUN, STEPS, STORE, Blow, Days

Array = npt.NDArray[Any]

START = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
STEP = timedelta(seconds=20)

SEES = {
    "feed": ("gone", "busy"),
    "pdu": ("gone", "busy"),
    "core": ("gone", "loss", "busy"),
    "tor": ("gone", "cut", "loss", "busy"),
    "san": ("gone", "loss", "late"),
    "nic": ("cut", "loss"),
    "bond": ("cut", "short"),
    "host": ("cut", "busy", "own"),
    "path": ("cut", "late"),
    "controller": ("gone", "late", "own"),
    "array": ("gone", "late", "own"),
    "disk": ("own", "late"),
    "pool": ("io", "late", "short", "own"),
    "volume": ("io", "late", "own"),
    "vlan": ("cut", "loss"),
    "vm": ("gone", "cut", "io", "busy", "own"),
    "copy": ("gone", "loss", "late", "busy"),
    "service": ("loss", "late"),
    "balancer": ("loss", "busy"),
    "endpoint": ("loss",),
    "app": ("loss", "late"),
    "database": ("gone", "loss", "late", "own"),
    "queue": ("gone", "late", "own"),
    "dns": ("loss", "late"),
    "certificate": ("own",),
    "probe": ("gone",),
}
_TOLD_FROM_OUTSIDE = ("service", "endpoint", "app", "balancer", "dns")
_NEEDS_AN_AGENT = ("host", "vm", "copy", "database", "queue", "pool")
# By the part itself: who does not serve measures nothing.
_MEASURED = ("loss", "late", "busy")
_LEVEL = {"loss": 0.03, "late": 1.0, "busy": 0.88}

# Three vocabularies: failure modes, metrics, and what the shop once thought of itself.
_MODES = {"gone": "down", "cut": "unreachable", "io": "ioError", "loss": "failing"} | {
    "late": "slow",
    "busy": "overloaded",
    "short": "degraded",
}
_MODES_OF = {
    ("feed", "gone"): "tripped",
    ("pdu", "gone"): "tripped",
    ("tor", "cut"): "down",
    ("nic", "cut"): "down",
    ("nic", "loss"): "flapping",
    ("bond", "cut"): "down",
    ("path", "cut"): "down",
    ("host", "cut"): "isolated",
    ("vlan", "cut"): "isolated",
    ("vlan", "loss"): "congested",
    ("vm", "busy"): "starved",
    ("vm", "io"): "paused_io_error",
    ("pool", "io"): "offline",
    ("volume", "io"): "unwritable",
}
_METRICS = {"gone": "down", "cut": "unreachable", "io": "ioError", "loss": "errors"} | {
    "late": "latency",
    "busy": "saturation",
    "short": "anomaly",
}
_METRICS_OF = {
    ("host", "busy"): "cpu",
    ("vm", "busy"): "cpu",
    ("tor", "busy"): "network",
    ("core", "busy"): "network",
    ("service", "loss"): "availability",
    ("app", "loss"): "availability",
}
_OWN = {"gone": "heartbeat", "cut": "noReply", "io": "ioTimeout", "loss": "drops"} | {
    "late": "sluggish",
    "busy": "hot",
    "short": "redundancy",
}
_SIZED = ("errors", "latency", "availability", "saturation", "cpu", "network")


class Check(NamedTuple):
    """One look at one part: at what level it rings, and whether it is any good."""

    sense: str
    signal: str
    level: float
    deaf: bool  # it should ring and does not
    absent: bool  # nobody set it up, which is not told from a check that is silent


@dataclass(frozen=True)
class Survey:
    """What was said in one incident: alarms, and pairs that were looked at and well."""

    alarms: tuple[Observation, ...]
    strays: tuple[Observation, ...]
    well: tuple[tuple[int, str], ...]


class Shop:
    """Who watches one estate: drawn once, so that the same trouble is seen alike each time."""

    def __init__(self, estate: Estate, rng: Random) -> None:
        self.estate, self.rng = estate, rng
        self.missed = rng.uniform(0.05, 0.30)
        self.noise = rng.uniform(0.002, 0.01)
        self.timed = rng.random() < 0.7
        self.pulls = rng.random() < 0.3  # who cannot be asked is called unreachable
        self.speaks = rng.choices(["modes", "metrics", "own"], [0.4, 0.45, 0.15])[0]
        unseen = {(role, sense) for role in SEES for sense in SEES[role] if rng.random() < 0.1} - {
            (role, sense) for role in _TOLD_FROM_OUTSIDE for sense in SEES[role]
        }
        self.checks = {
            part: [
                self._check(role, sense)
                for sense in SEES.get(role, ())
                if (role, sense) not in unseen
            ]
            for part, role in enumerate(estate.roles)
        }

    def _check(self, role: str, sense: str) -> Check:
        rng = self.rng
        spread = 0.05 if sense == "busy" else 0.3
        level = _LEVEL.get(sense, 0.5) * (rng.lognormvariate(0, spread) if sense in _LEVEL else 1)
        faulty = rng.random() < self.missed
        absent = faulty and rng.random() < 0.5
        return Check(sense, self._word(role, sense), level, faulty and not absent, absent)

    def _word(self, role: str, sense: str) -> str:
        if sense == "own":
            return ""
        if self.speaks == "own" and self.rng.random() < 0.6:
            return _OWN[sense]
        if self.speaks == "metrics":
            return _METRICS_OF.get((role, sense), _METRICS[sense])
        return _MODES_OF.get((role, sense), _MODES[sense])

    def look(self, days: Days, blows: list[Blow]) -> Survey:
        """Tell what is said of these days."""
        named = {blow.part: blow for blow in blows}
        series = _series(days)
        alarms, well = [], []
        for part, checks in self.checks.items():
            if self._blind(part, series["cut"]):
                if self.pulls:
                    alarms.append(self._alarm(part, "unreachable", None, STEPS - 9))
                continue
            for check in checks:
                if check.sense == "own":
                    if part in named and not check.deaf and not check.absent:
                        blow = named[part]
                        alarms.append(self._alarm(part, blow.word, None, blow.since + 2))
                elif (values := self._values(series, part, check)) is not None:
                    since = _since(values, check.level)
                    if since is None or check.deaf:
                        well.append((part, check.signal))
                    else:
                        height = float(values[-1]) / check.level
                        alarms.append(self._alarm(part, check.signal, height, since))
        return Survey(tuple(alarms), tuple(self._strays()), tuple(well))

    def _values(self, series: dict[str, Array], part: int, check: Check) -> Array | None:
        """Return what a check looks at, by step; None where it has nothing to look at."""
        role, sense = self.estate.roles[part], check.sense
        if check.absent:
            return None
        if sense == "loss" and role in _TOLD_FROM_OUTSIDE:
            return series["outside"][:, part]
        agent = role in _NEEDS_AN_AGENT and sense not in ("gone", "cut")
        if agent and series["cut"][-1, part] > 0.5:
            return None
        if sense in _MEASURED and series["stopped"][-1, part] > 0.5:
            return None
        return series[sense][:, part]

    def _blind(self, part: int, cut: Array) -> bool:
        watcher = self.estate.watcher.get(part)
        return watcher is not None and bool(cut[-1, watcher] > 0.5)

    def _strays(self) -> Iterator[Observation]:
        """Yield alarms of nothing; some have rung for a while."""
        for part, checks in self.checks.items():
            rung = [check.signal for check in checks if check.signal]
            if rung and self.rng.random() < self.noise:
                step = self.rng.randint(-200, STEPS - 1)
                yield self._alarm(part, self.rng.choice(rung), self.rng.uniform(1, 2), step)

    def _alarm(self, part: int, signal: str, height: float | None, step: int) -> Observation:
        score = direction = None
        if signal in _SIZED:
            direction = Direction.DOWN if signal == "availability" else Direction.UP
            score = min(60.0, 3.5 * (height or 1) ** 0.7 * self.rng.lognormvariate(0, 0.2))
        at = START + STEP * step + timedelta(seconds=self.rng.uniform(5, 70))
        return Observation(
            f"p{part}",
            signal,
            State.ABNORMAL,
            score=score,
            direction=direction,
            at=at if self.timed else None,
            detector=f"{self.estate.roles[part]}/{signal}",
        )


def _series(days: Days) -> dict[str, Array]:
    """Return what can be looked at, (STEPS, n) each."""
    up, lost = days.up(), days.lost()
    return {
        "gone": 1 - days.serves[:, :, RUN],
        "cut": 1 - days.serves[:, :, RUN] * days.serves[:, :, NET],
        "io": np.maximum(1 - days.serves[:, :, STORE], days.loss[:, :, STORE] * 1.5),
        "stopped": 1 - up,
        "loss": lost,
        "outside": 1 - up * (1 - lost),
        "late": days.late(),
        "busy": days.use,
        "short": days.short,
    }


def _since(values: Array, level: float) -> int | None:
    """Return from which step on it was over the level without a break until the end."""
    under = np.flatnonzero(values <= level)
    first = int(under[-1]) + 1 if len(under) else 0
    return first if first < STEPS - 1 else None


def plan(estate: Estate, rng: Random) -> tuple[Relation, ...]:
    """Return the relations as they are written down: three of a hundred are wrong."""
    rows = [
        Relation(
            f"p{gate.owner}", gate.type, f"p{one}", gate.group, gate.said if gate.group else None
        )
        for gate in estate.gates
        for one in gate.suppliers
    ]
    rows += [Relation(f"p{a}", type_, f"p{b}") for a, type_, b in estate.listed]
    if rng.random() < 0.7:
        watched = estate.watcher.items()
        rows += [Relation(f"p{part}", "WATCHED_BY", f"p{probe}") for part, probe in watched]
    said: dict[tuple[str, str, str], Relation] = {}
    for row in rows:
        luck = rng.random()
        other = f"p{rng.choice(estate.of(estate.roles[int(row.dependency[1:])]))}"
        if luck >= 0.02:
            said.setdefault(row_key(row), row)
        if luck < 0.03 and luck >= 0.01 and other != row.dependent:  # to another, or one more
            wrong = Relation(row.dependent, row.type, other, row.group, row.need)
            said.setdefault(row_key(wrong), wrong)
    listed = Counter((row.dependent, row.group) for row in said.values())
    return tuple(  # nobody writes down that three of two are needed
        replace(row, need=min(row.need or 1, listed[row.dependent, row.group]))
        if row.group
        else row
        for row in said.values()
    )


def row_key(row: Relation) -> tuple[str, str, str]:
    """Return what makes a relation one of its own."""
    return row.dependent, row.type, row.dependency
