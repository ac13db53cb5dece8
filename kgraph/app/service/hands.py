"""What people did to incidents, told as events: they may do it by another process."""

from __future__ import annotations

from collections import deque
from datetime import datetime

from kgraph.app.watch.told import Told, What
from kgraph.incidents import handling
from kgraph.incidents.handling import GROUPING
from kgraph.schema import Drawer
from kgraph.store import GraphStore

_NEWEST = 20  # that are looked at in each round
_REMEMBERED = 500


class Hands:
    """Notices what was added to the traces of incidents since the last look."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store
        self._seen: deque[str] | None = None

    def news(self, now: datetime) -> list[Told]:
        """Return one event for each thing that a person did; at first none: that is known."""
        rows = self._store.documents(Drawer.HANDLING, limit=_NEWEST, newest=True)
        if self._seen is None:
            self._seen = deque((row.id for row in rows), _REMEMBERED)
            return []
        fresh = [handling.read(row) for row in reversed(rows) if row.id not in self._seen]
        self._seen.extend(row.id for row in rows if row.id not in self._seen)
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
