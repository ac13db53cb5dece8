"""Faults drawn on an estate and let loose in the simulator, to see how good the answers are.

The simulator is not the inference model. Nothing of it reaches the store.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from kgraph.app.measuring.evaluation import Labelled
from kgraph.schema import (
    InputError,
    Record,
    RelationRecord,
    Severity,
    Subgraph,
    Target,
    kind_of,
)
from kgraph.simulation import (
    Estate,
    EstateShape,
    SimulatedIncident,
    World,
    alike,
    breakable,
    draw_incident,
    draw_redundancy_loss,
    has_redundancy,
    seeded,
    simulate,
    usually_watched,
)

_REDUNDANCY_EVERY = 10  # one incident of so many is a redundancy that is lost as a whole
_STORMS = (5, 20, 100, 500)  # alarms from which an incident is of the next size
_STRIDE = 1_000_003
_OBJECTIVES = frozenset({"latency", "errors", "availability"})
_SERVING = frozenset({"Application", "Service", "LoadBalancer"})
_TRIES = 50


@dataclass(frozen=True, slots=True)
class Plan:
    """What to draw.

    Attributes:
        incidents: how many.
        faults: (least, most) at once.
        seed: the same plan on the same estate draws the same.
        estate: what to call the estate.
    """

    incidents: int = 100
    faults: tuple[int, int] = (1, 1)
    seed: int = 0
    estate: str = ""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One incident, with what is known of it.

    Attributes:
        number: its place in the campaign.
        strata: the groups that it belongs to.
        hit: what the faults hurt; strays alarm elsewhere.
    """

    number: int
    labelled: Labelled
    strata: tuple[str, ...]
    hit: frozenset[str] = frozenset()


def invented(entities: int, seed: int, wrong_edges: float) -> World:
    """Return a synthetic estate.

    Raises:
        InputError: too few entities for one.
    """
    items = Estate(EstateShape(entities=entities, seed=seed)).items()
    return World.of(items, seeded(seed), wrong_edges)


def of_graph(graph: Subgraph, seed: int, wrong_edges: float) -> tuple[World, str]:
    """Return a stored graph as an estate in which faults can be drawn, with a remark on it.

    Raises:
        InputError: nothing is in it.
    """
    if not graph.entities:
        raise InputError(
            "the graph is empty", mend="sync an estate, or invent one: --entities 2000"
        )
    blind = not any(entity.watched for entity in graph.entities)
    remark = "nothing is known to be watched: the monitoring of a usual estate is assumed"
    items: list[Record | RelationRecord] = [
        Record(
            entity.uid,
            entity.kind,
            entity.name,
            entity.keys,
            entity.labels,
            entity.props,
            usually_watched(entity.kind) if blind else entity.watched,
        )
        for entity in graph.entities
    ]
    items += [
        RelationRecord(r.dependent, r.type, r.dependency, group=r.group, need=r.need)
        for r in graph.relations
    ]
    return World.of(items, seeded(seed), wrong_edges), remark if blind else ""


def draw(world: World, plan: Plan) -> Iterator[Drawn]:
    """Draw the incidents of a campaign, each with a seed of its own.

    Raises:
        InputError: no fault that is known can happen in this estate, or nobody would notice.
    """
    if breakable(world) < plan.faults[1]:
        raise InputError(
            f"{breakable(world)} things that can break, and {plan.faults[1]} faults at once",
            where="campaign",
            mend="ask for fewer with --faults, or invent an estate: --entities 2000",
        )
    pairs = has_redundancy(world)
    candidates = tuple(entity.uid for entity in world.entities)
    for number in range(plan.incidents):
        rng = seeded(plan.seed * _STRIDE + number)
        lost = pairs and number % _REDUNDANCY_EVERY == _REDUNDANCY_EVERY - 1
        found = _redundancy(world, rng) if lost else _usual(world, rng, plan.faults)
        modes = {fault.entity: fault.mode for fault in found.truth}
        labelled = Labelled(found.incident, frozenset(modes), candidates, modes)
        strata = tuple(_strata(world, found, lost=lost))
        yield Drawn(number, labelled, strata, frozenset(found.hit))


