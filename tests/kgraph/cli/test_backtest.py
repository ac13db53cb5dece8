"""`kgraph backtest`, as a process would see it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.kgraph.cli.conftest import Run

T0 = int(datetime(2026, 11, 20, 4, 0, tzinfo=UTC).timestamp())
Write = Callable[..., Path]


def fires(name: str, since: int, until: int, **labels: str) -> dict[str, Any]:
    """An alert that fires between two seconds after the beginning."""
    metric = {"__name__": "ALERTS", "alertstate": "firing", "alertname": name, **labels}
    return {"metric": metric, "values": [[T0 + at, "1"] for at in range(since, until, 30)]}


def paused(guest: str, since: int, until: int) -> dict[str, Any]:
    return fires("GuestPaused", since, until, domain=guest)


# The export dies at 60 s and is back at 600 s; two hours later one guest alone is paused.
STORM = [
    paused("web-1", 60, 600),
    paused("web-2", 60, 630),
    paused("web-3", 90, 600),
    paused("web-4", 90, 600),
    fires("Unheard", 90, 120, nothing="here"),
    paused("db-1", 7800, 8400),
    fires("Watchdog", 0, 10_000),
]
TRUTH = [
    {"id": "export", "from": T0 + 30, "to": T0 + 700, "truth": ["vmstore"]},
    {"id": "guest", "from": T0 + 7800, "to": T0 + 8400, "truth": ["v5"], "source": "cmdb"},
    {"id": "quiet", "from": T0 + 4000, "to": T0 + 4600, "truth": ["Host/h1.dc1"]},
]


@pytest.fixture
def kept(work: Path) -> Write:
    def written(*rows: dict[str, Any]) -> Path:
        data = {"resultType": "matrix", "result": rows or STORM}
        path = work / "alerts.json"
        path.write_text(json.dumps({"status": "success", "data": data}))
        return path

    return written


@pytest.fixture
def truth(work: Path) -> Write:
    def written(*rows: dict[str, Any]) -> Path:
        path = work / "truth.jsonl"
        told = [
            {key: _moment(v) if key in {"from", "to"} else v for key, v in row.items()}
            for row in rows or TRUTH
        ]
        path.write_text("".join(json.dumps(row) + "\n" for row in told))
        return path

    return written


def _moment(value: object) -> object:
    return datetime.fromtimestamp(value, UTC).isoformat() if isinstance(value, int) else value


@pytest.mark.usefixtures("stored")
def test_alerts_become_incidents_as_in_a_watch_and_each_is_blamed_on_something(
    run: Run, kept: Write
) -> None:
    done = run("backtest", kept(), "-o", "json", "--after", "0m", "--after", "2m")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    storm, guest = found["incidents"]
    assert storm["opened"] == "2026-11-20T04:01:00Z"
    assert storm["ended"] == "2026-11-20T04:10:30Z"
    assert [row["symptoms"] for row in storm["answers"]] == [2, 4]
    assert storm["answers"][-1]["causes"][0]["title"] == "StorageExport vmstore"
    assert guest["answers"][-1]["causes"][0]["title"] == "VirtualMachine db-1"
    assert found["scores"] is None
    assert found["alertsLost"] == 1
    assert "1 of 7 alerts found no entity" in done.err
    assert "the graph was not kept yet" in done.err  # it was read after the stretch


@pytest.mark.usefixtures("stored")
def test_what_was_said_is_scored_and_what_nobody_alarmed_counts_as_wrong(
    run: Run, kept: Write, truth: Write
) -> None:
    done = run(
        "backtest", kept(), "--truth", truth(), "--after", "0m", "--after", "2m", "-o", "json"
    )
    assert done.code == 0, done.err
    scores = json.loads(done.out)["scores"]
    assert (scores["labels"], scores["found"], scores["right"]) == (3, 2, 2)
    assert scores["missed"] == ["quiet"]
    assert scores["unlabelled"] == []
    late = scores["figures"][-1]
    assert late["AC@1"]["value"] == late["AC@3"]["value"] == pytest.approx(2 / 3, abs=1e-6)
    low, high = late["AC@1"]["interval90"]
    assert low <= 2 / 3 <= high
    assert 0 <= scores["medianSecondsToRight"] <= 30


@pytest.mark.usefixtures("stored")
def test_the_table_has_a_row_for_each_incident_each_miss_and_each_span(
    run: Run, kept: Write, truth: Write
) -> None:
    out = run("backtest", kept(), "--truth", truth(), "--after", "2m").out
    lines = out.splitlines()
    heads = ["INCIDENT", "OPENED", "LASTED", "WRONG", "+2 MIN", "LABEL", "VERDICT"]
    assert " ".join(lines[0].split()) == " ".join(heads)
    assert "StorageExport vmstore down" in lines[1]
    assert lines[1].rstrip().endswith(("right at once", "right after 30 s"))
    assert "no incident" in lines[3]
    assert "2 of 3 labelled incidents were opened" in lines


@pytest.mark.usefixtures("stored")
def test_lines_of_json_are_one_incident_each_and_then_the_scores(
    run: Run, kept: Write, truth: Write
) -> None:
    out = run("backtest", kept(), "--truth", truth(), "-o", "jsonl").out
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row.get("id", "scores") for row in rows] == ["INC-0001", "INC-0002", "scores"]
    assert rows[0]["labels"][0]["id"] == "export"


@pytest.mark.usefixtures("stored")
def test_the_same_stretch_gives_the_same_bytes(run: Run, kept: Write, truth: Write) -> None:
    words = ("backtest", kept(), "--truth", truth(), "-o", "json")
    assert run(*words).out == run(*words).out


@pytest.mark.usefixtures("stored")
def test_a_part_of_the_stretch_holds_only_what_fires_in_it(run: Run, kept: Write) -> None:
    words = ("backtest", kept(), "--from", "2026-11-20T06:00:00Z", "-o", "json")
    found = json.loads(run(*words).out)
    assert [row["title"] for row in found["incidents"]] == ["1 VM paused"]


@pytest.mark.usefixtures("stored")
def test_symptoms_that_come_back_soon_are_the_same_incident(run: Run, kept: Write) -> None:
    again = (paused("web-1", 0, 300), paused("web-1", 600, 900), paused("web-1", 5000, 5300))
    found = json.loads(run("backtest", kept(*again), "-o", "json").out)
    assert [row["opened"] for row in found["incidents"]] == [
        "2026-11-20T04:00:00Z",
        "2026-11-20T05:23:20Z",
    ]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("missing.json",), 1, "missing.json: cannot be read"),
        ((), 2, "--from says since when"),
        (("alerts.json", "--url", "http://127.0.0.1:9"), 2, "either a FILE or --url"),
        (("alerts.json", "--after", "soon"), 2, "'soon' is no length of time"),
        (("alerts.json", "--step", "0.1s"), 2, "--step is at least 1s"),
        (("alerts.json", "--from", "-1h", "--to", "-2h"), 2, "--to lies before --from"),
        (("alerts.json", "--from", "-1m"), 2, "to 2026-11-20T06:46:30Z; --from and --to ask"),
        (("alerts.json", "--to", "2026-11-20T02:59:00Z"), 2, "--from and --to ask for none of it"),
        (("--url", "http://127.0.0.1:9", "--from", "-1h"), 1, "Prometheus can't be reached"),
        (("alerts.json", "--truth", "none.jsonl"), 1, "none.jsonl: cannot be read"),
    ],
)
@pytest.mark.usefixtures("stored")
def test_bad_input_is_one_line(
    run: Run, kept: Write, words: tuple[str, ...], code: int, said: str
) -> None:
    kept()
    done = run("backtest", *words)
    assert done.code == code
    assert said in done.err
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"id": "a", "truth": ["vmstore"]}, "from: is missing"),
        ({"id": "a", "from": T0 + 9, "to": T0, "truth": ["x"]}, "it ends before it begins"),
        ({"id": "a", "from": "2026-11-20", "to": T0, "truth": ["x"]}, "from: "),
        ({"id": "a", "from": T0, "to": T0 + 9, "truth": ["ghost"]}, "no entity 'ghost'"),
        (
            {"id": "a", "from": T0, "to": T0 + 9, "truth": ["ghost"], "source": "cmdb"},
            "'ghost' of 'cmdb' is no entity",
        ),
        ({"id": "a", "from": T0, "to": T0 + 9, "truth": ["web"]}, "'web' means 4 entities"),
    ],
)
@pytest.mark.usefixtures("stored")
def test_a_wrong_label_is_one_line_that_names_it(
    run: Run, kept: Write, truth: Write, row: dict[str, Any], said: str
) -> None:
    done = run("backtest", kept(), "--truth", truth(row))
    assert done.code == 1
    assert said in done.err
    assert "truth.jsonl" in done.err
    assert len(done.err.splitlines()) == 1


def test_without_a_store_there_is_nothing_to_replay_on(run: Run, kept: Write) -> None:
    done = run("backtest", kept())
    assert done.code == 1
    assert "there is no store yet" in done.err
