"""One invented incident with its causes."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import TypeVar

from kgraph.schema import Incident, Stray, Target
from kgraph.schema.bundles import dump_bundle, parse_bundle

_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class Drawn:
    """An incident, and what really caused it."""

    incident: Incident
    truth: tuple[str, ...]


def read_back(drawn: Drawn) -> set[str]:
    """Return the uids of an incident, which is what its bundle says and has all its causes."""
    incident = drawn.incident
    read = parse_bundle(dump_bundle(incident), where="here")
    assert (read.observations, read.relations) == (incident.observations, incident.relations)
    assert (read.changes, read.target) == (incident.changes, incident.target)
    assert read.strays == incident.strays
    known = {entity.uid for entity in incident.entities}
    assert known.issuperset((*drawn.truth, *(stray.entity for stray in incident.strays)))
    return known


def new_names(incident: Incident, salt: str) -> Mapping[str, str]:
    """Return uid -> a name that means nothing."""
    known = [entity.uid for entity in incident.entities]
    return {uid: hashlib.sha256(f"{salt}/{uid}".encode()).hexdigest()[:12] for uid in known}


def renamed(drawn: Drawn, salt: str) -> Drawn:
    """Return the same under names that mean nothing, in an order of their own."""
    incident = drawn.incident
    name = new_names(incident, salt)
    target = incident.target and replace(incident.target, entity=name[incident.target.entity])
    return Drawn(
        replace(
            incident,
            entities=tuple(
                sorted(
                    (replace(one, uid=name[one.uid], name="") for one in incident.entities),
                    key=lambda one: one.uid,
                )
            ),
            relations=tuple(
                sorted(
                    (
                        replace(
                            one,
                            dependent=name[one.dependent],
                            dependency=name[one.dependency],
                        )
                        for one in incident.relations
                    ),
                    key=lambda one: (one.dependent, one.dependency),
                )
            ),
            observations=tuple(
                replace(
                    one, entity=name[one.entity], caller=name[one.caller] if one.caller else None
                )
                for one in incident.observations
            ),
            changes=tuple(replace(one, entity=name[one.entity]) for one in incident.changes),
            strays=tuple(replace(one, entity=name[one.entity]) for one in incident.strays),
            target=target,
            candidates=_sorted(incident.candidates, name),
        ),
        tuple(name[uid] for uid in drawn.truth),
    )


def mixed(incident: Incident, rng: Random) -> Incident:
    """Return the same with everything told in another order."""

    def sampled(rows: tuple[_Row, ...]) -> tuple[_Row, ...]:
        return tuple(rng.sample(rows, len(rows)))

    return replace(
        incident,
        entities=sampled(incident.entities),
        relations=sampled(incident.relations),
        observations=sampled(incident.observations),
        changes=sampled(incident.changes),
    )


def strays(alarms: Iterable[tuple[int, str, str]], rng: Random) -> Iterator[Stray]:
    """Yield what is on record of alarms that everybody is tired of: thing, signal, detector."""
    for thing, signal, detector in alarms:
        noise = rng.uniform(0.05, 0.6)
        times = rng.randint(4, 60)
        yield Stray(str(thing), signal, detector, times, 30.0, noise)


def objective(
    alarms: Iterable[tuple[int, str]],
    roles: Sequence[str],
    wanted: Iterable[Collection[str]],
    rng: Random,
) -> Target | None:
    """Return one of some alarms as the objective that is missed now.

    Args:
        alarms: thing and signal.
        roles: of each thing.
        wanted: roles whose objectives come first, then those that stand in for them.
        rng: which of several.
    """
    heard = list(alarms)
    for some in wanted:
        missed = [(thing, signal) for thing, signal in heard if roles[thing] in some]
        if missed:
            thing, signal = rng.choice(missed)
            return Target(str(thing), signal)
    return None


def _sorted(candidates: Sequence[str] | None, name: Mapping[str, str]) -> tuple[str, ...] | None:
    return None if candidates is None else tuple(sorted(name[uid] for uid in candidates))
