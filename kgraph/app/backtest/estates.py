"""The estate as it was, moment after moment, put together anew only where it has changed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from kgraph.app.stored.topologies import Topologies
from kgraph.schema import Change, Evidence, Observation
from kgraph.signals import EstateIndex
from kgraph.store import EstateView, GraphStore


@dataclass(frozen=True)
class Then:
    """The estate between two changes of it.

    Attributes:
        healthy: what other probes had found well, as the store kept it.
        changes: what had been changed lately.
        topologies: of this estate alone.
        stored: whether it was kept at that time; else today's graph stands for it.
    """

    view: EstateView
    index: EstateIndex
    healthy: tuple[Observation, ...] = ()
    changes: tuple[Change, ...] = ()
    topologies: Topologies = field(default_factory=Topologies)
    stored: bool = True

    def seeing(self, observations: tuple[Observation, ...]) -> EstateView:
        """Return the estate with what alerts say of it at one moment."""
        told = {(row.entity, row.signal) for row in observations}
        well = tuple(row for row in self.healthy if (row.entity, row.signal) not in told)
        evidence = Evidence((*observations, *well), changes=self.changes)
        return replace(self.view, seen=evidence)


class Estates:
    """Gives the estate of any moment; moments are asked for in order."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store
        self._last: tuple[datetime, Then] | None = None
        self._today: Then | None = None

    def at(self, moment: datetime) -> Then:
        """Return the estate as it was; the store of today where it was not kept yet."""
        if self._last is not None:
            before, then = self._last
            if not self._store.changes(before, moment):
                self._last = (moment, then)
                return then
        found = self._read(moment)
        self._last = (moment, found)
        return found

    def _read(self, moment: datetime) -> Then:
        past = self._store.at(moment)
        graph = past.graph()
        if not graph.entities:
            return self._of_today()
        seen = past.evidence(now=moment)
        well = tuple(row for row in seen.observations if not row.abnormal)
        return Then(EstateView(graph), EstateIndex.of(graph), well, seen.changes)

    def _of_today(self) -> Then:
        if self._today is None:
            graph = self._store.graph()
            self._today = Then(EstateView(graph), EstateIndex.of(graph), stored=False)
        return self._today
