"""Each source is asked in a thread of its own, and none of them touches the store."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest

from kgraph.app.reading.sync import Commitment, Job, Keep, Reading, Tell, unshown
from kgraph.app.watch.collect import Collector, Heard
from kgraph.schema import Observation, Record, Snapshot, SourceError, State
from kgraph.store import Diff
from tests.stores import new_store

PATIENCE = 30.0
QUICK = timedelta(milliseconds=1)
Collect = Callable[..., Collector]


def clock() -> datetime:
    return datetime.now(UTC)


def seen(guest: str) -> Observation:
    return Observation(guest, "down", State.ABNORMAL, at=clock(), detector="a")


def answers(_at: datetime) -> Keep:
    return lambda _reading: Diff()


def refuses(_at: datetime) -> Keep:
    raise SourceError("refused", where="somewhere")


@pytest.fixture
def collect() -> Iterator[Collect]:
    started: list[Collector] = []

    def run(*jobs: Job) -> Collector:
        collector = Collector(jobs, clock, lambda: 1.0)
        started.append(collector)
        collector.start()
        return collector

    yield run
    for collector in started:
        collector.stop()


def wait(collector: Collector, enough: Callable[[list[Heard]], bool]) -> list[Heard]:
    found: list[Heard] = []
    end = clock() + timedelta(seconds=PATIENCE)
    while not enough(found):
        assert clock() < end, found
        collector.wait(timedelta(seconds=0.1))
        found += collector.heard()
    return found


def test_a_source_is_asked_again_and_again(collect: Collect) -> None:
    heard = wait(collect(Job("a", answers, every=QUICK)), lambda found: len(found) >= 3)
    assert all(row.keep is not None and row.error is None for row in heard)
    assert heard[0].at < heard[1].at < heard[2].at


def test_none_is_asked_again_before_its_last_answer_was_taken(collect: Collect) -> None:
    asked = list[datetime]()

    def fetch(at: datetime) -> Keep:
        asked.append(at)
        return answers(at)

    collector = collect(Job("slow to keep", fetch, every=QUICK))
    collector.wait(timedelta(seconds=PATIENCE))
    time.sleep(0.2)  # two hundred times its interval
    assert len(asked) == 1
    assert [row.at for row in collector.heard()] == asked
    collector.wait(timedelta(seconds=PATIENCE))
    time.sleep(0.2)
    assert len(asked) == 2
    before = clock()
    collector.stop()
    assert clock() - before < timedelta(seconds=0.9), "it must not wait for who takes no more"


def test_what_events_name_while_an_answer_waits_is_read_together(collect: Collect) -> None:
    events = Events()
    collector = collect(events.in_parts())
    collector.wait(timedelta(seconds=PATIENCE))  # its whole answer lies in the queue
    assert events.tell is not None
    for part in ("guest-1", "guest-2", "guest-1"):
        events.tell(None, part)
    time.sleep(0.1)
    assert not events.named
    wait(collector, lambda found: any(not row.asked for row in found))
    assert events.named == [["guest-1", "guest-2"]]


def test_one_that_hangs_holds_up_no_other_and_not_the_end(collect: Collect) -> None:
    release = threading.Event()

    def hangs(_at: datetime) -> Keep:
        release.wait(PATIENCE)
        return answers(_at)

    collector = collect(Job("stuck", hangs), Job("well", answers, every=QUICK))
    heard = wait(collector, lambda found: len(found) >= 3)
    assert {row.job.title for row in heard} == {"well"}
    before = clock()
    collector.stop()
    assert clock() - before < timedelta(seconds=PATIENCE / 2)
    release.set()


def test_a_refusal_is_heard_and_the_source_is_asked_again_later(collect: Collect) -> None:
    heard = wait(collect(Job("a", refuses, every=QUICK)), lambda found: len(found) >= 2)
    assert all(row.keep is None and "refused" in str(row.error) for row in heard)


def test_a_source_that_fails_is_left_alone_longer_each_time_but_not_for_ever() -> None:
    collector = Collector((), clock, lambda: 1.0)
    job = Job("a", refuses, every=timedelta(seconds=10))
    assert [collector.pause(job, n) for n in (0, 1, 2, 3, 4, 50)] == [10, 10, 20, 40, 80, 80]


def test_a_bug_in_one_source_is_told_and_ends_nothing(
    collect: Collect, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_at: datetime) -> Keep:
        raise ZeroDivisionError("oops")

    heard = wait(collect(Job("a", broken, every=QUICK)), lambda found: len(found) >= 2)
    assert "fault of the program: ZeroDivisionError: oops" in str(heard[0].error)
    assert "ZeroDivisionError" in "".join(capsys.readouterr())


class Events:
    """A source with events; `tell` is what it tells them with, `named` what was read of them."""

    def __init__(self) -> None:
        self.tell: Tell | None = None
        self.named: list[list[Hashable]] = []
        self.stopped = threading.Event()

    def listen(self, tell: Tell) -> Events:
        self.tell = tell
        return self

    def stop(self) -> None:
        self.stopped.set()

    def fetch_parts(self, parts: Sequence[Hashable], _at: datetime) -> Keep:
        self.named.append(list(parts))
        return lambda _reading: Diff()

    def in_parts(self) -> Job:
        """Return the job of a source of which what an event names can be read alone."""
        whole = Job("a", answers, every=timedelta(hours=1), listen=self.listen)
        return replace(whole, fetch_parts=self.fetch_parts)


def test_an_event_is_heard_at_once_and_has_the_source_asked_anew(collect: Collect) -> None:
    events = Events()
    job = replace(Job("a", answers), every=timedelta(hours=1), listen=events.listen)
    collector = collect(job)
    wait(collector, lambda found: len(found) == 1)
    assert events.tell is not None
    events.tell(Snapshot("a", "", complete=False, items=iter(())))
    wait(collector, lambda found: len(found) == 2)
    events.tell(None)
    wait(collector, lambda found: len(found) == 1)
    collector.stop()
    assert events.stopped.wait(PATIENCE)


def test_what_a_thousand_events_show_is_one_commit(tmp_path: Path) -> None:
    guests = [f"guest-{n}" for n in range(1_000)]
    store = new_store(tmp_path / "kgraph.db")
    with store.sync("a", "", complete=True, at=clock()) as run:
        run.stage(Record(guest, "VirtualMachine", guest) for guest in guests)
        run.commit()
    collector = Collector((), clock, lambda: 1.0)
    for guest in guests:
        collector.tell(
            Job("a", answers), Snapshot("a", "", complete=False, items=iter([seen(guest)]))
        )
    shown = collector.heard()
    observed = store.observe
    with patch.object(store, "observe", side_effect=observed) as commits:
        for row in shown:
            assert row.keep is not None
            row.keep(Reading(store, row.at, Commitment.COMMIT, unshown))
    assert len(store.evidence(now=clock()).observations) == len(guests)
    assert commits.call_count == len(shown) == 1
    store.close()


def test_what_events_show_after_an_answer_is_kept_after_it() -> None:
    collector, job = Collector((), clock, lambda: 1.0), Job("a", answers)
    collector.tell(job, Snapshot("a", "", complete=False, items=iter([seen("before")])))
    collector.put(Heard(job, clock(), answers(clock())))
    for guest in ("after", "and after"):
        collector.tell(job, Snapshot("a", "", complete=False, items=iter([seen(guest)])))
    assert [row.asked for row in collector.heard()] == [False, True, False]


def test_what_an_event_names_is_read_alone_and_the_whole_is_left_for_later(
    collect: Collect,
) -> None:
    events = Events()
    collector = collect(events.in_parts())
    wait(collector, lambda found: len(found) == 1)
    assert events.tell is not None
    events.tell(None, "guest-1")
    (heard,) = wait(collector, lambda found: len(found) == 1)
    assert (events.named, heard.asked, heard.error) == ([["guest-1"]], False, None)


def test_when_what_an_event_names_cannot_be_read_alone_the_whole_is_read(
    collect: Collect,
) -> None:
    events = Events()

    def fetch_parts(_parts: Sequence[Hashable], _at: datetime) -> Keep:
        raise SourceError("hangs", where="a")

    job = replace(
        Job("a", answers), every=timedelta(hours=1), listen=events.listen, fetch_parts=fetch_parts
    )
    collector = collect(job)
    wait(collector, lambda found: len(found) == 1)
    assert events.tell is not None
    events.tell(None, "guest-1")
    (heard,) = wait(collector, lambda found: len(found) == 1)
    assert heard.asked
    assert heard.error is None


def test_what_an_event_names_has_a_source_asked_anew_that_failed_last(collect: Collect) -> None:
    events, asked = Events(), 0

    def comes_back(at: datetime) -> Keep:
        nonlocal asked
        asked += 1
        return refuses(at) if asked == 1 else answers(at)

    job = replace(
        Job("a", comes_back),
        every=timedelta(hours=1),
        listen=events.listen,
        fetch_parts=lambda _parts, at: answers(at),
    )
    collector = collect(job)
    (first,) = wait(collector, lambda found: len(found) == 1)
    assert first.error is not None
    assert events.tell is not None
    events.tell(None, "guest-1")
    (heard,) = wait(collector, lambda found: len(found) == 1)
    assert (heard.asked, heard.error) == (True, None)


def test_a_source_that_cannot_even_be_listened_to_is_asked(collect: Collect) -> None:
    def stumbles(_tell: Tell) -> None:
        raise OSError("too many open files")

    (heard,) = wait(collect(Job("a", answers, listen=stumbles)), bool)
    assert heard.error is None
