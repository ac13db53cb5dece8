"""Invent an estate of any size: for trying things out, for measuring and for drills."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kgraph.schema import Item, Record, RelationRecord, Snapshot
from kgraph.simulation import Estate, EstateShape

SOURCE = "synthetic"


def shape_of(entities: int, seed: int = 0, *, dense: bool = False) -> EstateShape:
    """Return the usual shape of an estate of about so many entities.

    A dense one has four relations for each entity, another has three.

    Raises:
        InputError: too few for an estate with pairs of everything.
    """
    return EstateShape(entities=entities, seed=seed, dense=dense)


def read(shape: EstateShape, moved: float = 0) -> Snapshot:
    """Return the whole estate; estates of another seed, size or density are other scopes.

    Args:
        shape: which estate.
        moved: share of its guests that have gone to another host since, in [0, 1].
    """
    items: Iterator[Item] = Estate(shape).items()
    scope = f"estate:{shape.seed}:{shape.entities}{':dense' if shape.dense else ''}"
    if moved:
        items = _moved(items, max(1, round(1 / moved)))
    return Snapshot(source=SOURCE, scope=scope, complete=True, items=items)


def _moved(items: Iterable[Item], every: int) -> Iterator[Item]:
    """Let every so-manieth guest run where the guest before it runs."""
    guests, guest, host, moves = 0, "", "", False
    for item in items:
        told = item
        if isinstance(item, Record) and item.kind == "VirtualMachine":
            guests, guest = guests + 1, item.key
            moves = guests % every == 0
            if moves:
                told = item._replace(props={**item.props, "moved": True})
        elif isinstance(item, RelationRecord) and (item.dependent, item.type) == (
            guest,
            "RUNS_ON",
        ):
            if moves and host:
                told = item._replace(dependency=host)
            else:
                host = item.dependency
        yield told
