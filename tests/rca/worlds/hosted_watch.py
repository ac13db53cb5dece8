"""Who looks at the company's platform, and what they tell.

Most of it is looked at by a Prometheus that runs in the very cluster; the machines, lines and
databases by a central one, and the addresses by a prober that stands on one of the machines.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from kgraph.schema import Direction
from tests.rca.worlds.hosted_health import CALM, Health, answer
from tests.rca.worlds.hosted_physics import Platform
from tests.rca.worlds.hosted_things import GUESTS, SPREAD, Way

MISSES = 0.06  # of the points at which a rule looks: it never fires there
CRIES = 0.0004  # of the points: it fires for nothing
TIRED = 0.0006  # of the points: it has fired for days
UP, DOWN = Direction.UP, Direction.DOWN
Seen = Callable[[Health], float]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of alarms.

    Attributes:
        by: who looks.
        limit: from where to where the limit of an estate may lie; above it, the rule fires.
        delay: minutes for which it must be so.
    """

    by: str
    roles: tuple[str, ...]
    signal: str
    value: Seen
    limit: tuple[float, float] = (0.5, 0.5)
    delay: tuple[int, int] = (1, 5)
    direction: Direction | None = None
    definite: bool = True  # it vouches for health when it is silent


def _dead(one: Health) -> float:
    return 1 - one.up


def _silent(one: Health) -> float:
    return float(not one.up or not one.reach)


def _lost(one: Health) -> float:
    """Tell whether the control plane hears nothing of a node."""
    return float(not one.up or not one.reach or bool(one.hang or one.stuck))


def _unready(one: Health) -> float:
    return float(bool(one.unready or one.crash) or not one.up or not one.reach)


def _errs(one: Health) -> float:
    return 1 - answer(one).ok


def _slow(one: Health) -> float:
    got = answer(one)
    return got.lag if got.ok > 0 else 0.0


def _stuck(one: Health) -> float:
    return max(one.stuck, one.hang)


def _of(name: str) -> Seen:
    def value(one: Health) -> float:
        return float(getattr(one, name))

    return value


