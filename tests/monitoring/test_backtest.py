"""Past alerts, asked of a real Prometheus that saw them fire and end."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kgraph.cli import run as run_cli
from tests.monitoring.stack import PAUSED, RUNNING, Stack

pytestmark = pytest.mark.monitoring


def test_an_alert_that_came_and_went_is_replayed_and_scored(
    stack: Stack,
    estate: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(estate.parent)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(estate.parent / "none"))
    Path("kgraph.toml").write_text('[store]\nurl = "sqlite:///kgraph.db"\n')
    assert run_cli(["ingest", "topology", estate.name]) == 0
    since = datetime.now(UTC).isoformat()
    firing = ("GuestPaused", "web")
    stack.exporters["h1"].guests["web"] = PAUSED
    stack.until("the alert", lambda: firing in stack.alerts("firing"))
    # It is asked for every second: what fires for less may fall between two of them.
    lasting = 'count_over_time(ALERTS{alertstate="firing"}[1m]) > 4'
    stack.until("it to be kept", lambda: bool(stack.query(lasting)))
    stack.exporters["h1"].guests["web"] = RUNNING
    stack.until("its end", lambda: not stack.alerts())
    label = {"id": "web", "from": since, "to": datetime.now(UTC).isoformat(), "truth": ["web"]}
    Path("truth.jsonl").write_text(json.dumps(label))
    capsys.readouterr()
    asked = ["backtest", "--url", stack.prometheus_url, "--from", since, "--step", "1s"]
    code = run_cli([*asked, "--truth", "truth.jsonl", "--after", "0m", "-o", "json"])
    told = capsys.readouterr()
    assert code == 0, told.err
    found = json.loads(told.out)
    assert [row["title"] for row in found["incidents"]] == ["1 VM paused"]
    assert found["scores"]["found"] == 1
    assert found["scores"]["figures"][0]["AC@1"]["value"] == 1.0
