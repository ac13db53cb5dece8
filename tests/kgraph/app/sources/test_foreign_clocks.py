"""Logs and spans of machines whose clocks are off: told of, and dated by ours."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kgraph.app.reading.sync import Commitment, Job, Reading, keep, unshown
from kgraph.app.sources import Context, jobs
from kgraph.config import load
from kgraph.schema import Observation, Record, Snapshot
from kgraph.store.sqlite import SqliteStore
from tests.kgraph.written import append, call

NOW = datetime(2026, 11, 28, 14, 0, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OFFSETS = pytest.mark.parametrize("offset", [-8 * MINUTE, -2 * MINUTE, 4 * MINUTE])


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    found = SqliteStore.open(tmp_path / "kgraph.db")
    kept = [Record(name, "Service", name) for name in ("shop", "cart")]
    snapshot = Snapshot("cmdb", "dc1", complete=True, items=iter(kept))
    keep(Reading(found, NOW, Commitment.COMMIT, unshown), snapshot)
    return found


def _job(folder: Path, entry: str) -> Job:
    (folder / "kgraph.toml").write_text(f"[[sources]]\n{entry}")
    (job,) = jobs(Context(load(cwd=folder, environ={})))
    return job


def _read(job: Job, store: SqliteStore, at: datetime) -> tuple[str, ...]:
    """Read once, as a watch does at that moment; return what people are told."""
    return job.fetch(at)(Reading(store, at, Commitment.COMMIT, unshown)).findings


def _abnormal(store: SqliteStore, at: datetime) -> list[Observation]:
    return [row for row in store.evidence(now=at).observations if row.abnormal]


def _minutes(
    job: Job, store: SqliteStore, write: Callable[[datetime], None], minutes: int
) -> tuple[datetime, set[str]]:
    """Let somebody write, and read every 15 seconds; return the time, and what was told."""
    at, told = NOW, set[str]()
    for step in range(minutes * 4):
        at = NOW + step * timedelta(seconds=15)
        write(at - timedelta(seconds=1))
        told |= set(_read(job, store, at))
    return at, told


@OFFSETS
def test_a_log_of_a_machine_whose_clock_is_off_is_read_as_if_it_were_right(
    tmp_path: Path, store: SqliteStore, offset: timedelta
) -> None:
    log = tmp_path / "app.log"
    log.write_text("")
    job = _job(tmp_path, 'type = "logs"\nname = "h1"\nfiles = ["app.log"]\n')
    broke_at = NOW + 42 * MINUTE

    def write(at: datetime) -> None:
        stamp = (at + offset).isoformat(timespec="seconds")
        lines = [f"{stamp} h1 shop[7]: served {n} in 3 ms" for n in range(3)]
        if at >= broke_at:
            lines.append(f"{stamp} h1 shop[7]: error: cannot reach the database")
        append(log, lines)

    with closing(store):
        at, told = _minutes(job, store, write, 45)
        (seen,) = _abnormal(store, at)
    assert seen.detector == "detect/log_new/h1"
    assert seen.at is not None
    assert abs(seen.at - broke_at) < 1.6 * MINUTE  # it is dated by the minute
    (line,) = {each for each in told if "clock" in each}
    way = "ahead of ours" if offset > timedelta(0) else "behind ours"
    assert line.startswith("the clock of host h1 is about")
    assert way in line


@pytest.mark.parametrize("offset", [-8 * MINUTE, 4 * MINUTE])
def test_spans_of_a_service_whose_clock_is_off_are_dated_by_ours(
    tmp_path: Path, store: SqliteStore, offset: timedelta
) -> None:
    spans = tmp_path / "spans.json"
    spans.write_text("")
    job = _job(tmp_path, 'type = "calls"\nname = "all"\npath = "spans.json"\n')
    slow_at = NOW + 16 * MINUTE
    count = iter(range(10**6))

    def write(at: datetime) -> None:
        slow = 400 if at >= slow_at else 20
        append(spans, [call(at + offset, slow + n % 3, next(count)) for n in range(5)])

    with closing(store):
        at, told = _minutes(job, store, write, 21)
        (seen,) = _abnormal(store, at)
    assert (seen.detector, seen.signal) == ("detect/call_latency/all", "latency")
    assert seen.at is not None
    assert abs(seen.at - slow_at) < 5 * MINUTE  # the newest of the minutes that were slow
    assert any("the clock of service shop" in line for line in told)


def test_right_clocks_are_not_told_of(tmp_path: Path, store: SqliteStore) -> None:
    log = tmp_path / "app.log"
    log.write_text("")
    job = _job(tmp_path, 'type = "logs"\nname = "h1"\nfiles = ["app.log"]\n')

    def write(at: datetime) -> None:
        append(log, [f"{at.isoformat(timespec='seconds')} h1 shop[7]: served 1 in 3 ms"])

    with closing(store):
        _, told = _minutes(job, store, write, 3)
    assert told == set()
