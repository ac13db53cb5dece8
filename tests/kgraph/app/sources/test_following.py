"""Logs and spans that grow: nothing of them is lost, whatever the store or a rotation does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from ingest.detect import logs
from kgraph.app.reading.sync import Commitment, Job, Reading, keep, unshown
from kgraph.app.sources import Context, jobs
from kgraph.config import load
from kgraph.schema import Record, Snapshot, StoreAwayError, StoreBusyError
from kgraph.store import GraphStore
from kgraph.store.sqlite import SqliteStore
from tests.kgraph.written import append, call

NOW = datetime(2026, 11, 28, 14, 0, 5, tzinfo=UTC)
STEP, MINUTE = timedelta(seconds=15), timedelta(minutes=1)
LOGS = 'type = "logs"\nname = "h1"\nfiles = ["*.log"]\n'
CALLS = 'type = "calls"\nname = "shop"\npath = "app.log"\n'


class Busy:
    """A store that another process writes to."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def observe(self, *_: object) -> None:
        raise StoreBusyError("another process is writing to the store", mend="try again")

    def put(self, *_: object) -> None:
        self.observe()


class Away(Busy):
    """A store whose server is away: it cannot be asked, either."""

    def named(self, *_: object) -> None:
        raise StoreAwayError("the server is away", mend="start it")

    def observe(self, *_: object) -> None:
        self.named()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    found = SqliteStore.open(tmp_path / "kgraph.db")
    yield found
    found.close()


def _job(folder: Path, entry: str) -> Job:
    (folder / "kgraph.toml").write_text(f"[[sources]]\n{entry}")
    (job,) = jobs(Context(load(cwd=folder, environ={})))
    return job


def _read(job: Job, store: SqliteStore | Busy, at: datetime) -> tuple[str, ...]:
    return job.fetch(at)(_reading(store, at)).findings


def _reading(store: SqliteStore | Busy, at: datetime) -> Reading:
    return Reading(cast("GraphStore", store), at, Commitment.COMMIT, unshown)


def _taken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the hosts of the lines that are taken in from now on."""
    hosts: list[str] = []
    take = logs.take

    def noted(memory: logs.Memory, lines: Sequence[logs.Line], now: float) -> logs.Activity:
        hosts.extend(line.host for line in lines)
        return take(memory, lines, now)

    monkeypatch.setattr(logs, "take", noted)
    return hosts


def _killed(host: str) -> str:
    return (
        f"{NOW.isoformat(timespec='seconds')} {host} kernel: Out of memory: Killed process 7 (x)"
    )


def _told(job: Job, store: SqliteStore, at: datetime) -> list[str]:
    """Return the hosts of which it is told that the graph does not know them."""
    found = (line for line in _read(job, store, at) if line.endswith("which is unknown"))
    return sorted(line.partition("host=")[2].partition(",")[0] for line in found)


def test_lines_that_a_busy_store_did_not_take_are_read_again(
    tmp_path: Path, store: SqliteStore
) -> None:
    log = tmp_path / "app.log"
    append(log, [_killed("h1")])
    job = _job(tmp_path, LOGS)
    assert _told(job, store, NOW) == ["h1"]
    append(log, [_killed("h2")])
    with pytest.raises(StoreBusyError):
        _read(job, Busy(store), NOW + 5 * STEP)
    assert _told(job, store, NOW + 6 * STEP) == ["h2"]


def test_lines_that_came_while_the_store_was_away_are_read_once_it_is_back(
    tmp_path: Path, store: SqliteStore
) -> None:
    log = tmp_path / "app.log"
    append(log, [_killed("h1")])
    job = _job(tmp_path, LOGS)
    _read(job, store, NOW)
    for number in (2, 3):
        append(log, [_killed(f"h{number}")])
        with pytest.raises(StoreAwayError):
            _read(job, Away(store), NOW + number * MINUTE)
    append(log, [_killed("h4")])
    assert _told(job, store, NOW + 4 * MINUTE) == []  # it goes back first
    assert _told(job, store, NOW + 5 * MINUTE) == ["h2", "h3", "h4"]


def test_what_was_read_while_the_store_was_busy_is_taken_once_and_in_order(
    tmp_path: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked in a thread of its own, which goes on while nothing can be kept."""
    log = tmp_path / "app.log"
    append(log, [_killed("h1")])
    job = _job(tmp_path, LOGS)
    _read(job, store, NOW)
    hosts = _taken(monkeypatch)
    keeps = []
    for number in (2, 3):
        append(log, [_killed(f"h{number}")])
        keeps.append(job.fetch(NOW + number * MINUTE))
    with pytest.raises(StoreBusyError):
        keeps[0](_reading(Busy(store), NOW + 2 * MINUTE))
    hosts.clear()
    keeps[1](_reading(store, NOW + 3 * MINUTE))
    _read(job, store, NOW + 4 * MINUTE)
    assert hosts == ["h2", "h3"]


