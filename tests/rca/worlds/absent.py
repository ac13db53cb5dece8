"""Incidents whose cause is not to be found, in the simulator's estate.

The cause was taken out of the graph, or nothing is broken, or only the monitoring is, of which the
graph knows nothing. Whoever names a cause then is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from types import MappingProxyType

from kgraph.app.measuring import campaign
from kgraph.app.measuring.evaluation import Labelled
from kgraph.schema import Incident
from kgraph.simulation import World, draw_incident, seeded, simulate
from kgraph.simulation.faults import inject

_STRIDE = 1_000_003
_WRONG_EDGES = 0.03


Draw = Callable[[World, int, int], Incident | None]


def _without(incident: Incident, gone: Collection[str]) -> Incident | None:
    left = campaign.without(Labelled(incident, frozenset(), ()), gone)
    return None if left is None else left.incident


def _known(world: World, seed: int, number: int) -> Incident:
    return draw_incident(world, seeded(seed * _STRIDE + number)).incident


def _removed(world: World, seed: int, number: int) -> Incident | None:
    """Return the same incident without its cause; None where nothing that it hurt is seen."""
    found = draw_incident(world, seeded(seed * _STRIDE + number))
    gone = {fault.entity for fault in found.truth}
    left = _without(found.incident, gone)
    if left is None:
        return None
    seen = {o.entity for o in left.observations if o.abnormal}
    return left if seen & found.hit.keys() else None


def _nothing(world: World, seed: int, number: int) -> Incident | None:
    """Return an incident of alarms that mean nothing; None where there is none."""
    found = simulate(world, (), seeded(seed * _STRIDE + number))
    return found.incident if found.abnormal else None


def _blind(world: World, seed: int, number: int) -> Incident | None:
    """Return one in which a probe that sees much has stopped, and the graph knows no probes."""
    rng = seeded(seed * _STRIDE + number)
    probes = [p for p in world.by_kind["Probe"] if len(world.watched_by(p)) >= 2]
    probe = world.entities[rng.choice(probes)].uid
    found = simulate(world, (inject(probe, "Probe", rng.choice(("down", "hung")), rng),), rng)
    left = _without(found.incident, {world.entities[p].uid for p in world.by_kind["Probe"]})
    return left if left and sum(o.abnormal for o in left.observations) > 1 else None


CASES: Mapping[str, Draw] = MappingProxyType(
    {
        "in the graph": _known,
        "taken out of it": _removed,
        "nothing is broken": _nothing,
        "probes unknown, one stopped": _blind,
    }
)


def incidents(draw: Draw, entities: int, seed: int, count: int) -> Iterator[Incident]:
    """Yield incidents of one kind; the same seed yields the same."""
    world = campaign.invented(entities, seed, _WRONG_EDGES)
    number = made = 0
    while made < count:
        incident = draw(world, seed, number)
        number += 1
        if incident is not None:
            made += 1
            yield incident
