"""How trouble spreads through a cloud: by what things do, minute by minute, and by luck.

Everything is in one of a few states. `DEAD` is off; `CUT` runs and is reached by nobody; `HUNG`
takes requests and answers none; `STUCK` waits for its disk; `LOSSY` drops packets; `THIN` has lost
its last spare; `LEAK` runs out of memory; `GREEDY` takes what others need.
"""

from __future__ import annotations

import heapq
import math
import re
from collections import defaultdict
from dataclasses import dataclass, field
from random import Random

from tests.rca.worlds.cloud_estate import Estate

# Who < on what : state of what it needs = what becomes of it, chance, least and most seconds.
# Of several outcomes of one state, the first that happens. `>`: it strikes what it needs instead.
_REACTIONS = """
pdu < ups : DEAD=DEAD .97 0 30
host tor core array router < pdu ups : DEAD=DEAD .99 0 5
port < tor : DEAD,CUT=DEAD 1 0 1; HUNG,LOSSY=LOSSY .7 0 30
nic < port : DEAD=DEAD 1 0 1; LOSSY=LOSSY .9 0 5
bond < nic : DEAD=DEAD 1 0 1; LOSSY=LOSSY .7 0 30
host < bond tor : DEAD,CUT=CUT 1 0 5; LOSSY=LOSSY .8 0 30
tor router < core : DEAD=CUT 1 0 5; LOSSY=LOSSY .5 0 30
vlan < router : DEAD,CUT=DEAD .98 3 15; LOSSY=LOSSY .6 0 30
host < disk : DEAD=HUNG .7 5 300; SLOW=SLOW .6 5 120
host < ntp : SKEWED=SKEWED .6 60 900
cluster < host : DEAD,CUT,HUNG=THIN .9 10 60
vm < host : DEAD=DEAD 1 0 2; CUT=CUT 1 0 5; HUNG=CUT .6 5 60; HUNG=SLOW .8 5 60
vm < host : SLOW,STARVED,LEAK=SLOW .55 10 240; LOSSY=LOSSY .7 0 60; SKEWED=SKEWED .6 0 60
vm < vlan : DEAD,CUT=CUT .97 0 10; LOSSY,MTU=LOSSY .45 0 60
vm < volume export : DEAD=STUCK .9 5 90; HUNG=STUCK .2 30 240; HUNG=HUNG .9 10 120
vm < volume export : FULL=STUCK .6 10 1200; SLOW=SLOW .6 10 300
vm < path : DEAD=STUCK .95 5 90; SLOW=SLOW .6 10 120
path < controller : DEAD=DEAD 1 0 30; SLOW=SLOW .9 0 30
controller < array : DEAD=DEAD 1 0 2; SLOW=SLOW .9 0 30
volume export pool < pool array controller : DEAD=DEAD .98 0 10; HUNG=HUNG .95 0 60
volume export pool < pool array controller : FULL=FULL .7 0 600; SLOW=SLOW .75 0 120
pool < disk : DEAD=DEAD 1 0 5; SLOW=SLOW .5 5 120
pool < osd : DEAD,HUNG=HUNG 1 0 30; SLOW=SLOW .5 5 120
pool < mon : DEAD,HUNG=HUNG .95 10 60; SKEWED=SLOW .3 60 600
osd < disk : DEAD=DEAD .95 1 60; SLOW=SLOW .85 0 60
osd mon export < host : DEAD,CUT=DEAD 1 0 20; HUNG=HUNG .8 0 60
osd mon export < host : SLOW,STARVED,LEAK,LOSSY=SLOW .6 5 120; SKEWED=SKEWED .5 0 60
exporter prometheus < host : DEAD,CUT=DEAD 1 0 5; HUNG=HUNG .6 0 30
instance database replica queue < vm : DEAD,CUT,STUCK,HUNG=DEAD .97 0 30
instance database replica queue < vm : SLOW,STARVED,LEAK,LOSSY=SLOW .65 5 120; SKEWED=ERRS .2 0 60
cache batch dns ntp balancer < vm : DEAD,CUT,STUCK,HUNG=DEAD .97 0 30
cache batch dns ntp balancer < vm : SLOW,STARVED,LEAK,LOSSY=SLOW .5 5 120
service < instance : DEAD,HUNG=ERRS .95 0 30; ERRS=ERRS .8 0 30; SLOW,LEAK=SLOW .9 0 60
service < service : DEAD,ERRS=ERRS .55 0 60; DEAD,ERRS=SLOW .4 0 60; SLOW=SLOW .6 5 90
service batch < database : DEAD,HUNG,FULL=ERRS .85 0 60; ERRS=ERRS .6 0 60
service batch < database : SLOW,STARVED=SLOW .65 5 90
service < queue : DEAD,FULL=ERRS .5 60 600; SLOW=SLOW .2 60 300
service < cache : DEAD=SLOW .6 0 60; SLOW=SLOW .4 0 60
service < dns : DEAD=ERRS .6 60 600; SLOW=SLOW .3 0 60
replica < database : DEAD,HUNG,FULL=ERRS .7 0 60; SLOW,STARVED=SLOW .5 10 300
balancer < service : DEAD,ERRS=ERRS .7 5 60; SLOW=SLOW .5 5 60
endpoint < balancer : DEAD=DEAD 1 0 10; ERRS=ERRS .6 0 30; SLOW=SLOW .6 0 30
endpoint < service : DEAD,ERRS=ERRS .85 0 60; SLOW=SLOW .75 0 60
endpoint < certificate : EXPIRED=DEAD 1 0 5
app < endpoint : DEAD,ERRS=ERRS .95 0 60; SLOW=SLOW .8 0 60
batch > database : GREEDY=STARVED .85 5 120
vm > host : GREEDY=STARVED .6 5 120
"""
_STOPPED = frozenset({"DEAD", "CUT", "HUNG", "STUCK"})
_RANK = ("DEAD", "STUCK", "CUT", "HUNG", "FULL", "ERRS")  # the worse hides what is less
# All of these wait for the slowest member; of other groups one slow member in `n` is felt by 1/n.
_SLOWEST_DECIDES = frozenset({"pool"})


