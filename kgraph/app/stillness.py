"""Sampling one host's guests, to notice those that run and do not move on."""

from __future__ import annotations

from datetime import datetime, timedelta

from ingest import libvirt
from ingest.libvirt.stillness import History, Limits, step
from kgraph.app.sync import Keep, keep
from kgraph.schema import Snapshot


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
        return lambda reading: keep(
            reading, Snapshot(libvirt.SOURCE, scope, complete=False, items=iter(rows))
        )

    def close(self) -> None:
        """Hang up."""
        if self._counters is not None:
            self._counters.close()
            self._counters = None
