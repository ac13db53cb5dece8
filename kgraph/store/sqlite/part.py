"""A part of the embedded store."""

from __future__ import annotations

from kgraph.store.sqlite.database import Database


class Part:
    """What works on the file. All parts of one store share its connection."""

    def __init__(self, database: Database) -> None:
        self._database = database
