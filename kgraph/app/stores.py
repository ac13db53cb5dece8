"""Opening the store that the configuration names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

from kgraph.config import Configuration
from kgraph.schema import StoreError
from kgraph.store import GraphStore, open_store


class Access(Enum):
    """What a command wants of the store."""

    READ = "read"
    WRITE = "write"


@contextmanager
def opened(configuration: Configuration, access: Access) -> Iterator[GraphStore]:
    """Open the configured store for the length of a block.

    Raises:
        StoreError: there is none to read, or it cannot be opened.
    """
    path = configuration.store_path
    if access is Access.READ and not path.exists():
        raise StoreError(
            "there is no store yet",
            where=str(path),
            mend="fill one with `kgraph sync` or `kgraph ingest`",
        )
    if access is Access.WRITE:
        _make_folder(configuration)
    store = open_store(path, read_only=access is Access.READ)
    try:
        yield store
    finally:
        store.close()


def _make_folder(configuration: Configuration) -> None:
    folder = configuration.store_path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the store's folder cannot be made: {error.strerror}", where=str(folder)
        ) from error
