"""Incidents of a private cloud, told by monitoring as different shops run it.

Written from the published formats alone: what breaks, how it spreads (`cloud_physics`) and what an
alarm looks like were thought up without a look at the rules of `rca`, and nothing was fitted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

from kgraph.schema import Change, Direction, Incident, Observation, State, Target
from tests.rca.worlds.cloud_estate import Estate, detector_of
from tests.rca.worlds.cloud_physics import Course, course
from tests.rca.worlds.drawn import Drawn, renamed

_MIDNIGHT = datetime(2026, 5, 4, tzinfo=UTC)

# Role: state weight ...; a `*` behind a state: the fault takes two of one group at once.
_FAULTS = """
ups: DEAD .3
pdu: DEAD .5 DEAD* .3
tor: DEAD 1 LOSSY .7 HUNG .3
core: DEAD .3 LOSSY .4
port: DEAD .4 LOSSY .5
nic: DEAD .4 LOSSY .4
router: DEAD .3 DEAD* .2 LOSSY .3
vlan: DEAD .4 MTU .4 LOSSY .4
host: DEAD 2 CUT .5 HUNG .8 STARVED .8 LEAK .8 SKEWED .3
disk: DEAD 1 SLOW 1.2
pool: FULL 1 SLOW .5
export: DEAD .7 HUNG .7
array: DEAD .2 SLOW .4
controller: DEAD .4 SLOW .4
osd: DEAD .5 SLOW .5
mon: DEAD* .4
vm: DEAD .8 CUT .4 GREEDY .8
instance: DEAD 1 LEAK 1 ERRS .7 SLOW .6
service: ERRS 1 SLOW .8
database: DEAD .6 STARVED .7 FULL .5
replica: DEAD .3
queue: FULL .5 DEAD .3
cache: DEAD .6
batch: GREEDY .6
dns: DEAD .2 DEAD* .3
ntp: SKEWED .3
balancer: DEAD .4 ERRS .5
certificate: EXPIRED .8
exporter: HUNG .7
prometheus: DEAD .4
"""
# Roles and state : signals that monitoring may have for it, names of one joined by `/`, and the
# share of shops that look for each.
_SHOWS = """
ups pdu DEAD : down/tripped/unreachable .85
host tor core router array DEAD : down/unreachable .9
host CUT : unreachable/down .95
tor router CUT : unreachable/down .9
host HUNG : unreachable/hung .7 saturation .4
tor HUNG : saturation/hung .4 unreachable/down .4
host STARVED : cpu/overloaded .8 saturation .5
host LEAK : memory/memory_pressure .85
host SLOW : disk/saturation .5
host SKEWED : clockOffset/anomaly .5
host LOSSY : network/packetLoss .3
host tor array bond pool cluster service THIN : redundancyLost/degraded .45
tor core router LOSSY : errors/packetLoss/overloaded .45
nic bond port LOSSY : errors/flapping/packetLoss .45
nic bond port path controller DEAD : down .75
path SLOW : latency/flapping .3
controller array SLOW : latency/saturation .5
vlan DEAD : down/unreachable .5
vlan LOSSY : congested/packetLoss .35
vlan MTU : mtuMismatch/anomaly .15
disk DEAD : failed/down .8
disk SLOW : latency/disk/saturation .45
pool DEAD : offline/down .85
pool HUNG : hung/latency .65
pool FULL : full .92
pool SLOW : latency/degraded .55
volume export DEAD : down/unreachable .6
volume export HUNG : hung/latency .5
volume export FULL : full .4
volume export SLOW : latency .4
vm DEAD : down .9
vm CUT : unreachable/down .9
vm HUNG : unreachable/hung .7 saturation .2
vm STUCK : paused/ioError/paused_io_error .85
vm SLOW : latency/starved/saturation .4
vm LOSSY : packetLoss/network .3
vm GREEDY : cpu .75
osd mon DEAD : down .85
osd SLOW : latency .6
osd mon SKEWED : clockOffset/anomaly .4
instance database replica queue cache dns ntp balancer batch DEAD : down/unreachable .9
instance database replica queue cache dns balancer batch SLOW : latency .75 saturation .2
instance database replica queue balancer batch ERRS : errors/availability .85
instance LEAK : memory/anomaly .8 latency .4
database STARVED : cpu/overloaded/saturation .7 latency .6
batch GREEDY : cpu/requests/anomaly .4
database queue FULL : full .85 errors .4
ntp SKEWED : clockOffset/anomaly .4
service endpoint app ERRS : errors/availability .9
service endpoint app SLOW : latency .85
endpoint DEAD : down/unreachable .95
certificate EXPIRED : certificateExpired/anomaly .35
exporter prometheus DEAD : down/unreachable .85
exporter prometheus HUNG : hung/unreachable .6
"""
_LAYERS = {
    "physical": "ups pdu core tor port router vlan nic bond",
    "compute": "host vm cluster exporter prometheus ntp",
    "storage": "disk pool volume array controller path export osd mon",
    "software": "instance database replica queue cache batch dns balancer certificate",
    "top": "service endpoint app",
}
# How much of each layer a shop has alarms for: all, hardware, software, only what users feel.
_SHOPS = (
    {"physical": 0.95, "compute": 0.95, "storage": 0.95, "software": 0.95, "top": 0.95},
    {"physical": 0.95, "compute": 0.95, "storage": 0.9, "software": 0.4, "top": 0.5},
    {"physical": 0.4, "compute": 0.7, "storage": 0.4, "software": 0.95, "top": 0.95},
    {"physical": 0.3, "compute": 0.4, "storage": 0.3, "software": 0.5, "top": 1.0},
)
_SURE, _MEASURED = 0.95, 0.8  # how often a check of a state, or of a measurement, sees it
_STATES = frozenset(
    {"down", "unreachable", "tripped", "failed", "offline", "full", "hung"}
    | {"paused", "ioError", "paused_io_error"}
)


def _faults() -> tuple[list[tuple[str, str]], list[float]]:
    rows, weights = [], []
    for line in _FAULTS.strip().splitlines():
        role, told = line.split(": ")
        words = told.split()
        for state, weight in zip(words[::2], words[1::2], strict=True):
            rows.append((role, state))
            weights.append(float(weight))
    return rows, weights


def _shows() -> dict[tuple[str, str], list[tuple[list[str], float]]]:
    table = {}
    for line in _SHOWS.strip().splitlines():
        who, told = line.split(" : ")
        *roles, state = who.split()
        words = told.split()
        signals = [
            (names.split("/"), float(often))
            for names, often in zip(words[::2], words[1::2], strict=True)
        ]
        table |= {(role, state): signals for role in roles}
    return table


_FAULT_ROWS, _FAULT_WEIGHTS = _faults()
_TABLE = _shows()
_LAYER_OF = {role: layer for layer, roles in _LAYERS.items() for role in roles.split()}


class _Monitoring:
    """What one shop looks at, how it calls it, and what it says of a course of things."""

    def __init__(self, estate: Estate, rng: Random, *, sized: bool) -> None:
        self._e, self._rng, self._sized = estate, rng, sized
        shop = rng.choice(_SHOPS)
        called = {tuple(names): rng.choice(names) for row in _TABLE.values() for names, _ in row}
        has: dict[tuple[str, str], bool] = {}
        self._signals: dict[tuple[str, str], list[str]] = {}
        for (role, state), row in _TABLE.items():
            for names, share in row:
                signal = called[tuple(names)]
                if has.setdefault((role, signal), rng.random() < share):
                    self._signals.setdefault((role, state), []).append(signal)
        self._chatty = rng.random() < 0.3
        self._waits = rng.choice((0, 60, 120))  # for how long it must last
        self._every = rng.choice((10, 30, 60))  # seconds between two looks
        self.timed = sized or rng.random() < 0.5
        self.looks = {
            (uid, signal)
            for uid, each in estate.role.items()
            if rng.random() < shop[_LAYER_OF.get(each, "physical")]
            for (role, signal), there in has.items()
            if there and role == each
        }
        self._order = sorted(self.looks)

    def caused(self, what: Course, until: float) -> list[Observation]:
        """Return the alarms of what has happened."""
        e, rng = self._e, self._rng
        said = []
        for uid, states in what.states.items():
            for state, (since, ends) in states.items():
                if min(ends, until) - since < self._waits or self._unseen(what, uid, since):
                    continue
                for signal in self._signals.get((e.role[uid], state), ()):
                    seen = rng.random() < (_SURE if signal in _STATES else _MEASURED)
                    if seen and (uid, signal) in self.looks:
                        said += self._alarm(uid, signal, since)
        for uid, (since, prober) in what.blind.items():
            signal = rng.choice(("unreachable", "unreachable", "down"))
            if since < until and (uid, "down") in self.looks and rng.random() < 0.7:
                said += self._alarm(uid, signal, since, detector_of(prober))
        return said

    def _unseen(self, what: Course, uid: str, since: float) -> bool:
        return since >= what.blind.get(uid, (math.inf, ""))[0]

    def strays(self, until: float) -> list[Observation]:
        """Return alarms that have nothing to do with it: single ones, or a burst of one rule."""
        rng = self._rng
        # What is measured crosses a threshold for no reason far more often than a state lies.
        weights = [0.25 if signal in _STATES else 1.0 for _, signal in self._order]
        picked = []
        if self._order:
            picked = rng.choices(self._order, weights, k=rng.choice((0, 1, 1, 2, 3)))
        if picked and rng.random() < 0.3 and picked[0][1] not in _STATES:
            uid, signal = picked[0]
            alike = [
                each
                for each in self._order
                if each[1] == signal and self._e.role[each[0]] == self._e.role[uid]
            ]
            picked += rng.sample(alike, min(len(alike), rng.randint(3, 6)))
        begun = rng.uniform(-1200, until)
        return [
            one
            for uid, signal in dict.fromkeys(picked)
            for one in self._alarm(uid, signal, begun, stray=True)
        ]

    def _alarm(
        self, uid: str, signal: str, since: float, detector: str = "", *, stray: bool = False
    ) -> list[Observation]:
        rng = self._rng
        seen = since + self._waits + rng.uniform(0, self._every)
        score = direction = None
        if signal not in _STATES and self._sized:
            score = 5 + rng.lognormvariate(1.0 if stray else 2.5, 0.9)
            direction = Direction.DOWN if signal in ("availability", "network") else Direction.UP
        detector = detector or f"monitor/{self._e.role[uid]}-{signal}"
        at = _MIDNIGHT + timedelta(seconds=seen) if self.timed else None
        first = Observation(uid, signal, State.ABNORMAL, score, direction, at, detector)
        if not self._chatty or rng.random() < 0.5:
            return [first]
        again = at + timedelta(seconds=rng.uniform(30, 300)) if at else None
        return [
            first,
            Observation(uid, signal, State.ABNORMAL, score, direction, again, f"other/{signal}"),
        ]

    def healthy(self, what: Course, said: list[Observation]) -> dict[str, tuple[str, ...]]:
        """Return what was looked at, by one who could see, and is silent."""
        loud = {(one.entity, one.signal) for one in said}
        quiet: dict[str, list[str]] = {}
        for uid, signal in sorted(self.looks - loud):
            if uid not in what.blind and not self._gone(what, uid, signal):
                quiet.setdefault(uid, []).append(signal)
        return {uid: tuple(signals) for uid, signals in quiet.items()}

    @staticmethod
    def _gone(what: Course, uid: str, signal: str) -> bool:
        """Tell whether the thing itself can say nothing of this, being off."""
        return signal not in _STATES and not {"DEAD", "CUT", "HUNG"}.isdisjoint(
            what.states.get(uid, {})
        )


def _strike(estate: Estate, rng: Random, often: list[tuple[str, str, float]]) -> list[str]:
    """Draw one fault, append it, and return who is at fault: two where it takes a pair."""
    while True:
        (role, state), *_ = rng.choices(_FAULT_ROWS, _FAULT_WEIGHTS)
        there = [uid for uid, each in estate.role.items() if each == role]
        if not there:
            continue
        hit = [rng.choice(there)]
        if state.endswith("*"):
            pairs = {}
            for one in estate.relations:
                if one.group and estate.role[one.dependency] == role:
                    pairs.setdefault((one.dependent, one.group), []).append(one.dependency)
            if not pairs:
                continue
            hit = rng.sample(rng.choice(list(pairs.values())), 2)
        begun = rng.uniform(0, 120)
        often += [(uid, state.rstrip("*"), begun + rng.uniform(0, 20)) for uid in hit]
        return hit


def _incident(rng: Random, ident: str, *, covered: bool, most: int) -> Drawn | None:
    estate = Estate(rng)
    struck: list[tuple[str, str, float]] = []
    truth: list[str] = []
    for _ in range(rng.randint(1, most)):
        truth += _strike(estate, rng, struck)
    what = course(estate, struck, rng)
    monitoring = _Monitoring(estate, rng, sized=covered)
    until = rng.uniform(400, 1500)
    caused = monitoring.caused(what, until)
    if not caused:
        return None
    said = [*caused, *monitoring.strays(until)]
    watched = monitoring.healthy(what, said) if covered else {}
    spelt_out = rng.random() < 0.5
    rows = [
        Observation(uid, signal, State.HEALTHY)
        for uid, signals in watched.items()
        for signal in signals
        if spelt_out
    ]
    suspects = truth if rng.random() < 0.25 else []
    suspects = [*suspects, *rng.sample(list(estate.role), rng.choice((0, 0, 1, 2)))]
    changes = [
        Change(
            uid,
            rng.choice(("config", "deploy")),
            _MIDNIGHT - timedelta(seconds=rng.uniform(0, 900)),
        )
        for uid in suspects
    ]
    slo = [one for one in caused if estate.role[one.entity] in ("app", "endpoint")]
    target = Target(slo[0].entity, slo[0].signal) if slo and rng.random() < 0.3 else None
    incident = Incident(
        ident,
        estate.entities({} if spelt_out else watched),
        tuple(estate.relations),
        tuple(rng.sample(said, len(said)) + rows),
        tuple(changes) if monitoring.timed else (),
        target,
        assume_healthy=covered and not spelt_out,
    )
    return Drawn(incident, tuple(dict.fromkeys(truth)))


def incidents(seed: int, count: int, *, covered: bool, most: int = 1) -> Iterator[Drawn]:
    """Yield incidents under names that mean nothing.

    Args:
        seed: of everything.
        count: how many.
        covered: sizes, times and what is well are told; else it is a list of alarms.
        most: faults at once, at most.
    """
    made = attempt = 0
    while made < count:
        attempt += 1
        rng = Random(f"{seed}/{covered}/{most}/{attempt}")
        drawn = _incident(rng, f"cloud-{seed}-{attempt}", covered=covered, most=most)
        if drawn is not None:
            made += 1
            yield renamed(drawn, f"{seed}/{attempt}")
