"""libvirt's event loop: one thread runs it for the whole process, while anybody listens."""

from __future__ import annotations

import threading
from typing import Any


class EventLoop:
    """Counts who needs the loop: the first starts its thread, the last ends it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def acquire(self, library: Any) -> None:  # noqa: ANN401 - libvirt has no types
        """Have the loop run from now on."""
        with self._lock:
            self._users += 1
            if self._users > 1:
                return
            self._stopping.clear()
            self._thread = threading.Thread(
                target=self._run, args=(library,), name="libvirt events", daemon=True
            )
            self._thread.start()

    def release(self, library: Any) -> None:  # noqa: ANN401 - libvirt has no types
        """Need the loop no longer; close connections first: the loop frees what they leave."""
        with self._lock:
            self._users -= 1
            if self._users or self._thread is None:
                return
            self._stopping.set()
            # A timer that is due wakes the loop, so that it sees the flag.
            timer = library.virEventAddTimeout(0, _nothing, None)
            self._thread.join()
            self._thread = None
            library.virEventRemoveTimeout(timer)

    def _run(self, library: Any) -> None:  # noqa: ANN401 - libvirt has no types
        while not self._stopping.is_set():
            library.virEventRunDefaultImpl()


def _nothing(_timer: int, _opaque: object) -> None:
    return


EVENT_LOOP = EventLoop()
