"""Firing alerts of an Alertmanager, or of a payload in a file."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from kgraph.app.reading import alerts
from kgraph.app.reading.sync import Job, Keep
from kgraph.app.sources.context import Context
from kgraph.config import AlertmanagerSource
from kgraph.sourcekit import SourceEntry


def job(config: SourceEntry, context: Context) -> Job:
    """Make the job that reads what fires."""
    source = cast("AlertmanagerSource", config)
    configuration = context.configuration
    packs, directory = alerts.packs_of(configuration), alerts.Directory()

    def fetch(at: datetime) -> Keep:
        batch, listing = alerts.read(source, configuration, at)
        return lambda reading: alerts.observe(
            reading,
            alerts.translated(batch, reading.store, packs, directory),
            listing,
            batch.restarted,
        ).with_findings(batch.clock.findings())

    return Job(f"alertmanager {source.name or source.path or source.url}".rstrip(), fetch)
