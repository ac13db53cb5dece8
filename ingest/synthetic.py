"""Invent an estate of any size: for trying things out, for measuring and for drills."""

from __future__ import annotations

from collections.abc import Iterator

from kgraph.schema import Item, Snapshot
from kgraph.simulation import Estate, EstateShape

SOURCE = "synthetic"


def shape_of(entities: int, seed: int = 0) -> EstateShape:
    """Return the usual shape of an estate of about so many entities.

    Raises:
        InputError: too few for an estate with pairs of everything.
    """
    return EstateShape(entities=entities, seed=seed)


def read(shape: EstateShape) -> Snapshot:
    """Return the whole estate; estates of another seed or size are other scopes."""
    items: Iterator[Item] = Estate(shape).items()
    scope = f"estate:{shape.seed}:{shape.entities}"
    return Snapshot(source=SOURCE, scope=scope, complete=True, items=items)
