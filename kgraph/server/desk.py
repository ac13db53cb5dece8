"""Threads that hold the store: nothing that waits for a disk or a server blocks the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack
from queue import SimpleQueue
from typing import Any, TypeVar

from kgraph.schema import Document, StoreBusyError
from kgraph.store import GraphStore

T = TypeVar("T")
Opening = Callable[[], AbstractContextManager[GraphStore]]
_Task = tuple[Callable[[GraphStore], Any], "Future[Any]"]
_MOST = 1_000  # questions that wait; more than that is refused, so that nothing grows for ever


class Desk:
    """Some threads, each with a connection of its own, opened when it is first needed."""

    def __init__(self, opening: Opening, threads: int, name: str) -> None:
        self._opening = opening
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._run, name=f"{name} {n}", daemon=True)
            for n in range(threads)
        ]

    def start(self) -> None:
        """Begin to answer."""
        for thread in self._threads:
            thread.start()

    def stop(self, within: float | None = None) -> None:
        """Answer what was asked before, then close the connections.

        Args:
            within: seconds, after which whoever still computes is left to the end of the process;
                for threads that only read.
        """
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join(within)

    def submit(self, work: Callable[[GraphStore], T]) -> Future[T]:
        """Let a thread do something with its store.

        Raises:
            StoreBusyError: too much waits already.
        """
        if self._tasks.qsize() >= _MOST:
            raise StoreBusyError("too many requests wait for the store", mend="try again later")
        future: Future[T] = Future()
        self._tasks.put((work, future))
        return future

    async def ask(self, work: Callable[[GraphStore], T]) -> T:
        """Return what a thread finds in its store; raises what `work` does."""
        return await asyncio.wrap_future(self.submit(work))

    def _run(self) -> None:
        with ExitStack() as stack:
            store: GraphStore | None = None
            while (task := self._tasks.get()) is not None:
                work, future = task
                if not future.set_running_or_notify_cancel():
                    continue  # whoever asked has left
                try:
                    if store is None:
                        store = stack.enter_context(self._opening())
                    future.set_result(work(store))
                except BaseException as error:  # noqa: BLE001 - it belongs to whoever asked
                    future.set_exception(error)


class GroupCommit:
    """Keeps documents durably; what comes in while one commit is written goes into the next."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = threading.Lock()
        self._waiting: list[tuple[Sequence[Document], Future[None]]] = []

    async def keep(self, documents: Sequence[Document]) -> None:
        """Return once they are in the store, come what may."""
        future: Future[None] = Future()
        with self._lock:
            self._waiting.append((documents, future))
            first = len(self._waiting) == 1
        if first:
            try:
                self._desk.submit(self._flush).add_done_callback(self._flushed)
            except StoreBusyError as error:
                self._fail(error)
        await asyncio.wrap_future(future)

    def _taken(self) -> list[tuple[Sequence[Document], Future[None]]]:
        with self._lock:
            taken, self._waiting = self._waiting, []
        return [row for row in taken if row[1].set_running_or_notify_cancel()]

    def _flushed(self, done: Future[None]) -> None:
        """Fail what waits where the store could not even be opened: nobody else would."""
        error = done.exception()
        if error is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        for _, future in self._taken():
            future.set_exception(error)

    def _flush(self, store: GraphStore) -> None:
        batch = self._taken()
        try:
            store.put([document for documents, _ in batch for document in documents])
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever posted
            for _, future in batch:
                future.set_exception(error)
        else:
            for _, future in batch:
                future.set_result(None)
