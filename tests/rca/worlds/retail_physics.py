"""How a retailer's estate breaks: a minute a step, with caches, grace and detours."""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from tests.rca.worlds.retail_estate import Estate, Gate, Way

STEP = 60.0
GONE = 0.3  # packets: of who gets fewer through, sessions break


class State(NamedTuple):
    """How well a thing does.

    Attributes:
        up: 1 if it runs, 0 if not.
        near: share of packets that get through within the site.
        reach: share of packets that get through to the core of the centre.
        lag: how many times as long as usual it takes.
        err: share of what it is asked that fails.
        load: of its processor that it does not usually need, 0 to 1.
        fill: how much has piled up, 0 to 1.
        stuck: its storage does not answer.
        full: its storage has no room left, for which hypervisors pause guests.
        skew: its clock is off.
        heat: it is too warm.
        spare: of what it has twice, one has gone.
    """

    up: float = 1.0
    near: float = 1.0
    reach: float = 1.0
    lag: float = 1.0
    err: float = 0.0
    load: float = 0.0
    fill: float = 0.0
    stuck: bool = False
    full: bool = False
    skew: bool = False
    heat: bool = False
    spare: bool = False

    @property
    def works(self) -> bool:
        """Whether it does anything for anybody."""
        return self.up > 0.5 and not self.stuck


CALM = State()
Passes = Mapping[Way, Callable[[Gate, State, Sequence[State], float], State]]


@dataclass(frozen=True, slots=True)
class Blow:
    """What happens to a thing from a moment on; fields as in `State`.

    Attributes:
        hog: of its processor that something else takes.
        beat: seconds of a flapping; it is well every other time.
        grows: seconds until it is as bad as told.
    """

    thing: int
    begins: float = 0.0
    up: float = 1.0
    reach: float = 1.0
    lag: float = 1.0
    err: float = 0.0
    fill: float = 0.0
    hog: float = 0.0
    stuck: bool = False
    skew: bool = False
    heat: bool = False
    spare: bool = False
    beat: float = 0.0
    grows: float = 0.0

    def force(self, now: float) -> float:
        """Return how far it has come, 0 to 1."""
        past = now - self.begins
        if past < 0 or (self.beat and past % (2 * self.beat) >= self.beat):
            return 0.0
        return min(1.0, (past + STEP) / self.grows) if self.grows else 1.0


