"""The file of a store: made, connected to, and copied before its schema is brought up."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing, suppress
from datetime import timedelta
from itertools import chain, count
from pathlib import Path
from urllib.parse import quote

from kgraph.schema import StoreError

_NO_WAIT = timedelta(0)  # readers of the log wait for nobody


def _uri(path: Path, mode: str) -> str:
    """Name a file to SQLite.

    Beside a file that is read it makes two others, unless it is told that nobody can write: so it
    is where the whole file system is read-only, as after an error of its disk, and nothing waits
    in the log.
    """
    still = ""
    if mode == "ro" and os.statvfs(path).f_flag & os.ST_RDONLY:
        log = path.with_name(f"{path.name}-wal")
        still = "" if log.exists() and log.stat().st_size else "&immutable=1"
    return f"file:{quote(str(path))}?mode={mode}{still}"


def make(path: Path) -> None:
    """Make the file for its owner alone, if it is not there; those beside it get its mode.

    What cannot be made SQLite tells with its reason.
    """
    if not path.exists():
        with suppress(OSError):
            path.touch(0o600)


def connected(path: Path, mode: str, wait: timedelta) -> sqlite3.Connection:
    """Connect; who reads finds the file even where a full disk has no room for one beside it.

    Processes that share the file share an index of its log, which lies beside it. Where that
    cannot be made nobody has the file open, and who has it for himself needs no such index.
    """
    connection = _plainly(path, mode, wait)
    if mode != "ro":
        return connection
    try:
        connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode != sqlite3.SQLITE_IOERR_SHMSIZE:
            raise
        connection = _plainly(path, "rw", wait)
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _plainly(path: Path, mode: str, wait: timedelta) -> sqlite3.Connection:
    return sqlite3.connect(
        _uri(path, mode),
        uri=True,
        isolation_level=None,  # transactions are ours to begin
        timeout=wait.total_seconds(),
    )


def earlier(path: Path, version: int) -> Path:
    """Return where a store is kept as it was before it was brought up from an older schema."""
    return path.with_name(f"{path.name}.schema-{version}")


def free(wanted: Path) -> Path:
    """Return a name beside what was kept the last time, if a store was brought up before."""
    more = (wanted.with_name(f"{wanted.name}.{number}") for number in count(2))
    return next(name for name in chain((wanted,), more) if not name.exists())


def copy(path: Path, to: Path) -> None:
    """Copy what is committed, all of it or nothing, readable for its owner alone.

    A backup of rows has the columns of today, so of an older store nobody could take one.
    """
    part = to.with_name(f"{to.name}.part")
    try:
        part.unlink(missing_ok=True)
        part.touch(0o600)
        with (
            closing(_plainly(path, "ro", _NO_WAIT)) as source,
            closing(sqlite3.connect(part)) as new,
        ):
            source.backup(new)
        part.replace(to)
    except OSError as error:
        what = f"the store cannot be copied before it is brought up: {error.strerror}"
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        mend = "make room, and try again" if full else "check that its folder is yours to write in"
        raise StoreError(what, where=str(to), mend=mend) from error
    finally:
        part.unlink(missing_ok=True)
