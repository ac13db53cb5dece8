"""How a retailer looks at its shops: from the centre, through the lines that break."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from kgraph.schema import Direction
from tests.rca.worlds.retail_estate import KINDS, Way
from tests.rca.worlds.retail_physics import CALM, GONE, STEP, Retail, State

UP, DOWN = Direction.UP, Direction.DOWN
DEAD = 0.04  # of the points that a rule should look at it never fires
WOLF = 0.0004  # and here it does so without a cause
Measure = Callable[[State], float]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the monitoring.

    Attributes:
        by: who looks, see `Watch._sees`.
        limit: it fires above, for as long as `delay`; drawn between both for each estate.
        part: of estates that have it.
        definite: that it is silent says that this is not so.
    """

    roles: str
    signal: str
    by: str
    measure: Measure
    limit: tuple[float, float]
    delay: tuple[float, float] = (60.0, 240.0)
    direction: Direction | None = None
    part: float = 0.9
    definite: bool = True


def _late(state: State) -> float:
    return state.lag - 1


def _fails(state: State) -> float:
    return state.err


def _cut(state: State) -> float:
    return 1 - state.up * state.reach


def _off(state: State) -> float:
    return 1 - state.up


def _loses(state: State) -> float:
    return 1 - state.reach if state.reach > 0 else 0.0


def _drops(state: State) -> float:
    return 1 - state.near if state.up > 0.5 else 0.0


def _mute(state: State) -> float:
    return max(1 - state.up, 1 - state.reach, state.err)


