"""The rules that `kgraph init prometheus` writes, held to promtool and to our own mapping."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ingest.prometheus import questions
from ingest.prometheus.reading import Rule
from kgraph.app.setup import monitoring
from kgraph.app.setup.monitoring import RECEIVER, RULES, SCRAPE, scrape_interval, shipped
from kgraph.schema import InputError
from kgraph.signals import Alert, load_packs
from kgraph.signals.packs import UNMAPPED

HERE = Path(__file__).parent
EVERY = scrape_interval("15s")
SHIPPED: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load(shipped("rules.yml", EVERY))["groups"]
    for rule in group["rules"]
]
PACKS = load_packs()


@pytest.mark.monitoring
def test_promtool_finds_the_alerts_as_the_cases_say(promtool: str, tmp_path: Path) -> None:
    (tmp_path / RULES).write_text(shipped("rules.yml", EVERY))
    shutil.copy(HERE / "rules.test.yml", tmp_path)
    done = subprocess.run(
        [promtool, "test", "rules", "rules.test.yml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_has_a_case() -> None:
    cases = yaml.safe_load((HERE / "rules.test.yml").read_text())["tests"]
    fired = {
        row["alertname"] for case in cases for row in case["alert_rule_test"] if row["exp_alerts"]
    }
    assert fired == {rule["alert"] for rule in SHIPPED}


@pytest.mark.monitoring
@pytest.mark.parametrize("interval", ["500ms", "15s", "1m"])
@pytest.mark.parametrize("hosts", [[], ["h1", "h2.dc1"]])
def test_promtool_accepts_what_is_written(
    promtool: str, tmp_path: Path, interval: str, hosts: list[str]
) -> None:
    assert promtool
    written = monitoring.for_prometheus(tmp_path, scrape_interval(interval), hosts)
    assert [(each.path.name, each.checked) for each in written] == [
        (RULES, "accepted by promtool"),
        (SCRAPE, "accepted by promtool"),
    ]
    assert "@" not in (tmp_path / RULES).read_text() + (tmp_path / SCRAPE).read_text()


@pytest.mark.monitoring
def test_amtool_accepts_the_receiver_and_it_sends_what_is_over(
    promtool: str, tmp_path: Path
) -> None:
    assert promtool
    (written,) = monitoring.for_alertmanager(tmp_path, "http://127.0.0.1:1/x", "/run/token")
    assert written.checked == "accepted by amtool"
    (hook,) = yaml.safe_load((tmp_path / RECEIVER).read_text())["receivers"][1]["webhook_configs"]
    assert hook["send_resolved"] is True
    assert hook["url"] == "http://127.0.0.1:1/x"
    assert hook["http_config"]["authorization"]["credentials_file"] == "/run/token"


@pytest.mark.monitoring
def test_what_a_checker_refuses_is_told(promtool: str, tmp_path: Path) -> None:
    assert promtool
    (written,) = monitoring.for_alertmanager(tmp_path, "nonsense", "/run/token")
    assert written.checked.startswith("amtool refuses it: ")


@pytest.mark.parametrize("rule", SHIPPED, ids=lambda rule: str(rule["alert"]))
def test_every_shipped_alert_is_known_to_our_own_pack_and_says_where_it_looks(
    rule: dict[str, Any],
) -> None:
    labels = {"alertname": rule["alert"], **rule["labels"]}
    entry = PACKS.match(Alert(labels, rule["annotations"]))
    assert entry is not UNMAPPED
    assert entry.place.startswith("kgraph.yaml")
    assert entry.kinds
    said = rule["annotations"]["kgraph_covers"]
    asked = questions(
        [Rule(rule["alert"], rule["expr"], rule["labels"], rule["annotations"])], PACKS
    )
    assert [question.expression for question in asked] == ([] if said == "none" else [said])


def test_durations_follow_the_scrape_interval() -> None:
    rules = yaml.safe_load(shipped("rules.yml", scrape_interval("1m")))["groups"][0]
    assert rules["interval"] == "60s"
    (paused,) = (rule for rule in rules["rules"] if rule["alert"] == "GuestPaused")
    assert paused["for"] == "120s"


def test_a_file_that_is_there_is_never_touched_and_then_none_is_written(tmp_path: Path) -> None:
    (tmp_path / SCRAPE).write_text("mine\n")
    with pytest.raises(InputError, match="there is such a file already"):
        monitoring.for_prometheus(tmp_path, EVERY, [])
    assert (tmp_path / SCRAPE).read_text() == "mine\n"
    assert not (tmp_path / RULES).exists()


@pytest.mark.parametrize("text", ["", "0s", "15", "-1s", "fast", "1h30"])
def test_what_is_no_interval_is_told(text: str) -> None:
    with pytest.raises(InputError, match="write it as Prometheus does"):
        scrape_interval(text)


def test_hosts_of_the_graph_are_the_targets(tmp_path: Path) -> None:
    monitoring.for_prometheus(tmp_path, EVERY, ["h1", "h2"])
    config = yaml.safe_load((tmp_path / SCRAPE).read_text())
    found = {
        job["job_name"]: [entry["targets"][0] for entry in job["static_configs"]]
        for job in config["scrape_configs"]
    }
    assert found == {
        "libvirt": ["h1:9177", "h2:9177"],
        "node": ["h1:9100", "h2:9100"],
        "blackbox-icmp": ["h1", "h2"],
        "blackbox-tcp": ["h1:22", "h2:22"],
    }
