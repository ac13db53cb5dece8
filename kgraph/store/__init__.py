"""Where the estate's graph, its evidence and its incidents are kept."""

from __future__ import annotations

from pathlib import Path

from kgraph.store.protocol import Ambiguous, Diff, GraphStore, ScopeState, SyncRun, Toward
from kgraph.store.sqlite import SqliteStore

__all__ = [
    "Ambiguous",
    "Diff",
    "GraphStore",
    "ScopeState",
    "SqliteStore",
    "SyncRun",
    "Toward",
    "open_store",
]


def open_store(path: Path, *, read_only: bool = False) -> GraphStore:
    """Open the embedded store at `path`; it is made where there is none, unless `read_only`.

    Raises:
        StoreError: not a kgraph store, damaged, or of a newer version.
        StoreBusyError: another process is writing for too long.
    """
    return SqliteStore.open(path, read_only=read_only)
