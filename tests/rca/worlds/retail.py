"""Incidents of a retailer of many small sites: what broke, and what is told of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from random import Random

from kgraph.schema import Change, Entity, Incident, Observation, Relation, State, Target
from tests.rca.worlds.drawn import Drawn, mixed, objective, renamed, strays
from tests.rca.worlds.retail_estate import KINDS, MANY, SITES, Estate
from tests.rca.worlds.retail_faults import Fault, drawn
from tests.rca.worlds.retail_physics import Blow, Retail
from tests.rca.worlds.retail_watch import Alarm, Watch

NOW = datetime(2026, 11, 27, 17, 0, tzinfo=UTC)
STORM = 150  # alarms
WRONG = 0.03  # of the relations in the lists: half are missing, half lead elsewhere
PLANNED = ("deploy", "config", "firmware", "resize")


class View(Enum):
    """What of an incident is told."""

    ALERTS = "alerts alone, without sizes"
    COVERED = "what was looked at and is well, too"
    TARGET = "so, and an objective is named that is missed"
    SEVERAL = "two to four faults at once"
    STORM = "a hundred and fifty alarms and more"


def incidents(seed: int, count: int, view: View, first: int = 0) -> Iterator[Drawn]:
    """Yield incidents, the same for the same arguments."""
    for number in range(first, first + count):
        yield incident(f"retail-{seed}-{view.name.lower()}-{number}", view)[0]


def incident(name: str, view: View) -> tuple[Drawn, list[Fault]]:
    """Return an incident, and what kinds of faults caused it."""
    rng = Random(name)
    while True:
        estate = Estate(rng, MANY if view is View.STORM else SITES)
        retail = Retail(estate, rng)
        for _ in range(6):  # on one estate; what nobody notices is no incident
            told = _day(name, retail, view, rng)
            if told is not None:
                one, faults = told
                return renamed(replace(one, incident=mixed(one.incident, rng)), name), faults


def _day(name: str, retail: Retail, view: View, rng: Random) -> tuple[Drawn, list[Fault]] | None:
    estate = retail.estate
    count = rng.randint(2, 4) if view is View.SEVERAL else 1
    struck = [
        drawn(estate, rng, rng.uniform(0, 900) * (n > 0), far=view is View.STORM)
        for n in range(count)
    ]
    blows = [blow for _, blow in struck]
    until = max(b.begins for b in blows) + rng.uniform(600, 4200)
    watch = Watch(retail, rng)
    alarms, well = watch.look(retail.play(blows, until), until)
    fresh = [one for one in alarms if one.since >= 0]
    idle, _ = watch.look({}, until) if len(fresh) < 40 else ([], set())
    noise = sum(one.since >= 0 for one in idle)
    if len(fresh) < (STORM if view is View.STORM else noise + rng.choice((1, 2, 2))):
        return None
    target = _target(estate, fresh, rng) if view is View.TARGET else None
    if view is View.TARGET and target is None:
        return None
    quiet = view is View.ALERTS or (view is View.STORM and rng.random() < 0.5)
    sized = not quiet and rng.random() < 0.4
    began = NOW - timedelta(seconds=until)
    told = [_told(one, began, rng, sized=sized) for one in alarms]
    if not quiet:
        told += [
            Observation(str(thing), signal, State.HEALTHY, at=NOW)
            for thing, signal in sorted(well)
        ]
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


def _told(alarm: Alarm, began: datetime, rng: Random, *, sized: bool) -> Observation:
    return Observation(
        str(alarm.thing),
        alarm.rule.signal,
        State.ABNORMAL,
        score=5 * alarm.over * rng.lognormvariate(0, 0.3) if sized else None,
        direction=alarm.rule.direction,
        at=began + timedelta(seconds=alarm.since + rng.uniform(0, 30)),
        detector=_detector(alarm),
    )


def _detector(alarm: Alarm) -> str:
    return f"centre/{alarm.rule.by}-{alarm.rule.signal}"


def _tiring(alarms: list[Alarm]) -> Iterator[tuple[int, str, str]]:
    """Yield the alarms that everybody is tired of: they have stood for days."""
    return ((one.thing, one.rule.signal, _detector(one)) for one in alarms if one.since < 0)


def _target(estate: Estate, alarms: list[Alarm], rng: Random) -> Target | None:
    """Return an objective that is missed now: of a shop or portal, or else of a service."""
    missed = [
        (one.thing, one.rule.signal)
        for one in alarms
        if one.rule.signal in ("errors", "latency", "availability")
    ]
    return objective(
        missed, estate.roles, (("shop", "portal"), ("pos", "service", "ingress")), rng
    )


def lists(estate: Estate, rng: Random) -> Iterator[Relation]:
    """Yield what the lists say: some of it is missing, some leads elsewhere."""
    watched = rng.random() < 0.6  # others do not list who looks at what
    rows: list[tuple[int, str, int, str | None, int | None]] = []
    for gates in estate.gates.values():
        for number, gate in enumerate(gates):
            together = len(gate.members) > 1 and gate.type != "BALANCES"
            group, need = (f"{gate.type}-{number}", gate.need) if together else (None, None)
            rows += [(gate.owner, gate.type, m, group, need) for m in gate.members]
    rows += [(a, t, b, None, None) for a, t, b in estate.listed if watched or t != "WATCHED_BY"]
    seen: set[tuple[int, str, int]] = set()
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
        yield Relation(str(owner), type_, str(other), group, need, source="lists")


def _changes(
    estate: Estate, struck: list[tuple[Fault, Blow]], began: datetime, rng: Random
) -> Iterator[Change]:
    """Yield what was done on that day; most of it has nothing to do with what broke."""
    for fault, blow in struck:
        if rng.random() < fault.change:
            at = began + timedelta(seconds=blow.begins - rng.uniform(5, 600))
            yield Change(str(blow.thing), rng.choice(PLANNED), at, source="calendar")
    for _ in range(rng.choice((0, 1, 2, 3, 5))):
        thing = rng.choice(estate.of("router", "switch", "service", "ring", "vm", "till", "node"))
        at = NOW - timedelta(seconds=rng.uniform(60, 10000))
        yield Change(str(thing), rng.choice(PLANNED), at, source="calendar")
