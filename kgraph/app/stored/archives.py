"""Backups, restoring them, and copies from one store into another."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from kgraph.app.stored.stores import Access, opened, target
from kgraph.config import Configuration
from kgraph.schema import InputError, StoreError
from kgraph.store import open_store, schema_version
from kgraph.store.archive import check_archive, read_archive, write_archive

SUFFIX = ".kgraph.gz"


@dataclass(frozen=True, slots=True)
class Archived:
    """What an archive holds."""

    at: datetime
    rows: Counter[str]


def backup(
    configuration: Configuration, file: Path, now: datetime, *, overwrite: bool = False
) -> Archived:
    """Write the whole store into a file, while others go on writing.

    Raises:
        InputError: there is such a file, and it is not to be replaced.
        StoreError: the store cannot be read, or the file cannot be written.
    """
    if file.exists() and not overwrite:
        raise InputError(
            "there is such a file", where=str(file), mend="name another one, or say --overwrite"
        )
    with opened(configuration, Access.READ) as store, store.dump() as rows:
        return Archived(now, write_archive(file, rows, now))


def restore(configuration: Configuration, file: Path) -> Archived:
    """Fill an empty store from a file; the file is looked at to its end before.

    Raises:
        InputError: the file is no whole archive.
        StoreError: the store is not empty; nothing was changed.
    """
    archived = Archived(*check_archive(file))
    with opened(configuration, Access.WRITE) as store:
        store.load(lambda: read_archive(file))
    return archived


def copy(source: Configuration, destination: Configuration, now: datetime) -> Archived:
    """Fill an empty store with all that another one holds.

    Raises:
        StoreError: one cannot be reached, or the second is not empty; nothing was changed.
    """
    if source.store_title == destination.store_title:
        raise InputError("both are the same store", where=source.store_title)
    with opened(source, Access.READ):  # before anything is made at the other end
        pass
    with TemporaryDirectory(prefix="kgraph-") as folder:
        file = Path(folder) / f"copy{SUFFIX}"
        archived = backup(source, file, now)
        restore(destination, file)
    return archived


def check(configuration: Configuration) -> list[str]:
    """Return what is wrong with the store, one line each."""
    with opened(configuration, Access.READ) as store:
        return store.check()


def migrate(configuration: Configuration) -> tuple[int, int]:
    """Bring the store to this version's schema; returns the one that it had, and has now.

    Raises:
        StoreError: there is none, or it is newer than this program.
    """
    found = target(configuration)
    before = schema_version(found)
    if not before:
        raise StoreError(
            "there is no store to bring up",
            where=configuration.store_title,
            mend="`kgraph sync` makes one",
        )
    with closing(open_store(found)) as store:
        return before, store.migrate()
