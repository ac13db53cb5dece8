"""How the company's platform lives through a day, a minute a step.

Nobody here knows modes or rules: things run or not, answer a share of what they are asked, and
take a multiple of the usual time for it.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from random import Random
from statistics import fmean

from tests.rca.worlds.hosted_estate import Estate
from tests.rca.worlds.hosted_health import CALM, Answer, Blow, Health, answer
from tests.rca.worlds.hosted_things import GUESTS, SPREAD, Gate, Way
from tests.rca.worlds.hosted_ways import Ways


class Platform(Ways):
    """An estate that lives, with the habits that it has."""

    def __init__(self, estate: Estate, rng: Random) -> None:
        super().__init__(estate)
        pick = rng.random
        things = range(len(estate.roles))
        self.patience = [rng.choice((1, 1, 2, 3)) for _ in things]  # of probes and fail-overs
        self.weak = [pick() < 0.15 for _ in things]  # a feed that can't carry both
        self.stays = [pick() < 0.2 for _ in things]  # a database whose copy does not take over
        self.reloads = [pick() < 0.5 for _ in things]  # reads its settings anew by itself
        self.own_time = [pick() < 0.5 for _ in things]  # a guest that does not ask its host
        self.slack = [rng.uniform(0.35, 0.75) for _ in things]  # in use on a good day
        pods = estate.of("pod")
        self.spare = {c: sum(estate.cluster[p] == c for p in pods) // 6 for c in estate.proms}
        self.echo: dict[int, list[int]] = defaultdict(list)  # who feels it a minute later
        for queue, consumers in estate.consumers.items():
            for one in consumers:
                self.echo[one].append(queue)
        for guest in estate.of(*GUESTS):
            self.echo[guest] += estate.members(guest, Way.HOST)
        self.twin: dict[int, int] = {}
        for host in estate.of("hv"):
            pair = estate.members(host, Way.POWER)
            if len(pair) == 2:
                self.twin |= {pair[0]: pair[1], pair[1]: pair[0]}
        for one, other in self.twin.items():
            self.echo[one].append(other)
        self.after: dict[str, Callable[[int, Health], None]] = {
            "pdu": self._pdu,
            "hv": self._machine,
            "osd": self._osd,
            "ceph": self._ceph,
            "pool": self._pool,
            "pod": self._pod,
            "apiserver": self._apiserver,
            "api": self._api,
            "cni": self._cni,
            "rw": self._rw,
            "db": self._db,
            "queue": self._queue,
            "vip": self._front,
            "front": self._front,
            "app": self._app,
            "prom": self._calls,
        }
        self.after |= dict.fromkeys(GUESTS, self._machine) | dict.fromkeys(SPREAD, self._service)

    # -- the course of a day

    def play(self, blows: Sequence[Blow], until: int) -> list[dict[int, Health]]:
        """Return for each minute who is not as always, and how."""
        self.state, self.was = {}, dict[int, Health]()
        self.load: dict[int, float] = {}
        self.since = {}
        self.full: dict[int, float] = {}
        self.ghosts: dict[int, int] = defaultdict(int)  # service -> pods that came elsewhere
        self.room = dict(self.spare)
        self.leader: dict[int, int] = {}
        of: dict[int, list[Blow]] = defaultdict(list)
        for blow in blows:
            of[blow.thing].append(blow)
        days = []
        for self.now in range(until):
            self._minute(of)
            days.append(self.state)
        return days

    def _minute(self, blows: Mapping[int, list[Blow]]) -> None:
        self.was, self.state = self.state, {}
        self.asked, self.load = self.load, defaultdict(float)
        wake = {*self.was, *self.asked, *self.full}
        wake |= {t for t, some in blows.items() if any(b.begins <= self.now for b in some)}
        wake |= {other for one in self.was for other in self.echo.get(one, ())}
        heap, done = sorted(wake), set()
        while heap:
            thing = heapq.heappop(heap)
            if thing in done:
                continue
            done.add(thing)
            health = Health()
            for gate in self.estate.gates[thing]:
                self.gate(thing, health, gate)
            for blow in blows.get(thing, ()):
                blow.strike(health, self.now)
            after = self.after.get(self.estate.roles[thing])
            if after:
                after(thing, health)
            if health != CALM:
                self.state[thing] = health
                for one in self.estate.serves[thing]:
                    heapq.heappush(heap, one)

    # -- power and machines

    def _pdu(self, thing: int, health: Health) -> None:
        twin = self.was.get(self.twin.get(thing, -1), CALM)
        if not twin.up:
            health.load *= 1.9
        tired = self.lasts(thing, "load", health.load > 1.5 and self.weak[thing])
        if tired > 3:
            self.full[thing] = 1.0  # its breaker stays open
        if thing in self.full:
            health.up = 0.0

    def _machine(self, thing: int, health: Health) -> None:
        if self.estate.roles[thing] == "hv":
            guests = self.estate.serves[thing]
            busy = sum(max(0.0, self.was[g].cpu - 0.6) for g in guests if g in self.was)
            health.cpu += 1.4 * busy
            if self.lasts(thing, "heat", health.heat > 0.8) > 12 + 4 * self.patience[thing]:
                health.up = 0.0
        elif self.own_time[thing]:
            health.skew = 0.0
        health.lag *= 1 + 1.5 * health.heat
        if health.cpu > 0.9:
            health.lag *= 1 + 6 * (min(health.cpu, 1.3) - 0.9)
        if health.mem > 0.95:
            health.lag *= 1.8
            health.io *= 1.5
        if health.fill >= 1:
            health.ok = min(health.ok, 0.6)

    # -- storage

    def _osd(self, _: int, health: Health) -> None:
        health.io *= 1 + 60 * health.loss + 30 * health.big

    def _ceph(self, thing: int, health: Health) -> None:
        (gate,) = self.estate.gates[thing]
        mons = [self.see(one) for one in gate.members]
        lives = sum(bool(m.up and m.reach and not m.hang and not m.stuck) for m in mons)
        health.short = 1 - lives / 3
        if self.lasts(thing, "quorum", lives < 2) > 2:
            health.stuck = 1.0
        health.skew = max(m.skew for m in mons)

    def _pool(self, thing: int, health: Health) -> None:
        ceph = self.see(self.estate.members(thing, Way.PART)[0])
        osds = self.estate.members(thing, Way.DISK)
        states = [self.see(one) for one in osds]
        dead = [
            one
            for one, s in zip(osds, states, strict=True)
            if not s.up or not s.reach or s.hang or s.stuck
        ]
        racks = {self.estate.rack(self.estate.members(o, Way.HOST)[0]) for o in dead}
        health.short = len(dead) / len(osds)
        health.stuck = max(health.stuck, ceph.stuck)
        if self.lasts(thing, "two", len(racks) > 1) > 1:  # two of three copies of something
            health.stuck = 1.0
        slow = sum(min(s.io, 40.0) - 1 for s in states if s.up and s.reach)
        health.io *= (1 + 1.5 * slow / len(osds)) * ceph.lag
        out = self.lasts(thing, "dead", dead)
        if 6 < out < 45:  # what they held is copied once more
            health.io *= 1.3 + 4 * health.short
        health.fill = max(health.fill * len(osds) / max(1, len(osds) - len(dead)), 0.5)
        health.fill = min(health.fill, 1.0)

    # -- clusters

    def _cni(self, thing: int, health: Health) -> None:
        health.unready = float(self.lasts(thing, "off", not health.up or health.ok < 0.5) > 1)

    def _pod(self, thing: int, health: Health) -> None:
        estate = self.estate
        cluster = estate.cluster[thing]
        node, cni = (
            estate.members(thing, Way.HOST)[0],
            self.see(estate.members(thing, Way.PART)[0]),
        )
        health.reach = min(health.reach, cni.reach)
        health.ok *= cni.ok if cni.up else 1.0
        health.loss, health.big = max(health.loss, cni.loss), max(health.big, cni.big)
        if cni.up:
            health.delay *= cni.delay / self.see(node).delay
        health.ok *= 0.75 if health.skew > 60 else 1.0  # tokens of tomorrow
        health.lag *= 1 + 0.06 * (min(health.io, 30.0) - 1)
        if health.crash or health.mem >= 1:
            health.crash = 1.0
            health.up = float(self.now % 4 == 0)
        lost = answer(self.see(node)).ok == 0
        long = self.lasts(thing, "node", lost)
        pressed = self.lasts(thing, "pressed", self.see(node).fill > 0.95) > 3 + thing % 5
        asked = self.was.get(self.estate.apis.get(cluster, -1), CALM)
        if (long > 5 or pressed or thing in self.full) and not asked.frozen:
            if thing not in self.full:
                self.full[thing] = 1.0
                if self.room[cluster] > 0 and not estate.members(thing, Way.DISK):
                    self.room[cluster] -= 1
                    for service in estate.serves[thing]:
                        self.ghosts[service] += 1
            health.gone = 1.0
        got = answer(health)
        bad = self.lasts(thing, "bad", got.ok < 0.5 or got.lag > 6)
        if bad > self.patience[thing] and not asked.frozen:
            health.unready = 1.0

    def _apiserver(self, thing: int, health: Health) -> None:
        etcds = [self.see(one) for one in self.estate.members(thing, Way.PART)]
        got = [answer(one) for one in etcds]
        good = sorted(a.lag * one.io for a, one in zip(got, etcds, strict=True) if a.ok > 0.5)
        if len(good) < 2:
            health.ok = 0.0
            return
        leader = got[0].lag * etcds[0].io if got[0].ok > 0.5 else good[1]
        health.lag *= max(good[1], leader)
        if any(one.fill >= 1 for one in etcds):  # nothing new is written
            health.ok *= 0.4

    def _api(self, thing: int, health: Health) -> None:
        self._spread(thing, health)
        hook = self.see(self.estate.members(thing, Way.PART)[0])
        slow = answer(health)
        health.frozen = float(slow.ok < 0.5 or slow.lag > 8 or hook.ok < 1)

    # -- software

    def _spread(self, thing: int, health: Health) -> None:
        """Take answers of those that are in the rotation, and carry the load of the others."""
        for gate in self.estate.gates[thing]:
            if gate.way is not Way.SPREAD:
                continue
            states = [self.see(one) for one in gate.members]
            serve = [answer(one) for one in states if not one.unready and not one.gone]
            came = self.ghosts.get(thing, 0)
            serve += [Answer(1.0, 1.0)] * came
            total = len(states)
            if not serve:
                health.ok, health.up, health.short = 0.0, 0.0, 1.0
                return
            health.short = max(health.short, 1 - min(1.0, len(serve) / total))
            health.ok *= fmean(one.ok for one in serve)
            health.lag *= fmean(one.lag for one in serve)
            self._loaded(thing, health, total / len(serve))

    def _loaded(self, thing: int, health: Health, times: float = 1.0) -> None:
        health.load *= 1 + self.asked.get(thing, 0.0)
        use = self.slack[thing] * health.load * times
        if times > 1 or health.load > 1.01:
            health.cpu = max(health.cpu, min(use, 1.2))
        if use > 0.85:
            health.lag *= 1 + 6 * (min(use, 2.0) - 0.85)
        if use > 1.15:
            health.ok *= 1.1 / use

    def _service(self, thing: int, health: Health) -> None:
        self._spread(thing, health)
        for gate in self.estate.gates[thing]:
            if gate.way is Way.PART:
                (one,) = gate.members
                setting = self.see(one)
                old = self.lasts(thing, f"reads {one}", setting.ok < 1)
                if old:  # read at a restart, or when a connection is made anew
                    share = min(1.0, old / 5) if self.reloads[thing] else min(0.6, old / 40)
                    health.ok *= 1 - share * (1 - setting.ok)
            if gate.way is Way.DISK and health.stuck:
                health.stuck, health.hang = 0.0, 0.0
                health.ok, health.lag = health.ok * 0.6, health.lag * 4
        self._calls(thing, health)

    def _calls(self, thing: int, health: Health) -> None:
        for gate in self.estate.gates[thing]:
            if gate.way is Way.CALL:
                self._call(thing, health, gate)

    def _call(self, thing: int, health: Health, gate: Gate) -> None:
        estate = self.estate
        (callee,) = gate.members
        got = self._over(thing, callee, answer(self.see(callee)))
        bad = self.lasts(thing, f"calls {callee}", got.ok < 0.97 or got.lag > 1.5)
        if bad <= gate.patience:
            return
        if estate.roles[callee] == "cache":  # who finds nothing there asks the database
            if got.ok < 0.5:
                health.lag += 0.5
                for other in estate.members(thing, Way.CALL):
                    if estate.roles[other] == "rw":
                        self.load[other] += 0.25
                return
            got = Answer(1.0, got.lag)
        again = (1 - got.ok) if got.ok > 0.3 else 0.5 * (1 - got.ok)
        if again > 0.02:
            self.load[callee] += gate.share * again / max(1, len(estate.serves[callee]))
        health.waits += gate.share * (got.lag - 1)
        health.lag += 0.7 * gate.share * (got.lag - 1)
        health.ok *= 1 - gate.share * (1 - got.ok) * (1 - 0.4 * (got.ok > 0.3))
        if self.lasts(thing, f"waits {callee}", got.lag > 8) > 4:  # all its threads wait
            health.lag *= 1.5
            health.ok *= 0.8

    def _over(self, thing: int, callee: int, got: Answer) -> Answer:
        """Return what is left of an answer on its way between sites, or from outside."""
        estate = self.estate
        if estate.site[callee] == estate.site[thing]:
            return got
        ways = estate.wans if estate.site[callee] >= 0 else estate.edge[estate.site[thing]]
        way = Health()
        self.net(way, [self.see(one) for one in ways])
        return Answer(got.ok * answer(way).ok, max(got.lag, 1.0) * answer(way).lag)

    def _rw(self, thing: int, health: Health) -> None:
        copies = self.estate.members(thing, Way.PART)
        first = self.leader.get(thing, 0)
        got = answer(self.see(copies[first]))
        if self.lasts(thing, "leader", got.ok == 0) > self.patience[thing] + 1:
            good = [n for n, one in enumerate(copies) if answer(self.see(one)).ok > 0.9]
            if good and not self.stays[thing]:
                self.leader[thing] = good[0]
                got = answer(self.see(copies[good[0]]))
        health.short = fmean(answer(self.see(one)).ok < 0.5 for one in copies)
        health.ok, health.lag = health.ok * got.ok, health.lag * got.lag
        self._loaded(thing, health)

    def _db(self, thing: int, health: Health) -> None:
        health.lag *= 1 + 0.7 * (min(health.io, 40.0) - 1)
        if health.fill >= 1:
            health.ok = min(health.ok, 0.4)
        (rw,) = self.estate.serves[thing]
        copies = self.estate.members(rw, Way.PART)
        if thing != copies[self.leader.get(rw, 0)]:
            far = self._over(thing, copies[0], Answer(1.0, 1.0))
            slow = health.lag > 4 or far.ok < 0.9
            health.behind = max(health.behind, float(self.lasts(thing, "behind", slow)))

    def _queue(self, thing: int, health: Health) -> None:
        some = self.estate.consumers.get(thing, ())
        work = [answer(self.was[one]) for one in some if one in self.was]
        idle = sum(1 - got.ok * (got.lag < 8) for got in work)
        level = self.full.get(thing, 0.0)
        if some:
            level = min(1.0, max(0.0, level + 0.05 * idle / len(some) - 0.01))
        self.full.pop(thing, None)
        if level:
            self.full[thing] = level
        health.fill = max(health.fill, 0.5 + 0.5 * level)
        health.lag *= 1 + 0.4 * (min(health.io, 40.0) - 1)
        if health.fill >= 1:
            health.ok = min(health.ok, 0.3)

    def _front(self, thing: int, health: Health) -> None:
        estate = self.estate
        for gate in estate.gates[thing]:
            if gate.way is Way.PART or gate.way is Way.SPREAD:
                got = answer(self.see(gate.members[0]))
                health.ok, health.lag = health.ok * got.ok, health.lag * got.lag
        self._calls(thing, health)

    def _app(self, thing: int, health: Health) -> None:
        got = [answer(self.see(one)) for one in self.estate.members(thing, Way.READS)]
        health.ok *= fmean(one.ok for one in got)
        health.lag *= fmean(one.lag for one in got)