class Retail:
    """One day: how busy everything is, and what is made of blows."""

    def __init__(self, estate: Estate, rng: Random) -> None:
        self.estate = estate
        self.busy = [rng.uniform(0.1, 0.6) for _ in estate.roles]
        self.width = [rng.uniform(0.3, 0.97) for _ in estate.roles]  # in use, of an LTE modem
        self.hides = [rng.random() < 0.4 for _ in estate.roles]  # a till that sells without
        self._states: list[State] = []
        self._lost: dict[int, float] = {}
        self._restless: set[int] = set()

    def play(self, blows: Sequence[Blow], until: float) -> Mapping[int, list[State]]:
        """Return thing -> its states at each step, of those that were ever not calm."""
        owners = {
            thing: sorted({gate.owner for gate in gates})
            for thing, gates in self.estate.serves.items()
        }
        self._states = [CALM] * len(self.estate.roles)
        self._lost = {}
        self._restless = set()
        struck: defaultdict[int, list[Blow]] = defaultdict(list)
        for blow in blows:
            struck[blow.thing].append(blow)
        history: dict[int, list[State]] = {}
        for step in range(int(until // STEP)):
            now = step * STEP
            todo = sorted({*struck, *self._restless})
            self._restless = set()
            known = set(todo)
            while todo:
                thing = heapq.heappop(todo)
                state = self._settle(thing, now, struck.get(thing, ()))
                if state == self._states[thing]:
                    continue
                self._states[thing] = state
                for owner in owners.get(thing, ()):
                    if owner not in known:
                        known.add(owner)
                        heapq.heappush(todo, owner)
            for thing, state in enumerate(self._states):
                if thing in history or state is not CALM:
                    history.setdefault(thing, [CALM] * step).append(state)
        return history

    def _settle(self, thing: int, now: float, blows: Sequence[Blow]) -> State:
        state = CALM
        for gate in self.estate.gates[thing]:
            state = self._through(gate, state, now)
        for blow in blows:
            state = self._struck(state, blow, blow.force(now), self.busy[thing])
        paused = state.full and self.estate.roles[thing] in ("guest", "vm")
        if state.up < 0.5 or paused:
            return CALM._replace(up=0.0, near=0.0, reach=0.0, err=1.0, fill=state.fill)
        if state.stuck:
            state = state._replace(err=1.0)
        if state.lag > 12:  # who waits so long gives up
            state = state._replace(err=max(state.err, min(0.6, state.lag / 60)))
        return state

    @staticmethod
    def _struck(state: State, blow: Blow, force: float, busy: float) -> State:
        if not force:
            return state
        lag = 1 + (blow.lag - 1) * force
        if blow.hog:
            lag *= max(1.0, (1 - busy) / max(0.04, 1 - busy - blow.hog * force))
        reach = 1 - (1 - blow.reach) * force
        return State(
            up=state.up if blow.up > 0.5 else 0.0,
            near=state.near * reach,
            reach=state.reach * reach,
            lag=state.lag * lag,
            err=1 - (1 - state.err) * (1 - blow.err * force),
            load=max(state.load, blow.hog * force),
            fill=max(state.fill, blow.fill * force),
            stuck=state.stuck or blow.stuck or blow.fill * force >= 1,
            full=state.full or blow.fill * force >= 1,
            skew=state.skew or blow.skew,
            heat=state.heat or blow.heat,
            spare=state.spare or blow.spare,
        )

    def _through(self, gate: Gate, state: State, now: float) -> State:
        seen = [self._states[m] for m in gate.members]
        passes: Passes = {
            Way.POWER: self._power,
            Way.HEAT: self._warmed,
            Way.HOST: self._hosted,
            Way.NET: self._wired,
            Way.SPARE: self._detour,
            Way.STORE: self._stored,
            Way.PART: self._shared,
            Way.LOCAL: self._asks,
            Way.CALL: self._asks,
            Way.FORWARD: self._forwards,
            Way.RULE: self._ruled,
        }
        return passes[gate.way](gate, state, seen, now)

    def _warmed(self, gate: Gate, state: State, seen: Sequence[State], _now: float) -> State:
        slow = seen[0].heat and self.estate.roles[gate.owner] == "machine"
        heat = state.heat or seen[0].heat
        return state._replace(heat=heat, lag=state.lag * (1.6 if slow else 1))

    @staticmethod
    def _ruled(_gate: Gate, state: State, seen: Sequence[State], _now: float) -> State:
        return state._replace(err=1 - (1 - state.err) * (1 - seen[0].err))

    def _felt(self, gate: Gate, now: float, *, lost: bool) -> float:
        """Return for how long something has been lost beyond all patience; -1 while it is not."""
        key = id(gate)
        if not lost:
            self._lost.pop(key, None)
            return -1.0
        since = self._lost.setdefault(key, now)
        past = now - since - gate.patience
        if past < 2 * gate.patience + 3600:
            self._restless.add(gate.owner)
        return past

    def _power(self, gate: Gate, state: State, seen: Sequence[State], now: float) -> State:
        live = sum(one.up > 0.5 for one in seen)
        dead = self._felt(gate, now, lost=live < gate.need) >= 0
        risk = live < len(seen)  # on one feed only, or on its battery
        return state._replace(up=0.0 if dead else state.up, spare=state.spare or risk)

    def _hosted(self, gate: Gate, state: State, seen: Sequence[State], now: float) -> State:
        host = seen[0]
        refuge = self.estate.refuge.get(gate.owner)
        if refuge is not None:
            after, other = refuge
            gone = self._felt(gate, now, lost=host.up < 0.5)
            if gone >= after and self._states[other].up > 0.5:
                host = self._states[other]._replace(lag=self._states[other].lag * 1.3)
        return state._replace(
            up=min(state.up, host.up),
            near=min(state.near, host.near),
            reach=min(state.reach, host.reach),
            lag=state.lag * host.lag,
            stuck=state.stuck or host.stuck,
            skew=state.skew or host.skew,
        )

    def _wired(self, gate: Gate, state: State, seen: Sequence[State], _now: float) -> State:
        reach, lag = state.reach, state.lag
        if self.estate.roles[gate.members[0]] == "router":  # within the site one does without
            return state._replace(reach=reach * seen[0].reach, lag=lag * seen[0].lag)
        live = [one for one in seen if one.up > 0.5 and one.near > 0]
        if not live:
            return state._replace(near=0.0, reach=0.0)
        return state._replace(
            near=state.near * sum(one.near for one in live) / len(live),
            reach=reach * sum(one.reach for one in live) / len(live),
            lag=lag * max(one.lag for one in live),
            spare=state.spare or len(live) < len(seen),
        )

    def _detour(self, gate: Gate, state: State, seen: Sequence[State], now: float) -> State:
        first = seen[0]
        lost = first.reach <= 0
        over = self._felt(gate, now, lost=lost)
        way = first
        if lost and over >= 0:  # before that, nobody has changed over yet
            way = next((one for one in seen if one.reach > 0), first)
        lag = state.lag * way.lag
        if way is not first and self.estate.roles[gate.members[-1]] == "lte":
            lag *= max(1.0, 0.6 / (1 - self.width[gate.members[-1]]))  # less room, as much work
        some = any(one.reach <= 0 for one in seen)
        return state._replace(reach=state.reach * way.reach, lag=lag, spare=state.spare or some)

    @staticmethod
    def _stored(_gate: Gate, state: State, seen: Sequence[State], _now: float) -> State:
        live = [one for one in seen if one.works and one.err < 0.9]
        if not live:
            return state._replace(stuck=True, full=any(one.full for one in seen))
        lag = state.lag * max(one.lag for one in live)
        return state._replace(lag=lag, spare=state.spare or len(live) < len(seen))

    def _shared(self, gate: Gate, state: State, seen: Sequence[State], _now: float) -> State:
        live = [one for one in seen if one.works and one.near > GONE and one.err < 0.95]
        if not live:
            return state._replace(err=1.0)
        asked = len(seen) / len(live)
        busy = self.busy[gate.owner]
        util = busy * asked
        lag = max(1.0, (1 - busy) / max(0.05, 1 - util)) * sum(o.lag for o in live) / len(live)
        err = sum(1 - (1 - o.err) * self._sent(o.reach) for o in live) / len(live)
        over = max(0.0, 1 - 1 / util)
        return state._replace(
            lag=state.lag * lag,
            err=1 - (1 - state.err) * (1 - err) * (1 - over),
            load=max(state.load, min(1.0, util) - busy),
            spare=state.spare or len(live) < len(seen),
        )

    @staticmethod
    def _sent(share: float) -> float:
        """Return the share of requests that get through where that share of packets does."""
        if share < GONE:
            return 0.0
        return min(1.0, 1 - max(0.0, 0.93 - share) * 1.3)

    def _answer(self, gate: Gate, state: State, seen: Sequence[State]) -> tuple[float, float]:
        """Return the share of calls that fail, and how many times as long the others take."""
        local = gate.way is Way.LOCAL
        errs, lags = [], []
        for one in seen:
            way = state.near * one.near if local else state.reach * one.reach
            sent = self._sent(way) if one.up > 0.5 else 0.0
            errs.append(1 - sent * (1 - one.err))
            lags.append(one.lag * (1 + 12 * (1 - way) if way > GONE else 1))
        if self.estate.roles[gate.owner] == "ingress":  # each way leads to another service
            return sum(errs) / len(errs), sum(lags) / len(lags)
        err = math.prod(errs)
        lag = sum(lags) / len(lags) * (1 + 2 * (sum(errs) / len(errs) - err))  # asked again
        return err, lag

    def _asks(self, gate: Gate, state: State, seen: Sequence[State], now: float) -> State:
        err, lag = self._answer(gate, state, seen)
        skewed = state.skew and self.estate.roles[gate.members[0]] == "accounts"
        if skewed:  # tickets of another time
            err = 1.0
        lost = self._felt(gate, now, lost=err > 0.05 or lag > 1.5)
        if lost < 0:
            return state
        fresh = min(1.0, 0.2 + lost / 1800) if gate.patience else 1.0  # one after another runs out
        share = gate.share * fresh
        if self.hides[gate.owner] and self.estate.roles[gate.owner] == "pos" and not gate.patience:
            share *= 0.3  # small sums are taken on trust
        lag = 1 + share * (lag - 1)
        if err > 0.3:
            lag *= 1 + share * 0.8  # time runs out, it is asked again
        return state._replace(err=1 - (1 - state.err) * (1 - share * err), lag=state.lag * lag)

    def _forwards(self, gate: Gate, state: State, seen: Sequence[State], now: float) -> State:
        err, lag = self._answer(gate, state, seen)
        piled = self._felt(gate, now, lost=err > 0.5 or lag > 10)
        if piled < 0:
            return state
        fill = min(1.0, 0.15 + piled / 7200 * (0.5 + self.busy[gate.owner]))
        return state._replace(fill=max(state.fill, fill), stuck=state.stuck or fill >= 1)
