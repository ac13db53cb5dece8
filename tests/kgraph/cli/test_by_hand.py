"""Acknowledging, closing, merging and splitting incidents, as a process would see it."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kgraph.cli import investigate
from kgraph.schema import IncidentStatus, PlanState
from kgraph.store import open_store
from tests.kgraph.cli.conftest import Ended, Run
from tests.kgraph.cli.test_learning import incident as incident  # noqa: PLC0414 - a fixture


def _rows(run: Run) -> dict[str, dict[str, str]]:
    rows = json.loads(run("incidents", "list", "-o", "json").out)
    return {row["id"]: row for row in rows}


def test_who_has_it_is_in_the_list_first_on_the_screen_and_in_the_audit(
    run: Run, incident: str
) -> None:
    done = run("incidents", "acknowledge", incident, "--by", "ada", "--note", "at stor1")
    assert (done.code, done.err) == (0, f"{incident}: ada acknowledges it: at stor1\n")
    assert _rows(run)[incident]["taken"] == "ada"
    screen = run("incidents", "show", incident).out.splitlines()
    (line,) = [row for row in screen if row.startswith("WHO")]
    assert line.endswith(": at stor1")
    assert run("incidents", "acknowledge", incident, "--withdraw").code == 0
    assert not _rows(run)[incident]["taken"]
    told = json.loads(run("audit", "requests", "-o", "json").out)
    assert [row["what"] for row in told] == ["incident.withdraw", "incident.acknowledge"]
    assert run("audit", "verify").code == 0


@pytest.mark.parametrize("typed", ["1", "INC-1", "inc-0001", "inc1"])
def test_an_id_may_be_typed_short(run: Run, incident: str, typed: str) -> None:
    assert incident == "INC-0001"
    shown = run("incidents", "show", typed)
    assert shown.out.startswith(f"{incident} ")
    assert run("check", "--incident", typed, "--dry-run").err.count("no incident") == 0
    assert run("replay", typed).code == 0


def test_of_an_incident_that_is_over_that_is_told(run: Run, incident: str) -> None:
    assert run("incidents", "show", incident).err == ""
    assert run("incidents", "close", incident, "--reason", "planned").code == 0
    shown = run("incidents", "show", incident)
    assert shown.err == f"{incident} is closed; this is as it was last explained\n"


def test_an_incident_given_to_investigate_is_told_where_it_is_shown(
    run: Run, incident: str
) -> None:
    done = run("investigate", incident)
    assert done.code == 2
    assert "`kgraph incidents show INCIDENT` tells" in done.err


def test_a_part_is_split_off_merged_again_and_the_whole_closed(run: Run, incident: str) -> None:
    shown = json.loads(run("incidents", "show", incident, "--part", "bundle").out)
    guest = next(r["entity"] for r in shown["observations"] if r["state"] == "abnormal")
    done = run("incidents", "split", incident, guest, "--note", "its own disk")
    assert done.code == 0, done.err
    assert "splits INC-0002 off" in done.err
    assert run("investigate").code == 0
    assert {id_: row["status"] for id_, row in _rows(run).items()} == {
        incident: "open",
        "INC-0002": "open",
    }
    assert run("incidents", "merge", "INC-0002", incident).code == 0
    done = run("incidents", "close", incident, "--reason", "planned")
    assert done.code == 0, done.err
    again = run("investigate")
    assert f"{incident} was closed by hand; its symptoms are still there" in again.err
    assert {row["status"] for row in _rows(run).values()} == {"closed"}
    report = run("incidents", "report", incident).out
    assert "closes it: planned" in report
    assert "nothing of it is abnormal" not in report


def test_what_was_over_before_somebody_closed_it_did_not_last_until_then(
    run: Run, tmp_path: Path, incident: str
) -> None:
    with closing(open_store(next((tmp_path / "data").rglob("kgraph.db")))) as store:
        record = store.incident(incident)
        assert record is not None
        over = record.opened_at  # before anybody can close it
        store.save_incident(replace(record, status=IncidentStatus.RESOLVED, updated_at=over))
    assert run("incidents", "close", incident, "--reason", "known").code == 0
    report = run("incidents", "report", incident).out
    assert f"| over | {over:%Y-%m-%d %H:%M:%S}Z |" in report
    assert "nothing of it is abnormal any longer" in report
    assert "closes it: known" in report


def test_who_investigates_while_others_split_an_incident_writes_nothing_and_says_so(
    run: Run, incident: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = json.loads(run("incidents", "show", incident, "--part", "bundle").out)
    guest = next(r["entity"] for r in shown["observations"] if r["state"] == "abnormal")
    _behind_the_answer(monkeypatch, lambda: run("incidents", "split", incident, guest))
    done = run("investigate")
    assert "nothing is saved: people have sorted incidents meanwhile" in done.err
    (row,) = (row for row in _rows(run).values() if row["id"] != incident)
    assert row["title"] == "1 VM paused"


def test_what_is_closed_while_somebody_investigates_stays_closed(
    run: Run, incident: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _behind_the_answer(
        monkeypatch, lambda: run("incidents", "close", incident, "--reason", "planned")
    )
    done = run("investigate")
    assert f"{incident} was closed by hand; its symptoms are still there" in done.err
    assert {row["status"] for row in _rows(run).values()} == {"closed"}


def _behind_the_answer(monkeypatch: pytest.MonkeyPatch, does: Callable[[], Ended]) -> None:
    """Let something be done after the incident was explained, and before that is saved."""
    refuse = investigate._refuse_many

    def done_meanwhile(*_args: Any) -> None:
        monkeypatch.setattr(investigate, "_refuse_many", refuse)
        assert does().code == 0

    monkeypatch.setattr(investigate, "_refuse_many", done_meanwhile)


def test_who_investigates_does_not_explain_anew_what_is_being_repaired(
    run: Run, tmp_path: Path, incident: str
) -> None:
    with closing(open_store(next((tmp_path / "data").rglob("kgraph.db")))) as store:
        (plan,) = store.plans(incident=incident)
        store.save_plan(replace(plan, state=PlanState.RUNNING))
        before = store.incident(incident)
        run("investigate")
        after = store.incident(incident)
    assert before is not None
    assert after is not None
    assert (after.answer, after.updated_at > before.updated_at) == (before.answer, True)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("acknowledge", "INC-9"), "no incident 'INC-9'"),
        (("acknowledge", "", "--withdraw"), "nobody has acknowledged INC-0001"),
        (("close", "", "--reason", " "), "give a reason"),
        (("merge", "", "INC-0001"), "INC-0001 cannot be merged into itself"),
        (("split", "", "nobody"), "no entity 'nobody' in INC-0001"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    run: Run, incident: str, arguments: tuple[str, ...], why: str
) -> None:
    done = run("incidents", *(incident if part == "" else part for part in arguments))
    assert done.code == 1
    assert why in done.err
    assert done.err.count("\n") == 1
