"""`kgraph campaign`, as a process would see it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kgraph.schema import Observation, State
from kgraph.store import open_store
from rca.calibration.file import load_calibration
from tests.kgraph.cli.conftest import Run

FEW = ("campaign", "--entities", "100", "--incidents", "5", "--method", "kgraph")


def test_the_figures_stand_by_stratum_and_next_to_baselines(run: Run) -> None:
    done = run("campaign", "--entities", "100", "--incidents", "10", "--faults", "1-2")
    assert done.code == 0, done.err
    assert "3% wrong relations; 10 incidents of 1 to 2 faults, seed 0" in done.out
    firsts = [line.split()[0] for line in done.out.splitlines() if line.strip()]
    assert {"STRATUM", "all", "hard", "identifiable", "METHOD", "kgraph", "uncalibrated"} <= set(
        firsts
    )
    assert {"random", "traversal", "PageRank", "SAID"} <= set(firsts)


def test_the_same_seed_prints_the_same_figures(run: Run) -> None:
    def figures() -> object:
        found = json.loads(run(*FEW, "--output", "json").out)
        return [one["figures"] for one in (*found["methods"], *found["strata"])]

    assert figures() == figures()


def test_every_incident_can_be_had_by_itself(run: Run) -> None:
    rows = [json.loads(line) for line in run(*FEW, "--output", "jsonl").out.splitlines()]
    assert [row["number"] for row in rows] == list(range(5))
    assert all(row["truth"] and row["strata"] for row in rows)
    whole = json.loads(run(*FEW, "--output", "json").out)
    firsts = [row["methods"]["kgraph"]["AC@1"] for row in rows]
    assert whole["methods"][0]["figures"]["AC@1"]["value"] == pytest.approx(
        sum(firsts) / 5, abs=1e-6
    )


@pytest.mark.usefixtures("stored")
def test_the_stored_graph_is_asked_about_and_left_alone(run: Run, tmp_path: Path) -> None:
    store = next((tmp_path / "data").rglob("kgraph.db"))

    def content() -> list[str]:
        with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as held:
            return list(held.iterdump())

    before = content()
    done = run("campaign", "--incidents", "3", "--method", "kgraph", "--output", "json")
    assert done.code == 0, done.err
    assert "usual estate is assumed" in done.err
    assert json.loads(done.out)["estate"].startswith("9 entities")
    assert content() == before
    assert json.loads(run("incidents", "list", "--output", "json").out) == []


def test_a_fitted_calibrator_is_written_and_then_used(
    run: Run, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kgraph.app.measuring.calibrating._LEAST", 8)
    done = run("campaign", "--entities", "100", "--incidents", "16", "--fit", "mine.yaml")
    assert done.code == 0, done.err
    assert "NOT LEARNED FROM" in done.out
    assert "ECE BY CHANCE" in done.out
    fitted = load_calibration(work / "mine.yaml")
    assert fitted.title == "8 simulated incidents"
    assert "every other seed of 16 from seed 0, on 99 entities" in fitted.how["simulated"]
    assert fitted.reliability
    (work / "kgraph.toml").write_text('[engine]\ncalibration = "mine.yaml"\n')
    bundle = {
        "format": "kgraph.incident/v1",
        "id": "one",
        "entities": [{"id": "h", "kind": "Host"}],
        "relations": [],
        "observations": [{"entity": "h", "signal": "down", "state": "abnormal"}],
    }
    (work / "one.jsonl").write_text(json.dumps(bundle) + "\n")
    answer = json.loads(run("investigate", "--bundle", "one.jsonl", "-o", "json").out)
    assert answer["calibration"] == "8 simulated incidents"
    assert "logOdds" in answer["causes"][0]


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--faults", "0"), 2, "write 2, or 1-3"),
        (("--faults", "3-1"), 2, "write 2, or 1-3"),
        (("--faults", "some"), 2, "write 2, or 1-3"),
        (("--method", "luckk"), 2, "no method 'luckk'"),
        (("--labelled", "a", "--truth", "b"), 2, "--labelled is for --fit"),
        (("--labelled", "a", "--fit", "c"), 2, "pair them"),
        (("--fit", "c", "--incidents", "10"), 1, "too few to fit"),
        (("--confirmed",), 2, "--confirmed is for --fit"),
        (("--confirm", "some"), 2, "write 100, or 25,100,300"),
        (("--confirm", "5", "--method", "kgraph"), 2, "without --fit and --method"),
        (("--entities", "20"), 1, "use 100 or more"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(
    run: Run, options: tuple[str, ...], code: int, said: str
) -> None:
    estate = () if "--entities" in options else ("--entities", "100")
    done = run("campaign", *estate, *options)
    assert done.code == code
    assert said in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_an_empty_store_says_how_to_get_an_estate(run: Run) -> None:
    done = run("campaign")
    assert done.code == 1
    assert len(done.err.strip().splitlines()) == 1


def test_what_confirming_causes_gains_is_a_row_for_each_step(run: Run) -> None:
    few = ("campaign", "--entities", "100", "--incidents", "5")
    done = run(*few, "--confirm", "4,2", "--output", "json")
    assert done.code == 0, done.err
    rows = json.loads(done.out)
    assert [row["confirmed"] for row in rows] == [0, 2, 4]
    # They come before those that are asked about, which are the same in each row.
    nine = ("campaign", "--entities", "100", "--incidents", "9", "--method", "kgraph")
    later = run(*nine, "--output", "jsonl")
    asked = [json.loads(line) for line in later.out.splitlines()][4:]
    firsts = [row["methods"]["kgraph"]["AC@1"] for row in asked]
    assert rows[0]["figures"]["AC@1"]["value"] == pytest.approx(sum(firsts) / 5, abs=1e-6)
    assert "CONFIRMED" in run(*few, "--confirm", "2").out


@pytest.mark.usefixtures("stored")
def test_the_calibrator_learns_from_what_people_have_confirmed(
    run: Run, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is learned from simulated ones is told above: here a few will do.
    monkeypatch.setattr("kgraph.app.measuring.calibrating._LEAST", 4)
    fit = ("campaign", "--entities", "100", "--incidents", "8", "--fit", "mine.yaml")
    with monkeypatch.context() as before:
        before.setattr(
            "kgraph.app.measuring.campaign.draw", lambda *_: pytest.fail("drawn in vain")
        )
        done = run(*fit, "--confirmed")
    assert done.code == 1
    assert "nobody has confirmed a cause" in done.err
    with closing(open_store(next((tmp_path / "data").rglob("kgraph.db")))) as store:
        guests = [e.uid for e in store.find() if e.kind == "VirtualMachine"][:4]
        at = datetime.now(UTC)
        store.observe([Observation(uid, "paused", State.ABNORMAL, at=at) for uid in guests])
    assert run("investigate").code == 0
    (row,) = json.loads(run("incidents", "list", "-o", "json").out)
    assert run("incidents", "confirm", row["id"], "vmstore").code == 0
    done = run(*fit, "--confirmed")
    assert done.code == 0, done.err
    assert load_calibration(work / "mine.yaml").how["labelled"] == "confirmed (1)"
