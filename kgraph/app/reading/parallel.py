"""Reading many sources at once: asked in threads, kept one at a time by the caller's thread.

What there is comes first: evidence is asked for, and put on entities, once every source that tells
of entities has been kept or has failed.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from typing import Protocol

from kgraph.app.reading.sync import Commitment, Job, Keep, Outcome, Reading, fault_in, kept
from kgraph.app.stored.turns import taken
from kgraph.config import Configuration
from kgraph.schema import KgraphError, Lease, SourceError
from kgraph.schema.timestamps import to_the_second
from kgraph.store import GraphStore

TTL = timedelta(seconds=30)  # of a source's lease: so long after a crash nobody else may read it
_LOOK_SECONDS = 0.5  # between two looks at deadlines and leases


class Progress(Protocol):
    """Shows which sources are being read."""

    def asked(self, title: str) -> None:
        """A source is asked."""

    def ended(self, title: str) -> None:
        """It was kept, or it failed."""


class Unseen:
    """Progress that nobody looks at."""

    def asked(self, title: str) -> None:
        """Show nothing."""

    def ended(self, title: str) -> None:
        """Show nothing."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many sources are asked at the same time.

    One that hangs costs almost nothing but its place. So whoever has not answered for a while
    gives it to the next: those that are well never wait for those that hang.

    Attributes:
        at_once: of which an answer is expected.
        aside: after so long a source no longer counts among them; it may answer all the same.
        at_most: in all, those that hang included.
    """

    at_once: int = 32
    aside: timedelta = timedelta(seconds=1)
    at_most: int = 512

    def admits(self, begun: Iterable[datetime], now: datetime) -> bool:
        """Tell whether one more may be asked, of those that were asked and have not answered."""
        ages = [now - each for each in begun]
        expected = sum(age < self.aside for age in ages)
        return expected < self.at_once and len(ages) < self.at_most


def crowd_of(configuration: Configuration) -> Crowd:
    """Return how many the configuration allows."""
    told = configuration.settings.sync
    return Crowd(told.at_once, timedelta(seconds=told.aside), told.at_most)


@dataclass(frozen=True, slots=True)
class Setting:
    """What sources are read with.

    Attributes:
        reading: the store, and whether it is changed.
        clock: the time in UTC; called in one thread.
        holder: who we are, for leases.
        progress: is told what goes on.
        crowd: how many are asked at the same time.
    """

    reading: Reading
    clock: Callable[[], datetime]
    holder: str
    progress: Progress = field(default_factory=Unseen)
    crowd: Crowd = field(default_factory=Crowd)


def sync(setting: Setting, jobs: Sequence[Job]) -> Iterator[Outcome]:
    """Read all sources; yield what became of each as it is done.

    A source that somebody else is reading is skipped. One that doesn't answer within its deadline
    has failed; its thread is left behind.
    """
    for wave in ([job for job in jobs if job.topology], [job for job in jobs if not job.topology]):
        yield from _Wave(setting, wave).run()


@dataclass
class _Asked:
    """A source that is being asked; `lease` is None where nothing is kept."""

    job: Job
    at: datetime
    lease: Lease | None


@dataclass(frozen=True, slots=True)
class _Answer:
    number: int
    keep: Keep | None = None
    error: KgraphError | None = None


class _Wave:
    """Sources whose order among themselves does not matter."""

    def __init__(self, setting: Setting, jobs: Sequence[Job]) -> None:
        self._setting, self._store = setting, setting.reading.store
        self._waiting = deque(enumerate(jobs))
        self._asked: dict[int, _Asked] = {}
        self._answers: SimpleQueue[_Answer] = SimpleQueue()

    def run(self) -> Iterator[Outcome]:
        """Yield the outcome of each source, as they come in."""
        try:
            while self._waiting or self._asked:
                while self._waiting and self._admits():
                    outcome = self._begin(*self._waiting.popleft())
                    if outcome is not None:
                        yield outcome
                for answer in self._arrived():
                    yield self._end(answer)
                yield from self._overdue()
                self._renew()
        finally:
            for asked in self._asked.values():
                self._release(asked)

    def _admits(self) -> bool:
        if not self._asked:
            return True
        begun = (asked.at for asked in self._asked.values())
        return self._setting.crowd.admits(begun, self._setting.clock())

    def _begin(self, number: int, job: Job) -> Outcome | None:
        """Ask a source in a thread of its own; return what hinders that."""
        now, lease = self._setting.clock(), None
        try:
            if self._setting.reading.commitment is Commitment.COMMIT:
                lease = acquire(self._store, job, self._setting.holder, now)
                if lease is None:
                    return Outcome(job.title, skipped=told_holder(self._store, job, now))
            self._asked[number] = _Asked(job, now, lease)
            job.learn(self._store)
        except KgraphError as error:
            return self._end(_Answer(number, error=error)) if lease else _failed(job, error)
        self._setting.progress.asked(job.title)
        threading.Thread(
            target=_ask,
            args=(job, now, number, self._answers),
            name=f"ask {job.title}",
            daemon=True,
        ).start()
        return None

    def _arrived(self) -> list[_Answer]:
        """Return what has come in, in the order of the configuration; wait a little for it."""
        if not self._asked:
            return []
        found = []
        try:
            found.append(self._answers.get(timeout=_LOOK_SECONDS))
            while True:
                found.append(self._answers.get_nowait())
        except Empty:
            pass
        in_time = [answer for answer in found if answer.number in self._asked]
        return sorted(in_time, key=lambda answer: answer.number)

    def _overdue(self) -> Iterator[Outcome]:
        now = self._setting.clock()
        for number, asked in list(self._asked.items()):
            if now - asked.at > asked.job.deadline:
                seconds = asked.job.deadline.total_seconds()
                error = SourceError(
                    f"no answer within {seconds:g} s",
                    where=asked.job.title,
                    mend="look for what hangs there, or give it more `deadline`",
                )
                yield self._end(_Answer(number, error=error))

    def _end(self, answer: _Answer) -> Outcome:
        """Keep an answer, or tell why there is none."""
        asked = self._asked[answer.number]
        reading = replace(self._setting.reading, at=asked.at)
        try:
            if answer.error is None and not self._still_ours(asked):
                told = told_holder(self._store, asked.job, self._setting.clock())
                return Outcome(asked.job.title, skipped=told)
            return kept(reading, asked.job, answer.keep, answer.error)
        except KgraphError as error:  # the store is busy, or away
            return _failed(asked.job, error)
        finally:
            del self._asked[answer.number]
            self._release(asked)
            self._setting.progress.ended(asked.job.title)

    def _still_ours(self, asked: _Asked) -> bool:
        """Tell whether nobody else reads it; a long commit may have let our lease run out."""
        now = self._setting.clock()
        if asked.lease is None or asked.lease.expires_at > now:
            return True
        asked.lease = acquire(self._store, asked.job, self._setting.holder, now)
        return asked.lease is not None

    def _renew(self) -> None:
        """Prolong the leases of those who take their time; one that is lost is seen at the end."""
        now = self._setting.clock()
        for asked in self._asked.values():
            if asked.lease is not None and asked.lease.expires_at - now < TTL * 2 / 3:
                with suppress(KgraphError):  # as of a busy store: it holds on, and may run out
                    asked.lease = self._store.renew(asked.lease, ttl=TTL, now=now) or asked.lease

    def _release(self, asked: _Asked) -> None:
        if asked.lease is not None:
            with suppress(KgraphError):  # it ends by itself
                self._store.release(asked.lease)


def acquire(store: GraphStore, job: Job, holder: str, now: datetime) -> Lease | None:
    """Take the right to read a source; None while somebody else does."""
    return taken(store, f"source:{job.title}", holder, TTL, now)


def told_holder(store: GraphStore, job: Job, now: datetime) -> str:
    """Say who reads a source at the moment."""
    for lease in store.leases(now=now):
        if lease.name == f"source:{job.title}":
            until = to_the_second(lease.expires_at)
            return f"is being read by {lease.holder}, whose lease ends at {until}"
    return "was being read by somebody else just now"


def _failed(job: Job, error: KgraphError) -> Outcome:
    return Outcome(job.title, failure=str(error))


def _ask(job: Job, at: datetime, number: int, answers: SimpleQueue[_Answer]) -> None:
    try:
        answers.put(_Answer(number, job.fetch(at)))
    except KgraphError as error:
        answers.put(_Answer(number, error=error))
    except Exception as error:  # noqa: BLE001 - see there
        answers.put(_Answer(number, error=fault_in(job, error)))
