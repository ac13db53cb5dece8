"""Active checks that are made again and again: those that the configuration names."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

from ingest.detect.checks import Budget, Target, look_at_all
from kgraph.app.reading.checking import keep_results, named_targets
from kgraph.app.reading.sync import Job, Keep, Reading
from kgraph.app.sources.context import Context
from kgraph.config import ChecksSource
from kgraph.sourcekit import SourceEntry
from kgraph.store import Diff, GraphStore

EVERY = timedelta(minutes=1)


def job(config: SourceEntry, context: Context) -> Job:
    """Make the job that looks at the targets of an entry."""
    source = cast("ChecksSource", config)
    checks = Checks(source, context)
    title = f"checks {source.name or source.subject}".rstrip()
    return Job(title, checks.fetch, learn=checks.learn)


class Checks:
    """Looks at what is configured; which entities that is, the store says before and after."""

    def __init__(self, source: ChecksSource, context: Context) -> None:
        self._source, self._configuration = source, context.configuration
        every = EVERY if source.every is None else timedelta(seconds=source.every)
        self._lasts = max(3 * every, timedelta(minutes=1))
        self._targets: list[Target] = []
        self._lost: list[str] = []

    def learn(self, store: GraphStore) -> None:
        """Find the entities of the targets."""
        self._targets, lost = named_targets(self._source, store, self._configuration)
        # Before anything was read no entity is known, and that is no fault of the configuration.
        self._lost = lost if store.find(limit=1) else []

    def fetch(self, at: datetime) -> Keep:  # noqa: ARG002 - what is seen is dated when it is kept
        """Look at all of them, within the entry's deadline."""
        patience = timedelta(seconds=self._source.deadline_seconds)
        budget = Budget(patience=patience, total=timedelta(seconds=self._source.deadline * 0.9))
        results = look_at_all(self._targets, budget)

        def kept(reading: Reading) -> Diff:
            standing = reading.store.evidence({t.entity for t in self._targets}, now=reading.at)
            diff = keep_results(reading, results, self._lasts, standing)
            found = diff.with_findings(self._lost)
            self.learn(reading.store)  # an entity may have come meanwhile
            return found

        return kept
