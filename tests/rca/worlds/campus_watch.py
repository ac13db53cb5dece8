"""What the monitoring of a campus says: rules with a limit and a delay, and who looks.

Exporters run on the machines that they tell of and are lost with them. A rule whose series are
gone does not fire, and vouches for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from kgraph.schema import Direction
from tests.rca.worlds.campus_estate import Gate, Way
from tests.rca.worlds.campus_physics import CALM, STEP, Blow, Campus, State

Told = Mapping[int, Sequence[State]]


@dataclass(frozen=True, slots=True)
class Rule:
    """`measure` above `limit` for so many minutes rings; below four fifths of it, it is over."""

    roles: tuple[str, ...]
    signal: str
    by: str  # self, hyper, snmp, kube, outside
    measure: str
    limit: float
    minutes: float = 2


def _rules(text: str) -> list[Rule]:
    rows = []
    for line in text.strip().splitlines():
        roles, signal, by, measure, limit, minutes = line.split()
        rows.append(
            Rule(tuple(roles.split(",")), signal, by, measure, float(limit), float(minutes))
        )
    return rows


RULES = _rules("""
host,vm,exporter,snmp,prometheus,bmc unreachable outside cut .5 2
tor,spine,san,edge,pdu,ups,array unreachable outside cut .5 2
uplink,internet unreachable outside cut .5 2
uplink,internet latency outside slow .8 3
host,vm cpu self use .92 4
host,vm memory self sign .5 2
host,vm filling self sign .5 5
host,vm full self sign .5 1
host,vm anomaly self sign .5 5
host degraded outside hardware .3 2
host anomaly self loss .08 3
ups anomaly snmp sign .5 1
pdu tripped outside sign .5 0
port down snmp dead .5 1
port flapping snmp sign .5 2
port errors snmp sign .5 3
spine,tor errors snmp sign .5 5
nic down self dead .5 1
nic errors self loss .05 3
bond degraded self lost .4 1
vlan congested snmp sign .5 2
bridge anomaly self sign .5 2
controller down snmp dead .5 1
controller degraded snmp sign .5 1
array degraded snmp children .4 2
path down self dead .5 1
path flapping self sign .5 2
disk failed self dead .5 1
disk wearing self sign .5 5
disk latency self slow .8 4
osd,mon down outside health .5 1
osd latency outside slow .8 4
raid degraded self lost .1 2
raid offline self dead .5 1
export unreachable outside health .5 2
export latency outside slow .8 4
pool degraded outside lost .02 3
pool offline outside dead .5 2
pool full outside sign .5 1
pool latency outside slow .8 4
volume latency hyper slow 1.5 4
volume full self sign .5 1
vm down hyper dead .5 1
vm paused hyper paused .9 1
vm panic hyper sign .5 1
vm disk self wait 1.0 3
vm starved self steal .98 4
vm down kube sign .5 2
kube degraded outside lost .3 2
kube errors outside errs .3 2
pod down kube health .5 3
pod killed kube sign .5 0
pod,instance,resolver cpu self use .92 4
pod,instance memory self sign .5 4
instance,resolver down outside health .5 2
instance,resolver,pod errors self errs .1 3
instance,resolver,pod latency self slow 1.0 4
helper errors outside errs .25 2
helper latency outside slow 1.0 3
member,queue,cache,balancer down outside health .5 1
member,cache,balancer,queue latency self slow 1.0 3
member,cache,balancer saturation self use .9 3
member full self sign .5 1
member anomaly self behind .3 3
database errors outside errs .1 2
database latency outside slow .8 3
queue saturation self depth .4 2
queue full self depth .97 1
service errors outside errs .08 2
service latency outside slow .7 3
service availability kube lost .3 3
service requests outside less .5 4
service requests outside more .7 4
certificate expired outside dead .5 0
vip unreachable outside health .5 1
vip errors outside errs .1 2
application errors outside errs .06 2
application latency outside slow .7 3
""")
MODES = frozenset(
    {"down", "unreachable", "degraded", "failed", "full", "offline", "paused", "panic", "killed"}
)
VAGUE = frozenset({"anomaly"})
BROKEN = 0.07  # of the rules at their points never fire, and nobody has noticed


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm that fires: since which second, and how far beyond its limit, >= 1."""

    thing: int
    rule: Rule
    since: float
    over: float

    @property
    def direction(self) -> Direction | None:
        """Return which way it left its range, where the rule is about a quantity."""
        if self.rule.measure in ("sign", "dead", "health", "cut") or self.rule.signal in MODES:
            return Direction.DOWN if self.rule.signal == "availability" else None
        down = self.rule.measure == "less" or self.rule.signal == "availability"
        return Direction.DOWN if down else Direction.UP


