"""What of the stored estate can fail without anybody seeing it, or seeing what it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from kgraph.schema import Entity
from kgraph.store import Estate
from kgraph.topology import build
from rca import Model
from rca.audit.coverage import Gap, gaps
from rca.audit.identifiability import Report, identifiability


def blind_spots(store: Estate, model: Model, now: datetime) -> list[Gap]:
    """Return the failure modes that no watched signal speaks of, the most frequent first."""
    entities = store.find()
    looked = watched(store, entities, now)
    return gaps(model, ((entity.kind, looked[entity.uid]) for entity in entities))


@dataclass(frozen=True, slots=True)
class LiveGap:
    """What can fail unseen as the sources deliver now.

    Attributes:
        promised: of the unseen, those on which a source says that it looks; it does not.
    """

    gap: Gap
    promised: int


def live_blind_spots(store: Estate, model: Model, now: datetime) -> list[LiveGap]:
    """Return the failure modes of which no signal is delivered now, the most frequent first.

    What a source says it watches is no look: only fresh coverage and what stands are.
    """
    entities = store.find()
    seen = delivered(store, entities, now)
    promises = watched(store, entities, now)
    told = {
        (gap.kind, gap.mode): gap.unseen
        for gap in gaps(model, ((entity.kind, promises[entity.uid]) for entity in entities))
    }
    return [
        LiveGap(gap, gap.unseen - told.get((gap.kind, gap.mode), 0))
        for gap in gaps(model, ((entity.kind, seen[entity.uid]) for entity in entities))
    ]


def alike(store: Estate, model: Model, now: datetime, most: int) -> Report:
    """Return which faults today's signals cannot tell apart; `most` of them are let run."""
    graph = store.graph()
    looked = watched(store, graph.entities, now)
    topology = build(graph.entities, graph.relations)
    return identifiability(topology, graph.entities, model, looked, most)


def watched(
    store: Estate, entities: Iterable[Entity], now: datetime
) -> Mapping[str, frozenset[str]]:
    """Return uid -> the signals that somebody looks at there.

    Watched is what a source says it watches, what a detector covers at `now`, and what somebody
    has just reported.
    """
    rows = list(entities)
    seen = delivered(store, rows, now)
    return {entity.uid: seen[entity.uid] | frozenset(entity.watched) for entity in rows}


def delivered(
    store: Estate, entities: Iterable[Entity], now: datetime
) -> Mapping[str, frozenset[str]]:
    """Return uid -> the signals of which a look is known that still counts at `now`."""
    found: dict[str, set[str]] = {entity.uid: set() for entity in entities}
    evidence = store.evidence(now=now)
    looks = [(row.entity, row.signal) for row in evidence.coverage if row.fresh(now)]
    looks += [(row.entity, row.signal) for row in evidence.observations]
    for uid, signal in looks:
        if uid in found:
            found[uid].add(signal)
    return {uid: frozenset(signals) for uid, signals in found.items()}
