"""How a campus fares, a step of twenty seconds at a time.

Only what moves is computed: a thing that changed wakes who needs it, who shares its work, and
the machine that carries it.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from tests.rca.worlds.campus_estate import Estate, Gate, Way

STEP = 20  # seconds
LINKS = frozenset({"port", "nic", "bond", "path"})  # without a way on, the link itself is down
BLOCKS = frozenset({"osd", "raid", "export", "pool", "volume", "path"})
LINES = frozenset({"nic", "tor", "spine", "edge", "uplink"})  # mostly idle: two of each
BUSY = LINES | frozenset(
    {"host", "vm", "pod", "instance", "service"}
    | {"helper", "resolver", "member", "database", "cache", "balancer"}
)


class State(NamedTuple):
    """How a thing fares; the default is a good day.

    Attributes:
        up: whether it runs, 0 or 1.
        reach: share of packets that come through to it, in [0, 1].
        lag: how many times as long as usual it takes, >= 1.
        err: share of its work that fails, in [0, 1].
        asked: work that it is given, 1 is as usual.
        extra: use beyond the usual, of its room; of a queue: how full it is.
    """

    up: float = 1.0
    reach: float = 1.0
    lag: float = 1.0
    err: float = 0.0
    asked: float = 1.0
    extra: float = 0.0

    @property
    def served(self) -> float:
        """The share of requests that are answered, and within ten times the usual.

        A packet that is lost is sent again: it costs time before it costs a request.
        """
        arrives = 1 - (1 - self.reach) ** 2
        return self.up * arrives * (1 - self.err) * min(1.0, 10 / self.lag)


CALM = State()


@dataclass(frozen=True, slots=True)
class Blow:
    """What one fault does to one thing from second `begins` on; `beat`: on and off, seconds."""

    thing: int
    begins: float = 0.0
    up: float = 1.0
    reach: float = 1.0
    lag: float = 1.0
    err: float = 0.0
    hog: float = 0.0
    beat: float = 0.0
    signs: Mapping[str, float] = field(default_factory=dict)

    def acts(self, now: float) -> bool:
        """Tell whether it is felt at this moment."""
        since = now - self.begins
        return since >= 0 and (not self.beat or since % (2 * self.beat) < self.beat)


class Campus:
    """One campus on one day: how much of each thing's room is in use is drawn."""

    def __init__(self, estate: Estate, rng: Random) -> None:
        """Draw what is usual, and how failovers go."""
        self.estate = estate
        self.usual = [
            rng.uniform(0.1, 0.48 if role in LINES else 0.62) if role in BUSY else 0.0
            for role in estate.roles
        ]
        self.takeover = [rng.choice((20.0, 60.0, 100.0, math.inf)) for _ in estate.roles]
        self.blocking = [rng.uniform(0.1, 0.5) for _ in estate.roles]  # share of time in blocks
        self.restart = [rng.uniform(150, 500) for _ in estate.roles]
        self.refuge = {
            vm: rng.choice(estate.hypervisors) for vm in estate.of("vm") if estate.restarts
        }

    def play(self, blows: Sequence[Blow], until: float) -> dict[int, list[State]]:
        """Return the states, one a step from second 0 on, of all that was ever not as usual."""
        self.now: dict[int, State] = defaultdict(lambda: CALM)
        self.depth: dict[int, float] = defaultdict(float)
        self.since: dict[object, float] = {}
        self.blows: dict[int, list[Blow]] = defaultdict(list)
        for blow in blows:
            self.blows[blow.thing].append(blow)
        told: dict[int, list[State]] = {}
        wake: set[int] = set()
        steps = int(until // STEP) + 1
        for step in range(steps):
            wake = self._step(step * STEP, wake | set(self.blows))
            for thing, state in self.now.items():
                row = told.setdefault(thing, [CALM] * step)
                row.append(state)
        return {i: row for i, row in told.items() if any(state != CALM for state in row)}

    def _step(self, second: float, wake: set[int]) -> set[int]:
        later: set[int] = set()
        heap = sorted(wake)
        seen = set(heap)
        while heap:
            thing = heapq.heappop(heap)
            old = self.now[thing]
            new = self._next(thing, second)
            if self.estate.consumers.get(thing) or any(
                (gate, "waits") in self.since for gate in self.estate.gates[thing]
            ):
                later.add(thing)
            if max(abs(a - b) for a, b in zip(old, new, strict=True)) < 0.015:
                continue
            self.now[thing] = new
            for other in self._touched(thing):
                if other > thing:
                    if other not in seen:
                        seen.add(other)
                        heapq.heappush(heap, other)
                else:
                    later.add(other)
        return later

    def _touched(self, thing: int) -> set[int]:
        """Return who may fare otherwise now that this one does."""
        touched = {gate.owner for gate in self.estate.serves[thing]}
        for gate in self.estate.serves[thing]:
            touched.update(gate.members)
        for gate in self.estate.gates[thing]:  # what it asks of others, and puts on its machine
            touched.update(gate.members)
            touched.update(q for q in gate.members if thing in self.estate.consumers.get(q, ()))
        return touched - {thing}

    def _next(self, thing: int, second: float) -> State:
        up = reach = lag = 1.0
        well, hog = 1.0, 0.0
        for blow in self.blows.get(thing, ()):
            if blow.acts(second):
                up, reach, lag = up * blow.up, reach * blow.reach, lag * blow.lag
                well, hog = well * (1 - blow.err), hog + blow.hog
        called = 1.0
        for gate in self.estate.gates[thing]:
            got = self._through(gate, second)
            up, reach, lag = up * got.up, reach * got.reach, lag * got.lag
            if gate.way is Way.CALL:
                called *= 1 - got.err
            else:
                well *= 1 - got.err
        extra = 0.0
        if self.estate.roles[thing] == "queue":
            extra = self._backlog(thing)
            well *= 0.4 if extra >= 1 else 1.0
        asked = self._asked(thing)
        if up > 0.5 and self.usual[thing]:
            extra = hog + self.usual[thing] * (asked - 1) + self._guests(thing)
            use = min(self.usual[thing] + extra, 2.0)
            lag *= 1 + 5 * max(0.0, use - 0.85)
            well *= min(1.0, 1 / max(use, 1.0)) ** 0.7
        # Calls are an owner's own errors, but it stands: a health check of it passes.
        return State(up, reach, min(lag, 60.0), 1 - well * called, asked, extra)

    def _here(self, gate: Gate, second: float) -> Sequence[int]:
        """Return the members, or their likes where a guest was started anew elsewhere."""
        vm = gate.owner
        if vm not in self.refuge:
            return gate.members
        host = self.estate.gates[vm][0].members[0]
        if self.now[host].up < 0.5:
            self.since.setdefault(vm, second)
        if second - self.since.get(vm, second) < self.restart[vm]:
            if vm in self.since:
                self.since[self.estate.gates[vm][0], "waits"] = second
            return gate.members
        like = dict(zip(self.estate.parts[host], self.estate.parts[self.refuge[vm]], strict=True))
        return [like.get(member, member) for member in gate.members]

    def _through(self, gate: Gate, second: float) -> State:
        """Return what comes through one need: factors on the owner's state."""
        here = self._here(gate, second)
        states = [self.now[m] for m in here]
        if all(state is CALM for state in states):
            self.since.pop(gate, None)
            self.since.pop((gate, "waits"), None)
            return CALM
        match gate.way:
            case Way.POWER:
                return State(up=float(any(s.up > 0.5 for s in states)))
            case Way.COOL:
                return State(lag=states[0].lag)
            case Way.HOST:
                return self._carried(gate, states[0])
            case Way.NET:
                return _sent(gate, states, link=self.estate.roles[gate.owner] in LINKS)
            case Way.STORE:
                return self._stored(gate, states)
            case Way.PART:
                return self._parts(gate, states, second)
            case Way.CALL:
                return self._called(gate, states, second)

    def _carried(self, gate: Gate, machine: State) -> State:
        own = any(g.way is Way.NET for g in self.estate.gates[gate.owner])
        err = machine.err
        if self.estate.roles[gate.owner] == "vm" and err < 0.95:
            err *= 0.2  # a guest has memory and files of its own
        return State(machine.up, 1.0 if own else machine.reach, machine.lag, err)

    def _stored(self, gate: Gate, states: list[State]) -> State:
        blocks = self.estate.roles[gate.owner] in BLOCKS
        alone = len(states) == 1  # of several, who answers nothing but errors is thrown out
        live = [s for s in states if s.up > 0.5 and (alone or s.err < 0.9)]
        if len(live) < gate.need:
            return State(up=0.0) if blocks else State(err=1.0, lag=20.0)
        busy = 1 + 0.6 * (len(states) - len(live)) / len(states)  # it is being rebuilt
        # A block lies on three: who writes waits for the slowest of them.
        slowest = 1 + (max(s.lag for s in live) - 1) * min(1.0, 3 / len(live))
        felt = 1.0 if blocks else self.blocking[gate.owner]
        lag = 1 + felt * (busy * slowest - 1)
        return State(lag=lag, err=max(s.err for s in live) / len(live))

    def _parts(self, gate: Gate, states: list[State], second: float) -> State:
        live = [s for s in states if s.up * s.reach > 0.5 and s.err < 0.9]
        if len(live) < gate.need:
            return State(err=1.0)
        err = _mean([1 - s.served for s in live])
        if self.estate.roles[gate.owner] == "database" and states[0] not in live:
            began = self.since.setdefault(gate, second)
            wait = self.takeover[gate.owner]
            self.since[gate, "waits"] = second
            if second - began < wait:
                err = 1.0 if wait < math.inf else 0.6  # nobody takes over: it can be read
        else:
            self.since.pop(gate, None)
            self.since.pop((gate, "waits"), None)
        return State(lag=_mean([s.lag for s in live]), err=err)

    def _called(self, gate: Gate, states: list[State], second: float) -> State:
        worst = min(states, key=lambda s: s.served)
        if worst.served > 0.9:
            self.since.pop(gate, None)
        elif second - self.since.setdefault(gate, second) < gate.patience:
            self.since[gate, "waits"] = second
            return CALM
        self.since.pop((gate, "waits"), None)
        lag = 1 + gate.heed * 0.8 * (min(worst.lag, 12) - 1)
        return State(err=gate.heed * (1 - worst.served), lag=lag)

    def _asked(self, thing: int) -> float:
        """Return how much work comes, against the usual: of the dead, the others get it."""
        shares = []
        for gate in self.estate.serves[thing]:
            if gate.way not in (Way.CALL, Way.PART, Way.NET) or not gate.heed:
                continue
            live = sum(self._stays(self.now[m], gate) for m in gate.members)
            owner = self.now[gate.owner]
            flow = owner.asked * (owner.up if gate.way is Way.CALL else 1.0)
            if gate.way is Way.CALL:
                flow *= 1 + 0.25 * (1 - self.now[thing].served)  # who gets no answer asks again
                if self.estate.roles[thing] == "database" and self._uncached(gate.owner):
                    flow *= 1.8
            shares.append(flow * len(gate.members) / max(live, 1))
        return min(_mean(shares), 2.5) if shares else 1.0

    def _stays(self, state: State, gate: Gate) -> bool:
        """Tell whether a member gets its share: a line that is up gets packets, and loses them."""
        return state.up * (1.0 if gate.way is Way.NET else state.reach) > 0.5

    def _uncached(self, service: int) -> bool:
        return any(
            self.estate.roles[m] == "cache" and self.now[m].served < 0.5
            for gate in self.estate.gates[service]
            for m in gate.members
        )

    def _guests(self, machine: int) -> float:
        """Return what those that run here take beyond their usual."""
        here = (g.owner for g in self.estate.serves[machine] if g.way is Way.HOST)
        taken = math.fsum(self.now[one].extra for one in here)
        return taken * (0.15 if self.estate.roles[machine] == "host" else 0.5)

    def _backlog(self, queue: int) -> float:
        """Let a queue fill or drain; return how full it is."""
        rows = [self.now[c] for c in self.estate.consumers[queue]] or [CALM]
        pace = _mean([r.served / math.sqrt(r.lag) for r in rows])
        self.depth[queue] = min(1.0, max(0.0, self.depth[queue] + (0.7 - pace) * STEP / 400))
        return self.depth[queue]


def _sent(gate: Gate, states: list[State], *, link: bool) -> State:
    lines = [s for s in states if s.up > 0.5]
    if len(lines) < gate.need:
        return State(up=0.0) if link else State(reach=0.0)
    whole = _mean([s.reach * (1 - s.err) for s in lines])
    resent = 1 + 5 * (1 - whole) if whole > 0.3 and not link else 1.0
    return State(reach=whole, lag=resent * _mean([s.lag for s in lines]))


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
