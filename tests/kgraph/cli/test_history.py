from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kgraph.cli.session import Session

Run = Callable[..., Any]  # see conftest
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
AT_ONE, AT_TWO = "2026-11-23T13:00:00Z", "2026-11-23T14:00:00Z"


class Clock:
    """The program's time, set by hand."""

    def __init__(self) -> None:
        self.now = NOON


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(Session, "now", lambda _self: clock.now)
    return clock


@pytest.fixture(scope="module")
def _lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the store is kept once a test has lived these hours."""
    return tmp_path_factory.mktemp("lived") / "data"


@pytest.fixture(autouse=True)
def _three_hours(run: Run, estate: Path, clock: Clock, tmp_path: Path, _lived: Path) -> None:
    """At one o'clock web-1 moves to h2, at two it is gone; it is three now."""
    whole = estate.read_text("utf-8")
    moved = whole.replace("{from: v1, type: RUNS_ON, to: h1}", "{from: v1, type: RUNS_ON, to: h2}")
    gone = "\n".join(line for line in moved.splitlines() if "v1," not in line) + "\n"
    estate.write_text(gone, "utf-8")
    if _lived.exists():
        shutil.copytree(_lived, tmp_path / "data")
    else:
        for hours, text in enumerate((whole, moved, gone)):
            clock.now = NOON + timedelta(hours=hours)
            estate.write_text(text, "utf-8")
            assert run("ingest", "topology", estate).code == 0
        shutil.copytree(tmp_path / "data", _lived)
    clock.now = NOON + timedelta(hours=3)


def rows(done: Any) -> list[dict[str, str]]:
    assert done.code == 0, done.err
    found: list[dict[str, str]] = json.loads(done.out)
    return found


@pytest.mark.parametrize("at", ["-2h", "2h", AT_ONE, "2026-11-23T14:30:00+01:00"])
def test_every_command_that_reads_can_be_asked_of_a_past_time(run: Run, at: str) -> None:
    shown = json.loads(run("graph", "show", "web-1", "--at", at, "-o", "json").out)
    assert "RUNS_ON Host h2.dc1" in shown["needs"]
    assert len(rows(run("graph", "find", "web-1", f"--at={at}", "-o", "json"))) == 1
    ways = rows(run("graph", "path", "web-1", "h2.dc1", "--at", at, "-o", "json"))
    assert [way["relation"] for way in ways] == ["RUNS_ON"]
    exported = json.loads(run("graph", "export", "--around", "web-1", "--at", at).out)
    assert "web-1" in {entity["name"] for entity in exported["entities"]}
    assert "web-1" in run("impact", "h2.dc1", "--at", at).out
    assert "web-1" in run("predict", "--fail", "h2.dc1", "--at", at).out
    assert run("investigate", "--at", at).code == 0
    assert run("incidents", "list", "--at", at).code == 0
    query = ("cypher", "run", "impact/blast_radius", "--param", "uid=h2.dc1")
    assert "web-1" in {row["name"] for row in rows(run(*query, "--at", at, "-o", "json"))}
    assert "web-1" not in {row["name"] for row in rows(run(*query, "-o", "json"))}


def test_what_is_gone_is_not_found_now(run: Run) -> None:
    done = run("graph", "show", "web-1")
    assert done.code == 1
    assert "no entity 'web-1'" in done.err
    assert run("graph", "find", "web-1").out.strip().splitlines()[1:] == []


def test_the_story_of_what_is_gone_is_told_by_its_last_name(run: Run) -> None:
    done = run("graph", "history", "web-1", "-o", "json")
    told = [(row["at"], row["what"], row["detail"]) for row in rows(done)]
    assert told == [
        ("2026-11-23T12:00:00Z", "discovered", ""),
        ("2026-11-23T12:00:00Z", "needed_by", "RUNS_ON Service shop"),
        (AT_ONE, "relation_closed", "RUNS_ON Host h1.dc1"),
        (AT_ONE, "relation_opened", "RUNS_ON Host h2.dc1"),
        (AT_TWO, "closed", ""),
        (AT_TWO, "no_longer_needed_by", "RUNS_ON Service shop"),
    ]
    assert "was there from 2026-11-23T12:00:00Z to 2026-11-23T14:00:00Z" in done.err
    late = rows(run("graph", "history", "web-1", "--since", "-90m", "-o", "json"))
    assert {row["at"] for row in late} == {AT_TWO}


