"""What people did to incidents, told as events: they may do it by another process."""

from __future__ import annotations

from collections import deque
from datetime import datetime

from kgraph.app.watch.told import Told, What
from kgraph.incidents import handling
from kgraph.incidents.handling import GROUPING
from kgraph.schema import Document, Drawer
from kgraph.store import DocumentStore

_NEWEST = 20  # that are looked at in each round; more where none of them is known
_REMEMBERED = 500


class Hands:
    """Notices what was added to the traces of incidents since the last look."""

    def __init__(self, store: DocumentStore) -> None:
        self._store = store
        self._seen: deque[str] | None = None

    def news(self, now: datetime) -> list[Told]:
        """Return one event for each thing that a person did; at first none: that is known."""
        if self._seen is None:
            self._seen = deque((row.id for row in self._rows(_REMEMBERED)), _REMEMBERED)
            return []
        rows = self._rows(_NEWEST)
        if len(rows) == _NEWEST and not any(row.id in self._seen for row in rows):
            # In a storm the grouping alone may add as many in one round.
            rows = self._rows(_REMEMBERED)
        fresh = [handling.read(row) for row in reversed(rows) if row.id not in self._seen]
        self._seen.extendleft(row.id for row in reversed(rows) if row.id not in self._seen)
        return [
            Told(
                now,
                What.HANDLED,
                f"{row.incident}: {row.line}",
                {"incident": row.incident, "did": row.did.value, "by": row.by, "note": row.note}
                | ({"other": row.other} if row.other else {}),
            )
            for row in fresh
            if row.by != GROUPING  # those are told by whoever explains
        ]

    def _rows(self, limit: int) -> list[Document]:
        return self._store.documents(Drawer.HANDLING, limit=limit, newest=True)
