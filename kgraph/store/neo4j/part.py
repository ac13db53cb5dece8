"""A part of the Neo4j store."""

from __future__ import annotations

from kgraph.store.neo4j.database import Database


class Part:
    """What works on the database. All parts of one store share its connection."""

    def __init__(self, database: Database) -> None:
        self._database = database
