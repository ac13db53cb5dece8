"""What is counted day by day for reports: each thing once a day, however often it is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from enum import Enum

from kgraph.schema import Document, Drawer
from kgraph.store import DocumentStore

_EVERY = timedelta(minutes=1)  # between two writes of a day that changes
_NAMES, _MARKS = 500, 1_000  # in a group; of a name: past that nothing more is counted
_DAYS = 3_660
KEPT = timedelta(days=400)


class Group(Enum):
    """What is counted."""

    UNMAPPED = "unmapped"  # alerts that found no entity: name -> fingerprints
    REFUSED = "refused"  # plans that did not begin: reason -> plans


_Counts = dict[str, dict[str, dict[str, None]]]


class Tally:
    """Counts of today, in memory and now and then in the store; for one thread."""

    def __init__(self, store: DocumentStore) -> None:
        self._store = store
        self._day: date | None = None
        self._counts: _Counts = {}
        self._changed, self._written_at = False, datetime.min.replace(tzinfo=UTC)

    def add(self, now: datetime, group: Group, name: str, mark: str) -> None:
        """Count a thing; `mark` tells it from others of its name."""
        if now.date() != self._day:
            self._write(now)
            self._day, self._counts = now.date(), _read(self._store, now.date())
        names = self._counts.setdefault(group.value, {})
        if name not in names and len(names) >= _NAMES:
            return
        marks = names.setdefault(name, {})
        if mark not in marks and len(marks) < _MARKS:
            marks[mark] = None
            self._changed = True

    def flush(self, now: datetime) -> None:
        """Write down what was counted, now and then."""
        # One that seems to have been written later was so before the clock was set back.
        lately = self._written_at <= now < self._written_at + _EVERY
        if self._changed and not lately:
            self._write(now)

    def _write(self, now: datetime) -> None:
        if self._day is None or not self._changed:
            return
        body = {
            group: {name: list(marks) for name, marks in names.items()}
            for group, names in self._counts.items()
        }
        at = datetime.combine(self._day, datetime.min.time(), UTC)
        self._store.put([Document(Drawer.TALLY, f"{self._day}", at, json.dumps(body))])
        self._changed, self._written_at = False, now


def counted(
    store: DocumentStore, group: Group, since: datetime, until: datetime
) -> Mapping[str, int]:
    """Return name -> how many different things there were on the days of a span, most first."""
    found: dict[str, dict[str, None]] = {}
    for row in store.documents(Drawer.TALLY, limit=_DAYS):
        if since.date() <= row.at.date() <= until.date():
            for name, marks in json.loads(row.body).get(group.value, {}).items():
                found.setdefault(name, {}).update(dict.fromkeys(marks))
    rows = sorted(found.items(), key=lambda row: (-len(row[1]), row[0]))
    return {name: len(marks) for name, marks in rows}


def _read(store: DocumentStore, day: date) -> _Counts:
    rows = store.named(Drawer.TALLY, [f"{day}"])
    if not rows:
        return {}
    return {
        group: {name: dict.fromkeys(marks) for name, marks in names.items()}
        for group, names in json.loads(rows[0].body).items()
    }
