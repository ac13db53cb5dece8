"""A Prometheus: alerts, targets, and where rules look."""

from __future__ import annotations

from typing import cast

from kgraph.app.reading import alerts, prometheus
from kgraph.app.reading.sync import Job
from kgraph.app.sources.context import Context
from kgraph.config import PrometheusSource
from kgraph.sourcekit import SourceEntry


def job(config: SourceEntry, context: Context) -> Job:
    """Make the job that reads a server."""
    source = cast("PrometheusSource", config)
    configuration = context.configuration
    return prometheus.job(prometheus.server(source, configuration, alerts.packs_of(configuration)))
