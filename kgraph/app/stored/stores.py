"""Opening the store that the configuration names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from enum import Enum
from pathlib import Path

from kgraph.app.stored.snapshots import opened_snapshot
from kgraph.config import Configuration
from kgraph.schema import ConfigurationError, NoStoreError, StoreAwayError, StoreError
from kgraph.secret import secret
from kgraph.store import GraphStore, ServerStore, is_server, open_store

_FIRST_USER = "neo4j"  # whom every new server has


class Access(Enum):
    """What a command wants of the store."""

    READ = "read"
    WRITE = "write"


@contextmanager
def opened(
    configuration: Configuration, access: Access, away: Callable[[str], None] | None = None
) -> Iterator[GraphStore]:
    """Open the configured store for the length of a block.

    Args:
        configuration: which store.
        access: a store is made where there is none, unless it is only read.
        away: told how old the local snapshot is that is read instead when a server cannot be
            reached; None: that is an error.

    Raises:
        NoStoreError: there is none to read.
        StoreError: it cannot be opened.
    """
    found = target(configuration)
    if isinstance(found, Path):
        _look(found, access)
    try:
        store = open_store(found, read_only=access is Access.READ)
    except StoreAwayError as error:
        if access is Access.WRITE or away is None:
            raise
        with opened_snapshot(configuration) as snapshot:
            if snapshot is None:
                raise
            local, at = snapshot
            away(f"{error.where}: the server is away: read as of {at:%Y-%m-%d %H:%M:%SZ}")
            yield local
        return
    with closing(store):
        yield store


def target(configuration: Configuration) -> Path | ServerStore:
    """Return the configured store; its password is read now, from where it is kept.

    Raises:
        ConfigurationError: a password is named and cannot be had.
    """
    settings = configuration.settings.store
    if not is_server(settings.url):
        return configuration.store_path
    file = configuration.given(settings.password_file)
    found = secret(settings.password_env, file)
    if found is None:
        if settings.user:
            raise ConfigurationError(
                "a user is named and no password",
                where=f"{configuration.origin('store.user')}: store.user",
                mend="set store.password_env or store.password_file",
            )
        return ServerStore(settings.url, database=settings.database)
    where, password = found
    if not password:
        raise ConfigurationError("the password is empty", where=where, mend="write it there")
    user = settings.user or _FIRST_USER
    return ServerStore(settings.url, user, password, settings.database)


def _look(path: Path, access: Access) -> None:
    """See that there is a file to read, or a folder to write one into."""
    if access is Access.READ and not path.exists():
        raise NoStoreError(
            "there is no store yet",
            where=str(path),
            mend="fill one with `kgraph sync` or `kgraph ingest`",
        )
    if access is Access.WRITE:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"the store's folder cannot be made: {error.strerror}", where=str(path.parent)
            ) from error