HALF, SLOW, ERR = (0.4, 0.6), (1.0, 4.0), (0.03, 0.2)
_SHARED = "service ingress names accounts licences database"
RULES = (
    # pings and polls from the centre
    Rule("router switch machine wifi hub firewall core node", "unreachable", "ping", _cut, HALF),
    Rule("guest vm", "unreachable", "ping", _cut, HALF, part=0.4),
    Rule("till", "unreachable", "ping", _cut, HALF, part=0.4),
    Rule("site", "down", "ping", _cut, HALF, (180, 420), part=0.4),
    Rule("router switch wifi machine", "latency", "snmp", _late, (2, 5), direction=UP, part=0.5),
    Rule("router switch hub firewall core", "cpu", "snmp", lambda s: s.load, (0.3, 0.5),
         (120, 600), UP),
    Rule("switch firewall", "lossy", "snmp", _drops, (0.03, 0.12), part=0.6),
    Rule("battery ups", "anomaly", "snmp", lambda s: float(s.spare), HALF, (0, 60),
         definite=False),
    Rule("battery ups", "down", "snmp", _off, HALF, part=0.6),
    Rule("line lte", "down", "router", lambda s: float(s.reach <= 0), HALF),
    Rule("line lte", "lossy", "router", _loses, (0.02, 0.08), (120, 600), part=0.7),
    Rule("line", "congested", "router", _late, (2, 5), (300, 900), part=0.5),
    Rule("line", "down", "tunnel", _mute, HALF, part=0.5),
    Rule("carrier", "down", "tunnel", _cut, HALF, (120, 600), part=0.4),
    Rule("hub", "lossy", "tunnel", _loses, (0.03, 0.12), (120, 600), part=0.5),
    # exporters on machines, reached over the line
    Rule("machine", "unreachable", "scrape", _cut, HALF, (120, 360), part=0.5),
    Rule("agent", "down", "scrape", _cut, HALF, (120, 360), part=0.6),
    Rule("machine node", "cpu", "node", lambda s: s.load, (0.3, 0.5), (300, 900), UP),
    Rule("machine", "clock_off", "node", lambda s: float(s.skew), HALF, (120, 900), part=0.7),
    Rule("machine", "anomaly", "node", lambda s: float(s.heat), HALF, part=0.7, definite=False),
    Rule("port card", "anomaly", "node", _drops, (0.03, 0.1), part=0.7, definite=False),
    Rule("bond", "degraded", "node", lambda s: float(s.spare), HALF),
    Rule("disk", "failed", "node", lambda s: float(s.stuck), HALF, part=0.8),
    Rule("disk", "latency", "node", _late, (2, 5), (300, 900), UP, part=0.7),
    Rule("pool", "degraded", "node", lambda s: float(s.spare), HALF, part=0.7),
    Rule("pool", "full", "node", lambda s: s.fill, (0.95, 0.99)),
    Rule("pool", "latency", "node", _late, (2, 6), (300, 900), UP, part=0.5),
    Rule("vm guest", "down", "virt", _off, HALF),
    Rule("vm guest", "cpu", "virt", lambda s: s.load, (0.3, 0.5), (300, 900), UP),
    Rule("vm guest", "hung", "virt", lambda s: float(s.stuck), HALF, (180, 600), part=0.5),
    Rule("export", "down", "node", _mute, HALF, part=0.6),
    # software that tells of itself
    Rule("replica", "anomaly", "app", lambda s: s.fill, (0.1, 0.3), definite=False, part=0.7),
    Rule("replica", "latency", "app", _late, SLOW, (120, 600), UP, part=0.7),
    Rule("replica", "errors", "app", _fails, ERR, (120, 600), UP, part=0.6),
    Rule("outbox", "saturation", "app", lambda s: s.fill, (0.2, 0.5), direction=UP),
    Rule("outbox", "full", "app", lambda s: s.fill, (0.9, 0.97), part=0.7),
    Rule("pos", "errors", "app", _fails, ERR, (120, 600), UP),
    Rule("pos", "latency", "app", _late, SLOW, (120, 600), UP),
    Rule("pos", "unreachable", "beat", _mute, (0.85, 0.95), (180, 600), part=0.7),
    Rule("shop", "availability", "app", _fails, (0.1, 0.4), (300, 900), DOWN, part=0.4),
    Rule("shop", "anomaly", "desk", lambda s: max(s.err, (s.lag - 1) / 15), (0.25, 0.5),
         (600, 1800), definite=False),
    # the centre
    Rule(_SHARED, "errors", "app", _fails, ERR, (60, 300), UP),
    Rule(_SHARED + " broker", "latency", "app", _late, SLOW, (60, 300), UP),
    Rule("names accounts licences database broker pod", "down", "probe",
         lambda s: 1.0 - s.works, HALF),
    Rule("portal", "errors", "probe", _fails, ERR, (60, 300), UP),
    Rule("portal", "latency", "probe", _late, SLOW, (60, 300), UP),
    Rule("ingress", "down", "probe", _mute, (0.9, 0.97)),
    Rule("provider", "errors", "probe", _fails, ERR, (60, 600), UP, part=0.6),
    Rule("provider", "latency", "probe", _late, SLOW, (60, 600), UP, part=0.6),
    Rule("certificate", "expired", "probe", _fails, HALF, (0, 600), part=0.6),
    Rule("controller", "down", "snmp", _off, HALF),
    Rule("array", "latency", "snmp", _late, (2, 6), (300, 900), UP, part=0.7),
    Rule("array", "degraded", "snmp", lambda s: float(s.spare), HALF),
    Rule("lun", "latency", "snmp", _late, (2, 6), (300, 900), UP, part=0.6),
    Rule("lun", "full", "snmp", lambda s: s.fill, (0.95, 0.99)),
    Rule("poller", "hung", "dog", _mute, HALF, (120, 600), part=0.8),
)  # fmt: skip
TIRED = frozenset(
    {
        ("till", "unreachable"),
        ("wifi", "unreachable"),
        ("line", "lossy"),
        ("line", "congested"),
        ("switch", "lossy"),
        ("pool", "full"),
        ("agent", "down"),
        ("pos", "latency"),
    }
)

