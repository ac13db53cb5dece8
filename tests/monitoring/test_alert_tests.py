"""What `kgraph predict --output promtool` writes, held to the real promtool."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from kgraph.app.setup.alert_tests import _ALERTS, AlertTests, Missing, alert_tests, expected
from kgraph.app.setup.monitoring import RULES, duration, scrape_interval, shipped
from kgraph.cli import run
from kgraph.schema import Entity, Relation
from kgraph.signals import Alert, load_packs

ENTITIES = (
    Entity("h1", "Host", "h1.dc1"),
    Entity("h2", "Host", 'h"2'),
    Entity("v1", "VirtualMachine", "web"),
    Entity("v2", "VirtualMachine", "mail"),
    Entity("p", "StoragePool", "default"),
    Entity("d", "Disk", "sda"),
    Entity("s", "Service", "shop"),
    Entity("lost", "VirtualMachine", "lost"),
)
RELATIONS = (
    Relation("v1", "RUNS_ON", "h1"),
    Relation("v2", "RUNS_ON", "h2"),
    Relation("v1", "STORED_ON", "p"),
    Relation("v2", "STORED_ON", "p"),
    Relation("p", "STORED_ON", "d"),
    Relation("s", "RUNS_ON", "v1"),
)
EVERY = scrape_interval("15s")
STATES = {
    "host": {"h1": "down", "v1": "down", "s": "failing"},
    "guests": {"v1": "down", "v2": "paused_io_error", "h1": "overloaded"},
    "pool": {"p": "full", "v1": "paused_io_error", "v2": "panicked", "d": "failed", "s": "slow"},
    "nothing": {},
}


def _tests(states: dict[str, str], every: timedelta = EVERY) -> AlertTests:
    return alert_tests("a test", states, ENTITIES, RELATIONS, every)


def _promtool(folder: Path, text: str, rules: str) -> subprocess.CompletedProcess[str]:
    (folder / RULES).write_text(rules)
    (folder / "predicted.yml").write_text(text)
    return subprocess.run(
        ["promtool", "test", "rules", "predicted.yml"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def _firing(tests: AlertTests) -> dict[str, set[str]]:
    """Alert -> the instances, or guests, that it is expected of."""
    found: dict[str, set[str]] = {}
    for row in tests.document["tests"][0]["alert_rule_test"]:
        for alert in row["exp_alerts"]:
            labels = alert["exp_labels"]
            who = labels.get("domain") or labels["instance"]
            found.setdefault(row["alertname"], set()).add(who)
    return found


@pytest.mark.monitoring
@pytest.mark.parametrize("interval", ["500ms", "15s", "1m", "3m"])
@pytest.mark.parametrize("states", STATES.values(), ids=STATES)
def test_promtool_finds_exactly_the_alerts_that_are_expected(
    promtool: str, tmp_path: Path, states: dict[str, str], interval: str
) -> None:
    assert promtool
    every = scrape_interval(interval)
    done = _promtool(tmp_path, _tests(states, every).text(), shipped("rules.yml", every))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.monitoring
def test_a_rule_that_was_broken_does_not_pass(promtool: str, tmp_path: Path) -> None:
    assert promtool
    rules = shipped("rules.yml", EVERY).replace("state_code == 3", "state_code == 4")
    done = _promtool(tmp_path, _tests(STATES["guests"]).text(), rules)
    assert done.returncode != 0
    assert "GuestPaused" in done.stdout + done.stderr


def test_a_host_that_is_down_is_told_by_its_exporters_and_by_probes() -> None:
    firing = _firing(_tests(STATES["host"]))
    assert firing["ExporterDown"] == {"h1.dc1:9177", "h1.dc1:9100"}
    assert firing["HostDown"] == {"h1.dc1", "h1.dc1:22"}
    assert firing["HttpProbeFailed"] == {"shop"}
    assert "GuestDown" not in firing


def test_what_no_alert_would_tell_of_is_a_finding_with_its_reason() -> None:
    assert _tests(STATES["host"]).missing == (
        Missing("VirtualMachine web", "down", "the exporter on h1.dc1 is gone with its host"),
    )
    missing = {row.entity: row.why for row in _tests(STATES["pool"]).missing}
    assert missing == {
        "Disk sda": "no shipped rule looks at it",
        "Service shop": "no shipped rule looks at it",
    }
    (lost,) = _tests({"lost": "down"}).missing
    assert lost.why == "no host is known whose exporter would tell of it"


def test_findings_stand_above_the_tests_as_comments() -> None:
    text = _tests(STATES["host"]).text()
    assert "# no alert: VirtualMachine web down: the exporter" in text
    assert yaml.safe_load(text)["rule_files"] == [RULES]


def test_only_what_is_at_least_as_likely_as_not_is_expected() -> None:
    hits = [("a", "down", 0.5), ("b", "down", 0.49), ("c", "slow", 0.9)]
    assert expected([("c", "down")], hits) == {"a": "down", "c": "down"}


@pytest.mark.parametrize("alert", _ALERTS)
def test_every_expected_alert_is_shipped_and_mapped_to_what_it_is_expected_of(alert: str) -> None:
    shipped_rules = yaml.safe_load(shipped("rules.yml", EVERY))["groups"]
    (rule,) = (
        rule for group in shipped_rules for rule in group["rules"] if rule["alert"] == alert
    )
    entry = load_packs().match(Alert({"alertname": alert, **rule["labels"]}))
    assert set(entry.kinds) & {"Host", "VirtualMachine", "StoragePool", "Service"}


@pytest.mark.monitoring
def test_the_command_writes_what_promtool_accepts_beside_the_written_rules(
    promtool: str,
    estate: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert promtool
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert run(["ingest", "topology", str(estate)]) == 0
    assert run(["init", "prometheus", "--output", "rules", "--scrape-interval", "1m"]) == 0
    capsys.readouterr()
    command = ["predict", "--fail", "h1", "-o", "promtool", "--scrape-interval", "1m"]
    assert run(["--detailed-exitcode", *command]) == 10
    told = capsys.readouterr()
    assert "no alert: VirtualMachine web down: the exporter on h1 is gone" in told.err
    done = _promtool(tmp_path / "rules", told.out, (tmp_path / "rules" / RULES).read_text())
    assert done.returncode == 0, done.stdout + done.stderr
    document: dict[str, Any] = yaml.safe_load(told.out)
    assert document["evaluation_interval"] == duration(timedelta(minutes=1)) == "60s"
