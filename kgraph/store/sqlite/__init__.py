"""The embedded store. Only this package speaks SQL."""

from kgraph.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
