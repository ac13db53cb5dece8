"""One database of a Neo4j server: opening it safely, and its transactions.

Writers take turns: each begins by locking one node. Readers wait for nobody, but Neo4j applies a
commit bit by bit, and a reader could see half of it. So a writer announces its commit at a gate
just before, and leaves the gate after it; a reader that finds the gate busy, or changed when it is
done, reads again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Self, TypeVar

from neo4j import READ_ACCESS, WRITE_ACCESS
from neo4j.exceptions import DriverError, IncompleteCommit, Neo4jError

from kgraph.schema import NoStoreError, StoreError
from kgraph.store._target import ServerStore
from kgraph.store.neo4j import schema
from kgraph.store.neo4j.connection import Connection
from kgraph.store.neo4j.errors import busy, in_plain_words, is_lock_wait
from kgraph.store.neo4j.statements import Statements

T = TypeVar("T")

_TRIES, _PAUSE_SECONDS = 4, 0.1
_LOOKS, _LOOK_SECONDS = 400, 0.01  # at a gate that is busy: a commit takes milliseconds
_HEAL_AFTER = 30  # looks, before we see whether its writer has died
_LOCK = "MATCH (meta:_KgMeta {id: 0}) SET meta.lock = true RETURN meta.schema"
_AT_GATE = "MATCH (gate:_KgGate {id: 0}) RETURN gate.entering, gate.entered"
_ENTER = "MATCH (gate:_KgGate {id: 0}) SET gate.entering = $ticket"
_LEAVE = """\
MATCH (gate:_KgGate {id: 0})
SET gate.lock = true
SET gate.entered = CASE WHEN gate.entered < $ticket THEN $ticket ELSE gate.entered END"""


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
        self._gate: int | None = None  # as it was last seen, free

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

    def read(self, work: Callable[[Statements], T]) -> T:
        """Return what `work` finds; it sees one state of the store throughout.

        `work` may be called again, so it must do nothing but read.
        """
        with in_plain_words(self.target):
            for look in range(_LOOKS):
                seen = self._retried(partial(self._look, work))
                if seen is not None:
                    return seen[0]
                if look % _HEAL_AFTER == _HEAL_AFTER - 1:
                    self._heal()
                time.sleep(_LOOK_SECONDS)
        raise busy(self.target)

    def uids(self, text: str, **parameters: object) -> list[str]:
        """Return the column `uid` of one statement, sorted, in one round trip where that can be.

        A look-up of one name is asked for thousands of times. The gate is read behind an
        aggregation, which ends only after everything before it was read.
        """
        whole = f"CALL () {{\n{text}\n}}\nWITH collect(DISTINCT uid) AS uids\n{_AT_GATE}, uids"

        def look(statements: Statements) -> list[str] | None:
            row = statements.one(whole, **parameters)
            free = row is not None and row[0] == row[1] == self._gate
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
            raise NoStoreError(
                "there is no store in this database yet",
                where=self.target.title,
                mend="fill one with `kgraph sync` or `kgraph ingest`",
            )
        with in_plain_words(self.target):
            self._create()

    def _create(self) -> None:
        """Make what a new store needs; several who do so at once all succeed."""
        for text in self._alone(schema.missing):
            self._retried(partial(self._in_transaction, _run(text)))

        def first(statements: Statements) -> None:
            statements.rows(schema.GATE)
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
                if not error.is_retryable():
                    raise
                time.sleep(_PAUSE_SECONDS * 2**number)
        return attempt()

    def _look(self, work: Callable[[Statements], T]) -> tuple[T] | None:
        """Read once; None when a commit may have come in between.

        A gate that is still as it was after an earlier reading has not been passed since: so it
        need not be looked at before this one, too.
        """

        def guarded(statements: Statements) -> tuple[T] | None:
            if self._gate is None:
                self._gate = _free_gate(statements)
            if self._gate is None:
                return None
            before = self._gate
            try:
                found = work(statements)
            except DriverError:
                raise
            except Exception:
                # Half of a commit makes no sense: was it that?
                self._gate = _free_gate(statements)
                if self._gate == before:
                    raise
                return None
            self._gate = _free_gate(statements)
            return (found,) if self._gate == before else None

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
                self._through_gate(statements, transaction.commit)
            else:
                transaction.commit()
        return found

    def _through_gate(self, statements: Statements, commit: Callable[[], None]) -> None:
        row = statements.one(_AT_GATE)
        assert row is not None  # noqa: S101 - `_create` has made it, nobody deletes it
        ticket = max(row) + 1
        self._in_transaction(_run(_ENTER, ticket=ticket))
        commit()
        self._in_transaction(_run(_LEAVE, ticket=ticket))

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

    def _heal(self) -> None:
        """Free a gate whose writer has died: whoever holds the lock knows that nobody commits."""
        if self._read_only:
            return

        def free(statements: Statements) -> None:
            row = statements.one(_AT_GATE)
            if row is not None and row[0] != row[1]:
                statements.rows(_LEAVE, ticket=row[0])

        self._locked(free, keep=True, whole=False)


def _run(text: str, **parameters: object) -> Callable[[Statements], None]:
    def work(statements: Statements) -> None:
        statements.rows(text, **parameters)

    return work


def _free_gate(statements: Statements) -> int | None:
    """Return the ticket of the last commit; None while one is under way."""
    row = statements.one(_AT_GATE)
    return int(row[0]) if row is not None and row[0] == row[1] else None
