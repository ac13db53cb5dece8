"""Incidents on a campus: what broke, what its operator's lists and alerts say of it."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from random import Random

from kgraph.schema import Change, Entity, Incident, Observation, Relation, State, Target
from tests.rca.worlds.campus_estate import HOSTS, KINDS, MANY, Estate
from tests.rca.worlds.campus_faults import Fault, drawn
from tests.rca.worlds.campus_physics import Blow, Campus
from tests.rca.worlds.campus_watch import Alarm, Watch
from tests.rca.worlds.drawn import Drawn, mixed, objective, renamed

NOW = datetime(2026, 3, 9, 4, 0, tzinfo=UTC)
STORM = 300  # alarms
WRONG = 0.03  # of the relations in the lists: half are missing, half lead elsewhere
PLANNED = ("deploy", "config", "firmware", "migration", "resize")


class View(Enum):
    """What of an incident is told."""

    ALERTS = "alerts alone, without sizes"
    COVERED = "what was looked at and is well, too"
    TARGET = "so, and an objective is named that is missed"
    SEVERAL = "two to four faults at once"
    STORM = "three hundred alarms and more"


def incidents(seed: int, count: int, view: View, first: int = 0) -> Iterator[Drawn]:
    """Yield incidents, the same for the same arguments."""
    for number in range(first, first + count):
        yield incident(f"campus-{seed}-{view.name.lower()}-{number}", view)[0]


def incident(name: str, view: View) -> tuple[Drawn, list[Fault]]:
    """Return an incident, and what kinds of faults caused it."""
    rng = Random(name)
    while True:
        estate = Estate(rng, MANY if view is View.STORM else HOSTS)
        campus = Campus(estate, rng)
        for _ in range(6):  # on one campus; what nobody notices is no incident
            told = _day(name, estate, campus, view, rng)
            if told is not None:
                one, faults = told
                return renamed(replace(one, incident=mixed(one.incident, rng)), name), faults


def _day(
    name: str, estate: Estate, campus: Campus, view: View, rng: Random
) -> tuple[Drawn, list[Fault]] | None:
    count = rng.randint(2, 4) if view is View.SEVERAL else 1
    struck = [
        drawn(estate, rng, rng.uniform(0, 400) * (n > 0), far=view is View.STORM)
        for n in range(count)
    ]
    blows = [blow for _, blow in struck]
    until = max(b.begins for b in blows) + rng.uniform(300, 1300)
    played = campus.play(blows, until)
    alarms, well, over = Watch(campus, rng).look(played, blows, until)
    rung = [one for one in alarms if one.since >= 0]
    fewest = STORM if view is View.STORM else rng.choice((1, 2, 2, 2))
    if len(rung) < fewest:
        return None
    target = _target(estate, alarms, rng) if view is View.TARGET else None
    if view is View.TARGET and target is None:
        return None
    quiet = view is View.ALERTS or (view is View.STORM and rng.random() < 0.5)
    sized = not quiet and rng.random() < 0.6
    began = NOW - timedelta(seconds=until)
    told = [_told(one, began, rng, sized=sized) for one in alarms]
    entities = [Entity(str(i), KINDS[role]) for i, role in enumerate(estate.roles)]
    vouched = set() if quiet else well | over
    assumed = bool(vouched) and rng.random() < 0.5
    if assumed:  # what is watched and silent is well; the lists say where somebody looks
        looks: dict[int, list[str]] = {}
        for thing, signal in sorted(vouched):
            looks.setdefault(thing, []).append(signal)
        entities = [replace(e, watched=tuple(looks.get(int(e.uid), ()))) for e in entities]
    else:
        told += [
            Observation(str(thing), signal, State.HEALTHY, at=NOW)
            for thing, signal in sorted(vouched)
        ]
    one = Incident(
        name,
        entities=tuple(entities),
        relations=tuple(lists(estate, rng)),
        observations=tuple(told),
        changes=tuple(_changes(estate, struck, began, rng)),
        target=target,
        assume_healthy=assumed,
    )
    truth = tuple(dict.fromkeys(str(blow.thing) for blow in blows))
    return Drawn(one, truth), [fault for fault, _ in struck]


def _told(alarm: Alarm, began: datetime, rng: Random, *, sized: bool) -> Observation:
    return Observation(
        str(alarm.thing),
        alarm.rule.signal,
        State.ABNORMAL,
        score=3 * alarm.over * rng.lognormvariate(0, 0.3) if sized else None,
        direction=alarm.direction,
        at=began + timedelta(seconds=alarm.since + rng.uniform(0, 30)),
        detector=f"campus/{alarm.rule.by}/{alarm.rule.signal}",
    )


def _target(estate: Estate, alarms: list[Alarm], rng: Random) -> Target | None:
    """Return an objective that is missed now: of an application, or else of a service."""
    missed = [
        (one.thing, one.rule.signal)
        for one in alarms
        if one.since >= 0 and one.rule.signal in ("errors", "latency")
    ]
    return objective(missed, estate.roles, (("application", "vip"), ("service",)), rng)


def lists(estate: Estate, rng: Random) -> Iterator[Relation]:
    """Yield what the lists say: some of it is missing, some leads elsewhere."""
    watched = rng.random() < 0.75  # others do not list who looks at what
    rows: list[tuple[int, str, int, str | None, int | None]] = []
    for gates in estate.gates.values():
        for number, gate in enumerate(gates):
            together = len(gate.members) > 1
            group, need = (f"{gate.type}-{number}", gate.need) if together else (None, None)
            rows += [(gate.owner, gate.type, m, group, need) for m in gate.members]
    rows += [(a, t, b, None, None) for a, t, b in estate.listed if watched or t != "WATCHED_BY"]
    of = functools.cache(estate.of)
    seen: set[tuple[int, str, int]] = set()
    for owner, type_, to, group, need in rows:
        lot, other = rng.random(), to
        if lot < WRONG / 2:
            continue
        if lot < WRONG:
            other = rng.choice(of(estate.roles[to]))
        if other == owner or (owner, type_, other) in seen:
            continue
        seen.add((owner, type_, other))
        yield Relation(str(owner), type_, str(other), group, need, source="lists")


def _changes(
    estate: Estate, struck: list[tuple[Fault, Blow]], began: datetime, rng: Random
) -> Iterator[Change]:
    """Yield what was done on that day; most of it has nothing to do with what broke."""
    for fault, blow in struck:
        if rng.random() < fault.change:
            at = began + timedelta(seconds=blow.begins - rng.uniform(5, 300))
            yield Change(str(blow.thing), rng.choice(PLANNED), at, source="calendar")
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        thing = rng.choice(estate.of("host", "vm", "tor", "service", "pool", "vlan", "member"))
        at = NOW - timedelta(seconds=rng.uniform(60, 7200))
        yield Change(str(thing), rng.choice(PLANNED), at, source="calendar")