def test_the_difference_between_two_times_is_told(run: Run) -> None:
    moved = json.loads(run("graph", "diff", "-3h", "-2h", "-o", "json").out)
    assert [row["title"] for row in moved["opened"]] == [
        "VirtualMachine web-1 RUNS_ON Host h2.dc1"
    ]
    assert [row["title"] for row in moved["closed"]] == [
        "VirtualMachine web-1 RUNS_ON Host h1.dc1"
    ]
    assert (moved["created"], moved["gone"], moved["changed"]) == ([], [], [])
    gone = run("graph", "diff", "-2h")
    assert "gone" in gone.out
    assert "VirtualMachine web-1" in gone.out
    assert gone.err.startswith("1 gone, ")
    assert run("graph", "diff", "-2h", "--detailed-exitcode").code == 10
    assert run("graph", "diff", "-2h", "now").out == gone.out
    same = run("graph", "diff", "-30m", "--detailed-exitcode")
    assert (same.code, same.out.strip().splitlines()[1:]) == (0, [])
    assert "nothing differs" in same.err


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("yesterday", "'yesterday' is no time"),
        ("2026-11-23T12:00:00", "has no zone"),
        ("2027-01-01T00:00:00Z", "lies in the future"),
        ("0001-01-01T00:00:00Z", "lies before 1970"),
        ("-5x", "'-5x' is no time"),
        (f"-{'9' * 30}d", "longer than anything lasts"),
        ("-999999d", "999999 days ago there was no calendar"),
        ("0001-01-01T00:00:00+14:00", "is before the first year"),
    ],
)
def test_a_time_that_is_none_is_wrong_usage_in_one_line(run: Run, wrong: str, told: str) -> None:
    done = run("graph", "find", "--at", wrong)
    assert done.code == 2
    assert told in done.err
    assert len(done.err.splitlines()) == 1


def test_before_the_first_reading_there_is_nothing_and_it_is_said(run: Run) -> None:
    done = run("graph", "find", "--at", "-1d")
    assert done.out.strip().splitlines()[1:] == []
    assert "nothing had been read yet" in done.err
    assert run("graph", "find", "--at", AT_ONE).err == ""  # though all was read again since


def test_what_was_read_and_had_nothing_in_it_was_read(
    run: Run, estate: Path, clock: Clock
) -> None:
    head, _, _ = estate.read_text("utf-8").partition("entities:")
    estate.write_text(f"{head}entities: []\n", "utf-8")
    told = run("ingest", "topology", estate, "--accept-shrink")
    assert told.code == 0, told.err
    clock.now += timedelta(hours=1)
    done = run("graph", "find", "--at", "-10m")
    assert done.out.strip().splitlines()[1:] == []
    assert "nothing had been read yet" not in done.err


def test_an_earlier_time_comes_first(run: Run) -> None:
    assert run("graph", "diff", "-1h", "-2h").code == 2


def test_pruning_forgets_what_ended_long_ago(run: Run) -> None:
    assert "older-than" in run("graph", "prune").err
    kept = run("graph", "prune", "--older-than", "1d")
    assert kept.code == 0
    assert [line.split()[1] for line in kept.out.splitlines()[1:]] == ["0"] * 6
    done = run("graph", "prune", "--older-than", "30m")
    assert done.code == 0, done.err
    counts = dict(line.split() for line in done.out.splitlines()[1:])
    assert int(counts["relations"]) == 4
    assert int(counts["entities"]) == 2  # the guest, and when it was there
    assert run("graph", "history", "web-1").code == 1
    assert run("graph", "diff", "-10m").err.startswith("nothing differs")


def test_how_long_history_is_kept_can_be_configured(run: Run, work: Path, clock: Clock) -> None:
    (work / "kgraph.toml").write_text("[retention]\nhistory_days = 7\n")
    clock.now += timedelta(days=8)
    done = run("graph", "prune")
    assert done.code == 0, done.err
    assert int(dict(line.split() for line in done.out.splitlines()[1:])["relations"]) == 4


def test_what_ended_before_all_calendars_is_not_forgotten_but_refused(run: Run) -> None:
    done = run("graph", "prune", "--older-than", "999999d")
    assert (done.code, done.err) == (2, "kgraph: 999999 days ago there was no calendar\n")
