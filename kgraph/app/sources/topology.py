"""`kgraph.topology/v1` documents."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import cast

from ingest import topology
from kgraph.app.reading.sync import Job, Reading, keep
from kgraph.app.sources.context import Context, snapshots
from kgraph.config import TopologySource
from kgraph.sourcekit import SourceEntry
from kgraph.store import Diff


def job(config: SourceEntry, context: Context) -> Job:
    """Make the job that reads a configured document."""
    source = cast("TopologySource", config)
    path = context.configuration.resolve(source.path)
    title = f"topology {source.name or source.path}"
    return snapshots(title, lambda _at: topology.read(path, site=context.site(source)))


def topology_job(document: str, site: str) -> Job:
    """Make the job that reads one topology document; `-` is standard input."""
    if document == "-":
        # Read by whoever keeps it: a thread that waits for input cannot be ended.
        def piped(reading: Reading) -> Diff:
            return keep(reading, topology.read(sys.stdin.buffer, site=site))

        return Job("topology stdin", lambda _at: piped)
    return snapshots(f"topology {document}", lambda _at: topology.read(Path(document), site=site))