class Watch:
    """The monitoring of one campus: which rules it has, and which of them do not work."""

    def __init__(self, campus: Campus, rng: Random) -> None:
        """Choose rules and limits."""
        self.broken = BROKEN
        self.campus, self.estate, self.rng = campus, campus.estate, rng
        self.rules = [
            Rule(r.roles, r.signal, r.by, r.measure, r.limit * rng.uniform(0.85, 1.2), r.minutes)
            for r in RULES
            if rng.random() < 0.87
        ]
        self.machine = [self.estate.machine(i) for i in range(len(self.estate.roles))]
        self.host = {vm: self.estate.gates[vm][0].members[0] for vm in self.estate.of("vm")}
        (self.prometheus,), (self.kube,) = self.estate.of("prometheus"), self.estate.of("kube")
        (self.snmp,) = self.estate.of("snmp")
        for host, parts in self.estate.parts.items():
            for part in parts:
                self.machine[part] = host

    def look(
        self, told: Told, blows: Sequence[Blow], until: float
    ) -> tuple[list[Alarm], set[tuple[int, str]], set[tuple[int, str]]]:
        """Return the alarms, what is vouched for, and what has rung and is over."""
        self.told, self.signs = told, {b.thing: b for b in blows if b.signs}
        steps = int(until // STEP) + 1
        alarms, well, over = [], set(), set()
        moved = set(told) | {b.thing for b in blows}
        for rule in self.rules:
            measure = MEASURES[rule.measure]
            for thing in self.estate.of(*rule.roles):
                works = self.rng.random() > self.broken
                point = (thing, rule.signal)
                noise = self.rng.random()
                if noise < 0.0015 and self._sees(rule.by, thing, steps - 1):  # it cries wolf
                    alarms.append(
                        Alarm(thing, rule, -self.rng.expovariate(1 / 3000), 1 + 40 * noise)
                    )
                elif works and (thing in moved or self._near(thing, moved)):
                    self._play(rule, measure, thing, steps, alarms, over)
                if rule.signal in VAGUE:
                    continue  # silence of a rule that says nothing definite is no health
                if works and self._sees(rule.by, thing, steps - 1):
                    well.add(point)
        rung = {(one.thing, one.rule.signal) for one in alarms}
        return alarms, well - rung, over - rung

    def _near(self, thing: int, moved: set[int]) -> bool:
        return any(m in moved for gate in self.estate.gates[thing] for m in gate.members)

    def _play(
        self,
        rule: Rule,
        measure: Callable[[Watch, int, int, str], float],
        thing: int,
        steps: int,
        alarms: list[Alarm],
        over: set[tuple[int, str]],
    ) -> None:
        values = [measure(self, thing, step, rule.signal) for step in range(steps)]
        if max(values) < 0.8 * rule.limit:
            return
        pending: int | None = None
        firing, high = None, 0.0
        for step, true in enumerate(values):
            if not self._sees(rule.by, thing, step):
                pending = firing = None
                continue
            value = true * self.rng.gauss(1, 0.06)
            if value > rule.limit:
                pending = step if pending is None else pending
                if step - pending >= rule.minutes * 60 / STEP and firing is None:
                    firing = step
                high = value
            elif value < 0.8 * rule.limit:
                if firing is not None:
                    over.add((thing, rule.signal))
                pending = firing = None
        if firing is not None:
            alarms.append(Alarm(thing, rule, firing * STEP, max(1.0, high / rule.limit)))

    def state(self, thing: int, step: int) -> State:
        """Return how a thing fares at a step."""
        row = self.told.get(thing)
        return row[step] if row else CALM

    def _answers(self, thing: int | None, step: int) -> bool:
        if thing is None:
            return True
        now = self.state(thing, step)
        return now.up * now.reach > 0.5 and now.err < 0.95

    def _sees(self, by: str, thing: int, step: int) -> bool:
        """Tell whether who looks at a thing could look."""
        if not self._answers(self.prometheus, step):
            return self.estate.roles[thing] == "prometheus"
        match by:
            case "self":
                machine = self.machine[thing]
                if machine is None:
                    machine = self._near_machine(thing)
                probe = self.estate.watcher.get(machine) if machine is not None else None
                return self._answers(probe, step)
            case "hyper":
                vm = thing
                if self.estate.roles[thing] != "vm":
                    vm = next((g.owner for g in self.estate.serves[thing]), thing)
                    vm = self.machine[vm] or vm
                return vm in self.host and self._answers(self.estate.watcher[self.host[vm]], step)
            case "kube":
                return self.state(self.kube, step).err < 0.9
            case "snmp":
                behind = thing
                if self.estate.roles[thing] in ("port", "controller"):
                    behind = self.estate.gates[thing][0].members[0]
                return self._answers(self.snmp, step) and self._answers(behind, step)
        return True

    def _near_machine(self, thing: int) -> int | None:
        """Return the machine whose exporter knows of a card, a path, a disk or a pool."""
        for gate in self.estate.serves[thing]:
            found = self.machine[gate.owner]
            if found is None and gate.way in (Way.NET, Way.STORE) and gate.owner > thing:
                found = self._near_machine(gate.owner)
            if found is not None:
                return found
        return None

    def lost(self, thing: int, step: int, ways: tuple[Way, ...]) -> float:
        """Return the share of a group's members that are gone; of the worst group."""

        def share(gate: Gate) -> float:
            gone = [self.state(m, step) for m in gate.members]
            return sum(s.up * s.reach <= 0.5 or s.err >= 0.9 for s in gone) / len(gone)

        gates = [g for g in self.estate.gates[thing] if g.way in ways and len(g.members) > 1]
        return max(map(share, gates), default=0.0)


def _sign(watch: Watch, thing: int, step: int, signal: str) -> float:
    blow = watch.signs.get(thing)
    return blow.signs.get(signal, 0.0) if blow and step * STEP >= blow.begins else 0.0


def _use(watch: Watch, thing: int, step: int) -> float:
    return watch.campus.usual[thing] + watch.state(thing, step).extra


def _hardware(watch: Watch, thing: int, step: int, _: str) -> float:
    (rack,) = next(g.members for g in watch.estate.gates[thing] if g.way is Way.COOL)
    return max(watch.lost(thing, step, (Way.POWER,)), watch.state(rack, step).lag - 1)


def _blocks(watch: Watch, thing: int, step: int) -> list[State]:
    gates = (g for g in watch.estate.gates[thing] if g.way is Way.STORE)
    return [watch.state(m, step) for gate in gates for m in gate.members]


def _behind(watch: Watch, thing: int, step: int, _: str) -> float:
    """Return how far a copy lags behind what it copies."""
    first = next((g.members[0] for g in watch.estate.gates[thing] if g.way is Way.CALL), None)
    own, source = watch.state(thing, step), watch.state(first or thing, step)
    late = 0 if first is None else 1 - source.served + 0.15 * (own.lag - 1)
    return max(late, _sign(watch, thing, step, "anomaly"))


def _children(watch: Watch, thing: int, step: int, _: str) -> float:
    here = [watch.state(g.owner, step).up for g in watch.estate.serves[thing] if g.way is Way.HOST]
    return 1 - sum(here) / max(len(here), 1)


def _health(watch: Watch, thing: int, step: int, _: str) -> float:
    now = watch.state(thing, step)
    return float(now.up * now.reach < 0.5 or now.err > 0.9)


MEASURES: dict[str, Callable[[Watch, int, int, str], float]] = {
    "cut": lambda w, i, t, _: 1 - w.state(i, t).up * w.state(i, t).reach,
    "dead": lambda w, i, t, _: 1 - w.state(i, t).up,
    "health": _health,
    "slow": lambda w, i, t, _: w.state(i, t).lag - 1,
    "errs": lambda w, i, t, _: 1 - w.state(i, t).served,
    "loss": lambda w, i, t, _: 1 - w.state(i, t).reach,
    "use": lambda w, i, t, _: _use(w, i, t),
    "sign": _sign,
    "lost": lambda w, i, t, _: w.lost(i, t, (Way.NET, Way.STORE, Way.PART)),
    "hardware": _hardware,
    "children": _children,
    "paused": lambda w, i, t, _: float(any(s.err > 0.9 and s.up > 0.5 for s in _blocks(w, i, t))),
    "wait": lambda w, i, t, _: max(s.lag - 1 for s in _blocks(w, i, t)),
    "steal": lambda w, i, t, _: _use(w, w.host[i], t),
    "behind": _behind,
    "depth": lambda w, i, t, _: w.state(i, t).extra,
    "less": lambda w, i, t, _: 1 - w.state(i, t).asked,
    "more": lambda w, i, t, _: w.state(i, t).asked - 1,
}
