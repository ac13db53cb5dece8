"""Sampling one host's guests, to notice those that run and do not move on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ingest import libvirt
from ingest.libvirt.stillness import History, Limits, step
from ingest.libvirt.unanswered import plugs
from kgraph.app.reading.cut_off import CutOff
from kgraph.app.reading.sync import Commitment, Keep, Reading, keep
from kgraph.schema import Observation, Snapshot
from kgraph.store import Diff, GraphStore


class Stillness:
    """Remembers, between two samples, how each guest has moved so far.

    Args:
        uri: the libvirt connection.
        lasts: how long what a sample shows stands.
        limits: what makes a pause suspicious.
    """

    def __init__(self, uri: str, *, lasts: timedelta, limits: Limits | None = None) -> None:
        self._uri, self._lasts, self._limits = uri, lasts, limits
        self._counters: libvirt.CountersApart | None = None
        self._history: History = {}
        self._cut_off = CutOff(f"libvirt-stats/{uri}", lasts)
        self._known: set[str] = set()  # keys of guests of which the connection itself has told

    def fetch(self, at: datetime) -> Keep:
        """Take one sample; never longer than three seconds, whatever hangs there.

        Raises:
            SourceError: the binding is missing, or the host itself does not answer.
        """
        if self._counters is None:
            self._counters = libvirt.CountersApart(self._uri)
        sample = self._counters.sample(at)
        self._history, rows = step(self._history, sample, lasts=self._lasts, limits=self._limits)
        # A scope of its own: a full reading that began before and ends after is not overtaken.
        scope = f"{self._uri} counters"
        those = plugs(self._history, sample, self._limits)

        def kept(reading: Reading) -> Diff:
            known = self._known_of(reading.store, rows)
            snapshot = Snapshot(libvirt.SOURCE, scope, complete=False, items=iter(known))
            diff = keep(reading, snapshot)
            if reading.commitment is Commitment.COMMIT:
                told = self._cut_off.told(reading.store, those, at)
                if told:
                    reading.store.observe(told)
            return diff

        return kept

    def _known_of(self, store: GraphStore, rows: Sequence[Observation]) -> list[Observation]:
        """Leave out guests that are sampled before the connection was read: they are no riddle."""
        for key in {row.entity for row in rows} - self._known:
            if store.locate(libvirt.SOURCE, key) is not None:
                self._known.add(key)
        return [row for row in rows if row.entity in self._known]

    def close(self) -> None:
        """Hang up."""
        if self._counters is not None:
            self._counters.close()
            self._counters = None
