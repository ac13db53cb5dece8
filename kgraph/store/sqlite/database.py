"""One SQLite file: opening it safely, its transactions, and its errors in plain words."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from datetime import timedelta
from itertools import chain, count
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from kgraph.schema import StoreBusyError, StoreError
from kgraph.store.sqlite.ddl import APPLICATION_ID, DDL, MIGRATIONS, VERSION
from kgraph.store.sqlite.surroundings import refuse_network

_TRIES, _PAUSE_SECONDS = 100, 0.01
_NO_WAIT = timedelta(0)  # readers of the log wait for nobody
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


def _make(path: Path) -> None:
    """Make the file for its owner alone, if it is not there; those beside it get its mode.

    What cannot be made SQLite tells with its reason.
    """
    if not path.exists():
        with suppress(OSError):
            path.touch(0o600)


def _connected(path: Path, mode: str, wait: timedelta) -> sqlite3.Connection:
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


class Database:
    """A connection to the file; one transaction at a time."""

    def __init__(self, path: Path, connection: sqlite3.Connection, *, read_only: bool) -> None:
        self.path, self.read_only = path, read_only
        self.sql = connection

    @classmethod
    def open(cls, path: Path, *, read_only: bool, wait: timedelta) -> Self:
        """Open or make the file, and refuse one that isn't ours to touch."""
        if read_only and not path.exists():
            raise StoreError(
                "there is no store here", where=str(path), mend="run `kgraph init` first"
            )
        if path.is_dir():
            raise StoreError("the store is a folder", where=str(path), mend="name a file in it")
        if not read_only:
            refuse_network(path)
            _make(path)
        with _in_plain_words(path):
            connection = _connected(path, "ro" if read_only else "rwc", wait)
        database = cls(path, connection, read_only=read_only)
        try:
            with _in_plain_words(path):
                database._prepare()
        except BaseException:
            connection.close()
            raise
        return database

    @classmethod
    def version_of(cls, path: Path) -> int:
        """Return the version of a file's schema, 0 where there is none; refuse what isn't ours."""
        if not path.exists():
            return 0
        with _in_plain_words(path):
            connection = _connected(path, "ro", timedelta(seconds=5))
            database = cls(path, connection, read_only=True)
            try:
                return database._own_version()
            finally:
                connection.close()

    def _prepare(self) -> None:
        with _Transaction(self.sql, "BEGIN", "ROLLBACK"):  # another process may be creating it
            version = self._own_version()
        self.sql.execute("PRAGMA foreign_keys = ON")
        self.sql.execute("PRAGMA cache_size = -65536")
        self.sql.create_function("casefold", 1, str.casefold, deterministic=True)
        if self.read_only:
            if version == 0:
                raise StoreError(
                    "the store is empty", where=str(self.path), mend="run `kgraph init`"
                )
            if version < VERSION:
                raise StoreError(
                    f"the store has schema {version}, this kgraph reads {VERSION}",
                    where=str(self.path),
                    mend="`kgraph store migrate` brings it up",
                )
            return
        self._use_wal()
        # What is committed survives a power cut.
        self.sql.execute("PRAGMA synchronous = FULL")
        if version == 0:
            self._create()
        elif version < VERSION:
            self._migrate()

    def _use_wal(self) -> None:
        """Let readers and the writer never wait for each other."""
        for _ in range(_TRIES - 1):
            try:
                self.sql.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                # While others open the same new file, SQLite refuses at once and doesn't wait.
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                time.sleep(_PAUSE_SECONDS)
            else:
                return
        self.sql.execute("PRAGMA journal_mode = WAL")

    def _own_version(self) -> int:
        """Return the file's schema version, 0 when it is new; refuse what isn't ours."""
        (application,) = self.sql.execute("PRAGMA application_id").fetchone()
        (version,) = self.sql.execute("PRAGMA user_version").fetchone()
        (tables,) = self.sql.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application != APPLICATION_ID and (tables or application):
            raise StoreError(
                "this SQLite database belongs to another program",
                where=str(self.path),
                mend="give kgraph a file of its own",
            )
        if version > VERSION:
            raise StoreError(
                f"the store has schema {version}, this kgraph knows up to {VERSION}",
                where=str(self.path),
                mend="upgrade kgraph",
            )
        return int(version) if tables else 0

    def _create(self) -> None:
        with self.writing():
            if self._own_version():  # another process was quicker
                return
            self._run(DDL)
            self.sql.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self.sql.execute(f"PRAGMA user_version = {VERSION}")

    def _migrate(self) -> None:
        """Bring an older store up, all the way or not at all; beside it stays what it was."""
        with self.writing():
            before = self._own_version()
            if before == VERSION:  # another process was quicker
                return
            _copy(self.path, _free(earlier(self.path, before)))
            for version in range(before + 1, VERSION + 1):
                self._run(MIGRATIONS[version])
            self.sql.execute(f"PRAGMA user_version = {VERSION}")

    def _run(self, script: str) -> None:
        for statement in script.split(";\n"):  # executescript() would commit
            self.sql.execute(statement)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """See one state of the store throughout."""
        with _in_plain_words(self.path), _Transaction(self.sql, "BEGIN", "ROLLBACK"):
            yield self.sql

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Change everything in the block or nothing."""
        turn = _turn_of(self.path)
        with _in_plain_words(self.path), _Transaction(self.sql, "BEGIN IMMEDIATE", "COMMIT", turn):
            self._refuse_upgraded()
            yield self.sql

    def _refuse_upgraded(self) -> None:
        """Write nothing into tables that a newer program has made others of meanwhile."""
        (version,) = self.sql.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise StoreError(
                f"the store has schema {version} by now, this kgraph knows up to {VERSION}",
                where=str(self.path),
                mend="end this process, and start that of the newer version",
            )

    @contextmanager
    def trusting(self) -> Iterator[None]:
        """Let SQLite not look whether the rows exist that other rows name.

        For who writes millions of rows that name what it has found or made in the same
        transaction: looking takes a sixth of the time. `kgraph store check` looks at all of them.
        """
        self.sql.execute("PRAGMA foreign_keys = OFF")
        try:
            yield
        finally:
            self.sql.execute("PRAGMA foreign_keys = ON")

    @contextmanager
    def rehearsing(self) -> Iterator[sqlite3.Connection]:
        """Make changes that are taken back at the end."""
        with _in_plain_words(self.path), _Transaction(self.sql, "BEGIN IMMEDIATE", "ROLLBACK"):
            self._refuse_upgraded()
            yield self.sql


def earlier(path: Path, version: int) -> Path:
    """Return where a store is kept as it was before it was brought up from an older schema."""
    return path.with_name(f"{path.name}.schema-{version}")


def _free(wanted: Path) -> Path:
    """Return a name beside what was kept the last time, if a store was brought up before."""
    more = (wanted.with_name(f"{wanted.name}.{number}") for number in count(2))
    return next(name for name in chain((wanted,), more) if not name.exists())


def _copy(path: Path, to: Path) -> None:
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


class _Transaction:
    """A class, as a generator might be left suspended between BEGIN and its end by Ctrl-C."""

    def __init__(
        self,
        sql: sqlite3.Connection,
        begin: str,
        end: str,
        turn: AbstractContextManager[object] | None = None,
    ) -> None:
        self._sql, self._begin, self._end = sql, begin, end
        self._turn = turn or nullcontext()

    def __enter__(self) -> None:
        self._turn.__enter__()
        try:
            self._sql.execute(self._begin)
        except BaseException:
            self._turn.__exit__(None, None, None)
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._sql.execute(self._end)
        finally:
            try:
                if self._sql.in_transaction:  # an error above, or the end itself has failed
                    self._sql.execute("ROLLBACK")
            finally:
                self._turn.__exit__(None, None, None)


_TURNS: dict[Path, threading.Lock] = {}


def _turn_of(path: Path) -> threading.Lock:
    """Return what the threads of this process take turns by.

    SQLite lets who finds the file locked sleep for up to 100 ms; a thread wakes another at once.
    """
    return _TURNS.setdefault(path.absolute(), threading.Lock())


@contextmanager
def _in_plain_words(path: Path) -> Iterator[None]:
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
        raise StoreError(f"the store {what} ({error})", where=str(path), mend=mend) from error
