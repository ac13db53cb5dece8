"""Reading many sources at once: who waits for whom, who may read what, what a failure stops."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from kgraph.app.reading.parallel import TTL, Crowd, Setting, crowd_of, sync
from kgraph.app.reading.sync import Commitment, Job, Keep, Outcome, Reading, keep, unshown
from kgraph.config import Configuration, Settings
from kgraph.schema import Record, Snapshot, SourceError, StoreBusyError
from kgraph.store import Diff, GraphStore
from tests.stores import new_store

PATIENCE = 10.0


def clock() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    opened = new_store(tmp_path / "kgraph.db")
    yield opened
    opened.close()


@pytest.fixture
def hanging() -> Iterator[threading.Event]:
    """What a source waits for that hangs; it is let go at the end."""
    never = threading.Event()
    yield never
    never.set()
    for thread in threading.enumerate():
        if thread.name.startswith("ask "):
            thread.join(PATIENCE)


def setting(
    store: GraphStore,
    commitment: Commitment = Commitment.COMMIT,
    holder: str = "me",
    now: Callable[[], datetime] = clock,
) -> Setting:
    return Setting(Reading(store, clock(), commitment, unshown), now, holder)


def says(name: str, *, topology: bool = True) -> Job:
    """Return the job of a source that reports one host of its own name."""

    def fetch(_at: datetime) -> Keep:
        items = [Record(name, "Host")]
        return lambda reading: keep(reading, Snapshot(name, "", complete=True, items=iter(items)))

    return Job(name, fetch, topology=topology)


def waits_for(event: threading.Event, job: Job) -> Job:
    def fetch(at: datetime) -> Keep:
        assert event.wait(PATIENCE)
        return job.fetch(at)

    return replace(job, fetch=fetch)


def fails(title: str) -> Job:
    def fetch(_at: datetime) -> Keep:
        raise SourceError("refused", where=title)

    return Job(title, fetch, topology=True)


def by_source(outcomes: Iterator[Outcome]) -> dict[str, Outcome]:
    return {outcome.source: outcome for outcome in outcomes}


def hosts(store: GraphStore) -> set[str]:
    return {entity.name for entity in store.find()}


def test_sources_are_asked_at_the_same_time(store: GraphStore) -> None:
    both = threading.Barrier(2, timeout=PATIENCE)

    def meets(job: Job) -> Job:
        def fetch(at: datetime) -> Keep:
            both.wait()
            return job.fetch(at)

        return replace(job, fetch=fetch)

    done = by_source(sync(setting(store), [meets(says("a")), meets(says("b"))]))
    assert [each.failure for each in done.values()] == ["", ""]
    assert hosts(store) == {"a", "b"}


def test_one_that_hangs_fails_at_its_deadline_and_holds_up_no_other(
    store: GraphStore, hanging: threading.Event
) -> None:
    hung = replace(waits_for(hanging, says("hung")), deadline=timedelta(seconds=1))
    done = list(sync(setting(store), [hung, says("b")]))
    assert [outcome.source for outcome in done] == ["b", "hung"]
    assert done[1].failure.startswith("hung: no answer within 1 s; look for what hangs")
    assert hosts(store) == {"b"}
    assert store.leases(now=clock()) == []


def test_more_that_hang_than_are_asked_at_once_make_no_other_wait_for_their_deadline(
    store: GraphStore, hanging: threading.Event
) -> None:
    crowd = Crowd(at_once=2, aside=timedelta(seconds=0.1))
    hung = [
        replace(waits_for(hanging, says(f"hung{n}")), deadline=timedelta(seconds=3))
        for n in range(5)
    ]
    told = sync(replace(setting(store), crowd=crowd), [*hung, says("well")])
    assert next(told).source == "well", "all five hang in front of it"
    assert [each.failure.split(";")[0] for each in told] == [
        f"hung{n}: no answer within 3 s" for n in range(5)
    ]


@pytest.mark.parametrize(
    ("ages", "admits"),
    [([], True), ([0, 0], False), ([0, 5], True), ([5, 5, 5], True), ([5, 5, 5, 5], False)],
)
def test_a_crowd_counts_those_of_whom_an_answer_is_expected(
    ages: list[float], *, admits: bool
) -> None:
    """Two at once, four in all; who was asked 5 s ago stands aside."""
    now = clock()
    crowd = Crowd(at_once=2, aside=timedelta(seconds=1), at_most=4)
    assert crowd.admits((now - timedelta(seconds=age) for age in ages), now) is admits


def test_how_many_are_asked_is_a_matter_of_configuration() -> None:
    told = Settings.model_validate({"sync": {"at_once": 8, "aside": 0.5, "at_most": 64}})
    assert crowd_of(Configuration(told)) == Crowd(8, timedelta(seconds=0.5), 64)
    assert crowd_of(Configuration(Settings())) == Crowd()


def test_one_that_fails_is_told_and_stops_no_other(store: GraphStore) -> None:
    done = by_source(sync(setting(store), [fails("a"), says("b")]))
    assert done["a"].failure == "a: refused"
    assert done["b"].diff is not None
    assert hosts(store) == {"b"}


def test_what_a_failure_proves_and_cannot_be_kept_is_told_with_the_reason(
    store: GraphStore,
) -> None:
    def busy(*_: object) -> None:
        raise StoreBusyError("another process is writing to the store", mend="try again")

    (outcome,) = sync(setting(store), [replace(fails("a"), silence=busy)])
    told = "another process is writing to the store; try again"
    assert outcome.failure == f"a: refused (and that could not be kept: {told})"


def test_a_fault_of_the_program_in_one_source_stops_no_other(
    store: GraphStore, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_at: datetime) -> Keep:
        raise ZeroDivisionError("oops")

    done = by_source(sync(setting(store), [Job("a", broken, topology=True), says("b")]))
    assert "fault of the program: ZeroDivisionError: oops" in done["a"].failure
    assert hosts(store) == {"b"}
    assert "ZeroDivisionError" in "".join(capsys.readouterr())


def test_evidence_is_asked_for_after_all_that_tells_what_there_is_was_kept(
    store: GraphStore,
) -> None:
    seen: list[set[str]] = []

    def translate(reading: Reading) -> Diff:
        seen.append(hosts(reading.store))
        return Diff()

    alerts = Job("alerts", lambda _at: translate, learn=lambda known: seen.append(hosts(known)))
    list(sync(setting(store), [alerts, says("a"), says("b")]))
    assert seen == [{"a", "b"}, {"a", "b"}]


def test_a_source_that_somebody_else_reads_is_skipped_and_they_are_named(
    store: GraphStore,
) -> None:
    lease = store.acquire("source:a", "them@elsewhere:7", ttl=TTL, now=clock())
    assert lease is not None
    done = by_source(sync(setting(store), [says("a"), says("b")]))
    assert done["a"].skipped.startswith("is being read by them@elsewhere:7, whose lease ends at ")
    assert (done["a"].failure, done["a"].diff) == ("", None)
    assert hosts(store) == {"b"}
    store.release(lease)
    assert by_source(sync(setting(store), [says("a")]))["a"].diff is not None


def test_the_lease_of_a_source_is_held_while_it_is_asked_and_then_given_back(
    store: GraphStore,
) -> None:
    asked, go_on = threading.Event(), threading.Event()
    held: list[str] = []

    def learn(known: GraphStore) -> None:
        held.extend(lease.name for lease in known.leases(now=clock()))
        asked.set()
        go_on.set()

    job = replace(waits_for(go_on, says("a")), learn=learn)
    list(sync(setting(store), [job]))
    assert held == ["source:a"]
    assert store.leases(now=clock()) == []


def test_a_source_whose_reader_was_killed_while_the_clock_was_ahead_is_read(
    store: GraphStore,
) -> None:
    ahead = clock() + timedelta(days=300)
    assert store.acquire("source:a", "killed", ttl=TTL, now=ahead) is not None
    assert by_source(sync(setting(store), [says("a")]))["a"].diff is not None


def test_a_lease_that_was_lost_while_its_source_was_asked_keeps_nothing(
    store: GraphStore,
) -> None:
    times = iter([clock()])
    later = clock() + 2 * TTL

    def suspended() -> datetime:
        return next(times, later)

    def taken_over(_at: datetime) -> Keep:
        return says("a").fetch(_at)

    def learn(known: GraphStore) -> None:
        assert known.acquire("source:a", "other", ttl=TTL, now=later) is not None

    job = Job("a", taken_over, learn=learn, topology=True)
    (outcome,) = sync(setting(store, now=suspended), [job])
    assert outcome.skipped.startswith("is being read by other")
    assert hosts(store) == set()


class BusyWithLeases:
    """A store that another process writes to whenever a lease would be renewed or given back."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def renew(self, *_: object, **__: object) -> None:
        self.asked.append("renew")
        raise StoreBusyError("another process is writing to the store", mend="try again")

    def release(self, *_: object) -> None:
        self.asked.append("release")
        raise StoreBusyError("another process is writing to the store", mend="try again")


