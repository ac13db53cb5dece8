"""One database of a Neo4j server: opening it safely, and its transactions.

Writers take turns: each begins by locking one node. Readers wait for nobody; what keeps them from
seeing a part of a commit is the turnstile.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Self, TypeVar

from neo4j import READ_ACCESS, WRITE_ACCESS
from neo4j.exceptions import DriverError, IncompleteCommit, Neo4jError

from kgraph.schema import NoStoreError, StoreError
from kgraph.store._target import ServerStore
from kgraph.store.neo4j import schema, turnstile
from kgraph.store.neo4j.connection import Connection
from kgraph.store.neo4j.errors import (
    busy,
    in_plain_words,
    is_lock_wait,
    is_read_only,
    is_too_large,
)
from kgraph.store.neo4j.statements import Statements
from kgraph.store.neo4j.turnstile import (
    enter,
    free,
    last_ticket,
    leave,
    looking_back,
    next_ticket,
)

T = TypeVar("T")

_TRIES, _PAUSE_SECONDS = 4, 0.1
_LOOKS, _LOOK_SECONDS = 400, 0.01  # at a turnstile that is busy: a commit takes milliseconds
_FREE_AFTER = 30  # looks, before we see whether its writer has died
_LOCK = "MATCH (meta:_KgMeta {id: 0}) SET meta.lock = true RETURN meta.schema"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait.

    Attributes:
        lock: for another process that writes.
        read, write: for one transaction of ours, as the server counts it.
    """

    lock: timedelta = timedelta(seconds=10)
    read: timedelta = timedelta(seconds=60)
    write: timedelta = timedelta(minutes=10)


