"""Detectors on a real Prometheus with a week behind it: what they find, and what they leave."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingest.detect.files import load_series
from ingest.prometheus.origin import Origin
from kgraph.app.detection import Asking, detection_job
from kgraph.cli import run as run_cli
from kgraph.config import PrometheusSource, load
from kgraph.web import Credentials
from tests.monitoring.half_dead import HalfDead, half_dead
from tests.monitoring.past import DAY, HOUR, MINUTE, Past, Served, minutes
from tests.real import need

pytestmark = pytest.mark.monitoring

_RANDOM = random.Random(3)
_NODE = {"job": "node", "instance": "h1:9100", "host": "h1"}
_DISK = _NODE | {"mountpoint": "/data", "fstype": "ext4", "device": "/dev/sda1"}
_LIBVIRT = {"job": "libvirt", "instance": "h1:9177", "host": "h1"}
_SILENT = {"job": "node", "instance": "h2:9100", "host": "h2"}


def noise(spread: float) -> float:
    return _RANDOM.gauss(0, spread)


def a_week(now: float) -> Past:
    """Return a week in which one file system fills, one CPU is busy, one disk stands still.

    h2 looks as bad as h1 does, but its exporter has been silent for five minutes.
    """
    past, window = Past(now), minutes(3 * HOUR)
    for target, answers in ((_NODE, 1), (_LIBVIRT, 1), (_SILENT, 0)):
        past.add("up", target, lambda s, a=answers: a if s < 5 * MINUTE else 1, window)
    # 0.1 is free, and 0.01 is taken each minute.
    past.add("node_filesystem_size_bytes", _DISK, lambda _: 1e12, window)
    free = lambda s: 1e12 * min(0.9, 0.1 + 0.01 * s / MINUTE) + noise(1e8)  # noqa: E731
    past.add("node_filesystem_avail_bytes", _DISK, free, window)
    # A job takes half of the CPU at this hour of every day, and since ten minutes all of it.
    length = HOUR + 20 * MINUTE
    days = [s for d in range(1, 8) for s in minutes(length, before=d * DAY - 35 * MINUTE)]
    for target in (_NODE, _SILENT):
        labels = target | {"cpu": "0", "mode": "idle"}
        gone = 5 * MINUTE if target is _SILENT else 0
        past.add(
            "node_cpu_seconds_total",
            labels,
            lambda s, gone=gone: _idle(s) if s >= gone else None,
            [*days, *window],
            "counter",
        )
    for name, still in (("web", 20 * MINUTE), ("shop", 0)):
        requests = lambda s, still=still: 10 * (HOUR * 4 - max(s, still)) / MINUTE  # noqa: E731
        for way in ("read", "write"):
            metric = f"libvirt_domain_block_stats_{way}_requests_total"
            labels = _LIBVIRT | {"domain": name, "target_device": "vda"}
            past.add(metric, labels, requests, minutes(3 * HOUR), "counter")
    return past


def _idle(seconds: float) -> float:
    """Return an idle counter: half idle, and not at all in the last ten minutes."""
    return 0.5 * (8 * DAY - max(seconds, 10 * MINUTE))


@dataclass(frozen=True)
class Ground:
    """The estate, and the Prometheus that has watched it for a week."""

    folder: Path
    url: str
    now: datetime

    def kgraph(self, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any, str]:
        """Run a command; return its code, what it wrote as JSON, and what it remarked."""
        capsys.readouterr()
        code = run_cli([*words, "-o", "json"])
        told = capsys.readouterr()
        return code, json.loads(told.out or "null"), told.err

    def detected(self, capsys: pytest.CaptureFixture[str], url: str = "") -> dict[str, Any]:
        _, rows, _ = self.kgraph(capsys, "detect", "run", "--url", url or self.url)
        return {row["detector"]: row for row in rows}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, float]]:
    need("prometheus", "promtool", "setpriv")
    now = time.time()
    prometheus = Served(tmp_path_factory.mktemp("past"), a_week(now))
    yield prometheus, now
    prometheus.close()


@pytest.fixture
def ground(
    served: tuple[Served, float],
    estate: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Ground:
    monkeypatch.chdir(estate.parent)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(estate.parent / "none"))
    Path("kgraph.toml").write_text('[store]\nurl = "sqlite:///kgraph.db"\n')
    assert run_cli(["ingest", "topology", estate.name]) == 0
    capsys.readouterr()
    return Ground(estate.parent, served[0].url, datetime.fromtimestamp(served[1], UTC))


def test_what_is_wrong_is_found_graded_and_dated_and_nothing_else(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    found = ground.detected(capsys)
    assert {name: row["entity"] for name, row in found.items()} == {
        "detect/node-filesystem.trend": "Host h1",
        "detect/node-cpu.deviation": "Host h1",
        "detect/guest-disk-requests.stuck": "VirtualMachine web",
    }
    cpu = found["detect/node-cpu.deviation"]
    assert cpu["direction"] == "up"
    assert cpu["score"] > 6
    assert "usually 0.5" in cpu["detail"]


def test_a_full_disk_is_foreseen_with_its_date_and_named(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    row = ground.detected(capsys)["detect/node-filesystem.trend"]
    assert row["signal"] == "filling"
    due = datetime.fromisoformat(row["due"])
    assert abs(due - ground.now - timedelta(minutes=10)) < timedelta(minutes=3)


def test_behind_a_silent_target_everything_is_unknown(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    ground.detected(capsys)
    _, shown, _ = ground.kgraph(capsys, "graph", "show", "h2")
    assert shown["observations"] == []


def test_what_was_looked_at_and_is_well_is_health(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    ground.detected(capsys)
    _, shown, _ = ground.kgraph(capsys, "graph", "show", "shop")
    seen = {row["detector"]: row["state"] for row in shown["observations"]}
    assert seen == {"detect/guest-disk-requests.stuck": "healthy"}


def test_a_dry_run_keeps_nothing(ground: Ground, capsys: pytest.CaptureFixture[str]) -> None:
    code, rows, told = ground.kgraph(capsys, "detect", "run", "--dry-run", "--url", ground.url)
    assert (code, len(rows)) == (0, 3)
    assert "nothing was kept" in told
    _, shown, _ = ground.kgraph(capsys, "graph", "show", "web")
    assert shown["observations"] == []


def _stands(ground: Ground, capsys: pytest.CaptureFixture[str], name: str) -> dict[str, str]:
    _, shown, _ = ground.kgraph(capsys, "graph", "show", name)
    return {row["detector"]: row["state"] for row in shown["observations"]}


@pytest.fixture
def spoilt(ground: Ground, capsys: pytest.CaptureFixture[str]) -> Iterator[HalfDead]:
    """All was seen, through the proxy; now it may be spoilt."""
    with half_dead(ground.url) as proxy:
        assert len(ground.detected(capsys, proxy.url)) == 3
        yield proxy


def test_a_question_that_is_refused_ends_nothing_and_is_named(
    ground: Ground, spoilt: HalfDead, capsys: pytest.CaptureFixture[str]
) -> None:
    spoilt.refuses = lambda query: "filesystem" in query
    code, rows, told = ground.kgraph(capsys, "detect", "run", "--url", spoilt.url)
    assert code == 0
    assert "detect/node-cpu.deviation" in {row["detector"] for row in rows}
    assert "the pass is partial: series node-filesystem: Prometheus answered 500" in told
    assert _stands(ground, capsys, "h1")["detect/node-filesystem.trend"] == "abnormal"


def test_an_answer_that_is_cut_off_ends_nothing(
    ground: Ground, spoilt: HalfDead, capsys: pytest.CaptureFixture[str]
) -> None:
    spoilt.cuts = lambda query: "block_stats" in query
    _, _, told = ground.kgraph(capsys, "detect", "run", "--url", spoilt.url)
    assert "the pass is partial: series guest-disk-requests:" in told
    assert _stands(ground, capsys, "web") == {"detect/guest-disk-requests.stuck": "abnormal"}


def test_an_answer_that_prometheus_itself_calls_incomplete_ends_nothing(
    ground: Ground, spoilt: HalfDead, capsys: pytest.CaptureFixture[str]
) -> None:
    spoilt.warns = lambda query: "block_stats" in query
    _, rows, told = ground.kgraph(capsys, "detect", "run", "--url", spoilt.url)
    assert "Prometheus warns: remote read: one store did not answer" in told
    assert "detect/guest-disk-requests.stuck" in {row["detector"] for row in rows}


def test_a_clock_that_is_ahead_is_told_and_its_times_are_corrected(
    ground: Ground, spoilt: HalfDead, capsys: pytest.CaptureFixture[str]
) -> None:
    spoilt.ahead = 240.0
    _, rows, told = ground.kgraph(capsys, "detect", "run", "--url", spoilt.url)
    assert "the clock of Prometheus is about 240 s ahead of ours" in told
    (stuck,) = (row for row in rows if row["signal"] == "hung")
    since = datetime.fromisoformat(stuck["since"])
    assert abs(since - ground.now + timedelta(minutes=20)) < timedelta(minutes=7)


def test_one_that_is_too_slow_is_left_alone_in_time(spoilt: HalfDead) -> None:
    asking = Asking(Origin(spoilt.url), Credentials(), load_series(), timedelta(seconds=0.5))
    spoilt.slow = 0.4
    began = time.monotonic()
    passed = asking.asked(datetime.now(UTC))
    assert time.monotonic() - began < 30
    assert passed.partial
    assert any("too slowly" in why for why in passed.failed.values())


def test_one_that_answers_nothing_ends_no_trouble_and_leaves_no_health(
    ground: Ground, spoilt: HalfDead, capsys: pytest.CaptureFixture[str]
) -> None:
    spoilt.refuses = lambda _: True
    code, _, told = ground.kgraph(capsys, "detect", "run", "--url", spoilt.url)
    assert code == 1
    assert "Prometheus answered 500" in told
    assert _stands(ground, capsys, "web") == {"detect/guest-disk-requests.stuck": "abnormal"}
    assert _stands(ground, capsys, "shop") == {}


def test_live_coverage_sees_what_detectors_look_at_and_where_a_target_is_silent(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    source = f'[[sources]]\ntype = "prometheus"\nurl = "{ground.url}"\ndetect = true\n'
    Path("kgraph.toml").write_text(f'[store]\nurl = "sqlite:///kgraph.db"\n{source}')
    code, rows, told = ground.kgraph(capsys, "rules", "coverage", "--live")
    assert code == 0, told
    unseen = {(row["kind"], row["mode"]): row["unseen"] for row in rows}
    # h1 is looked at and h2's exporter is silent; of the guests, only those on h1 are seen.
    assert unseen["Host", "filling"] == 1
    assert unseen["VirtualMachine", "hung"] == 2


def test_the_report_grades_what_was_confirmed(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    ground.detected(capsys)
    assert run_cli(["investigate"]) == 0
    _, kept, _ = ground.kgraph(capsys, "incidents", "list")
    stuck = next(row["id"] for row in kept if "hung" in row["title"])
    assert run_cli(["incidents", "confirm", stuck, "web:hung"]) == 0
    code, rows, _ = ground.kgraph(capsys, "detect", "report", "--series", "20")
    assert code == 0
    (row,) = (each for each in rows if each["detector"] == "detect/guest-disk-requests.stuck")
    assert (row["hits"], row["atFault"]) == (1, 1)


def test_a_watch_that_reads_all_the_time_looks_no_more_often_than_was_said(
    ground: Ground, spoilt: HalfDead
) -> None:
    asked: list[str] = []
    spoilt.warns = lambda query: bool(asked.append(query))
    configuration = load(cwd=ground.folder, environ={})
    source = PrometheusSource(type="prometheus", url=spoilt.url, detect_every=60)
    job = detection_job(source, configuration)
    for seconds in (0, 2, 29, 31):
        before = len(asked)
        job.fetch(ground.now + timedelta(seconds=seconds))
        assert (len(asked) > before) is (seconds in {0, 31}), seconds
