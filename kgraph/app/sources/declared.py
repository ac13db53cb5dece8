"""Sources of the catalogue: one module each, all read in the same way."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ingest import catalogue
from kgraph.app.sources.context import Context
from kgraph.app.sources.machines import known
from kgraph.app.sync import Job, Keep, Reading, keep
from kgraph.schema import Snapshot
from kgraph.signals import EstateIndex
from kgraph.sourcekit import Alias, Found, Here, Machine, SourceEntry, settled
from kgraph.store import Diff


def job(config: SourceEntry, context: Context) -> Job:
    """Make the job that reads one entry."""
    source, site = catalogue.declared(config.type), context.site(config)

    def fetch(at: datetime) -> Keep:
        found = source.read(config, Here(site, at, context.configuration.resolve))
        # Made here, so that what is slow is so in the thread of its source.
        found = replace(found, items=list(found.items))
        return lambda reading: bring(reading, source.name, site, found)

    return Job(f"{config.type} {config.name or config.subject}".rstrip(), fetch)


def bring(reading: Reading, source: str, site: str, found: Found) -> Diff:
    """Settle what a source has found in the graph as it is now, and keep it.

    Raises:
        KgraphError: bad input or a busy store; then nothing was changed.
    """
    items = list(found.items)
    index, own = _NOTHING, {}
    if any(isinstance(item, Machine | Alias) for item in items):
        index, own = known(reading.store, items), reading.store.spelling(source)
    told = settled(items, index, site, own)
    snapshot = Snapshot(source, found.scope, complete=found.complete, items=iter(told.items))
    return keep(reading, snapshot).with_findings((*found.findings, *told.findings))


_NOTHING = EstateIndex({}, {}, frozenset(), {})