PARTS = ("pool", "disk", "port", "card", "bond", "export")  # of machines, which tell of them


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm that stands at the end; `since` is negative if it has done so for days."""

    thing: int
    rule: Rule
    since: float
    over: float


class Watch:
    """What one shop chain looks at, and where nobody does."""

    def __init__(self, retail: Retail, rng: Random) -> None:
        self.retail = retail
        self.estate = retail.estate
        self.rng = rng
        self.rules = [
            (rule, rng.uniform(*rule.limit), rng.uniform(*rule.delay))
            for rule in RULES
            if rng.random() < rule.part
        ]
        self.holds_back = rng.random() < 0.25  # pings of what lies behind a dead router
        self.tired = rng.uniform(0.0, 0.03)  # of some points rules fire all the time
        self.dead = DEAD
        self._played: Mapping[int, Sequence[State]] = {}
        self._router = {self.estate.site[r]: r for r in self.estate.of("router")}

    def look(
        self, played: Mapping[int, Sequence[State]], until: float
    ) -> tuple[list[Alarm], set[tuple[int, str]]]:
        """Return alarms, and (thing, signal) of what was looked at in the end and is well."""
        self._played = played
        steps = int(until // STEP)
        alarms: list[Alarm] = []
        well: set[tuple[int, str]] = set()
        for rule, limit, delay in self.rules:
            for role in rule.roles.split():
                for thing in self._things[role]:
                    self._one(thing, rule, limit, delay, steps, alarms, well)
        return alarms, well - {(one.thing, one.rule.signal) for one in alarms}

    def _one(
        self, thing: int, rule: Rule, limit: float, delay: float, steps: int,
        alarms: list[Alarm], well: set[tuple[int, str]],
    ) -> None:  # fmt: skip
        rng = self.rng
        lot = rng.random()
        tired = (self.estate.roles[thing], rule.signal) in TIRED and rng.random() < self.tired
        if not self._looks(thing, rule) or lot < self.dead:
            return
        since, over, sees = self._fires(thing, rule, limit, delay, steps)
        if since is None and (lot > 1 - WOLF or tired):
            since = -rng.uniform(3600, 600000) if tired else rng.uniform(0, steps * STEP)
            over = 1 + rng.expovariate(2)
        if since is not None:
            alarms.append(Alarm(thing, rule, since, over))
        elif sees and rule.definite:
            well.add((thing, rule.signal))

    def _fires(
        self, thing: int, rule: Rule, limit: float, delay: float, steps: int
    ) -> tuple[float | None, float, bool]:
        """Return since when it fires if it does, by how much it is over, and if it is looked."""
        if thing not in self._played:  # nothing ever befell it: no rule is broken
            return None, 0.0, self._sees(thing, rule, steps - 1)
        first: float | None = None
        over = 0.0
        for step in range(steps):
            value = rule.measure(self.state(thing, step))
            if value > limit and self._sees(thing, rule, step):
                first = step * STEP if first is None else first
                over = value / limit
            else:
                first = None
        if first is not None and (steps - 1) * STEP - first >= delay:
            return first + delay, over, True
        return None, 0.0, first is None and self._sees(thing, rule, steps - 1)

    def state(self, thing: int | None, step: int) -> State:
        """Return how well a thing does at a step; nothing does well by itself."""
        states = self._played.get(thing) if thing is not None else None
        return states[step] if states else CALM

    @functools.cached_property
    def _things(self) -> Mapping[str, Sequence[int]]:
        return {role: self.estate.of(role) for role in KINDS}

    def _looks(self, thing: int, rule: Rule) -> bool:
        """Tell whether there is somebody who could look."""
        if self.estate.site[thing] < 0 or rule.by not in ("node", "virt", "app", "scrape"):
            return True
        machine = self.estate.machine(self._seat(thing))
        return machine is None or machine in self.estate.agents

    def _seat(self, thing: int) -> int:
        """Return the thing on whose machine one looks: of a pool the first guest on it."""
        while self.estate.roles[thing] in (
            "pool",
            "disk",
            "port",
            "card",
            "bond",
            "export",
            "shop",
        ):
            above = self.estate.serves[thing]
            if self.estate.roles[thing] == "shop":
                thing = self.estate.members(thing, Way.LOCAL)[0]
            elif not above:
                break
            else:
                thing = above[0].owner
        return thing

    def _sees(self, thing: int, rule: Rule, step: int) -> bool:
        estate, by = self.estate, rule.by
        if by in ("desk", "dog"):
            return True
        far = estate.site[thing] >= 0
        if by == "tunnel":
            return any(self.state(hub, step).up > 0.5 for hub in estate.hubs)
        if by != "beat":
            poller = self.state(estate.poller, step)
            if not poller.works or poller.err > 0.5 or poller.reach < GONE:
                return False
        if by in ("ping", "scrape", "beat", "probe"):
            router = self._router.get(estate.site[thing])
            hidden = by == "ping" and far and self.holds_back and thing != router
            return not (hidden and _cut(self.state(router, step)) > 0.5)
        if by == "router":
            return _cut(self.state(self._router[estate.site[thing]], step)) < 1 - GONE
        if by == "snmp":
            through = (
                self._router[estate.site[thing]] if estate.roles[thing] == "battery" else thing
            )
            own = self.state(through, step)
            return own.up * own.reach > GONE or estate.roles[thing] in ("controller", "ups")
        return self._inside(thing, by, step)

    def _inside(self, thing: int, by: str, step: int) -> bool:
        """Tell whether what speaks of it from within its own machine is heard."""
        seat = self._seat(thing)
        machine = self.estate.machine(seat)
        if machine is None:
            return True
        agent = self.estate.agents.get(machine)
        heard = self.state(machine, step)
        if agent is not None and by != "app" and not self.state(agent, step).works:
            return False
        if by == "app":
            own = self.state(seat, step)
            return own.up * own.reach > GONE
        return heard.up * heard.reach > GONE
