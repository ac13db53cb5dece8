"""Alerts that fire of what the estate does not have yet: kept until it has.

A new guest may raise an alert before the next reading tells of it, and the first delivery may come
before the first reading. Whoever sends alerts repeats them after hours only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from kgraph.schema import State
from kgraph.signals import AlertExplanation, Report
from kgraph.store import GraphStore

_MOST = 2_000  # alerts; a sender whose every alert names nothing is for people to mend
_PAUSE = timedelta(seconds=5)  # between two tries: topology may change all the time


class Unplaced:
    """What fires and was not found, each alert once."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Report] = {}
        self._version = -1  # of the topology in which all of them were looked for
        self._tried_at: datetime | None = None

    def note(
        self, reports: Sequence[Report], told: Iterable[AlertExplanation], version: int
    ) -> None:
        """Keep those that found nothing; a newer word on an alert takes the place of the older.

        Args:
            reports: what was looked for.
            told: what became of each, in their order.
            version: of the topology before it was looked up.
        """
        for report in reports:
            self._kept.pop((report.detector, report.fingerprint), None)
        self._version = min(self._version, version) if self._kept else version
        for report, row in zip(reports, told, strict=True):
            if row.lost and report.state is State.ABNORMAL and len(self._kept) < _MOST:
                self._kept[report.detector, report.fingerprint] = report

    def due(self, store: GraphStore, now: datetime) -> list[Report]:
        """Return those to be looked for again, as the topology is another one than it was."""
        if not self._kept or (self._tried_at is not None and now - self._tried_at < _PAUSE):
            return []
        if store.version() == self._version:
            return []
        self._kept = {key: row for key, row in self._kept.items() if row.expires_at > now}
        self._tried_at = now
        return list(self._kept.values())
