"""The driver's connection to one database, and transactions on it that end in every case."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from types import TracebackType

from neo4j import Driver, GraphDatabase, NotificationMinimumSeverity, Session, Transaction

from kgraph.store._target import ServerStore

_CONNECT_SECONDS, _POOL_SECONDS = 5.0, 10.0


class Connection:
    """A driver that is made when it is first needed."""

    def __init__(self, target: ServerStore) -> None:
        self.target = target
        # Whichever member of a cluster answers has to know what we have seen and written before.
        self.bookmarks = GraphDatabase.bookmark_manager()
        self._driver: Driver | None = None

    def driver(self) -> Driver:
        """Return the driver; nothing is sent yet."""
        if self._driver is None:
            self._driver = GraphDatabase.driver(
                self.target.url,
                auth=(self.target.user, self.target.password) if self.target.user else None,
                user_agent="kgraph",
                connection_timeout=_CONNECT_SECONDS,
                connection_acquisition_timeout=_POOL_SECONDS,
                notifications_min_severity=NotificationMinimumSeverity.OFF,
                telemetry_disabled=True,
            )
        return self._driver

    def session(self, access: str) -> OpenSession:
        """Return a session, for a `with`."""
        return OpenSession(self, access)

    def transaction(self, access: str, timeout: timedelta) -> OpenTransaction:
        """Return a transaction, for a `with`; leaving that without a commit takes it back."""
        return OpenTransaction(self, access, timeout)

    def close(self) -> None:
        """Hang up; the server takes back what was open. The next use connects again."""
        driver, self._driver = self._driver, None
        if driver is not None:
            driver.close()


class OpenSession:
    """A class, as a generator might be left suspended by Ctrl-C."""

    def __init__(self, connection: Connection, access: str) -> None:
        self._connection, self._access = connection, access
        self._session: Session | None = None

    def __enter__(self) -> Session:
        self._session = self._connection.driver().session(
            database=self._connection.target.database,
            default_access_mode=self._access,
            bookmark_manager=self._connection.bookmarks,
        )
        return self._session

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        session, self._session = self._session, None
        if session is None:
            return
        cut = _interruption(error)
        if cut is None:
            session.close()
            return
        # Ctrl-C may have come in the middle of a message: nothing more can be said on this line.
        with contextlib.suppress(Exception):
            self._connection.close()
        with contextlib.suppress(Exception):
            session.close()
        if cut is not error:
            raise cut


def _interruption(error: BaseException | None) -> BaseException | None:
    """Return what cut us off: the driver may fail, while it cleans up, of what Ctrl-C has left."""
    while error is not None and isinstance(error, Exception):
        error = error.__context__
    return error


class OpenTransaction:
    """One transaction in a session of its own."""

    def __init__(self, connection: Connection, access: str, timeout: timedelta) -> None:
        self._session, self._timeout = OpenSession(connection, access), timeout

    def __enter__(self) -> Transaction:
        session = self._session.__enter__()
        try:
            return session.begin_transaction(timeout=self._timeout.total_seconds())
        except BaseException as error:
            self._session.__exit__(type(error), error, None)
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._session.__exit__(kind, error, trace)