SOFT = (*SPREAD, "api")
RULES = (
    Rule(
        "ping", ("hv", "tor", "spine", "router", "firewall", "vm", "bmc"), "unreachable", _silent
    ),
    Rule("power", ("ups", "pdu"), "down", _dead, delay=(1, 2)),
    Rule("power", ("pdu",), "overloaded", _of("load"), (1.4, 1.75), (1, 5)),
    Rule("power", ("ups",), "anomaly", _of("short"), definite=False),
    Rule("power", ("site", "rack"), "anomaly", _of("heat"), (0.4, 0.7), definite=False),
    Rule("bmc", ("hv",), "degraded", _of("short"), (0.3, 0.3), (1, 3)),
    Rule("bmc", ("hv",), "anomaly", _of("heat"), (0.4, 0.8), (2, 6), definite=False),
    Rule("snmp", ("port",), "down", _dead, delay=(1, 3)),
    Rule("snmp", ("port",), "errors", _of("rate"), (0.5, 0.9), (3, 10), UP),
    Rule("snmp", ("tor", "spine"), "lossy", _of("rate"), delay=(2, 8)),
    Rule("snmp", ("tor", "router", "firewall"), "overloaded", _of("delay"), (3, 6), (3, 8)),
    Rule("snmp", ("router", "firewall"), "cpu", _of("cpu"), (0.85, 0.93), (3, 8), UP),
    Rule("snmp", ("firewall",), "lossy", _of("rate"), delay=(2, 8)),
    Rule("snmp", ("carrier", "wan"), "down", _silent, delay=(1, 3)),
    Rule("snmp", ("carrier", "wan"), "lossy", _of("loss"), (0.03, 0.1), (2, 8)),
    Rule("snmp", ("vlan",), "congested", _of("delay"), (4, 7), (2, 6)),
    Rule("node", ("hv", *GUESTS), "cpu", _of("cpu"), (0.88, 0.97), (4, 12), UP),
    Rule("node", ("hv", *GUESTS), "memory", _of("mem"), (0.9, 0.96), (3, 8), UP),
    Rule("node", ("hv", *GUESTS), "filling", _of("fill"), (0.85, 0.95), (2, 10)),
    Rule("node", ("hv", *GUESTS), "clock_off", _of("skew"), (30, 100), (3, 10)),
    Rule("node", ("hv",), "saturation", lambda h: h.lag + h.cpu, (2.2, 4), (5, 12), UP),
    Rule("node", GUESTS, "saturation", lambda h: h.lag + h.io, (5, 12), (5, 12), UP),
    Rule("node", ("nic",), "down", _silent, delay=(1, 4)),
    Rule("node", ("nic",), "errors", _of("rate"), (0.5, 0.9), (3, 10), UP),
    Rule("node", ("bond",), "degraded", _of("short"), (0.3, 0.3), (1, 4)),
    Rule("node", ("sysdisk", "disk"), "failed", _dead, delay=(1, 5)),
    Rule("node", ("sysdisk", "disk"), "wearing", _of("rate"), (0.5, 0.9), (5, 20)),
    Rule("node", ("sysdisk", "disk"), "latency", _of("io"), (5, 15), (3, 10), UP),
    Rule("gone", ("exporter", "pinger", "prom"), "down", _lost, delay=(1, 4)),
    Rule("ceph", ("osd", "mon"), "down", _lost, delay=(1, 4)),
    Rule("ceph", ("osd",), "latency", _of("io"), (6, 15), (3, 10), UP),
    Rule("ceph", ("ceph",), "degraded", lambda h: max(h.short, h.stuck, h.skew), (0.01, 0.2)),
    Rule("ceph", ("pool",), "degraded", _of("short"), (0.005, 0.02), (1, 5)),
    Rule("ceph", ("pool",), "offline", _of("stuck"), delay=(1, 3)),
    Rule("ceph", ("pool",), "filling", _of("fill"), (0.8, 0.88), (1, 5)),
    Rule("ceph", ("pool",), "full", _of("fill"), (0.96, 0.99), (1, 2)),
    Rule("ceph", ("pool", "volume"), "latency", _of("io"), (4, 10), (3, 10), UP),
    Rule("ceph", ("volume",), "filling", _of("fill"), (0.8, 0.92), (1, 5)),
    Rule("ceph", ("volume",), "full", _of("fill"), (0.96, 0.99), (1, 3)),
    Rule("kube", ("pod", "cni", "apiserver"), "down", _unready, delay=(1, 6)),
    Rule("kube", ("pod",), "killed", _of("crash"), delay=(1, 3)),
    Rule("kube", ("control", "worker"), "down", _lost, delay=(2, 6)),
    Rule("kube", SPREAD, "availability", _of("short"), (0.2, 0.45), (2, 10), DOWN),
    Rule("kube", ("etcd",), "down", _lost, delay=(1, 4)),
    Rule("kube", ("etcd",), "full", _of("fill"), (0.9, 0.97), (1, 4)),
    Rule("kube", ("etcd",), "latency", _of("io"), (5, 12), (3, 8), UP),
    Rule("app", SOFT, "errors", _errs, (0.03, 0.12), (1, 6), UP),
    Rule("app", SOFT, "latency", _slow, (2, 4.5), (2, 8), UP),
    Rule("app", SOFT, "clientLatency", _of("waits"), (1.5, 4), (2, 8), UP),
    Rule("app", SOFT, "requests", _of("load"), (1.5, 2.5), (3, 8), UP),
    Rule("app", SPREAD, "cpu", _of("cpu"), (0.85, 0.98), (4, 10), UP),
    Rule("app", ("pod",), "latency", _slow, (2.5, 5), (3, 8), UP),
    Rule("app", ("pod",), "errors", _errs, (0.1, 0.3), (2, 6), UP),
    Rule("db", ("db",), "down", _lost, delay=(1, 3)),
    Rule("db", ("db", "queue"), "latency", _slow, (3, 6), (3, 8), UP),
    Rule("db", ("db",), "full", _of("fill"), (0.9, 0.98), (1, 5)),
    Rule("db", ("db",), "cpu", _of("cpu"), (0.85, 0.94), (4, 10), UP),
    Rule("db", ("db",), "anomaly", _of("behind"), (5, 10), definite=False),
    Rule("db", ("queue",), "saturation", _of("fill"), (0.6, 0.85), (2, 6), UP),
    Rule("db", ("queue",), "down", _lost, delay=(1, 3)),
    Rule("db", ("container",), "down", _silent, delay=(1, 4)),
    Rule("db", ("container",), "cpu", _of("cpu"), (0.9, 0.97), (4, 10), UP),
    Rule("black", ("rw", "provider", "vip"), "unreachable", lambda h: float(not answer(h).ok)),
    Rule("black", ("rw", "provider"), "latency", _slow, (4, 8), (2, 8), UP),
    Rule("black", ("front",), "unreachable", lambda h: float(not answer(h).ok), delay=(1, 2)),
    Rule("black", ("front",), "errors", _errs, (0.03, 0.15), (1, 4), UP),
    Rule("black", ("front",), "latency", _slow, (2, 4), (1, 5), UP),
    Rule("black", ("cert",), "expired", lambda h: 1 - h.ok, delay=(1, 10)),
    Rule("black", ("export",), "hung", _stuck, delay=(2, 6)),
    Rule("black", ("export",), "latency", lambda h: h.lag + h.io, (6, 12), (2, 8), UP),
    Rule("slo", ("app",), "availability", _errs, (0.02, 0.1), (2, 8), DOWN),
    Rule("slo", ("app",), "latency", _slow, (1.8, 3.5), (2, 8), UP),
)


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm that stands: since when, how far over its limit, and whether for nothing."""

    thing: int
    rule: Rule
    since: int
    over: float
    idle: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """One rule at one thing."""

    rule: Rule
    limit: float
    delay: int
    dead: bool


class Watch:
    """All rules of an estate, each with limits of its own."""

    def __init__(self, platform: Platform, rng: Random, *, some: float = 7 / 8) -> None:
        self.platform, self.estate, self.rng = platform, platform.estate, rng
        of: dict[str, list[tuple[Rule, float, int]]] = defaultdict(list)
        for rule in RULES:
            if rng.random() < some or rule.by == "slo":
                limit, delay = rng.uniform(*rule.limit), rng.randint(*rule.delay)
                for role in rule.roles:
                    of[role].append((rule, limit, delay))
        self.points: dict[int, list[Point]] = {}
        for thing, role in enumerate(self.estate.roles):
            self.points[thing] = [
                Point(rule, limit * rng.lognormvariate(0, 0.1), delay, rng.random() < MISSES)
                for rule, limit, delay in of.get(role, ())
            ]
        estate = self.estate
        self.exporter = {estate.members(e, Way.HOST)[0]: e for e in estate.of("exporter")}
        self.owner = {  # whose exporter tells of a part
            part: host
            for host in estate.of("hv")
            for bond in estate.members(host, Way.NET)
            for part in (bond, *estate.members(bond, Way.NET), *estate.members(host, Way.DISK))
        }
        for osd in estate.of("osd"):
            self.owner[estate.members(osd, Way.DISK)[0]] = estate.members(osd, Way.HOST)[0]
        self.ceph = {
            site: self.estate.members(p[0], Way.PART)[0] for site, p in estate.pools.items()
        }

    def sees(self, by: str, thing: int, state: Mapping[int, Health]) -> bool:
        """Tell whether who looks could look."""
        estate = self.estate
        here = state.get(thing, CALM)
        if here.gone:
            return False
        if estate.cluster[thing] >= 0 and by in ("kube", "app", "node"):
            return self._from_inside(by, thing, here, state)
        if by in ("black", "ping"):
            return self._answers(estate.pinger, state)
        home, site = estate.site[estate.pinger], estate.site[thing]
        afar = by != "slo" and site not in (-1, home)
        if afar and not any(self._answers(one, state) for one in estate.wans):
            return False
        if by == "node":
            host = self.owner.get(thing, thing)
            return self._answers(self.exporter.get(host, host), state)
        if by == "ceph":
            return not state.get(self.ceph[site], CALM).stuck
        if by == "bmc":
            return any(state.get(one, CALM).up for one in estate.gates[thing][0].members)
        return True

    def _from_inside(self, by: str, thing: int, here: Health, state: Mapping[int, Health]) -> bool:
        cluster = self.estate.cluster[thing]
        prom = self.estate.proms[cluster]
        if not self._answers(prom, state) or state.get(prom, CALM).fill >= 1:
            return False
        if by == "kube":
            return not state.get(self.estate.apis[cluster], CALM).frozen
        return bool(answer(here).ok) or self.estate.roles[thing] in SOFT

    def _answers(self, thing: int, state: Mapping[int, Health]) -> bool:
        return bool(answer(state.get(thing, CALM)).ok)

    def look(
        self, days: Sequence[Mapping[int, Health]], until: int
    ) -> tuple[list[Alarm], set[tuple[int, str]]]:
        """Return what alarms at the end, and (thing, signal) that were looked at and are well."""
        runs = self._runs(days)
        alarms, well = [], set()
        end = days[-1]
        for thing, points in self.points.items():
            for number, point in enumerate(points):
                if not self.sees(point.rule.by, thing, end):
                    continue
                start, last, over = runs.get((thing, number), (0, -9, 0.0))
                lot = self.rng.random()
                if last >= until - 3:  # it is so, or was until a moment ago
                    if not point.dead and last - start >= point.delay:
                        alarms.append(Alarm(thing, point.rule, start + point.delay, over))
                    elif point.dead and lot < 0.5:
                        well.add((thing, point.rule.signal))
                elif lot < CRIES:
                    alarms.append(
                        Alarm(thing, point.rule, int(lot / CRIES * until), 1.2, idle=True)
                    )
                elif lot < CRIES + TIRED:
                    alarms.append(
                        Alarm(thing, point.rule, -self.rng.randint(600, 9000), 1.5, idle=True)
                    )
                elif point.rule.definite:
                    well.add((thing, point.rule.signal))
        return alarms, well - {(one.thing, one.rule.signal) for one in alarms}

    def _runs(
        self, days: Sequence[Mapping[int, Health]]
    ) -> Mapping[tuple[int, int], tuple[int, int, float]]:
        """Return (thing, its point) -> the last stretch over the limit, and how far over."""
        runs: dict[tuple[int, int], tuple[int, int, float]] = {}
        for minute, state in enumerate(days):
            for thing, health in state.items():
                for number, point in enumerate(self.points[thing]):
                    value = point.rule.value(health)
                    if value <= point.limit or not self.sees(point.rule.by, thing, state):
                        continue
                    start, last, over = runs.get((thing, number), (minute, -9, 0.0))
                    if last < minute - 2:
                        start, over = minute, 0.0
                    runs[thing, number] = start, minute, max(over, value / point.limit)
        return runs
