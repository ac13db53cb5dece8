"""The commands as a person types them, on a real Prometheus and Alertmanager."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kgraph.cli import run as run_cli
from tests.monitoring.stack import PAUSED, Stack

pytestmark = pytest.mark.monitoring
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    stack: Stack, estate: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Run the program beside a configuration of both, with the estate in the graph."""
    monkeypatch.chdir(estate.parent)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(estate.parent / "none"))
    Path("kgraph.toml").write_text(
        '[store]\nurl = "sqlite:///kgraph.db"\n'
        f'[[sources]]\ntype = "alertmanager"\nurl = "{stack.alertmanager_url}"\n'
        f'[[sources]]\ntype = "prometheus"\nurl = "{stack.prometheus_url}"\n'
    )

    def ended(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run_cli(words)
        told = capsys.readouterr()
        return code, told.out, told.err

    assert ended("ingest", "topology", estate.name)[0] == 0
    return ended


def parsed(out: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(out)
    return found


def unknown(guest: str) -> None:
    """Let the estate know a guest by another name."""
    path = Path("estate.yaml")
    path.write_text(path.read_text().replace(f"name: {guest}}}", "name: other}"))


def test_explain_tells_of_every_alert_and_target_what_it_became(run: Run, stack: Stack) -> None:
    unknown("wiki")
    assert run("ingest", "topology", "estate.yaml")[0] == 0
    stack.exporters["h1"].guests["web"] = PAUSED
    stack.exporters["h2"].guests["wiki"] = PAUSED
    expected = {("GuestPaused", "web"), ("GuestPaused", "wiki")}
    stack.until("the alerts", lambda: stack.alerts("firing") >= expected)
    code, out, err = run("ingest", "prometheus", "--explain", "-o", "json")
    assert code == 0, err
    rows = parsed(out)
    outcomes = {(row["alert"], row["entity"]): row for row in rows}
    assert outcomes["GuestPaused", "VirtualMachine web"]["outcome"] == "mapped"
    lost = outcomes["GuestPaused", ""]
    assert lost["outcome"] == "not found"
    assert "sync its source" in lost["mend"]
    targets = [row for row in rows if row["alert"].startswith("target ")]
    assert [row["outcome"] for row in targets] == ["mapped"] * 4
    assert "2 alerts, 50.0% of the evidence unmapped" in err
    assert "4 targets, of which 0 without an entity" in err


def test_a_prometheus_that_is_named_on_the_line_is_read_into_the_graph(
    run: Run, stack: Stack
) -> None:
    code, out, err = run("ingest", "prometheus", "--url", stack.prometheus_url, "-o", "json")
    assert code == 0, err
    (row,) = parsed(out)
    assert row["source"] == f"prometheus {stack.prometheus_url}"
    assert row["created"] == 5
    assert "libvirt exporter h1" in run("graph", "find", "exporter")[1]


def test_an_investigation_blames_the_exporter_or_its_host_and_no_guest(
    run: Run, stack: Stack
) -> None:
    assert run("sync")[0] == 0
    stack.exporters["h1"].stop()
    address = stack.exporters["h1"].address
    stack.until("silence", lambda: ("ExporterDown", address) in stack.passed_on())
    assert run("sync")[0] == 0
    code, out, err = run("investigate", "-o", "json")
    assert code == 0, err
    answer = json.loads(out)
    assert {cause["kind"] for cause in answer["causes"][:2]} <= {"Probe", "Host"}


def test_doctor_ends_with_10_when_there_is_something_to_mend(run: Run) -> None:
    assert run("sync")[0] == 0
    code, out, err = run("doctor", "--alerts", "-o", "json", "--detailed-exitcode")
    assert (code, err) == (0, "")
    assert {row["health"] for row in parsed(out)} == {"ok"}
    Path("kgraph.toml").write_text(
        Path("kgraph.toml").read_text() + '[folders]\nmappings = ["own"]\n'
    )
    Path("own").mkdir()
    Path("own/a.yaml").write_text(
        "format: kgraph.mapping/v1\nentries:\n"
        "  - {alert: GuestDown, kind: VirtualMachine, signal: odd}\n"
    )
    code, out, _ = run("doctor", "--alerts", "-o", "json", "--detailed-exitcode")
    assert code == 10
    warned = [row["told"] for row in parsed(out) if row["health"] == "warn"]
    assert any("signal 'odd' is not published" in line for line in warned)


def test_doctor_ends_with_1_when_the_monitoring_does_not_answer(run: Run, stack: Stack) -> None:
    stack.stop_prometheus()
    code, out, _ = run("doctor", "--alerts", "-o", "json")
    assert code == 1
    (failed,) = [row for row in parsed(out) if row["health"] == "fail"]
    assert "can't be reached" in failed["told"]


def test_a_drill_takes_seconds_and_says_how_many(run: Run) -> None:
    code, out, err = run("doctor", "--drill", "-o", "json")
    assert code == 0, err
    (row,) = parsed(out)
    assert row["health"] == "ok"
    assert "seen after" in row["told"]
