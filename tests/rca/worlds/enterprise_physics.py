"""How trouble moves through the enterprise: in steps, through gates, with caches, failover, load
and retries.

Every entity has four quantities: `work` (0 stopped, 1 runs), `reach` (share of packets that get
through), `ok` (share of requests served well) and `lag` (latency as a multiple of the usual). A
fault is a list of `Effect`s on them; what follows, follows from here and not from a rule that says
who hurts whom.
"""

import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from graphlib import TopologicalSorter

from tests.rca.worlds.enterprise_estate import Estate, Link

STEP = 15.0  # seconds
_SILENT = frozenset({"WATCHED_BY", "MEMBER_OF", "LOCATED_IN"})
_SERVING = frozenset(
    {"Service", "ServiceInstance", "Pod", "Database", "Queue", "LoadBalancer"}
    | {"Endpoint", "Application", "ConfigItem"}
)
_CARDS = frozenset({"Nic", "Bond", "VirtualNic"})
_STORES = frozenset({"StoragePath", "StorageController", "Volume", "StoragePool"})


@dataclass(frozen=True)
class Effect:
    """What a fault does to one entity from `at` until `until` (seconds): factors on the four
    quantities, `use` (utilisation added to a host, pool or guest), `readings` (resource signal →
    sigmas) and `flags` that a hypervisor or an array reports by name.
    """

    entity: str
    at: float
    work: float = 1.0
    reach: float = 1.0
    ok: float = 1.0
    lag: float = 1.0
    use: float = 0.0
    readings: dict[str, float] = field(default_factory=dict)
    flags: frozenset[str] = frozenset()
    until: float = float("inf")
    moved: bool = False  # restarted elsewhere: the host of the record no longer carries it


@dataclass
class State:
    work: float = 1.0
    reach: float = 1.0
    ok: float = 1.0
    lag: float = 1.0
    use: float = 0.0
    requests: float = 1.0
    readings: dict[str, float] = field(default_factory=dict)
    flags: frozenset[str] = frozenset()

    @property
    def through(self) -> float:
        """Share of the traffic that TCP still carries: it hides a little loss."""
        return 1.0 if self.reach > 0.9 else max(0.0, self.reach - 0.1)

    @property
    def served(self) -> float:
        return self.work * self.through * self.ok


@dataclass
class Gate:
    """One group of one dependent, and how its loss is felt: as run, net, store or call."""

    channel: str
    type: str
    members: list[str]
    need: int
    weight: float
    patience: float
    takeover: float  # seconds until lost members are left out; inf: the failover does not work
    lost_at: dict[str, float] = field(default_factory=dict)
    felt: float = 1.0  # what the dependent notices, behind its caches


def queueing(use: float) -> float:
    """Latency multiple of a box used to `use`, 1 up to 70 %."""
    return 1.0 if use <= 0.7 else 0.3 / max(0.03, 1.0 - use) if use < 0.99 else 10.0 * use


def channel(estate: Estate, link: Link) -> str | None:
    """How the loss of `link.to` is felt, or None where it is not."""
    source, target = estate.things[link.source].kind, estate.things[link.to].kind
    if link.type in _SILENT or link.weight == 0:
        return None
    if link.type in {"CONNECTED_TO", "ATTACHED_TO"} or target in _CARDS or source == "Network":
        return "net"
    if link.type == "STORED_ON" or (link.type == "USES" and target in _STORES):
        return "store"
    if link.type in {"RUNS_ON", "POWERED_BY"} or target in {"Host", "VirtualMachine"}:
        return "run"
    return "call"


