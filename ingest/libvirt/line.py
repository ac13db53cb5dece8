"""A connection in a thread of its own, for calls that may hang.

A call into libvirt can't be interrupted, and others on the same connection may freeze beside one
that hangs, whatever they ask. So each call that may hang has a connection to itself. One that
overran its time is left behind: it holds a thread here and a worker of libvirtd until the guest
that it waits for goes on or dies, and is then cleared away. Who uses lines bounds their number.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TypeVar

from ingest.libvirt.binding import Connection, Driver

A = TypeVar("A")
_Work = Callable[[Connection], None]


class Line:
    """One connection, made on the first call; one call at a time.

    Args:
        driver: how to connect.
        uri: where to.
    """

    def __init__(self, driver: Driver, uri: str) -> None:
        self._driver, self._uri = driver, uri
        self._work: SimpleQueue[_Work | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._left_behind = False

    @property
    def hanging(self) -> bool:
        """Whether a call has overrun its time and not come back yet."""
        return self._left_behind and self._thread is not None and self._thread.is_alive()

    @property
    def spent(self) -> bool:
        """Whether it takes no further call: one has overrun its time, or it was closed."""
        return self._left_behind

    def call(self, ask: Callable[[Connection], A], seconds: float) -> A:
        """Return what `ask` answers, in at most `seconds`, connecting included.

        Raises:
            TimeoutError: it overran its time; from then on the line is spent.
            driver.error: what libvirt says; also of connecting.
        """
        if self._left_behind:
            raise TimeoutError
        outcome: SimpleQueue[A | BaseException] = SimpleQueue()

        def work(connection: Connection) -> None:
            try:
                outcome.put(ask(connection))
            except BaseException as error:  # noqa: BLE001 - raised in the caller's thread
                outcome.put(error)

        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, args=(outcome.put,), name=f"libvirt {self._uri}", daemon=True
            )
            self._thread.start()
        self._work.put(work)
        try:
            result = outcome.get(timeout=seconds)
        except Empty:
            self.close()
            raise TimeoutError from None
        if isinstance(result, BaseException):
            raise result
        return result

    def close(self) -> None:
        """Hang up, now or as soon as the call in progress comes back; does not wait for it."""
        self._left_behind = True
        self._work.put(None)

    def join(self, seconds: float) -> None:
        """Wait for the thread to end, for at most so long."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self, failed: Callable[[BaseException], None]) -> None:
        try:
            connection = self._driver.open(self._uri)
        except BaseException as error:  # noqa: BLE001 - raised in the caller's thread
            self._left_behind = True
            failed(error)
            return
        try:
            while (work := self._work.get()) is not None and not self._left_behind:
                work(connection)
                del work  # it may hold objects of the connection
        finally:
            with suppress(self._driver.error):
                connection.close()
