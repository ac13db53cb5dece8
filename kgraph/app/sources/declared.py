"""Sources of the catalogue: one module each, all read in the same way."""

from __future__ import annotations

from datetime import datetime

from ingest import catalogue
from kgraph.app.sources.context import Context
from kgraph.app.sync import Job, Keep, Reading, keep
from kgraph.config import SourceConfig
from kgraph.schema import Snapshot
from kgraph.signals import EstateIndex
from kgraph.sourcekit import Alias, Here, Machine, settled
from kgraph.store import Diff


def job(config: SourceConfig, context: Context) -> Job:
    """Make the job that reads one entry."""
    source, site = catalogue.declared(config.type), context.site(config)

    def fetch(at: datetime) -> Keep:
        found = source.read(config, Here(site, at, context.configuration.resolve))
        # Made here, so that what is slow is so in the thread of its source.
        items = list(found.items)
        unsettled = any(isinstance(item, Machine | Alias) for item in items)

        def kept(reading: Reading) -> Diff:
            index = EstateIndex.of(reading.store.graph()) if unsettled else _NOTHING
            told = settled(items, index, site)
            rows = iter(told.items)
            snapshot = Snapshot(source.name, found.scope, complete=found.complete, items=rows)
            return keep(reading, snapshot).with_findings((*found.findings, *told.findings))

        return kept

    return Job(f"{config.type} {config.name or config.subject}".rstrip(), fetch)


_NOTHING = EstateIndex({}, {}, frozenset(), {})
