"""The job that samples guests: where it is made, and that it keeps nothing open."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kgraph.app.reading.parallel import Setting, sync
from kgraph.app.reading.sync import Commitment, Reading, unshown
from kgraph.app.sources import Context, jobs, watched_jobs
from kgraph.config import Configuration, LibvirtSource, Settings
from kgraph.store import GraphStore
from tests.stores import new_store

NOW = datetime(2026, 11, 23, 3, 8, tzinfo=UTC)
MOCK = "test:///default"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    with closing(new_store(tmp_path / "kgraph.db")) as opened:
        yield opened


def context(*, counters: bool = True) -> Context:
    source = LibvirtSource(type="libvirt", uri=MOCK, counters=counters, counters_every=3)
    return Context(Configuration(Settings(sources=(source,))))


def test_only_a_watch_samples_since_one_sample_says_nothing() -> None:
    read = [job.title for job in jobs(context())]
    watched = watched_jobs(context())
    assert [job.title for job in watched] == [*read, f"libvirt-stats {MOCK}"]
    assert watched[-1].every == timedelta(seconds=3)
    assert not watched[-1].topology
    assert [job.title for job in watched_jobs(context(counters=False))] == read


@pytest.mark.libvirt
def test_samples_overtake_no_reading_that_began_before_them(store: GraphStore) -> None:
    whole, sampled = watched_jobs(context())
    began = Reading(store, NOW, Commitment.COMMIT, unshown)
    read = whole.fetch(NOW)
    read(began)
    slow = whole.fetch(NOW + timedelta(seconds=10))
    for second in (11, 13, 15):
        at = NOW + timedelta(seconds=second)
        once = Reading(store, at, Commitment.COMMIT, unshown)
        (outcome,) = sync(Setting(once, lambda at=at: at, "test"), [sampled])
        assert outcome.failure == ""
        assert outcome.diff is not None
        assert outcome.diff.findings == ()
    slow(Reading(store, NOW + timedelta(seconds=10), Commitment.COMMIT, unshown))
    sampled.close()


@pytest.mark.libvirt
def test_a_sample_of_guests_that_nothing_has_told_of_yet_is_no_riddle(store: GraphStore) -> None:
    sampled = watched_jobs(context())[-1]
    first = sampled.fetch(NOW)(Reading(store, NOW, Commitment.COMMIT, unshown))
    sampled.close()
    assert first.findings == ()


@pytest.mark.libvirt
def test_a_closed_job_holds_no_thread_and_may_be_asked_again() -> None:
    before = set(threading.enumerate())
    sampled = watched_jobs(context())[-1]
    for _ in range(2):
        sampled.fetch(NOW)
        sampled.close()
    assert set(threading.enumerate()) == before
