"""Logs and spans in files become evidence in the store, and what was learned is kept there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.kgraph.estates import ingested
from tests.kgraph.written import append, call

Run = Callable[..., Any]  # see conftest

ESTATE = """\
entities:
  - {id: h1, kind: Host, name: h1}
  - {id: eth0, kind: Nic, name: eth0}
  - {id: shop, kind: Service, name: shop}
  - {id: cart, kind: Service, name: cart}
relations:
  - {from: h1, type: USES, to: eth0}
  - {from: shop, type: CALLS, to: cart}
  - {from: shop, type: RUNS_ON, to: h1}
  - {from: cart, type: RUNS_ON, to: h1}
"""


@pytest.fixture
def estate(run: Run, work: Path) -> Path:
    return ingested(run, work, ESTATE)


def _stores(work: Path) -> list[Path]:
    """Return the files of the store, what is not yet written back among them."""
    found = list((work.parent / "data" / "kgraph").glob("kgraph.db*"))
    assert found
    return found


def _now() -> datetime:
    return datetime.now(UTC)


def _at(ago: timedelta) -> str:
    return (_now() - ago).isoformat(timespec="seconds")


def _usual(first: int, last: int) -> Iterator[str]:
    """Yield five lines for each minute from `first` minutes ago to before `last`, in order."""
    for minutes in range(first, last, -1):
        for n in reversed(range(5)):
            at = _at(timedelta(minutes=minutes, seconds=n))
            yield f"{at} h1 shop[7]: served request {n * 7} in 3 ms"


def _evidence(run: Run, entity: str) -> list[dict[str, Any]]:
    shown = json.loads(run("graph", "history", entity, "-o", "json").out)
    return [row for row in shown if row["what"] == "seen"]


def test_a_new_error_and_a_link_that_went_down_become_evidence(run: Run, estate: Path) -> None:
    log = estate / "app.log"
    append(log, list(_usual(90, 10)))
    assert run("ingest", "logs", "files=app.log", "name=app").code == 0
    assert _evidence(run, "shop") == []
    news = [
        f"{_at(timedelta(minutes=2))} h1 shop[7]: error: no route to db password=hunter2",
        f"{_at(timedelta(minutes=1))} h1 kernel: igb eth0: NIC Link is Down",
    ]
    # What is usual goes on, however long the first reading took: that it stops is news, too.
    append(log, sorted([*_usual(10, 0), *news]))
    done = run("ingest", "logs", "files=app.log", "name=app", "-o", "json")
    assert done.code == 0, done.err
    (told,) = _evidence(run, "shop")
    assert told["source"] == "detect/log_new/app"
    assert "new in its log, 1 lines: error: no route to db password=***" in told["detail"]
    assert [row["detail"].split()[:2] for row in _evidence(run, "eth0")] == [["down", "abnormal"]]
    assert all(b"hunter2" not in path.read_bytes() for path in _stores(estate))


def test_a_log_that_cannot_be_read_fails_in_one_line_and_a_partial_one_says_so(
    run: Run, estate: Path
) -> None:
    done = run("ingest", "logs", "files=none.log")
    assert done.code == 1
    assert "none.log: can't be read: No such file" in done.err
    (estate / "bad.log").write_bytes(b"good line\n\x00\x01\x02\n\xff\xfe\xfd\xfa\xfb\n")
    done = run("ingest", "logs", "files=bad.log", "files=none.log")
    assert done.code == 0, done.err
    assert "2 lines could not be read" in done.err
    assert "none.log: can't be read" in done.err


def test_an_edge_that_became_slow_is_evidence_on_who_is_called_by_its_caller(
    run: Run, estate: Path
) -> None:
    log = estate / "spans.json"
    usual = [
        call(_now() - timedelta(minutes=minute, seconds=n), 20 + n % 3, 100 * minute + n)
        for minute in range(40, 8, -1)
        for n in range(20)
    ]
    append(log, usual)
    assert run("ingest", "calls", "path=spans.json").code == 0
    append(log, [call(_now() - timedelta(minutes=2), 400, 9_000 + n) for n in range(20)])
    done = run("ingest", "calls", "path=spans.json", "-o", "json")
    assert done.code == 0, done.err
    (told,) = [row for row in _evidence(run, "cart") if "abnormal" in row["detail"]]
    assert "latency abnormal shop waits 400 ms" in told["detail"]
    told = json.loads(run("investigate", "-o", "json").out)
    assert "waits 400 ms" in json.dumps(told)


def test_a_file_that_holds_no_spans_is_refused_in_one_line(run: Run, estate: Path) -> None:
    (estate / "spans.json").write_text("not spans\n{]\n")
    done = run("ingest", "calls", "path=spans.json")
    assert done.code == 1
    assert "none of 2 lines holds spans" in done.err