def without(labelled: Labelled, gone: Collection[str]) -> Labelled | None:
    """Return an incident of a graph that knows nothing of some entities, its causes among them.

    None where nothing alarms any more, or the breached objective is of one of them.
    """
    incident = labelled.incident
    if incident.target is not None and incident.target.entity in gone:
        return None
    left = replace(
        incident,
        entities=tuple(e for e in incident.entities if e.uid not in gone),
        relations=tuple(
            r for r in incident.relations if r.dependent not in gone and r.dependency not in gone
        ),
        observations=tuple(o for o in incident.observations if o.entity not in gone),
        changes=tuple(c for c in incident.changes if c.entity not in gone),
    )
    if not any(row.abnormal for row in left.observations):
        return None
    rest = tuple(uid for uid in labelled.candidates if uid not in gone)
    modes = {uid: mode for uid, mode in labelled.modes.items() if uid not in gone}
    return Labelled(left, labelled.truth - frozenset(gone), rest, modes)


def dressed(drawn: Drawn, world: World, seed: int) -> Iterator[tuple[str, Labelled]]:
    """Yield an incident in the other ways in which it may be told, to learn from.

    As a list of alerts without sizes, times or health; and, of a single fault, as the breach of an
    objective.
    """
    rng = seeded(seed * _STRIDE + drawn.number)
    incident = drawn.labelled.incident
    alerts = tuple(
        replace(row, score=None, at=None) for row in incident.observations if row.abnormal
    )
    listed = replace(incident, observations=alerts, changes=())
    yield "alerts", replace(drawn.labelled, incident=listed)
    breached = _breached(drawn, world)
    if breached and len(drawn.labelled.truth) == 1:
        yield (
            "target",
            replace(drawn.labelled, incident=replace(incident, target=rng.choice(breached))),
        )


def _breached(drawn: Drawn, world: World) -> list[Target]:
    return [
        Target(row.entity, row.signal)
        for row in drawn.labelled.incident.observations
        if row.abnormal
        and row.entity in drawn.hit
        and row.signal in _OBJECTIVES
        and world.entities[world.index[row.entity]].kind in _SERVING
    ]


def _usual(world: World, rng: Random, faults: tuple[int, int]) -> SimulatedIncident:
    try:
        return draw_incident(world, rng, faults=rng.randint(*faults))
    except (ValueError, IndexError):
        raise InputError(
            "no fault could be drawn that anybody would notice",
            where="campaign",
            mend="the graph needs kinds that fail and signals that are watched; "
            "or invent an estate: --entities 2000",
        ) from None


def _redundancy(world: World, rng: Random) -> SimulatedIncident:
    for _ in range(_TRIES):
        found = simulate(world, draw_redundancy_loss(rng, world), rng)
        if found.abnormal:
            return found
    return _usual(world, rng, (1, 1))


def _strata(world: World, found: SimulatedIncident, *, lost: bool) -> Iterator[str]:
    yield "one fault" if len(found.truth) == 1 else "several faults"
    kinds = {fault: world.entities[world.index[fault.entity]].kind for fault in found.truth}
    gray = any(kind_of(k).modes[f.mode].severity is Severity.GRAY for f, k in kinds.items())
    yield "gray" if gray else "hard"
    same = any(alike(world, fault.entity) for fault in found.truth)
    yield "not identifiable" if same else "identifiable"
    if lost:
        yield "redundancy lost"
    yield _storm(found.abnormal)


def _storm(alarms: int) -> str:
    edges = [1, *_STORMS]
    place = sum(alarms >= edge for edge in edges) - 1
    least = edges[place]
    return (
        f"{least}-{edges[place + 1] - 1} alarms" if place + 1 < len(edges) else f"{least}+ alarms"
    )


def strata_of(drawn: Sequence[Drawn]) -> Mapping[str, list[int]]:
    """Return stratum -> places in the list, in a fixed order; every incident is in `all`."""
    found: dict[str, list[int]] = {name: [] for name in _order()}
    for place, one in enumerate(drawn):
        for name in ("all", *one.strata):
            found[name].append(place)
    return {name: places for name, places in found.items() if places}


def _order() -> Iterable[str]:
    edges = [1, *_STORMS]
    yield from ("all", "one fault", "several faults", "hard", "gray", "identifiable")
    yield from ("not identifiable", "redundancy lost", *(_storm(edge) for edge in edges))