class World:
    """The estate in motion: `play` gives the states that are not as usual, by entity and time."""

    def __init__(self, estate: Estate, rng: random.Random) -> None:
        self.estate, self.rng = estate, rng
        self.gates = self._gates()
        self.order = self._order()
        self.needs = {n: {m for g in some for m in g.members} for n, some in self.gates.items()}
        self.hold = {name: rng.choice((0.0, 0.0, 0.2, 0.5)) for name in estate.things}
        self.state = {name: State() for name in estate.things}
        self.off: set[str] = set()  # whose state is not as usual, requests aside
        self.mindful: set[str] = set()  # whose gates still feel what was lost

    def play(self, befallen: Iterable[Effect], seconds: float) -> dict[str, dict[float, State]]:
        by_entity: dict[str, list[Effect]] = defaultdict(list)
        for one in befallen:
            by_entity[one.entity].append(one)
        history: dict[str, dict[float, State]] = defaultdict(dict)
        first = min((e.at for some in by_entity.values() for e in some), default=0.0)
        t = first - first % STEP
        while t <= seconds:
            now = {k: [e for e in v if e.at <= t < e.until] for k, v in by_entity.items()}
            added = self._added(now)
            for name in self.order:
                effects, use = now.get(name, []), added.get(name, 0.0)
                quiet = self._quiet(name) and not effects and not use
                fresh = State() if quiet else self._settle(name, t, effects, use)
                if self.rng.random() >= self.hold[name]:
                    self.state[name] = fresh
                    (self.off.discard if quiet or fresh == _USUAL else self.off.add)(name)
            self._traffic()
            for name, state in self.state.items():
                if state != _USUAL:
                    history[name][t] = state
            t += STEP
        return history

    def _quiet(self, name: str) -> bool:
        """Whether all that it needs is as usual: so is it then, if nothing befalls it itself."""
        return name not in self.mindful and self.off.isdisjoint(self.needs.get(name, ()))

    def _added(self, now: dict[str, list[Effect]]) -> dict[str, float]:
        """Use added to hosts and pools, by effects on them and by guests that burn or write."""
        added: dict[str, float] = defaultdict(float)
        for name, effects in now.items():
            thing = self.estate.things[name]
            for effect in effects:
                burnt = effect.use
                added[
                    thing.traits.get("host", name) if thing.kind == "VirtualMachine" else name
                ] += burnt
                if "disk" in effect.readings and "pool" in thing.traits and burnt:
                    added[thing.traits["pool"]] += burnt
        return added

    def _settle(self, name: str, t: float, effects: list[Effect], added: float) -> State:
        thing = self.estate.things[name]
        s = State()
        moved = any(e.moved for e in effects)
        io = thing.traits.get("io", 1.0)
        stuck = False
        for gate in self.gates.get(name, ()):
            if moved and gate.type == "RUNS_ON":
                continue
            good, lag, reach = self._through(gate, t, thing.traits["load"])
            if gate.channel == "net":
                s.reach, s.lag = min(s.reach, good), s.lag * lag
            elif gate.channel == "run":
                s.work, s.reach, s.lag = min(s.work, good), min(s.reach, reach), s.lag * lag
            elif gate.channel == "store":
                stuck |= good < 0.1
                s.work, s.lag = min(s.work, good), s.lag * (1 + io * (lag - 1))
            else:
                gate.felt += (good - gate.felt) * min(1.0, STEP / max(STEP, gate.patience))
                s.ok *= 1 - gate.weight * (1 - gate.felt)
                s.lag *= 1 + gate.weight * (lag - 1)
        felt = any(g.lost_at or g.felt != 1.0 for g in self.gates.get(name, ()))
        (self.mindful.add if felt else self.mindful.discard)(name)
        flags: frozenset[str] = frozenset()
        if stuck and thing.kind == "VirtualMachine":
            flags |= {"ioError" if thing.traits["load"] < 0.45 else "paused"}
        for e in effects:
            s.work, s.reach, s.ok, s.lag = (
                s.work * e.work,
                s.reach * e.reach,
                s.ok * e.ok,
                s.lag * e.lag,
            )
            flags |= e.flags
            s.readings = s.readings | e.readings
        s.use = added
        if added and thing.kind in {"Host", "StoragePool"}:
            s.lag *= queueing(thing.traits["load"] + added) / queueing(thing.traits["load"])
        s.lag *= 1 + 8 * (1 - s.reach) if s.reach > 0.3 else 1.0
        s.lag, s.flags = min(s.lag, 200.0), flags
        return s

    def _through(self, gate: Gate, t: float, load: float) -> tuple[float, float, float]:
        """What gets through a gate: share of the work, latency multiple, share of packets."""
        values, lags, reaches = {}, {}, {}
        for member in gate.members:
            s = self.state[member]
            pool_head = (
                gate.type == "USES" and self.estate.things[member].kind == "StorageController"
            )
            whole = s.work if gate.channel == "run" or pool_head else s.work * s.through
            values[member] = s.served if gate.channel == "call" else whole
            lags[member], reaches[member] = s.lag, s.reach
        if len(values) == 1:
            (only,) = values
            return values[only], lags[only], reaches[only]
        alive = [m for m, v in values.items() if v > 0.5]
        for m in values:
            if m in alive:
                gate.lost_at.pop(m, None)
            else:
                gate.lost_at.setdefault(m, t)
        turning = [m for m, at in gate.lost_at.items() if t - at < gate.takeover]
        if not alive or (len(alive) < gate.need and gate.channel in {"store", "run"}):
            return 0.0, 1.0, max(reaches.values())
        used = alive + turning
        good = sum(values[m] for m in used) / len(used)
        lag = sum(lags[m] for m in alive) / len(alive)
        if gate.channel == "call" and len(alive) < len(values):
            use = load * len(values) / len(alive)
            lag *= queueing(use) / queueing(load)
            good *= min(1.0, 0.95 / use)
        elif gate.type == "STORED_ON" and len(alive) < len(values):
            lag *= 1.6  # rebuilding
        return good, lag, sum(reaches[m] for m in alive) / len(alive)

    def _traffic(self) -> None:
        """Requests reach a service only through callers that work."""
        for name, callers in self._callers.items():
            flow = [
                min(1.0, self.state[c].requests) * self.state[c].work * self.state[c].through
                for c in callers
            ]
            self.state[name].requests = sum(flow) / len(flow)

    def _gates(self) -> dict[str, list[Gate]]:
        found: dict[tuple[str, str, str], list[Link]] = defaultdict(list)
        callers: dict[str, list[str]] = defaultdict(list)
        for i, link in enumerate(self.estate.links):
            if channel(self.estate, link) is not None:
                found[link.source, link.type, link.group or f"#{i}"].append(link)
                if link.type in {"CALLS", "BALANCES"} or channel(self.estate, link) == "call":
                    callers[link.to].append(link.source)
        self._callers = callers
        gates: dict[str, list[Gate]] = defaultdict(list)
        for (source, type_, _), links in found.items():
            how = channel(self.estate, links[0])
            assert how is not None
            takeover = float("inf") if self.rng.random() < 0.06 else self.rng.uniform(0, 75)
            gates[source].append(
                Gate(
                    how,
                    type_,
                    [k.to for k in links],
                    links[0].need or 1,
                    links[0].weight,
                    links[0].patience,
                    takeover,
                )
            )
        return gates

    def _order(self) -> list[str]:
        """Infrastructure first; calls, which may go in circles, are felt a step later."""
        below = {
            name: [m for g in self.gates.get(name, ()) if g.channel != "call" for m in g.members]
            for name in self.estate.things
        }
        return list(TopologicalSorter(below).static_order())


_USUAL = State()
