"""Where the estate's graph, its evidence and its incidents are kept."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from kgraph.schema import ConfigurationError
from kgraph.store._limits import AHEAD
from kgraph.store._target import ServerStore, is_server, url_defect
from kgraph.store.beside import DocumentStore, IncidentStore, PlanStore, RulingStore
from kgraph.store.protocol import Estate, GraphStore, Queryable, SyncRun
from kgraph.store.results import (
    HELD,
    Ambiguous,
    Bare,
    Changed,
    Diff,
    EntityHistory,
    Pruned,
    ScopeState,
    Seen,
    Shrink,
    Span,
    Tie,
    TopologyDelta,
    Toward,
)
from kgraph.store.sqlite import SqliteStore
from kgraph.store.sqlite.surroundings import SQLITE_VERSION, has_wal_reset_bug
from kgraph.store.view import EstateView

__all__ = [
    "AHEAD",
    "HELD",
    "SQLITE_VERSION",
    "Ambiguous",
    "Bare",
    "Changed",
    "Diff",
    "DocumentStore",
    "EntityHistory",
    "Estate",
    "EstateView",
    "GraphStore",
    "IncidentStore",
    "PlanStore",
    "Pruned",
    "Queryable",
    "RulingStore",
    "ScopeState",
    "Seen",
    "ServerStore",
    "Shrink",
    "Span",
    "SqliteStore",
    "SyncRun",
    "Tie",
    "TopologyDelta",
    "Toward",
    "has_wal_reset_bug",
    "is_server",
    "open_store",
    "schema_version",
    "url_defect",
]


def schema_version(target: Path | ServerStore) -> int:
    """Return the version of a store's schema, 0 where there is no store; nothing is changed.

    Raises:
        StoreError: not a kgraph store, damaged, unreachable, or of a newer version.
    """
    if isinstance(target, Path):
        return SqliteStore.schema_version(target)
    _need_driver(target)
    from kgraph.store.neo4j import Neo4jStore  # noqa: PLC0415 - nobody else waits for the driver

    return Neo4jStore.schema_version(target)


def open_store(target: Path | ServerStore, *, read_only: bool = False) -> GraphStore:
    """Open a file or a database of a server; a store is made there unless `read_only`.

    Raises:
        ConfigurationError: a server, and its driver is not installed.
        StoreError: not a kgraph store, damaged, unreachable, or of a newer version.
        StoreBusyError: another process is writing for too long.
    """
    if isinstance(target, Path):
        return SqliteStore.open(target, read_only=read_only)
    _need_driver(target)
    from kgraph.store.neo4j import Neo4jStore  # noqa: PLC0415 - nobody else waits for the driver

    return Neo4jStore.open(target, read_only=read_only)


def _need_driver(target: ServerStore) -> None:
    if find_spec("neo4j") is None:
        raise ConfigurationError(
            "the driver for Neo4j is not installed",
            where=target.url,
            mend="install the extra: kgraph-rca[neo4j]",
        )