class Database:
    """The connection to one database; one transaction at a time."""

    def __init__(self, target: ServerStore, *, read_only: bool, patience: Patience) -> None:
        self.target, self._read_only, self._patience = target, read_only, patience
        self._connection = Connection(target)
        self._ticket: int | None = None  # as it was last seen, free

    @classmethod
    def open(cls, target: ServerStore, *, read_only: bool, patience: Patience) -> Self:
        """Connect, and refuse a store that isn't ours to touch; make one unless `read_only`."""
        database = cls(target, read_only=read_only, patience=patience)
        try:
            database._prepare()
        except BaseException:
            database.close()
            raise
        return database

    @classmethod
    def version_of(cls, target: ServerStore, patience: Patience) -> int:
        """Return the version of a database's schema, 0 where there is none."""
        database = cls(target, read_only=True, patience=patience)
        try:
            with in_plain_words(target):
                return database._retried(partial(database._alone, schema.version_of))
        finally:
            database.close()

    def read(self, work: Callable[[Statements], T], *, looks: int = _LOOKS) -> T:
        """Return what `work` finds; it sees one state of the store throughout.

        Args:
            work: may be called again, so it must do nothing but read.
            looks: how often to begin anew when somebody commits meanwhile; what reads very much
                begins seldom, as it keeps the server busy for nobody.
        """
        with in_plain_words(self.target):
            for look in range(looks):
                seen = self._retried(partial(self._look, work))
                if seen is not None:
                    return seen[0]
                if look % _FREE_AFTER == _FREE_AFTER - 1 and not self._free_turnstile():
                    return self._retried(partial(self._alone, work))  # what is there stays
                time.sleep(_LOOK_SECONDS)
        raise busy(self.target)

    def uids(self, text: str, **parameters: object) -> list[str]:
        """Return the column `uid` of one statement, sorted, in one round trip where that can be.

        A look-up of one name is asked for thousands of times.
        """
        whole = looking_back(text)

        def look(statements: Statements) -> list[str] | None:
            row = statements.one(whole, **parameters)
            free = row is not None and row[0] == row[1] == self._ticket
            return sorted(row[2]) if row and free else None

        with in_plain_words(self.target):
            found = self._retried(partial(self._alone, look))
        if found is not None:
            return found
        rows = self.read(lambda statements: statements.rows(text, **parameters))
        return sorted({str(uid) for (uid,) in rows})

    def glance(self, work: Callable[[Statements], T]) -> T:
        """Return what `work` finds on nodes that are written one by one."""
        with in_plain_words(self.target):
            return self._retried(partial(self._alone, work))

    def write(self, work: Callable[[Statements], T], *, whole: bool = True) -> T:
        """Change everything that `work` changes, or nothing.

        Args:
            work: may be called again when the server asks for it.
            whole: whether readers must not see a part of it; False for a single node.
        """
        with in_plain_words(self.target):
            return self._retried(lambda: self._locked(work, keep=True, whole=whole))

    def rehearse(self, work: Callable[[Statements], T]) -> T:
        """Return what `work` would; its changes are taken back."""
        with in_plain_words(self.target):
            return self._retried(lambda: self._locked(work, keep=False, whole=False))

    def close(self) -> None:
        """Give up the connection."""
        self._connection.close()

    def _prepare(self) -> None:
        with in_plain_words(self.target):
            version = self._retried(partial(self._alone, schema.version_of))
        if version > schema.VERSION:
            raise StoreError(
                f"the store has schema {version}, this kgraph knows up to {schema.VERSION}",
                where=self.target.title,
                mend="upgrade kgraph",
            )
        if version == schema.VERSION:
            return
        if self._read_only:
            raise self._unreadable(version)
        with in_plain_words(self.target):
            self._create()
            if version:
                self._retried(partial(self._in_transaction, _migrate))

    def _unreadable(self, version: int) -> StoreError:
        if not version:
            return NoStoreError(
                "there is no store in this database yet",
                where=self.target.title,
                mend="fill one with `kgraph sync` or `kgraph ingest`",
            )
        return StoreError(
            f"the store has schema {version}, this kgraph reads {schema.VERSION}",
            where=self.target.title,
            mend="`kgraph store migrate` brings it up",
        )

    def _create(self) -> None:
        """Make what a new store needs; several who do so at once all succeed."""
        for text in self._alone(schema.missing):
            self._retried(partial(self._in_transaction, _run(text)))

        def first(statements: Statements) -> None:
            statements.rows(turnstile.CREATE)
            statements.rows(schema.META, version=schema.VERSION)

        self._retried(lambda: self._in_transaction(first))

    def _retried(self, attempt: Callable[[], T]) -> T:
        """Try again what has surely changed nothing and may work the next time."""
        for number in range(_TRIES - 1):
            try:
                return attempt()
            except IncompleteCommit:
                raise  # it may have been kept
            except (Neo4jError, DriverError) as error:
                if not error.is_retryable() or is_too_large(error):
                    raise
                time.sleep(_PAUSE_SECONDS * 2**number)
        return attempt()

    def _look(self, work: Callable[[Statements], T]) -> tuple[T] | None:
        """Read once; None when a commit may have come in between.

        A ticket that is the last one still has been so ever since it was seen: so nobody need look
        before the reading, too.
        """

        def guarded(statements: Statements) -> tuple[T] | None:
            if self._ticket is None:
                self._ticket = last_ticket(statements)
            if self._ticket is None:
                return None
            before = self._ticket
            try:
                found = work(statements)
            except DriverError:
                raise
            except Exception:
                # Half of a commit makes no sense: was it that?
                self._ticket = last_ticket(statements)
                if self._ticket == before:
                    raise
                return None
            self._ticket = last_ticket(statements)
            return (found,) if self._ticket == before else None

        return self._alone(guarded)

    def _alone(self, work: Callable[[Statements], T]) -> T:
        with self._connection.session(READ_ACCESS) as session:
            return work(Statements.alone(session, self._patience.read))

    def _in_transaction(self, work: Callable[[Statements], T]) -> T:
        with self._connection.transaction(WRITE_ACCESS, self._patience.write) as transaction:
            found = work(Statements.inside(transaction))
            transaction.commit()
        return found

    def _locked(self, work: Callable[[Statements], T], *, keep: bool, whole: bool) -> T:
        """Do `work` as the only writer."""
        if self._read_only:
            raise StoreError(
                "the store cannot be written: it was opened for reading",
                where=self.target.title,
                mend="open it for writing",
            )
        self._wait_for_lock()
        with self._connection.transaction(WRITE_ACCESS, self._patience.write) as transaction:
            statements = Statements.inside(transaction)
            self._lock(statements)
            found = work(statements)
            if not keep:
                transaction.rollback()
            elif whole:
                self._through_turnstile(statements, transaction.commit)
            else:
                transaction.commit()
        return found

    def _through_turnstile(self, statements: Statements, commit: Callable[[], None]) -> None:
        ticket = next_ticket(statements)
        self._in_transaction(lambda own: enter(own, ticket))
        commit()
        with suppress(Neo4jError, DriverError):
            # It is kept, and must not be done again. Who finds us still inside lets us out.
            self._retried(lambda: self._in_transaction(lambda own: leave(own, ticket)))

    def _lock(self, statements: Statements) -> None:
        row = statements.one(_LOCK)
        if row is None or row[0] != schema.VERSION:
            raise StoreError(
                "the store was removed or upgraded meanwhile",
                where=self.target.title,
                mend="start again",
            )

    def _wait_for_lock(self) -> None:
        """See that nobody else holds the lock for too long.

        A transaction has one timeout for all of its statements, so waiting has its own.
        """
        try:
            with self._connection.transaction(WRITE_ACCESS, self._patience.lock) as transaction:
                self._lock(Statements.inside(transaction))
                transaction.rollback()
        except Neo4jError as error:
            if is_lock_wait(error):
                raise busy(self.target) from error
            raise

    def _free_turnstile(self) -> bool:
        """Let out a writer that has died; False: nobody can write here, so nobody is inside."""
        if not self._read_only:
            try:
                self._locked(free, keep=True, whole=False)
            except Neo4jError as error:
                if not is_read_only(error):
                    raise
                return False
        return True


def _run(text: str, **parameters: object) -> Callable[[Statements], None]:
    def work(statements: Statements) -> None:
        statements.rows(text, **parameters)

    return work


def _migrate(statements: Statements) -> None:
    statements.rows(_LOCK)
    schema.migrate(statements)
