"""What would be hit if something failed: the same question as `kgraph predict`, by uids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import rca
from kgraph.schema import Entity, Fault, Hit, InputError, kind_of, unknown_mode
from kgraph.store import Estate
from rca import Model


@dataclass(frozen=True, slots=True)
class Prediction:
    """Who would be hit.

    Attributes:
        hits: the likeliest first, each with its entity.
        redundancy_lost: who would have no spare left.
    """

    hits: tuple[tuple[Entity, Hit], ...]
    redundancy_lost: tuple[Entity, ...]


def predict(store: Estate, model: Model, faults: Sequence[Fault]) -> Prediction:
    """Let entities fail in thought.

    Raises:
        InputError: an entity that is not there, or a mode that its kind does not have.
    """
    graph = store.graph()
    known = {entity.uid: entity for entity in graph.entities}
    for fault in faults:
        _check(known, fault)
    radius = rca.predict(graph.entities, graph.relations, model, list(faults))
    hits = sorted(
        (*radius.now, *radius.next),
        key=lambda hit: (-hit.probability, hit.hops, known[hit.entity].title),
    )
    lost = tuple(known[uid] for uid in radius.redundancy_lost)
    return Prediction(tuple((known[hit.entity], hit) for hit in hits), lost)


def _check(known: dict[str, Entity], fault: Fault) -> None:
    entity = known.get(fault.entity)
    if entity is None:
        raise InputError(f"no entity {fault.entity!r}", mend="GET /api/v1/entities searches")
    if fault.mode not in kind_of(entity.kind).modes:
        raise unknown_mode(entity.kind, fault.mode)
