"""Keeping what the sources bring, and remembering which of them were read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from kgraph.app.reading.sync import Commitment, Job, Reading, fault_in, keep_silence, unshown
from kgraph.app.watch.collect import Heard
from kgraph.schema import KgraphError, StaleReadingError
from kgraph.store import Diff, GraphStore


class Keeper:
    """Brings answers into the store.

    Attributes:
        topology: the sources that tell what there is.
        complete: those of them that were read well at least once.
        unheard: sources that neither answered nor failed yet, or since all were to be heard anew.
        read_at: when the newest answer was asked for.
        findings: by source, what a person should look at in its newest answer.
    """

    def __init__(
        self, store: GraphStore, jobs: Iterable[Job], now: datetime, complete: Iterable[str] = ()
    ) -> None:
        """Let each job learn what to ask; `complete` are those that were read before."""
        self._store = store
        jobs = tuple(jobs)
        for job in jobs:
            job.learn(store)
        self.topology = frozenset(job.title for job in jobs if job.topology)
        self.complete = set(complete)
        self._titles = frozenset(job.title for job in jobs)
        self.unheard = set(self._titles)
        self._since: datetime | None = None
        self.read_at = now
        self.findings: dict[str, tuple[str, ...]] = {}

    @property
    def synced(self) -> bool:
        """Whether all that there is was read."""
        return self.topology <= self.complete

    def hear_anew(self, since: datetime) -> None:
        """Count for nothing what was asked before a moment: it is old."""
        self._since, self.unheard = since, set(self._titles)

    def set_back(self, now: datetime) -> None:
        """Take what was read later than now for read now: the clock was set back."""
        self.read_at = min(self.read_at, now)
        self._since = None

    def keep(self, heard: Heard) -> str:
        """Bring one answer into the store; return why that was not possible, or nothing.

        What a failure itself proves is kept, too.
        """
        title = heard.job.title
        reading = Reading(self._store, heard.at, Commitment.COMMIT, unshown)
        error = heard.error
        diff = Diff()
        if heard.asked and (self._since is None or heard.at >= self._since):
            self.unheard.discard(title)
        if heard.keep is not None:
            try:
                diff = heard.keep(replace(reading, priority=heard.job.priority))
            except StaleReadingError:
                return ""  # somebody else has read it meanwhile, and later
            except KgraphError as caught:
                error = caught
            except Exception as caught:  # noqa: BLE001 - what one source says must not end the watch
                error = fault_in(heard.job, caught)
        if not heard.asked:
            return str(error or "")
        if error is not None:
            return f"{error}{keep_silence(reading, heard.job, error)}"
        if title in self.topology:
            self.complete.add(title)
        self.read_at = max(self.read_at, heard.at)
        self.findings[title] = diff.findings
        return ""
