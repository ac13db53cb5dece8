"""What every source is read with, and the job of those that yield whole snapshots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from kgraph.app.sync import Job, Keep, keep
from kgraph.config import Configuration
from kgraph.schema import KgraphError, Snapshot
from kgraph.sourcekit import SourceEntry
from kgraph.store import GraphStore


@dataclass(frozen=True, slots=True)
class Context:
    """What a source is read with."""

    configuration: Configuration

    def site(self, config: SourceEntry) -> str:
        """Return the site of a source: its own, or the configuration's."""
        return config.site or self.configuration.settings.site


def snapshots(
    title: str,
    read: Callable[[datetime], Snapshot],
    silence: Callable[[GraphStore, KgraphError, datetime], Snapshot | None] | None = None,
) -> Job:
    """Make the job of a source that yields snapshots."""

    def fetch(at: datetime) -> Keep:
        snapshot = read(at)
        # Made here, so that a file that hangs does so in the thread of its source.
        items = list(snapshot.items)
        return lambda reading: keep(reading, replace(snapshot, items=iter(items)))

    return Job(title, fetch) if silence is None else Job(title, fetch, silence)