@dataclass(frozen=True, slots=True)
class _Outcome:
    becomes: str
    chance: float
    least: float
    most: float


def _read() -> tuple[dict[tuple[str, str, str], list[_Outcome]], ...]:
    down: dict[tuple[str, str, str], list[_Outcome]] = defaultdict(list)
    up: dict[tuple[str, str, str], list[_Outcome]] = defaultdict(list)
    for line in _REACTIONS.strip().splitlines():
        ends, clauses = line.split(" : ")
        left, way, right = re.split(" ([<>]) ", ends)
        struck, by, table = (left, right, down) if way == "<" else (right, left, up)
        for clause in clauses.split("; "):
            states, told = clause.split("=")
            becomes, *figures = told.split()
            outcome = _Outcome(becomes, *map(float, figures))
            for who in struck.split():
                for whom in by.split():
                    for state in states.split(","):
                        table[who, whom, state].append(outcome)
    return down, up


_DOWN, _UP = _read()


@dataclass(slots=True)
class Course:
    """What happened.

    Attributes:
        states: entity -> state -> (since, until) in seconds; until is inf where nobody mends it.
        blind: what nothing is known of, as the one who looks is out of order -> since.
    """

    states: dict[str, dict[str, tuple[float, float]]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    blind: dict[str, tuple[float, str]] = field(default_factory=dict)


def course(estate: Estate, faults: list[tuple[str, str, float]], rng: Random) -> Course:
    """Let faults, each (entity, state, second), take their course."""
    return _Spread(estate, rng).run(faults)


class _Spread:
    def __init__(self, estate: Estate, rng: Random) -> None:
        self._e, self._rng = estate, rng
        self._done = Course()
        self._queue: list[tuple[float, str, str, float]] = []
        self._needed_by = defaultdict(list)
        self._needs = defaultdict(list)
        self._members = defaultdict(list)
        for one in estate.relations:
            self._needed_by[one.dependency].append(one)
            self._needs[one.dependent].append(one)
            if one.group:
                self._members[one.dependent, one.group].append(one.dependency)

    def run(self, faults: list[tuple[str, str, float]]) -> Course:
        for who, state, when in faults:
            heapq.heappush(self._queue, (when, who, state, math.inf))
        while self._queue:
            when, who, state, until = heapq.heappop(self._queue)
            if self._counts(who, state):
                self._done.states[who][state] = (when, until)
                self._pass_on(who, state, when, until)
        return self._done

    def _counts(self, who: str, state: str) -> bool:
        has = self._done.states[who]
        worse = _RANK[: _RANK.index(state)] if state in _RANK else _RANK[:5]
        return state not in has and not any(each in has for each in worse)

    def _pass_on(self, who: str, state: str, when: float, until: float) -> None:
        e = self._e
        role = e.role[who]
        for one in self._needed_by[who]:
            if one.type == "WATCHED_BY":
                if state in _STOPPED:
                    self._done.blind.setdefault(one.dependent, (when, who))
                continue
            outcomes = _DOWN.get((e.role[one.dependent], role, state), [])
            share = 0.5 if (one.dependent, who) in e.optional else 1.0
            if one.group:
                members = self._members[one.dependent, one.group]
                gone = sum(not _STOPPED.isdisjoint(self._done.states[m]) for m in members)
                spared = len(members) - gone >= (one.need or 1)
                if state in _STOPPED and spared:
                    outcomes = [_Outcome("THIN", 0.8, 0, 60)]
                elif state not in _STOPPED and e.role[one.dependent] not in _SLOWEST_DECIDES:
                    share /= len(members)
            self._maybe(one.dependent, outcomes, share, when, until)
        for one in self._needs[who]:
            self._maybe(
                one.dependency, _UP.get((role, e.role[one.dependency], state), []), 1, when, until
            )
        if role == "cache" and state == "DEAD":
            self._unshielded(who, when)

    def _maybe(
        self, who: str, outcomes: list[_Outcome], share: float, when: float, until: float
    ) -> None:
        for one in outcomes:
            if self._rng.random() < one.chance * share:
                at = when + self._rng.uniform(one.least, one.most)
                if at < until:
                    self._later(who, one.becomes, at, until)
                return

    def _later(self, who: str, state: str, at: float, until: float) -> None:
        """Note what comes; a guest whose host died is started elsewhere, most of the time."""
        if self._e.role[who] == "vm" and state == "DEAD" and self._rng.random() < 0.7:
            until = min(until, at + self._rng.uniform(40, 240))
        heapq.heappush(self._queue, (at, who, state, until))

    def _unshielded(self, cache: str, when: float) -> None:
        """Without its cache, a service asks its database for everything."""
        for call in self._needed_by[cache]:
            for one in self._needs[call.dependent]:
                if self._e.role[one.dependency] == "database" and self._rng.random() < 0.5:
                    self._later(
                        one.dependency, "STARVED", when + self._rng.uniform(5, 120), math.inf
                    )
