"""An invented estate, for trying things out."""

from __future__ import annotations

from typing import cast

from ingest import synthetic
from kgraph.app.reading.sync import Job
from kgraph.app.sources.context import Context, snapshots
from kgraph.config import SyntheticSource
from kgraph.sourcekit import SourceEntry


def job(config: SourceEntry, _context: Context) -> Job:
    """Make the job that invents an estate of a size."""
    source = cast("SyntheticSource", config)
    shape = synthetic.shape_of(source.entities, source.seed, dense=source.dense)
    return snapshots(
        f"synthetic {source.entities}",
        lambda _at: synthetic.read(shape, source.moved),
    )
