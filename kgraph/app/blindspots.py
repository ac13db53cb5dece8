"""What of the stored estate can fail without anybody seeing it, or seeing what it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from kgraph.schema import Entity
from kgraph.store import Estate
from kgraph.topology import build
from rca import Model
from rca.coverage import Gap, gaps
from rca.identifiability import Report, identifiability


def blind_spots(store: Estate, model: Model, now: datetime) -> list[Gap]:
    """Return the failure modes that no watched signal speaks of, the most frequent first."""
    entities = store.find()
    looked = watched(store, entities, now)
    return gaps(model, ((entity.kind, looked[entity.uid]) for entity in entities))


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
    found = {entity.uid: set(entity.watched) for entity in entities}
    evidence = store.evidence(now=now)
    looks = [(row.entity, row.signal) for row in evidence.coverage if row.fresh(now)]
    looks += [(row.entity, row.signal) for row in evidence.observations]
    for uid, signal in looks:
        if uid in found:
            found[uid].add(signal)
    return {uid: frozenset(signals) for uid, signals in found.items()}
