"""A local copy of a store on a server, to read from while the server is away.

It is a store of the embedded kind, made anew at most every so many minutes by whoever syncs.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kgraph.config import Configuration
from kgraph.logs import logger
from kgraph.schema import KgraphError
from kgraph.store import GraphStore, SqliteStore, is_server

_log = logger(__name__)
_BESIDE = ("", "-wal", "-shm")  # the files of one store
_KILLED = timedelta(hours=1)  # a copy takes minutes: who began one so long ago was killed


def snapshot_path(configuration: Configuration) -> Path:
    """Return where the copy of the configured server's store lies."""
    settings = configuration.settings.store
    name = hashlib.sha256(f"{settings.url} {settings.database}".encode()).hexdigest()[:16]
    return configuration.home / "kgraph" / "snapshots" / f"{name}.db"


def keep_snapshot(configuration: Configuration, store: GraphStore, now: datetime) -> bool:
    """Make the copy anew if it is old enough; tell whether that was done.

    It is for bad days, so that it cannot be made spoils no good one: that is logged.
    """
    if not is_due(configuration, now):
        return False
    try:
        _take(snapshot_path(configuration), store, now)
    except (KgraphError, OSError) as error:
        _log.warning("no local snapshot", failure=str(error))
        return False
    return True


def is_due(configuration: Configuration, now: datetime) -> bool:
    """Tell whether the copy of a server's store is missing, or as old as it may get.

    One that is dated later than now was made by a clock that was ahead.
    """
    settings = configuration.settings.store
    if not is_server(settings.url) or not settings.snapshot_minutes:
        return False
    age = _age(snapshot_path(configuration), now)
    return age is None or not timedelta(0) <= age < timedelta(minutes=settings.snapshot_minutes)


@contextmanager
def opened_snapshot(configuration: Configuration) -> Iterator[tuple[GraphStore, datetime] | None]:
    """Open the copy for reading, with when it was made; None where there is none."""
    path = snapshot_path(configuration)
    if not path.exists():
        yield None
        return
    taken = path.stat().st_mtime
    if SqliteStore.schema_version(path) < SqliteStore.SCHEMA:
        # It was made before an upgrade, and nobody but us writes to it.
        SqliteStore.open(path).close()
        os.utime(path, (taken, taken))
    with closing(SqliteStore.open(path, read_only=True)) as store:
        yield store, datetime.fromtimestamp(taken, UTC)


def _take(path: Path, store: GraphStore, now: datetime) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    _remove(fresh)
    _clear(path)
    try:
        os.close(os.open(fresh, os.O_CREAT | os.O_EXCL, 0o600))
        with closing(SqliteStore.open(fresh)) as copy, store.dump() as rows:
            copy.load(lambda: rows)
        os.utime(fresh, (now.timestamp(), now.timestamp()))
        _remove(path, but_itself=True)  # what belonged to the old one
        fresh.replace(path)
    finally:
        _remove(fresh)


def _clear(path: Path) -> None:
    """Remove what killed processes have left: each time as much as the store."""
    now = datetime.now(UTC)
    for left in path.parent.glob(f".{path.name}.*"):
        age = _age(left, now)
        if age is not None and age > _KILLED:
            left.unlink(missing_ok=True)


def _age(path: Path, now: datetime) -> timedelta | None:
    with suppress(FileNotFoundError):
        return now - datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return None


def _remove(path: Path, *, but_itself: bool = False) -> None:
    for suffix in _BESIDE[but_itself:]:
        path.with_name(path.name + suffix).unlink(missing_ok=True)
