"""One SQLite file: opening it safely, its transactions, and its errors in plain words."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from kgraph.schema import StoreError
from kgraph.store.sqlite.ddl import APPLICATION_ID, DDL, MIGRATIONS, VERSION
from kgraph.store.sqlite.errors import in_plain_words
from kgraph.store.sqlite.files import connected, copy, earlier, free, make
from kgraph.store.sqlite.surroundings import refuse_network

_TRIES, _PAUSE_SECONDS = 100, 0.01


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
            make(path)
        with in_plain_words(path):
            connection = connected(path, "ro" if read_only else "rwc", wait)
        database = cls(path, connection, read_only=read_only)
        try:
            with in_plain_words(path):
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
        with in_plain_words(path):
            connection = connected(path, "ro", timedelta(seconds=5))
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
            copy(self.path, free(earlier(self.path, before)))
            for version in range(before + 1, VERSION + 1):
                self._run(MIGRATIONS[version])
            self.sql.execute(f"PRAGMA user_version = {VERSION}")

    def _run(self, script: str) -> None:
        for statement in script.split(";\n"):  # executescript() would commit
            self.sql.execute(statement)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """See one state of the store throughout."""
        with in_plain_words(self.path), _Transaction(self.sql, "BEGIN", "ROLLBACK"):
            yield self.sql

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Change everything in the block or nothing."""
        turn = _turn_of(self.path)
        with in_plain_words(self.path), _Transaction(self.sql, "BEGIN IMMEDIATE", "COMMIT", turn):
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
        with in_plain_words(self.path), _Transaction(self.sql, "BEGIN IMMEDIATE", "ROLLBACK"):
            self._refuse_upgraded()
            yield self.sql


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
