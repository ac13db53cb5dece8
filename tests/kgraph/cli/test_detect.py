"""`kgraph detect`: what is looked at, and how good it is, without any Prometheus."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from kgraph.app.detection import trial
from tests.kgraph.cli.conftest import Run

NOBODY = "http://127.0.0.1:1"
# What they make of the same numbers is the same: once is enough for all reports here.
_TRIALS = {name: cache(getattr(trial, name)) for name in ("trial_of_logs", "trial_of_calls")}
_OWN = """\
format: kgraph.detectors/v1
series:
  - series: queue
    about: jobs that wait
    query: sum without (worker) (queue_length)
    kind: Queue
    name: queue
    detect:
      - {use: threshold, above: 100, for_seconds: 60, signal: saturation}
"""


@pytest.fixture(autouse=True)
def _tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, once in _TRIALS.items():
        monkeypatch.setattr(trial, name, once)


def test_a_sites_own_detector_is_one_file_and_is_listed_with_its_settings_and_rates(
    run: Run, work: Path
) -> None:
    (work / "own").mkdir()
    (work / "own" / "queue.yaml").write_text(_OWN)
    (work / "kgraph.toml").write_text('[folders]\ndetectors = ["own"]\n')
    rows = json.loads(run("detect", "list", "-o", "json").out)
    (own,) = (row for row in rows if row["detector"] == "detect/queue.threshold")
    assert own["settings"] == "above=100.0 for_seconds=60.0"
    assert (own["signal"], own["kinds"]) == ("saturation", "Queue")
    assert 0 < own["falseAlarm"] < own["detection"] < 1
    assert len(rows) > 15


def test_a_faulty_file_is_one_line(run: Run, work: Path) -> None:
    (work / "own").mkdir()
    (work / "own" / "queue.yaml").write_text(_OWN.replace("threshold", "magic"))
    (work / "kgraph.toml").write_text('[folders]\ndetectors = ["own"]\n')
    told = run("detect", "list")
    assert told.code == 1
    assert "queue.yaml: series[0].detect[0]: no detector of series is called 'magic'" in told.err
    assert told.err.count("\n") == 1


def _line(name: str, state: str) -> str:
    """Return an incident in which a guest hangs, another is well, and a detector looks at both."""
    by = {"signal": "hung", "detector": "detect/guest-disk-requests.stuck"}
    slow = {"signal": "latency", "detector": "detect/guest-disk-latency.deviation"}
    document = {
        "format": "kgraph.incident/v1",
        "id": name,
        "entities": [{"id": "v", "kind": "VirtualMachine"}, {"id": "w", "kind": "VirtualMachine"}],
        "relations": [],
        "observations": [
            {"entity": "v", "state": state, **by},
            {"entity": "w", "state": "healthy", **by},
            {"entity": "v", "state": "healthy", **slow},
        ],
    }
    return json.dumps(document)


def test_the_report_needs_no_store_and_what_it_fits_from_a_campaign_too_is_read_back(
    run: Run, work: Path
) -> None:
    seen = [_line("a", "abnormal"), _line("b", "abnormal"), _line("c", "healthy")]
    (work / "b.jsonl").write_text("\n".join(seen))
    truths = [{"id": name, "truth": ["v"], "modes": {"v": "hung"}} for name in "abc"]
    (work / "t.jsonl").write_text("\n".join(map(json.dumps, truths)))
    campaign = ["--bundle", "b.jsonl", "--truth", "t.jsonl"]
    fitted = run(
        "detect", "report", "--series", "20", *campaign, "--fit", "rates.yaml", "-o", "json"
    )
    assert fitted.code == 0
    rows = {row["detector"]: row for row in json.loads(fitted.out)}
    assert rows["detect/*.trend"]["atFault"] == 20
    stuck = rows["detect/guest-disk-requests.stuck"]
    assert [stuck[n] for n in ("hits", "atFault", "strays", "atRest")] == [2, 3, 0, 3]
    assert rows["detect/guest-disk-latency.deviation"]["atFault"] == 0, "a hung guest is not slow"
    assert "[2, 3]" in (work / "rates.yaml").read_text(), "the counts stand beside the rates"
    (work / "kgraph.toml").write_text('[engine]\nrates = "rates.yaml"\n')
    listed = {row["detector"]: row for row in json.loads(run("detect", "list", "-o", "json").out)}
    for own, of in {"pool.trend": "*.trend", "guest-disk-requests.stuck": ""}.items():
        told = rows[f"detect/{of or own}"]["detection"]
        assert round(listed[f"detect/{own}"]["detection"], 3) == told


def test_the_report_as_a_page_has_its_plots(run: Run) -> None:
    told = run("detect", "report", "--series", "20", "-o", "html")
    assert told.code == 0
    assert told.out.count("<svg") == 2


def test_the_detectors_of_configured_logs_and_calls_are_listed_and_reported(
    run: Run, work: Path
) -> None:
    logs = '[[sources]]\ntype = "logs"\nname = "h1"\nfiles = ["/var/log/syslog"]\n'
    spans = '[[sources]]\ntype = "calls"\npath = "spans.json"\n'
    (work / "kgraph.toml").write_text(logs + spans)
    rows = {row["detector"]: row for row in json.loads(run("detect", "list", "-o", "json").out)}
    new, slow = rows["detect/log_new/h1"], rows["detect/call_latency/spans.json"]
    assert (new["signal"], new["query"]) == ("behaviour", "/var/log/syslog")
    assert (slow["signal"], slow["query"]) == ("latency", "spans.json")
    assert 0 < new["falseAlarm"] < new["detection"] < 1
    told = run("detect", "report", "--series", "10", "-o", "json").out
    graded = {row["detector"]: row for row in json.loads(told)}
    assert graded["detect/log_new/h1"]["atFault"] == 0 < graded["detect/*.log_new"]["atFault"]
    assert graded["detect/log_new/h1"]["within"] == "" != graded["detect/*.log_new"]["within"]


def test_a_bundle_needs_its_truth(run: Run) -> None:
    assert run("detect", "report", "--bundle", "x.jsonl").code == 2


@pytest.mark.parametrize("words", [("detect", "run"), ("ingest", "prometheus")])
def test_who_is_asked_is_told_where_nobody_named_a_prometheus(
    run: Run, work: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setattr("ingest.prometheus.DEFAULT_URL", NOBODY)
    told = run(*words)
    assert told.code == 1
    assert told.err.splitlines()[0] == (
        f"no Prometheus is configured: asking {NOBODY}; --url names another"
    )
    (work / "kgraph.toml").write_text(f'[[sources]]\ntype = "prometheus"\nurl = "{NOBODY}"\n')
    assert "no Prometheus is configured" not in run(*words).err
