"""Asking the sources again and again: each in a thread of its own.

One that hangs holds up no other, and none of them touches the store: what they bring is laid into
a queue, and the loop keeps it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue

from kgraph.app.reading.sync import Job, Keep, fault_in, note
from kgraph.schema import KgraphError, Snapshot
from kgraph.sourcekit import Listening

_SLOWEST = 8  # times its interval is the longest that a failing source is left alone
_GRACE = timedelta(seconds=1)  # for threads to end; one that hangs in a library is left behind


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer of a source, or that it gave none, or what it told unasked.

    Attributes:
        at: when it was asked, or told.
        keep: brings the answer into the store; None where there is none.
        error: why there is none.
        asked: False for an event: it answers no question.
    """

    job: Job
    at: datetime
    keep: Keep | None = None
    error: KgraphError | None = None
    asked: bool = True


class Collector:
    """Threads that ask; `heard` hands over what came in since it was last called."""

    def __init__(
        self, jobs: Iterable[Job], clock: Callable[[], datetime], jitter: Callable[[], float]
    ) -> None:
        """Prepare; nothing is asked before `start`.

        Args:
            jobs: what to read.
            clock: the time in UTC; called from several threads.
            jitter: a factor near 1 for each wait, so that sources are not asked in step.
        """
        self._clock, self._jitter = clock, jitter
        self._heard: SimpleQueue[Heard] = SimpleQueue()
        self._news = threading.Event()
        self._askers = [_Asker(job, self) for job in jobs]

    def start(self) -> None:
        """Ask all sources at once, and go on asking."""
        for asker in self._askers:
            asker.start()

    def ask_anew(self) -> None:
        """Ask all sources at once, before they are due."""
        for asker in self._askers:
            asker.anew()

    def stop(self) -> None:
        """Ask no more; returns within about a second, whatever hangs."""
        for asker in self._askers:
            asker.stopping.set()
            asker.wake.set()
        deadline = self._clock() + _GRACE
        for asker in self._askers:
            asker.join(max(0.0, (deadline - self._clock()).total_seconds()))

    def heard(self) -> list[Heard]:
        """Return what came in, oldest first."""
        self._news.clear()
        found = []
        while True:
            try:
                found.append(self._heard.get_nowait())
            except Empty:
                return found

    def wait(self, span: timedelta) -> None:
        """Return as soon as something came in, at the latest after `span`."""
        self._news.wait(span.total_seconds())

    def nudge(self) -> None:
        """Let `wait` return at once: something came in elsewhere."""
        self._news.set()

    def ask(self, job: Job, parts: Sequence[Hashable] = ()) -> Heard:
        """Ask one source now, in the caller's thread; with `parts`, of those alone."""
        at = self._clock()
        try:
            if parts and job.fetch_parts is not None:
                return Heard(job, at, job.fetch_parts(parts, at), asked=False)
            return Heard(job, at, job.fetch(at))
        except KgraphError as error:
            return Heard(job, at, error=error)
        except Exception as error:  # noqa: BLE001 - see there
            return Heard(job, at, error=fault_in(job, error))

    def put(self, heard: Heard) -> None:
        """Lay something into the queue."""
        self._heard.put(heard)
        self._news.set()

    def tell(self, job: Job, shown: Snapshot | None) -> None:
        """Take what an event itself shows."""
        if shown is not None:
            self.put(Heard(job, self._clock(), lambda reading: note(reading, shown), asked=False))

    def pause(self, job: Job, failures: int) -> float:
        """Return the seconds until a source is asked again."""
        times: int = min(2 ** max(0, failures - 1), _SLOWEST)
        return job.every.total_seconds() * times * self._jitter()


class _Asker(threading.Thread):
    """One source's thread."""

    def __init__(self, job: Job, to: Collector) -> None:
        super().__init__(name=f"ask {job.title}", daemon=True)
        self._job, self._to = job, to
        self.stopping, self.wake = threading.Event(), threading.Event()
        self._anew = threading.Event()  # an event has said that anything may have changed
        self._parts: SimpleQueue[Hashable] = SimpleQueue()

    def anew(self) -> None:
        """Have everything read, whatever was read before."""
        self._anew.set()
        self.wake.set()

    def run(self) -> None:
        listening = self._listen()
        failures = 0
        try:
            while not self.stopping.is_set():
                self._anew.clear()
                heard = self._to.ask(self._job)
                failures = failures + 1 if heard.error else 0
                if self.stopping.is_set():
                    return  # nobody keeps it any more
                self._to.put(heard)
                self._attend(self._to.pause(self._job, failures), failed=failures > 0)
        finally:
            if listening is not None:
                listening.stop()
            self._job.close()

    def _attend(self, seconds: float, *, failed: bool) -> None:
        """Read what events name, until everything is due again, or an event asks for it.

        Whole readings and parts are read by this one thread: so none overtakes another.
        """
        due = time.monotonic() + seconds
        while not self.stopping.is_set() and not self._anew.is_set():
            self.wake.clear()
            parts = self._named()
            if parts and failed:
                return  # an event shows that it may answer again
            if parts:
                heard = self._to.ask(self._job, parts)
                if heard.error is not None:
                    return
                self._to.put(heard)
            left = due - time.monotonic()
            if left <= 0:
                return
            if self._parts.empty() and not self._anew.is_set() and not self.stopping.is_set():
                self.wake.wait(left)

    def _named(self) -> list[Hashable]:
        """Return what events have named since, each once."""
        found: dict[Hashable, None] = {}
        while True:
            try:
                found[self._parts.get_nowait()] = None
            except Empty:
                return list(found)

    def _listen(self) -> Listening | None:
        """Have events told, and the source asked of what they name, or anew."""
        if self._job.listen is None:
            return None

        def tell(shown: Snapshot | None, part: Hashable | None = None) -> None:
            self._to.tell(self._job, shown)
            if part is None or self._job.fetch_parts is None:
                self.anew()
            else:
                self._parts.put(part)
                self.wake.set()

        try:
            return self._job.listen(tell)
        except KgraphError:
            return None  # what keeps us from listening keeps us from asking, and is told there
        except Exception as error:  # noqa: BLE001 - it is asked all the same
            fault_in(self._job, error)
            return None
