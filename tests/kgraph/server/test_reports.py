"""Reports: what an incident and a week amount to, at the command line and from the service."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kgraph.app.service.tally import Group, Tally
from kgraph.app.service.tokens import Role
from kgraph.cli import run as run_cli
from kgraph.config import Configuration
from kgraph.schema import Drawer
from kgraph.server import reporting
from kgraph.server.reporting import last_period, make
from kgraph.store import GraphStore

from .conftest import T0, Client

Serve = Callable[..., Client]
Token = Callable[[Role], dict[str, str]]
FORMS = {"json": "application/json", "html": "text/html", "markdown": "text/markdown"}
WEEK = ("--since", "2026-11-23T00:00:00Z", "--until", "2026-11-24T00:00:00Z")


@pytest.fixture
def report(
    folder: Path,
    configured: Callable[[str], Configuration],
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., str]:
    configured("")

    def written(*arguments: str) -> str:
        config = ("--config", str(folder / "kgraph.toml"))
        capsys.readouterr()
        assert run_cli(["incidents", "report", *arguments, *config]) == 0
        return capsys.readouterr().out

    return written


@pytest.mark.usefixtures("incident")
def test_a_span_is_summed_up(report: Callable[..., str], store: GraphStore) -> None:
    tally = Tally(store)
    tally.add(T0, Group.UNMAPPED, "DiskFull", "fp-1")
    tally.add(T0, Group.REFUSED, "approve: policy 'default'", "P-1")
    tally.flush(T0)
    found = json.loads(report(*WEEK, "-o", "json"))
    assert (found["incidents"], found["open"], found["unexplained"]) == (1, 1, 0)
    assert found["causes"] == {"StorageExport down": 1}
    assert found["unmapped"] == {"DiskFull": 1}
    assert found["refused"] == {"approve: policy 'default'": 1}
    assert found["mttd"]["count"] == 1
    assert found["blindSpots"]
    told = report(*WEEK)
    assert "| incidents opened | 1 |" in told
    assert "StorageExport down: vmstore" in told
    page = report(*WEEK, "-o", "html")
    assert page.count('<svg class="plot"') >= 3
    assert "http:" not in page.replace("http://www.w3.org", "")


def test_incidents_of_other_times_are_not_in_it(report: Callable[..., str], incident: str) -> None:
    assert incident
    found = json.loads(
        report("--since", "2026-11-20T00:00:00Z", "--until", f"{T0:%Y-%m-%dT%XZ}", "-o", "json")
    )
    assert found["incidents"] == 0


def test_a_post_mortem_has_time_line_cause_evidence_actions_and_impact(
    report: Callable[..., str], incident: str, folder: Path
) -> None:
    config = ("--config", str(folder / "kgraph.toml"))
    words = ("incidents", "confirm", incident, "vmstore", "--by", "ada", "--reason", "it was off")
    assert run_cli([*words, *config]) == 0
    told = report(incident)
    for heading in ("Impact", "Cause", "Time line", "Evidence", "Actions", "For people to answer"):
        assert f"\n## {heading}\n" in told
    assert "StorageExport vmstore DOWN" in told
    assert "4 VMs paused" in told
    assert "ada confirms" in told
    assert "```mermaid" in told
    page = report(incident, "-o", "html")
    assert '<svg class="graph"' in page
    document = json.loads(report(incident, "-o", "json"))
    assert document["id"] == incident
    assert [row["at"] for row in document["timeline"]] == sorted(
        row["at"] for row in document["timeline"]
    )


@pytest.mark.parametrize(
    ("now", "days", "since", "until"),
    [
        ("2026-11-28T10:00:00Z", 7, "2026-11-16", "2026-11-23"),  # a Saturday
        ("2026-11-23T00:00:00Z", 7, "2026-11-16", "2026-11-23"),  # a Monday
        ("2026-11-28T10:00:00Z", 1, "2026-11-27", "2026-11-28"),
    ],
)
def test_weeks_begin_on_mondays(now: str, days: int, since: str, until: str) -> None:
    found = last_period(datetime.fromisoformat(now), days)
    assert [f"{row:%Y-%m-%d}" for row in found] == [since, until]


@pytest.mark.served
@pytest.mark.usefixtures("incident")
def test_the_service_makes_the_report_of_a_day_once_and_hands_it_out(
    configured: Callable[[str], Configuration],
    store: GraphStore,
    serve: Serve,
    token: Token,
) -> None:
    configuration = configured("[reports]\nevery_days = 1\nkept = 1\n")
    now = datetime(2026, 11, 24, 1, tzinfo=UTC)
    assert make(configuration, store, now)
    assert not make(configuration, store, now + timedelta(hours=1))
    client, headers = serve("[reports]\nevery_days = 1\nkept = 1\n"), token(Role.VIEWER)
    (row,) = client.get("/api/v1/reports", headers=headers).json()["items"]
    assert (row["id"], row["incidents"], row["open"]) == ("2026-11-23_2026-11-24", 1, 1)
    for form, kind in (
        ("json", "application/json"),
        ("html", "text/html"),
        ("markdown", "text/markdown"),
    ):
        shown = client.get(f"/api/v1/reports/{row['id']}?form={form}", headers=headers)
        assert shown.headers["content-type"].partition(";")[0] == kind
        assert "StorageExport down" in shown.text
    assert client.get("/api/v1/reports/none", headers=headers).status_code == 404
    assert make(configuration, store, now + timedelta(days=1))
    assert store.count(Drawer.REPORT) == 1


def test_a_report_on_which_the_program_stumbles_is_not_the_last_one(
    configured: Callable[[str], Configuration], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Semaphore(0)

    def stumbles(*_: object) -> bool:
        asked.release()
        raise KeyError("odd")

    monkeypatch.setattr(reporting, "make", stumbles)
    monkeypatch.setattr(reporting, "_LOOK", 0.001)
    monkeypatch.setattr(reporting, "_AGAIN", timedelta(0))
    reporter = reporting.Reporter(configured(""), lambda: True)
    reporter.start()
    try:
        assert all(asked.acquire(timeout=30) for _ in range(2))
    finally:
        reporter.stop()
