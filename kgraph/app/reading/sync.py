"""Reading sources into the store: each all or nothing, one failing source stops no other."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol

from kgraph.logs import logger
from kgraph.schema import (
    Item,
    KgraphError,
    Observation,
    Snapshot,
    SourceError,
    StaleReadingError,
)
from kgraph.schema.errors import as_fault
from kgraph.sourcekit import Listening
from kgraph.store import Diff, GraphStore, Shrink

REDATED = "a clock was ahead: what is dated later than now is taken for now"
Show = Callable[[str, Iterable[Item]], Iterator[Item]]  # shows progress, passes items on

_log = logger(__name__)


class Commitment(Enum):
    """Whether a reading is kept."""

    COMMIT = "commit"
    PREVIEW = "preview"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one source.

    Attributes:
        diff: what changed, or would; None where the source failed.
        failure: why it could not be read, one line; empty where it could.
        skipped: why it was left alone: somebody else reads it, or has read it meanwhile.
    """

    source: str
    diff: Diff | None = None
    failure: str = ""
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a job is run with."""

    store: GraphStore
    at: datetime
    commitment: Commitment
    show: Show
    shrink: Shrink = Shrink.HOLD
    priority: int | None = None


Keep = Callable[[Reading], Diff]  # brings what was read into the store; KgraphError: nothing was


class Tell(Protocol):
    """Takes what a source tells unasked."""

    def __call__(self, shown: Snapshot | None, part: Hashable | None = None) -> None:
        """Take an event.

        Args:
            shown: what it shows by itself, if anything.
            part: what the job can read alone to see all that has changed; None: it must read all.
        """


def _says_nothing(_store: GraphStore, _error: KgraphError, _at: datetime) -> None:
    return None


def _learns_nothing(_store: GraphStore) -> None:
    return None


def _holds_nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Job:
    """One source to read.

    Attributes:
        title: what to call it in front of a person.
        fetch: asks the source at a moment and returns what keeps its answer. It touches no store,
            so it may run, and hang, in a thread of its own; raises KgraphError.
        silence: what a failed connection itself proves at a moment, or None.
        every: between two readings, while it is watched.
        topology: whether it tells what there is.
        priority: whom to believe where sources differ: the higher.
        deadline: one that has not answered by then has failed; `kgraph sync` waits no longer.
        listen: begins to listen to the source's events, where it has any; after each of them the
            source is asked anew. Events are told from other threads.
        fetch_parts: as `fetch`, for what events have named alone; None: it always reads all.
        learn: looks into the store for what to ask next; whoever holds the store calls it before
            the first `fetch`. A job that needs it also learns whenever its answer is kept.
        close: lets go of what it keeps between two readings; who asks no more calls it.
    """

    title: str
    fetch: Callable[[datetime], Keep]
    silence: Callable[[GraphStore, KgraphError, datetime], Snapshot | None] = _says_nothing
    every: timedelta = timedelta(minutes=1)
    topology: bool = False
    priority: int | None = None
    deadline: timedelta = timedelta(minutes=1)
    listen: Callable[[Tell], Listening] | None = None
    fetch_parts: Callable[[Sequence[Hashable], datetime], Keep] | None = None
    learn: Callable[[GraphStore], None] = _learns_nothing
    close: Callable[[], None] = _holds_nothing


def unshown(_title: str, items: Iterable[Item]) -> Iterator[Item]:
    """Pass items on and show nothing."""
    return iter(items)


def keep(reading: Reading, snapshot: Snapshot) -> Diff:
    """Bring one snapshot into the store, or say what that would change.

    Raises:
        KgraphError: bad input or a busy store; then nothing was changed.
    """
    title = f"{snapshot.source} {snapshot.scope}"
    source, scope, complete = snapshot.source, snapshot.scope, snapshot.complete
    with reading.store.sync(
        source,
        scope,
        complete=complete,
        at=reading.at,
        shrink=reading.shrink,
        priority=reading.priority,
    ) as run:
        run.stage(reading.show(title, snapshot.items))
        diff = run.preview() if reading.commitment is Commitment.PREVIEW else run.commit()
    return diff.with_findings(snapshot.findings) if snapshot.findings else diff


def note(reading: Reading, shown: Iterable[Snapshot]) -> Diff:
    """Keep what events show of things that their source has told of before; in one commit.

    It is no reading of the scope: it closes nothing, and overtakes no reading that is under way.
    """
    rows = []
    for each in shown:
        for item in each.items:
            if isinstance(item, Observation):
                uid = reading.store.locate(each.source, item.entity)
                if isinstance(uid, str):
                    rows.append(replace(item, entity=uid))
    if reading.commitment is Commitment.COMMIT and rows:
        reading.store.observe(rows)
    return Diff(observed=len(rows))


def kept(
    reading: Reading, job: Job, answer: Keep | None, error: KgraphError | None = None
) -> Outcome:
    """Bring a source's answer into the store, or what it proves that there is none."""
    diff = None
    try:
        if answer is not None:
            diff = answer(replace(reading, priority=job.priority))
    except StaleReadingError as stale:
        return Outcome(job.title, skipped=str(stale))
    except KgraphError as caught:
        error = caught
    if error is not None or diff is None:
        failure = f"{error}{keep_silence(reading, job, error)}" if error else "no answer"
        _log.info("source failed", source=job.title, failure=failure)
        return Outcome(job.title, failure=failure)
    _log.info("source read", source=job.title, **_counts(diff))
    return Outcome(job.title, diff)


def _counts(diff: Diff) -> dict[str, int]:
    return {
        "created": len(diff.created),
        "updated": len(diff.updated),
        "closed": len(diff.closed),
        "observed": diff.observed,
        "pending": len(diff.pending),
    }


def keep_silence(reading: Reading, job: Job, error: KgraphError) -> str:
    """Keep what the failure itself proves; say what could not be kept."""
    try:
        snapshot = job.silence(reading.store, error, reading.at)
        if snapshot is not None:
            keep(reading, snapshot)
    except KgraphError as other:
        return f" (and that could not be kept: {other})"
    return ""


def fault_in(job: Job, error: Exception) -> SourceError:
    """Log a fault of the program in one source, which must not hold up the others; return it told.

    Only while it is handled: the log has its traceback.
    """
    _log.exception("fault of the program while a source was read", source=job.title)
    mend = "please report it; the log has the traceback"
    return SourceError(as_fault(error), where=job.title, mend=mend)
