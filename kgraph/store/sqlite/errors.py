"""What SQLite says of a file, in plain words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kgraph.schema import StoreBusyError, StoreError, StoreFullError

_RESTORE = "restore the last backup, or move the file away and sync again"
_MEND = {
    sqlite3.SQLITE_CORRUPT: ("is damaged", _RESTORE),
    sqlite3.SQLITE_NOTADB: ("is not an SQLite database, or is damaged", _RESTORE),
    sqlite3.SQLITE_READONLY: (
        "cannot be written",
        "open it for writing, or check its permissions",
    ),
    sqlite3.SQLITE_READONLY_DIRECTORY: (
        "cannot be opened: beside it an index of its log is made, and you may not",
        "let your user write in its folder, or ask its owner's `kgraph serve`",
    ),
    sqlite3.SQLITE_FULL: ("cannot grow: the disk is full", "make room and try again"),
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened",
        "check that it and its folder are there, are yours and on no read-only disk",
    ),
    sqlite3.SQLITE_IOERR: ("cannot be read or written", "check the disk"),
}


@contextmanager
def in_plain_words(path: Path) -> Iterator[None]:
    """Turn what SQLite says of the file into one line; faults of the program pass as they are."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        detailed = getattr(error, "sqlite_errorcode", 0)
        code = detailed & 0xFF
        if detailed == sqlite3.SQLITE_IOERR_SHMSIZE:
            code = sqlite3.SQLITE_FULL
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise StoreBusyError(
                "another process is writing to the store", where=str(path), mend="try again"
            ) from error
        told = _MEND.get(detailed) or _MEND.get(code)
        if told is None:
            raise
        what, mend = told
        kind = StoreFullError if code == sqlite3.SQLITE_FULL else StoreError
        raise kind(f"the store {what} ({error})", where=str(path), mend=mend) from error
