"""The service's part in each round of the loop."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from kgraph.app.service.inbox import Inbox
from kgraph.app.watch.assess import Assessment
from kgraph.app.watch.told import Told
from kgraph.store import GraphStore

# The moment, and the seconds that the engine took for each incident, if it was asked.
Measure = Callable[[datetime, tuple[float, ...]], None]


class ServiceBeside:
    """Brings in what was posted before each explanation; see `kgraph.app.watch.beside.Beside`."""

    def __init__(self, store: GraphStore, inbox: Inbox, measure: Measure) -> None:
        self._store, self._inbox, self._measure = store, inbox, measure

    def keep(self, now: datetime) -> list[Told] | None:
        """Bring in what was posted."""
        return self._inbox.keep(now)

    def warnings(self, now: datetime) -> tuple[str, ...]:
        """Return what senders have left out."""
        return self._inbox.warnings(now)

    def assessed(self, found: Assessment) -> None:
        """Measure how long the engine took."""
        took = tuple(each.investigation.elapsed_seconds for each in found.kept)
        self._measure(found.at, took)

    def settle(self, now: datetime) -> None:
        """Measure that the loop went round."""
        self._measure(now, ())
