"""A small estate by name, and series made of plain lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import nan

import numpy as np

from ingest.detect.metrics import Block, block_of
from kgraph.schema import Entity, Subgraph
from kgraph.signals import EstateIndex

NOW = datetime(2026, 11, 28, 10, 0, tzinfo=UTC)
STEP = timedelta(seconds=60)


def index(**kinds: str) -> EstateIndex:
    """Return the index of entities by name -> kind; the uid is the name."""
    entities = tuple(Entity(name, kind, name) for name, kind in kinds.items())
    return EstateIndex.of(Subgraph(entities, ()))


def block(
    series: Mapping[str, Sequence[float | None]],
    usual: Mapping[str, Sequence[float]] | None = None,
    alive: Mapping[str, bool] | None = None,
) -> Block:
    """Return a block of series by instance that ends now, one value a minute; None: no sample."""
    rows = [[nan if v is None else v for v in row] for row in series.values()]
    values = np.array(rows, float).reshape(len(rows), -1 if rows else 0)
    back = np.arange(values.shape[1])[::-1] * STEP.total_seconds()
    before = [list((usual or {}).get(name, ())) for name in series]
    earlier = np.array(before, float).reshape(len(rows), -1 if rows else 0)
    living = np.array([(alive or {}).get(name, True) for name in series], bool)
    labels = [{"instance": name} for name in series]
    return block_of(labels, NOW.timestamp() - back, values, earlier, living)
