from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]  # see conftest


@pytest.fixture(scope="module")
def _told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the answer is kept once a test has asked for it."""
    return tmp_path_factory.mktemp("told") / "answer.json"


@pytest.fixture
def answered(run: Run, work: Path, stored: Path, bundle_file: Path, _told: Path) -> Path:  # noqa: ARG001
    """What was answered to the bundle: asked once, and copied for each test."""
    if not _told.exists():
        _told.write_text(run("investigate", "--bundle", bundle_file, "-v", "-o", "json").out)
    return Path(shutil.copy(_told, work))


@pytest.fixture
def kept(run: Run, work: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of an incident that a store keeps: that of the demo."""
    assert run("demo", "--keep", "demo").code == 0
    monkeypatch.chdir(work / "demo")
    return "INC-0001"


def test_the_same_question_is_answered_the_same_to_the_byte(
    run: Run, bundle_file: Path, answered: Path
) -> None:
    done = run("replay", bundle_file, "--answer", answered, "--check", "-o", "json")
    assert done.code == 0, done.err
    assert [row["outcome"] for row in json.loads(done.out)] == ["identical"]
    assert "the answer holds" in done.err


def test_a_kept_incident_is_asked_again_from_its_own_bundle(run: Run, kept: str) -> None:
    done = run("replay", kept, "--check", "-o", "json")
    assert done.code == 0, done.err + done.out
    assert [row["outcome"] for row in json.loads(done.out)] == ["identical"]


def test_what_is_said_of_an_incident_and_that_it_was_closed_change_nothing_of_its_answer(
    run: Run, kept: str
) -> None:
    answer = json.loads(run("incidents", "show", kept, "--part", "answer").out)
    blamed = min(answer["causes"], key=lambda row: row["posterior"])
    for words in (("confirm", kept, blamed["entity"]), ("close", kept, "--reason", "mended")):
        done = run("incidents", *words)
        assert done.code == 0, done.err
    done = run("replay", kept, "-o", "json")
    assert [row["outcome"] for row in json.loads(done.out)] == ["identical"], done.out


@pytest.mark.usefixtures("stored")
def test_many_bundles_are_held_against_many_answers_by_their_ids(
    run: Run, work: Path, bundle: Callable[..., str]
) -> None:
    many, told = work / "many.jsonl", work / "told.jsonl"
    many.write_text("".join(bundle(id=f"b-{n}") + "\n" for n in range(3)))
    told.write_text(run("investigate", "--bundle", many, "-o", "jsonl").out)
    told.write_text("".join(reversed(told.read_text().splitlines(keepends=True))))
    rows = json.loads(run("replay", many, "--answer", told, "-o", "json").out)
    assert [(row["id"], row["outcome"]) for row in rows] == [
        ("b-0", "identical"),
        ("b-1", "identical"),
        ("b-2", "identical"),
    ]


@pytest.mark.usefixtures("stored")
def test_bundles_without_answers_are_asked_twice(run: Run, bundle_file: Path) -> None:
    done = run("replay", bundle_file, "--check")
    assert done.code == 0, done.err
    assert "answered the same, to the byte" in done.err


def test_what_differs_is_told_place_by_place(run: Run, bundle_file: Path, answered: Path) -> None:
    told = json.loads(answered.read_text())
    told["causes"][0]["mode"] = "hung"
    del told["warnings"]
    answered.write_text(json.dumps(told))
    done = run("replay", bundle_file, "--answer", answered, "-o", "json")
    assert done.code == 1
    rows = {row["where"]: (row["then"], row["now"]) for row in json.loads(done.out)}
    assert rows["causes[0].mode"] == ('"hung"', '"down"')
    assert rows["warnings"][0] == "—"
    detailed = run("--detailed-exitcode", "replay", bundle_file, "--answer", answered)
    assert detailed.code == 10


def test_other_rules_are_named_as_the_reason(run: Run, bundle_file: Path, answered: Path) -> None:
    told = json.loads(answered.read_text()) | {"modelVersion": "rules-old"}
    answered.write_text(json.dumps(told))
    done = run("replay", bundle_file, "--answer", answered)
    assert "the rules changed since: rules-old, now rules-" in done.err


def test_an_answer_that_does_not_hold_is_refused_by_the_checker(
    run: Run, bundle_file: Path, answered: Path
) -> None:
    told = json.loads(answered.read_text())
    told["explanation"][0]["steps"][1]["relation"] = "POWERED_BY"
    told["certificate"]["observations"] = told["certificate"]["observations"][:1]
    told["certificate"]["minimal"] = True
    answered.write_text(json.dumps(told))
    done = run("replay", bundle_file, "--answer", answered, "--check", "-o", "json")
    assert done.code == 1
    flaws = {row["where"]: row["then"] for row in json.loads(done.out) if row["outcome"] == "flaw"}
    assert "there is no relation POWERED_BY" in flaws["explanation[0].steps[1]"]
    assert flaws["certificate"] == "without these observations the answer stays the same"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "not JSON"),
        ("[1]", "no answer: it has no id"),
        ('{"id": "other"}', "no answer to incident 'b-1'"),
        ('{"id": "b-1", "hypotheses": 3}', "no answer in the documented form"),
    ],
)
def test_a_file_that_holds_no_answers_is_told_in_one_line(
    run: Run, bundle_file: Path, answered: Path, text: str, said: str
) -> None:
    answered.write_text(text)
    done = run("replay", bundle_file, "--answer", answered, "--check")
    assert done.code == 1
    assert said in done.err
    assert "Traceback" not in done.err


@pytest.mark.usefixtures("stored")
def test_an_incident_that_nobody_kept_is_told(run: Run) -> None:
    done = run("replay", "INC-9999")
    assert done.code == 1
    assert "no incident 'INC-9999'; " in done.err
    assert "no file is called so either" in done.err
    assert run("replay", "INC-9999", "--answer", "x.json").code == 2
