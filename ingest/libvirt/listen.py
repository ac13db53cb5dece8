"""Listening to one libvirt connection: what happens there is told as it happens.

A thread per connection tells what arrives, and connects again when the connection is lost; one
more runs libvirt's event loop for the whole process. Read-only, as everything here.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Any

from ingest.libvirt.binding import load_library
from ingest.libvirt.event_loop import EVENT_LOOP
from ingest.libvirt.events import Event, EventKind, observations_of
from ingest.libvirt.subscription import Subscription
from kgraph.schema.errors import one_line

__all__ = ["Event", "EventKind", "Listener", "observations_of"]

_PATIENCE_SECONDS = 5.0  # without a connection for so long, it is told as lost
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.2, 15.0
_STOP_SECONDS = 3.0
_random = random.SystemRandom().random


@dataclass(frozen=True, slots=True)
class _Connected:
    subscription: Subscription


@dataclass(frozen=True, slots=True)
class _Failed:
    why: str


@dataclass(frozen=True, slots=True)
class _Closed:
    """`attempt` is that of the connection: a late word of an old one must not end the new."""

    attempt: int
    why: str


class _Stop:
    """Asks the thread to end."""


class Listener:
    """Tells what one libvirt connection says, from `start` to `stop`.

    Args:
        uri: the connection.
        tell: called in the listener's thread, one event after the other; may take its time.
        clock: dates the events.
        jitter: a number in [0, 1) that spreads the attempts of many listeners.
        library: libvirt's binding; None: libvirt-python.

    Raises:
        SourceError: the binding is missing.
    """

    def __init__(
        self,
        uri: str,
        tell: Callable[[Event], None],
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        jitter: Callable[[], float] = _random,
        library: Any = None,  # noqa: ANN401 - libvirt has no types
    ) -> None:
        self.uri = uri
        self._tell, self._clock, self._jitter = tell, clock, jitter
        self._library = load_library() if library is None else library
        self._inbox: SimpleQueue[_Connected | _Failed | _Closed | _Stop | Event] = SimpleQueue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"listen {uri}", daemon=True)
        self._attempts = 0
        self._lost = False

    def start(self) -> None:
        """Begin to listen; returns at once, whether or not there is a connection."""
        self._thread.start()

    def stop(self) -> None:
        """Tell nothing more. A libvirt call that hangs is left behind, and ends by itself."""
        self._stopping.set()
        self._inbox.put(_Stop())
        self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        EVENT_LOOP.acquire(self._library)
        pause = _FIRST_PAUSE_SECONDS
        try:
            while not self._stopping.is_set():
                subscription = self._connect()
                if subscription is not None:
                    pause = _FIRST_PAUSE_SECONDS
                    self._listen(subscription)
                self._stopping.wait(pause * (0.5 + self._jitter()))
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        finally:
            self._drain()
            EVENT_LOOP.release(self._library)

    def _connect(self) -> Subscription | None:
        """Wait until one attempt has ended; one that hangs is told, and none is made beside it."""
        self._attempts += 1
        threading.Thread(
            target=self._attempt, args=(self._attempts,), name=f"connect {self.uri}", daemon=True
        ).start()
        while not self._stopping.is_set():
            try:
                message = self._inbox.get(timeout=_PATIENCE_SECONDS)
            except Empty:
                self._tell_lost(f"no answer within {_PATIENCE_SECONDS:g} s")
                continue
            if isinstance(message, _Connected):
                return message.subscription
            if isinstance(message, _Failed):
                self._tell_lost(message.why)
                return None
        return None

    def _attempt(self, number: int) -> None:
        """Connect; runs in a thread of its own, since it may hang."""
        library = self._library

        def closed(why: str) -> None:
            self._inbox.put(_Closed(number, why))

        try:
            found = Subscription(library, self.uri, self._inbox.put, closed, self._clock)
        except Exception as error:  # noqa: BLE001 - told by the listener's thread
            self._inbox.put(_Failed(f"cannot connect: {one_line(error)}"))
            return
        self._inbox.put(_Connected(found))
        if self._stopping.is_set():  # perhaps nobody empties the inbox any longer
            found.close()

    def _listen(self, subscription: Subscription) -> None:
        """Tell events until the connection is lost or the listener is stopped."""
        self._lost = False
        message: object = Event(self.uri, self._clock(), EventKind.BACK, detail="connected")
        while not self._stopping.is_set():
            if isinstance(message, Event):
                self._tell(message)
            elif isinstance(message, _Closed) and message.attempt == self._attempts:
                self._tell_lost(message.why)
                break
            message = self._inbox.get()
        subscription.close()

    def _tell_lost(self, why: str) -> None:
        if not self._lost:
            self._lost = True
            self._tell(Event(self.uri, self._clock(), EventKind.LOST, detail=why))

    def _drain(self) -> None:
        """Close what an attempt left in the inbox."""
        while not self._inbox.empty():
            message = self._inbox.get()
            if isinstance(message, _Connected):
                message.subscription.close()
