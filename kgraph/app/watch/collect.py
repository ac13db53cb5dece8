"""Asking the sources again and again: each in a thread of its own.

One that hangs holds up no other, and none of them touches the store: what they bring is laid into
a queue, and the loop keeps it. None is asked again while its last answer still lies there: where
the store is slower than the sources, they are asked less often, and what is known stays new.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue

from kgraph.app.reading.sync import Job, Keep, fault_in, note
from kgraph.schema import KgraphError, Snapshot
from kgraph.sourcekit import Listening

_SLOWEST = 8  # times its interval is the longest that a failing source is left alone
_GRACE = timedelta(seconds=1)  # for threads to end; one that hangs in a library is left behind


def _nobody_waits() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer of a source, or that it gave none, or what it told unasked.

    Attributes:
        at: when it was asked, or told.
        keep: brings the answer into the store; None where there is none.
        error: why there is none.
        asked: False for an event: it answers no question.
        shown: what an event shows by itself.
        taken: called once it has left the queue.
    """

    job: Job
    at: datetime
    keep: Keep | None = None
    error: KgraphError | None = None
    asked: bool = True
    shown: Snapshot | None = None
    taken: Callable[[], None] = field(default=_nobody_waits, repr=False, compare=False)


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
            asker.stop()
        deadline = self._clock() + _GRACE
        for asker in self._askers:
            asker.join(max(0.0, (deadline - self._clock()).total_seconds()))

    def heard(self) -> list[Heard]:
        """Return what came in, oldest first; what events of one source show, together."""
        self._news.clear()
        found: list[Heard] = []
        with suppress(Empty):
            while True:
                found.append(self._heard.get_nowait())
        for each in found:
            each.taken()
        return _together(found)

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
            self.put(Heard(job, self._clock(), asked=False, shown=shown))

    def pause(self, job: Job, failures: int) -> float:
        """Return the seconds until a source is asked again."""
        times: int = min(2 ** max(0, failures - 1), _SLOWEST)
        return job.every.total_seconds() * times * self._jitter()


def _together(found: Iterable[Heard]) -> list[Heard]:
    """Make one of what events of a source show, up to its next answer: a thousand guests may stop.

    None is put before an answer that came first: that may bring what the event is about.
    """
    runs: list[list[Heard]] = []
    latest: dict[str, list[Heard]] = {}
    for each in found:
        run = latest.get(each.job.title)
        if run is None or each.shown is None or run[-1].shown is None:
            run = latest[each.job.title] = []
            runs.append(run)
        run.append(each)
    return [_one(run) for run in runs]


def _one(run: Sequence[Heard]) -> Heard:
    shown = [each.shown for each in run if each.shown is not None]
    if not shown:
        return run[0]
    newest = max(run, key=lambda each: each.at)
    return replace(newest, keep=lambda reading: note(reading, shown))


class _Asker(threading.Thread):
    """One source's thread."""

    def __init__(self, job: Job, to: Collector) -> None:
        super().__init__(name=f"ask {job.title}", daemon=True)
        self._job, self._to = job, to
        self._stopping, self._wake = threading.Event(), threading.Event()
        self._anew = threading.Event()  # an event has said that anything may have changed
        self._taken = threading.Event()  # what was put last has left the queue
        self._taken.set()
        self._parts: SimpleQueue[Hashable] = SimpleQueue()

    def stop(self) -> None:
        """Ask no more; it ends by itself, unless its source hangs."""
        self._stopping.set()
        self._wake.set()
        self._taken.set()

    def anew(self) -> None:
        """Have everything read, whatever was read before."""
        self._anew.set()
        self._wake.set()

    def run(self) -> None:
        listening = self._listen()
        failures = 0
        try:
            while self._goes_on():
                self._anew.clear()
                heard = self._to.ask(self._job)
                failures = failures + 1 if heard.error else 0
                if self._stopping.is_set():
                    return  # nobody keeps it any more
                self._put(heard)
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
        while self._goes_on() and not self._anew.is_set():
            self._wake.clear()
            parts = self._named()
            if parts and failed:
                return  # an event shows that it may answer again
            if parts:
                heard = self._to.ask(self._job, parts)
                if heard.error is not None:
                    return
                self._put(heard)
            left = due - time.monotonic()
            if left <= 0:
                return
            if self._parts.empty() and not self._anew.is_set() and not self._stopping.is_set():
                self._wake.wait(left)

    def _goes_on(self) -> bool:
        """Wait until the last answer has left the queue; tell whether to ask any more.

        What events name meanwhile is read together.
        """
        self._taken.wait()
        return not self._stopping.is_set()

    def _put(self, heard: Heard) -> None:
        self._taken.clear()
        self._to.put(replace(heard, taken=self._taken.set))
        if self._stopping.is_set():
            self._taken.set()  # it may have been told so before we cleared this

    def _named(self) -> list[Hashable]:
        """Return what events have named since, each once."""
        found: dict[Hashable, None] = {}
        with suppress(Empty):
            while True:
                found[self._parts.get_nowait()] = None
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
                self._wake.set()

        try:
            return self._job.listen(tell)
        except KgraphError:
            return None  # what keeps us from listening keeps us from asking, and is told there
        except Exception as error:  # noqa: BLE001 - it is asked all the same
            fault_in(self._job, error)
            return None
