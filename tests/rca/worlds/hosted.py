"""Incidents of a company's clusters over its own machines: what broke, and what is told of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from random import Random

from kgraph.schema import Change, Entity, Incident, Observation, Relation, State, Target
from tests.rca.worlds.drawn import Drawn, mixed, objective, renamed, strays
from tests.rca.worlds.hosted_estate import LARGE, USUAL, Estate
from tests.rca.worlds.hosted_faults import Fault, drawn
from tests.rca.worlds.hosted_health import Blow
from tests.rca.worlds.hosted_physics import Platform
from tests.rca.worlds.hosted_things import KINDS
from tests.rca.worlds.hosted_watch import Alarm, Watch

NOW = datetime(2026, 11, 30, 15, 30, tzinfo=UTC)
STORM = 120  # alarms
WRONG = 0.03  # of the relations in the lists: half are missing, half lead elsewhere
DONE = ("deploy", "restart", "config", "scale", "migration", "firmware")
TOUCHED = ("svc", "svc", "svc", "config", "pod", "worker", "vm", "hv", "db", "tor", "firewall")


class View(Enum):
    """What of an incident is told."""

    ALERTS = "alerts alone, without sizes"
    COVERED = "what was looked at and is well, too"
    TARGET = "so, and an objective is named that is missed"
    SEVERAL = "two or three faults at once"
    STORM = "a hundred and twenty alarms and more"


def incidents(seed: int, count: int, view: View, first: int = 0) -> Iterator[Drawn]:
    """Yield incidents, the same for the same arguments."""
    for number in range(first, first + count):
        yield incident(f"hosted-{seed}-{view.name.lower()}-{number}", view)[0]


def incident(name: str, view: View) -> tuple[Drawn, list[Fault]]:
    """Return an incident, and what kinds of faults caused it."""
    rng = Random(name)
    while True:
        estate = Estate(rng, LARGE if view is View.STORM else USUAL)
        platform = Platform(estate, rng)
        for _ in range(6):  # on one estate; what nobody notices is no incident
            told = _day(name, platform, view, rng)
            if told is not None:
                one, faults = told
                return renamed(replace(one, incident=mixed(one.incident, rng)), name), faults


def _day(
    name: str, platform: Platform, view: View, rng: Random
) -> tuple[Drawn, list[Fault]] | None:
    estate, storm = platform.estate, view is View.STORM
    count = rng.randint(2, 3) if view is View.SEVERAL else 1
    struck = [drawn(estate, rng, rng.randint(0, 15) * (n > 0), far=storm) for n in range(count)]
    blows = [blow for _, blow in struck]
    until = max(b.begins + b.ramp for b in blows) + rng.randint(8, 55)
    watch = Watch(platform, rng)
    alarms, well = watch.look(platform.play(blows, until), until)
    if not noticed(estate, alarms, blows, STORM if storm else 1):
        return None
    target = _target(estate, alarms, rng) if view is View.TARGET else None
    if view is View.TARGET and target is None:
        return None
    quiet = view is View.ALERTS or (storm and rng.random() < 0.5)
    sized = not quiet and rng.random() < 0.4
    began = NOW - timedelta(minutes=until)
    told = [_told(one, began, rng, sized=sized) for one in alarms]
    if not quiet:
        told += [Observation(str(t), signal, State.HEALTHY, at=NOW) for t, signal in sorted(well)]
    one = Incident(
        name,
        entities=tuple(Entity(str(i), KINDS[role]) for i, role in enumerate(estate.roles)),
        relations=tuple(lists(estate, rng)),
        observations=tuple(told),
        changes=tuple(_changes(estate, struck, began, rng)),
        target=target,
        strays=tuple(strays(_tiring(alarms), rng)) if rng.random() < 0.5 else (),
    )
    truth = tuple(dict.fromkeys(str(blow.thing) for blow in blows))
    return Drawn(one, truth), [fault for fault, _ in struck]


def noticed(estate: Estate, alarms: list[Alarm], blows: list[Blow], least: int) -> bool:
    """Tell whether each fault has an alarm at it, or at what stands on it, and all are enough."""
    meant = [one for one in alarms if not one.idle]
    rung = {one.thing for one in meant}
    return len(meant) >= least and all(rung & _above(estate, blow.thing) for blow in blows)


def _above(estate: Estate, thing: int) -> set[int]:
    found, rest = {thing}, [thing]
    while rest:
        for one in estate.serves[rest.pop()]:
            if one not in found:
                found.add(one)
                rest.append(one)
    return found


def _told(alarm: Alarm, began: datetime, rng: Random, *, sized: bool) -> Observation:
    return Observation(
        str(alarm.thing),
        alarm.rule.signal,
        State.ABNORMAL,
        score=5 * alarm.over * rng.lognormvariate(0, 0.3) if sized else None,
        direction=alarm.rule.direction,
        at=began + timedelta(minutes=alarm.since, seconds=rng.uniform(0, 55)),
        detector=_detector(alarm),
    )


def _detector(alarm: Alarm) -> str:
    return f"{alarm.rule.by}/{alarm.rule.signal}"


def _tiring(alarms: list[Alarm]) -> Iterator[tuple[int, str, str]]:
    """Yield the alarms that everybody is tired of: they have stood for days."""
    return ((one.thing, one.rule.signal, _detector(one)) for one in alarms if one.since < 0)


def _target(estate: Estate, alarms: list[Alarm], rng: Random) -> Target | None:
    """Return an objective that is missed now: of an application, or else of an address."""
    missed = [
        (one.thing, one.rule.signal)
        for one in alarms
        if not one.idle and one.rule.signal in ("errors", "latency", "availability")
    ]
    return objective(missed, estate.roles, (("app",), ("front",), ("svc", "ingress")), rng)


def lists(estate: Estate, rng: Random) -> Iterator[Relation]:
    """Yield what the lists say: some of it is missing, some leads elsewhere."""
    watched = rng.random() < 0.6  # others do not list who looks at what
    rows: list[tuple[int, str, int, str | None, int | None]] = []
    for gates in estate.gates.values():
        for number, gate in enumerate(gates):
            together = len(gate.members) > 1
            group, need = (f"{gate.way.value}-{number}", gate.need) if together else (None, None)
            rows += [(gate.owner, gate.way.value, m, group, need) for m in gate.members]
    rows += [(a, t, b, None, None) for a, t, b in estate.listed if watched or t != "WATCHED_BY"]
    seen: set[tuple[int, str, int]] = set()
    made: list[tuple[int, str, int, str | None, int | None]] = []
    of = {role: estate.of(role) for role in KINDS}
    for owner, type_, to, group, need in rows:
        lot, other = rng.random(), to
        if lot < WRONG / 2:
            continue
        if lot < WRONG:
            other = rng.choice(of[estate.roles[to]])
        if other == owner or (owner, type_, other) in seen:
            continue
        seen.add((owner, type_, other))
        made.append((owner, type_, other, group, need))
    size = Counter((owner, group) for owner, _, _, group, _ in made)
    for owner, type_, to, group, need in made:
        known = need and min(need, size[owner, group])  # of a group some may be missing
        yield Relation(str(owner), type_, str(to), group, known, source="lists")


def _changes(
    estate: Estate, struck: list[tuple[Fault, Blow]], began: datetime, rng: Random
) -> Iterator[Change]:
    """Yield what was done on that day; most of it has nothing to do with what broke."""
    for fault, blow in struck:
        if rng.random() < fault.change:
            at = began + timedelta(minutes=blow.begins, seconds=-rng.uniform(5, 400))
            yield Change(str(blow.thing), rng.choice(DONE), at, source="pipeline")
    for _ in range(rng.choice((0, 1, 2, 3, 5, 8))):
        thing = rng.choice(estate.of(rng.choice(TOUCHED)))
        at = NOW - timedelta(seconds=rng.uniform(60, 10000))
        yield Change(str(thing), rng.choice(DONE), at, source="pipeline")
