"""Keeping the local copy of a server's store beside the loop: it may take seconds."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from kgraph.app.stored.snapshots import is_due, keep_snapshot
from kgraph.app.stored.stores import Access, opened
from kgraph.config import Configuration
from kgraph.logs import logger
from kgraph.schema import KgraphError

_AT_FIRST = timedelta(minutes=1)
_log = logger(__name__)


class Snapshots:
    """Makes the copy anew in a thread of its own, with a connection of its own."""

    def __init__(self, configuration: Configuration, since: datetime) -> None:
        """Begin no sooner than a while after `since`: who starts has better things to do."""
        self._configuration = configuration
        self._from = since + _AT_FIRST
        self._thread: threading.Thread | None = None

    def tick(self, now: datetime) -> None:
        """Begin to make one, if it is time and none is being made; never waits for it."""
        busy = self._thread is not None and self._thread.is_alive()
        if not busy and now >= self._from and is_due(self._configuration, now):
            self._thread = threading.Thread(target=self._keep, args=(now,), daemon=True)
            self._thread.start()

    def join(self) -> None:
        """Wait for the one that is being made."""
        if self._thread is not None:
            self._thread.join()

    def _keep(self, now: datetime) -> None:
        try:
            with opened(self._configuration, Access.READ) as store:
                keep_snapshot(self._configuration, store, now)
        except KgraphError as error:  # the loop tells by itself that the server is away
            _log.warning("no local snapshot", failure=str(error))
