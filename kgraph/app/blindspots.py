"""What of the stored estate can fail without anybody seeing it."""

from __future__ import annotations

from datetime import datetime

from kgraph.store import Estate
from rca import Model
from rca.coverage import Gap, gaps


def blind_spots(store: Estate, model: Model, now: datetime) -> list[Gap]:
    """Return the failure modes that no watched signal speaks of, the most frequent first.

    Watched is what a source says it watches, what a detector covers at `now`, and what somebody
    has just reported.
    """
    entities = store.find()
    watched = {entity.uid: set(entity.watched) for entity in entities}
    evidence = store.evidence(now=now)
    looks = [(row.entity, row.signal) for row in evidence.coverage if row.fresh(now)]
    looks += [(row.entity, row.signal) for row in evidence.observations]
    for uid, signal in looks:
        if uid in watched:
            watched[uid].add(signal)
    return gaps(model, ((entity.kind, frozenset(watched[entity.uid])) for entity in entities))
