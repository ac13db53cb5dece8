"""Alerts that fire of what the estate does not have yet: kept in the store until it has.

A new guest may raise an alert before the next reading tells of it, and the first delivery may come
before the first reading. Whoever sends alerts repeats them after hours only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from functools import cached_property
from itertools import islice

from pydantic import TypeAdapter, ValidationError

from kgraph.schema import Document, Drawer, State
from kgraph.signals import AlertExplanation, Report
from kgraph.store import GraphStore

_MOST = 2_000  # alerts; a sender whose every alert names nothing is for people to mend
_PAUSE = timedelta(seconds=5)  # between two tries: topology may change all the time


class Unplaced:
    """What fires and was not found, each alert once; whoever works on the store next goes on."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store
        self._version = -1  # of the topology in which all of them were looked for
        self._tried_at: datetime | None = None

    def note(
        self,
        reports: Sequence[Report],
        told: Iterable[AlertExplanation],
        version: int,
        now: datetime,
    ) -> None:
        """Keep those that found nothing; a newer word on an alert takes the place of the older.

        Args:
            reports: what was looked for.
            told: what became of each, in their order.
            version: of the topology before it was looked up.
            now: the moment.
        """
        named = {_id(report): report for report in reports}
        lost = {
            _id(report)
            for report, row in zip(reports, told, strict=True)
            if row.lost and report.state is State.ABNORMAL
        }
        room = max(0, _MOST - len(self._kept.keys() - named.keys()))
        waits = dict(islice((each for each in named.items() if each[0] in lost), room))
        fresh = [(id_, row) for id_, row in waits.items() if self._kept.get(id_) != row]
        if fresh:
            self._store.put(
                Document(Drawer.UNPLACED, id_, now, _FORM.dump_json(row).decode())
                for id_, row in fresh
            )
        self._forget((named.keys() & self._kept.keys()) - waits.keys())
        others = self._kept.keys() - named.keys()
        self._version = min(self._version, version) if others else version
        self._kept.update(waits)

    def due(self, now: datetime) -> list[Report]:
        """Return those to be looked for again, as the topology is another one than it was."""
        if not self._kept or (self._tried_at is not None and now - self._tried_at < _PAUSE):
            return []
        self._forget({id_ for id_, row in self._kept.items() if row.expires_at <= now})
        if self._store.version() == self._version:
            return []
        self._tried_at = now
        return list(self._kept.values())

    @cached_property
    def _kept(self) -> dict[str, Report]:
        """What is kept; read when it is first asked for, by whoever works on the store then."""
        found: dict[str, Report] = {}
        for row in self._store.documents(Drawer.UNPLACED, limit=_MOST):
            try:
                found[row.id] = _FORM.validate_json(row.body)
            except ValidationError:  # of another version of the program
                self._store.drop(Drawer.UNPLACED, [row.id])
        return found

    def _forget(self, ids: AbstractSet[str]) -> None:
        for id_ in ids & self._kept.keys():
            del self._kept[id_]
        if ids:
            self._store.drop(Drawer.UNPLACED, ids)


_FORM = TypeAdapter(Report)


def _id(report: Report) -> str:
    return f"{report.detector} {report.fingerprint}"
