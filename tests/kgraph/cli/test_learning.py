"""Confirming, refuting, and what is learned of it, as a process would see it."""

from __future__ import annotations

import getpass
import json
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from kgraph.app.incidents import quiet
from kgraph.app.stored.topologies import Topologies
from kgraph.schema import Observation, State
from kgraph.store import open_store
from tests.kgraph.cli.conftest import Ended, Run


@pytest.fixture
def incident(run: Run, stored: Path, tmp_path: Path) -> str:  # noqa: ARG001 - the estate
    """Four guests are paused in the stored estate; returns the incident's id."""
    path = next((tmp_path / "data").rglob("kgraph.db"))
    store = open_store(path)
    guests = [e.uid for e in store.find() if e.kind == "VirtualMachine"][:4]
    at = datetime.now(UTC)
    store.observe([Observation(uid, "paused", State.ABNORMAL, at=at) for uid in guests])
    store.close()
    done = run("investigate", "-o", "json")
    assert done.code == 0, done.err
    (row,) = json.loads(run("incidents", "list", "-o", "json").out)
    return str(row["id"])


def _lessons(run: Run) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(run("learning", "show", "-o", "json").out)
    return found


def _first(run: Run) -> tuple[str, float]:
    answer = json.loads(run("investigate", "-o", "json", "--no-save").out)
    first = answer["causes"][0]
    return first["entity"], first["logOdds"]


def test_a_refuted_cause_is_less_likely_the_next_time(run: Run, incident: str) -> None:
    blamed, before = _first(run)
    done = run("incidents", "refute", incident, blamed, "--by", "ada", "--reason", "it was up")
    assert done.code == 0, done.err
    assert "refuted: " in done.err
    again, after = _first(run)
    assert again != blamed or after < before


def test_a_confirmed_cause_is_learned_shown_exported_and_forgotten(
    run: Run, incident: str
) -> None:
    blamed, before = _first(run)
    assert run("incidents", "confirm", incident, blamed).code == 0
    assert _first(run)[1] >= before
    rows = _lessons(run)
    assert run("learning", "export", "-o", "table").code == 2  # a document, and no rows
    exported = json.loads(run("learning", "export").out)
    of_kinds = [row for row in exported["lessons"] if row["entity"] is None]
    faults = [row for row in of_kinds if not row["what"].startswith("change ")]
    assert sum(row["right"] for row in faults) == 1
    assert all(row["nats"] >= 0 for row in faults if row["right"])
    vain = [row for row in faults if row["wrong"]]  # others that were suspected
    assert vain
    assert all(row["nats"] < 0 for row in vain if row["expected"] > 0.01)
    assert exported["format"] == "kgraph.learning/v1"
    assert exported["rulings"][0]["entity"] == blamed
    own = {row["entity"] for row in rows if row["entity"]}
    assert own
    assert not any(uid in run("learning", "show").out for uid in own)  # people read names
    told = run("learning", "reset")
    assert "1 ruling would be forgotten" in told.err
    assert len(_lessons(run)) == len(rows)
    assert "1 ruling forgotten" in run("learning", "reset", "--execute").err
    assert _lessons(run) == []
    assert _first(run)[1] == pytest.approx(before)


def test_a_name_with_a_mode_is_understood_and_the_last_word_counts(
    run: Run, incident: str
) -> None:
    done = run("incidents", "confirm", incident, "VMStor:hung")  # as elsewhere, a part will do
    assert (done.code, done.err.partition(" in ")[0]) == (
        0,
        "confirmed: StorageExport vmstore hung",
    )
    assert run("incidents", "refute", incident, "vmstore:down").code == 0
    (ruling,) = json.loads(run("learning", "export").out)["rulings"]
    assert (ruling["mode"], ruling["right"]) == ("down", False)
    assert ruling["by"] == getpass.getuser()


def test_a_later_word_does_not_change_how_a_kept_incident_was_answered(
    run: Run, incident: str
) -> None:
    blamed, _ = _first(run)
    assert run("incidents", "confirm", incident, blamed).code == 0
    done = run("replay", incident, "--check")
    assert done.code == 0, done.err + done.out
    assert "answered the same, to the byte" in done.err


def test_what_a_confirmed_cause_taught_of_others_goes_when_it_is_taken_back(
    run: Run, incident: str
) -> None:
    def others() -> list[dict[str, object]]:
        return [row for row in _lessons(run) if "StorageExport" not in str(row["what"])]

    assert run("incidents", "confirm", incident, "vmstore").code == 0
    in_vain = others()
    assert in_vain
    assert run("incidents", "refute", incident, "vmstore").code == 0
    assert others() == []
    assert run("incidents", "confirm", incident, "vmstore").code == 0
    assert others() == in_vain
    assert run("learning", "reset", "--incident", incident, "--execute").code == 0
    assert _lessons(run) == []


def test_asking_alone_teaches_nothing(run: Run, incident: str) -> None:
    assert incident
    for _ in range(2):
        run("investigate")
    assert _lessons(run) == []
    done = run("learning", "show")
    assert "nothing yet" in done.err


@pytest.mark.parametrize(
    ("verb", "which", "cause", "said"),
    [
        ("confirm", "INC-9999", "x", "no incident 'INC-9999'"),
        ("confirm", "", "nobody", "no entity 'nobody' in INC-"),
        ("confirm", "", "vmstroe", "did you mean vmstore?"),
        ("confirm", "", "StorageExport/vmstore:sleepy", "no failure mode 'sleepy'"),
        ("refute", "", "shop", "was not suspected"),
    ],
)
def test_what_cannot_be_said_is_one_clear_line(
    run: Run, incident: str, verb: str, which: str, cause: str, said: str
) -> None:
    done: Ended = run("incidents", verb, which or incident, cause)
    assert done.code == 1
    assert said in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_what_is_on_record_of_alarms_is_shown_and_forgotten(
    run: Run,
    incident: str,  # noqa: ARG001 - the estate
    tmp_path: Path,
) -> None:
    assert "nothing yet" in run("learning", "alarms").err
    _flap(next((tmp_path / "data").rglob("kgraph.db")))
    (row,) = json.loads(run("learning", "alarms", "-o", "json").out)
    assert (row["signal"], row["times"]) == ("latency", 12)
    assert row["noise"] > 0.01
    assert json.loads(run("learning", "export").out)["alarms"] == [row]
    assert run("learning", "reset", "--alarms", "--incident", "INC-0001").code == 2
    assert "of 1 alarm would be forgotten" in run("learning", "reset", "--alarms").err
    assert "of 1 alarm is forgotten" in run("learning", "reset", "--alarms", "--execute").err
    assert "nothing yet" in run("learning", "alarms").err


def _flap(path: Path) -> None:
    """Let an alert of one host stand for ten minutes twelve times a day, before all else."""
    store = open_store(path)
    uid, begin = store.find(kind="Host")[0].uid, datetime.now(UTC) - timedelta(days=9)
    for minutes in range(0, 24 * 60, 10):
        now = begin + timedelta(minutes=minutes)
        if minutes % 120 in {30, 40}:
            state = State.ABNORMAL if minutes % 120 == 30 else State.HEALTHY
            store.observe([Observation(uid, "latency", state, at=now, detector="prometheus/Slow")])
        quiet.count(store, partial(Topologies().of, store), now)
    store.close()
