"""A fourth world: a data centre planned with two of everything, and what breaks in it.

Written from the published formats and the design's reference estate, before a line of the rules,
of the inference or of another world was read. Redundancy is worth what the others have left,
a third of the faults are gray, and every incident is another estate under another shop.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from enum import Enum
from random import Random
from typing import NamedTuple

from kgraph.schema import Change, Entity, Incident, Observation, State, Target
from tests.rca.worlds.datacentre_estate import Estate
from tests.rca.worlds.datacentre_physics import Blow, Machine
from tests.rca.worlds.datacentre_survey import START, STEP, Shop, Survey, plan
from tests.rca.worlds.drawn import Drawn, renamed

STORM = 150  # alarms at least
_LATEST = 20  # the step by which all that breaks by itself has broken


class View(Enum):
    """What is drawn: how many faults, and whether it is said what was well."""

    COVERED = "one fault, readings of what is well"
    ALERTS = "one fault, alarms alone"
    SEVERAL = "one to five faults, with readings or without"
    STORM = "what many stand on, at least 150 alarms"


class Fault(NamedTuple):
    """A kind of fault: of which role, what it is called, how often, and how bad from ... to."""

    role: str
    word: str
    often: float
    left: tuple[float, float] = (1, 1)
    loss: tuple[float, float] = (0, 0)
    delay: tuple[float, float] = (0, 0)
    surge: tuple[float, float] = (1, 1)
    net: bool = False


DEAD = (0.0, 0.0)
HARD = (
    Fault("feed", "tripped", 0.7, left=DEAD),
    Fault("pdu", "tripped", 1.5, left=DEAD),
    Fault("core", "down", 0.7, left=DEAD),
    Fault("tor", "down", 1.5, left=DEAD),
    Fault("san", "down", 0.7, left=DEAD),
    Fault("nic", "down", 1.0, left=DEAD),
    Fault("host", "down", 3.0, left=DEAD),
    Fault("host", "hung", 1.0, left=DEAD),
    Fault("host", "isolated", 1.0, left=DEAD, net=True),
    Fault("controller", "down", 1.0, left=DEAD),
    Fault("array", "down", 0.6, left=DEAD),
    Fault("disk", "failed", 1.5, left=DEAD),
    Fault("pool", "full", 1.5, loss=(0.6, 0.95)),
    Fault("pool", "offline", 0.7, left=DEAD),
    Fault("volume", "unwritable", 1.5, loss=(0.6, 0.95)),
    Fault("vlan", "isolated", 1.0, left=DEAD, net=True),
    Fault("vm", "down", 1.5, left=DEAD),
    Fault("vm", "panicked", 1.0, left=DEAD),
    Fault("vm", "out_of_memory", 1.0, left=DEAD),
    Fault("copy", "killed", 2.0, left=DEAD),
    Fault("database", "down", 1.5, left=DEAD),
    Fault("database", "full", 1.0, loss=(0.5, 0.9)),
    Fault("queue", "full", 1.0, loss=(0.5, 0.9)),
    Fault("dns", "down", 0.8, left=DEAD),
    Fault("balancer", "down", 1.0, left=DEAD),
    Fault("certificate", "expired", 1.2, left=DEAD),
    Fault("settings", "changed", 1.5, loss=(0.3, 0.9)),
    Fault("service", "failing", 1.5, loss=(0.3, 0.9)),
    Fault("probe", "down", 1.0, left=DEAD),
)
GRAY = (
    Fault("core", "failing", 0.7, loss=(0.05, 0.2)),
    Fault("tor", "failing", 1.5, loss=(0.05, 0.4)),
    Fault("san", "slow", 0.7, delay=(3, 8)),
    Fault("nic", "flapping", 1.0, loss=(0.1, 0.5)),
    Fault("path", "flapping", 0.7, loss=(0.05, 0.3), delay=(1, 4)),
    Fault("controller", "degraded", 1.0, delay=(3, 8)),
    Fault("array", "degraded", 1.0, delay=(3, 10)),
    Fault("disk", "wearing", 1.0, delay=(5, 15)),
    Fault("pool", "slow", 1.0, delay=(3, 12)),
    Fault("host", "overloaded", 1.5, surge=(2.2, 4.0)),
    Fault("host", "memory_pressure", 1.0, left=(0.25, 0.45), loss=(0.0, 0.1)),
    Fault("host", "degraded", 1.0, left=(0.3, 0.5)),
    Fault("vlan", "congested", 0.7, loss=(0.03, 0.2), delay=(1, 5)),
    Fault("vm", "starved", 1.5, left=(0.15, 0.4)),
    Fault("copy", "failing", 1.5, loss=(0.3, 0.9)),
    Fault("copy", "slow", 1.5, delay=(4, 15)),
    Fault("service", "slow", 1.5, delay=(3, 10)),
    Fault("database", "slow", 1.5, delay=(4, 15)),
    Fault("database", "overloaded", 1.0, left=(0.3, 0.5)),
    Fault("queue", "slow", 1.0, delay=(5, 15)),
    Fault("dns", "slow", 0.8, delay=(4, 10), loss=(0.0, 0.3)),
    Fault("balancer", "overloaded", 0.7, left=(0.2, 0.4)),
)
_BIG = (("feed", 2), ("core", 2), ("san", 2), ("array", 1), ("dns", 1), ("pool", 1), ("core", 1))
_SUSPECTS = {one.role for one in (*HARD, *GRAY)}
_UPKEEP = ("service", "settings", "database", "host", "tor", "balancer", "vm")


def _blow(what: Fault, part: int, rng: Random, since: int) -> Blow:
    return Blow(
        part,
        what.word,
        rng.uniform(*what.left),
        rng.uniform(*what.loss),
        rng.uniform(*what.delay),
        rng.uniform(*what.surge),
        what.net,
        since,
    )


def fault(estate: Estate, rng: Random) -> Blow:
    """Draw one fault; one in three is gray."""
    faults = GRAY if rng.random() < 0.35 else HARD
    drawn = rng.choices(faults, [one.often for one in faults])[0]
    return _blow(drawn, rng.choice(estate.of(drawn.role)), rng, rng.randint(0, _LATEST))


def _big(estate: Estate, rng: Random) -> list[Blow]:
    """Draw something that many stand on; of pairs both, one soon after the other."""
    role, count = rng.choice(_BIG)
    gray = count == 1 and rng.random() < 0.35
    what = next(one for one in (GRAY if gray else HARD) if one.role == role)
    first = rng.choice(estate.of(role))
    both = next((g.suppliers for g in estate.gates if first in g.suppliers and count == 2), ())
    parts = both if len(both) == count else estate.of(role)[:2] if count == 2 else [first]
    start = rng.randint(0, 10)
    blows = [_blow(what, part, rng, start + 3 * at) for at, part in enumerate(parts)]
    return blows + [fault(estate, rng)] * (rng.random() < 0.3)


def _faults(estate: Estate, rng: Random, view: View) -> list[Blow]:
    if view is View.STORM:
        blows = _big(estate, rng)
    else:
        count = rng.randint(1, 5) if view is View.SEVERAL else 1
        blows = [fault(estate, rng) for _ in range(count)]
    return list({blow.part: blow for blow in blows}.values())


def _changes(estate: Estate, rng: Random, blows: list[Blow]) -> list[Change]:
    """Tell what was done: of what a bad edit broke, and work that hurt nobody."""
    done = [
        (blow.part, blow.since - rng.randint(3, 30))
        for blow in blows
        if blow.word == "changed"
        or (blow.word == "failing" and estate.roles[blow.part] == "service" and rng.random() < 0.7)
    ]
    harmless = [part for part, role in enumerate(estate.roles) if role in _UPKEEP]
    done += [(rng.choice(harmless), -rng.randint(0, 180)) for _ in range(rng.randint(0, 3))]
    return [
        Change(
            f"p{part}",
            "config" if estate.roles[part] == "settings" else "deploy",
            START + STEP * at,
        )
        for part, at in done
    ]


def _target(estate: Estate, alarms: tuple[Observation, ...], rng: Random) -> Target | None:
    """Return the objective that raised it: in two of five, where an application has one."""
    broken = [one for one in alarms if estate.roles[int(one.entity[1:])] in ("app", "service")]
    if not broken or rng.random() < 0.6:
        return None
    shown = rng.choice(broken)
    return Target(shown.entity, shown.signal)


def _entities(estate: Estate, survey: Survey, *, listed: bool) -> tuple[Entity, ...]:
    watched: dict[int, set[str]] = {}
    if listed:
        for part, signal in survey.well:
            watched.setdefault(part, set()).add(signal)
    return tuple(
        Entity(f"p{part}", kind, watched=tuple(sorted(watched.get(part, ()))))
        for part, kind in enumerate(estate.kinds)
    )


def _incident(rng: Random, ident: str, view: View) -> Drawn | None:
    """Draw an estate, a shop and what breaks; None where too little is seen of it."""
    estate = Estate(rng, (1200, 3000) if view is View.STORM else (300, 3000))
    machine, shop = Machine(estate, rng), Shop(estate, rng)
    blows = _faults(estate, rng, view)
    pair = len(blows) > 1 and view is View.STORM
    days = machine.run(blows)
    alone = ((days if len(blows) == 1 else machine.run([one]), [one]) for one in blows)
    if not pair and not all(shop.look(*each).alarms for each in alone):
        return None
    survey = shop.look(days, blows)
    said = survey.alarms + survey.strays
    if len({one.entity for one in survey.alarms}) < 2 or (
        view is View.STORM and len(said) < STORM
    ):
        return None
    covered = view is View.COVERED or (view is not View.ALERTS and rng.random() < 0.5)
    listed = covered and rng.random() < 0.4
    if covered and not listed:
        taken = {(one.entity, one.signal) for one in said}
        now = START + timedelta(minutes=20) if shop.timed else None
        said += tuple(
            Observation(f"p{part}", signal, State.HEALTHY, at=now, detector="poll")
            for part, signal in survey.well
            if (f"p{part}", signal) not in taken
        )
    limited = rng.random() < 0.2
    incident = Incident(
        ident,
        _entities(estate, survey, listed=listed),
        plan(estate, rng),
        said,
        tuple(_changes(estate, rng, blows)),
        _target(estate, survey.alarms, rng),
        tuple(f"p{p}" for p, role in enumerate(estate.roles) if role in _SUSPECTS)
        if limited
        else None,
        assume_healthy=listed,
    )
    return Drawn(incident, tuple(f"p{blow.part}" for blow in blows))


def incidents(seed: int, count: int, view: View) -> Iterator[Drawn]:
    """Draw incidents, each in another data centre.

    Args:
        seed: the same gives the same.
        count: how many.
        view: how many faults, and what is said besides alarms.
    """
    rng = Random(f"data centre {seed} {view.name}")
    made = 0
    while made < count:
        ident = f"datacentre-{seed}-{view.name.lower()}-{made}"
        drawn = _incident(rng, ident, view)
        if drawn is not None:
            made += 1
            yield renamed(drawn, ident)