def test_a_store_that_is_busy_when_a_lease_is_renewed_stops_no_source(
    store: GraphStore, hanging: threading.Event
) -> None:
    """The lease holds on, or is taken anew when the source has answered; it ends by itself."""
    busy, began = BusyWithLeases(store), clock()
    times = iter([began, began])

    def late() -> datetime:
        return next(times, began + TTL / 2)

    def answers_once_it_was_tried(_at: datetime) -> Keep:
        while "renew" not in busy.asked:
            assert not hanging.wait(0.01)
        return says("a").fetch(_at)

    jobs = [Job("a", answers_once_it_was_tried, topology=True), says("b", topology=False)]
    done = by_source(sync(setting(cast(GraphStore, busy), now=late), jobs))
    assert [each.failure for each in done.values()] == ["", ""]
    assert set(busy.asked) == {"renew", "release"}
    assert hosts(store) == {"a", "b"}


def test_a_dry_run_takes_no_lease_and_changes_nothing(store: GraphStore) -> None:
    store.acquire("source:a", "them", ttl=TTL, now=clock())
    (outcome,) = sync(setting(store, Commitment.PREVIEW), [says("a")])
    assert outcome.diff is not None
    assert [change.name for change in outcome.diff.changes] == ["a"]
    assert hosts(store) == set()


def test_what_a_newer_reading_has_overtaken_is_skipped_and_no_failure(store: GraphStore) -> None:
    newer = clock() + timedelta(hours=1)
    with store.sync("a", "", complete=True, at=newer) as run:
        run.stage([Record("a", "Host")])
        run.commit()
    (outcome,) = sync(setting(store), [says("a")])
    assert "is stale" in outcome.skipped
    assert outcome.failure == ""


def test_ctrl_c_gives_the_leases_back_and_keeps_nothing(
    store: GraphStore, hanging: threading.Event
) -> None:
    def interrupted(_known: GraphStore) -> None:
        raise KeyboardInterrupt

    jobs = [waits_for(hanging, says("a")), replace(says("b"), learn=interrupted)]
    with pytest.raises(KeyboardInterrupt):
        list(sync(setting(store), jobs))
    assert store.leases(now=clock()) == []
    assert hosts(store) == set()
