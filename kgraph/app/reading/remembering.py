"""What detectors remember between two readings: documents beside the graph."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from kgraph.app.reading.sync import Commitment, Reading
from kgraph.logs import logger
from kgraph.schema import Document, Drawer
from kgraph.store import DocumentStore

# What was learned is written so often at most: with its cursor, so that whoever dies in between
# reads the same lines again into what was learned before them.
SELDOM = timedelta(minutes=1)
_FORMAT = 1  # of what is remembered; another one is forgotten
_log = logger(__name__)
_T = TypeVar("_T")


def remembered(
    store: DocumentStore, name: str, read: Callable[[Mapping[str, Any]], _T]
) -> _T | None:
    """Return what was remembered under a name; None where nothing was, or of another form."""
    found = store.named(Drawer.DETECTOR, [name])
    if not found:
        return None
    try:
        kept = json.loads(found[0].body)
        return read(kept) if kept.get("format") == _FORMAT else None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        _log.warning("what was learned is of another form", of=name, because=str(error))
        return None


class Notebook:
    """Remembers one thing, seldom enough that nobody waits for it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._kept_at: datetime | None = None

    def keep(self, reading: Reading, document: Callable[[], Mapping[str, Any]]) -> None:
        """Write it down, if it was not just written; the first time always."""
        if self._kept_at is None or not timedelta(0) <= reading.at - self._kept_at < SELDOM:
            remember(reading, self._name, reading.at, document())
            self._kept_at = reading.at


def remember(reading: Reading, name: str, at: datetime, document: Mapping[str, Any]) -> None:
    """Remember; a dry run remembers nothing."""
    if reading.commitment is Commitment.COMMIT:
        body = json.dumps({"format": _FORMAT, **document}, ensure_ascii=False)
        reading.store.put([Document(Drawer.DETECTOR, name, at, body)])