def test_what_spans_show_that_a_busy_store_did_not_take_is_seen_when_they_are_read_again(
    tmp_path: Path, store: SqliteStore
) -> None:
    kept = [Record(name, "Service", name) for name in ("shop", "cart")]
    snapshot = Snapshot("cmdb", "dc1", complete=True, items=iter(kept))
    keep(Reading(store, NOW, Commitment.COMMIT, unshown), snapshot)
    spans, slow_from = tmp_path / "app.log", NOW + 20 * MINUTE
    append(spans, [call(NOW + n * STEP / 3, 5, n) for n in range(240)])
    job = _job(tmp_path, CALLS)
    _read(job, store, slow_from)
    append(spans, [call(slow_from + n * STEP / 3, 500, 1000 + n) for n in range(48)])
    at = slow_from + 4 * MINUTE
    with pytest.raises(StoreBusyError):
        _read(job, Busy(store), at)
    again = at + timedelta(seconds=1)
    _read(job, store, again)
    seen = [row for row in store.evidence(now=again).observations if row.abnormal]
    assert [row.detector for row in seen] == ["detect/call_latency/shop"]


def test_a_file_of_a_pattern_that_is_gone_for_a_moment_is_read_to_its_end(
    tmp_path: Path, store: SqliteStore
) -> None:
    log = tmp_path / "app.log"
    append(log, [_killed("h1")])
    job = _job(tmp_path, LOGS)
    _read(job, store, NOW)
    append(log, [_killed("h2")])
    log.rename(tmp_path / "app.log.1")
    assert _told(job, store, NOW + STEP) == []
    append(log, [_killed("h3")])
    assert _told(job, store, NOW + 2 * STEP) == ["h2", "h3"]


def test_of_a_pattern_that_means_old_ones_too_no_line_is_read_twice(
    tmp_path: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "app.log"
    append(log, [_killed("h1")])
    job = _job(tmp_path, LOGS.replace("*.log", "app.log*"))
    _read(job, store, NOW)
    hosts = _taken(monkeypatch)
    append(log, [_killed("h2")])
    log.rename(tmp_path / "app.log.1")
    append(log, [_killed("h3")])
    _read(job, store, NOW + STEP)
    assert hosts == ["h2", "h3"]


@pytest.mark.parametrize("renamed", ["app-20261128.log", "then.log"])
def test_a_file_whose_new_name_is_meant_too_is_not_read_twice(
    tmp_path: Path, store: SqliteStore, renamed: str
) -> None:
    log = tmp_path / "app.log"
    append(log, [_killed("h1")])
    job = _job(tmp_path, LOGS)
    _read(job, store, NOW)
    append(log, [_killed("h2")])
    log.rename(tmp_path / renamed)
    append(log, [_killed("h3")])
    assert _told(job, store, NOW + STEP) == ["h2", "h3"]
    assert _told(job, store, NOW + 2 * STEP) == []
