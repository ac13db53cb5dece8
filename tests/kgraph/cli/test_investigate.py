from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

Run = Callable[..., Any]  # see conftest
GOLDEN = Path(__file__).parents[2] / "golden"


def _matches(name: str, text: str) -> None:
    """Compare with a golden file; UPDATE_GOLDEN=1 writes it anew."""
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


def _live(bundle: Callable[..., str]) -> str:
    """The bundle's estate with its evidence, as of now."""
    now = datetime.now(UTC).isoformat()
    return bundle().replace("2026-11-23T04:00:00Z", now)


@pytest.mark.usefixtures("stored")
def test_the_one_screen_answer_is_as_reviewed(run: Run, bundle_file: Path) -> None:
    done = run("investigate", "--bundle", bundle_file)
    assert done.code == 0, done.err
    _matches("investigate-bundle.txt", done.out)
    assert max(len(line) for line in done.out.splitlines()) <= 100
    assert len(done.out.splitlines()) <= 24


@pytest.mark.usefixtures("stored")
def test_everything_is_one_flag_away(run: Run, bundle_file: Path) -> None:
    _matches(
        "investigate-bundle-verbose.txt", run("investigate", "--bundle", bundle_file, "-v").out
    )


@pytest.mark.parametrize("form", ["markdown", "mermaid", "dot"])
@pytest.mark.usefixtures("stored")
def test_the_ticket_and_the_pictures_are_as_reviewed(
    run: Run, bundle_file: Path, form: str
) -> None:
    _matches(
        f"investigate-bundle.{form}.txt",
        run("investigate", "--bundle", bundle_file, "-o", form).out,
    )


@pytest.mark.usefixtures("stored")
def test_the_documented_form_spells_entities_as_the_bundle_does(
    run: Run, bundle_file: Path
) -> None:
    done = run("investigate", "--bundle", bundle_file, "-o", "json")
    answer = json.loads(done.out)
    first = answer["causes"][0]
    assert (first["entity"], first["kind"], first["mode"]) == ("x", "StorageExport", "down")
    assert first["uid"] != "x"
    assert first["posterior"] > 0.5
    assert first["logOdds"] > 4  # the inference is surer than its kind turned out to be
    assert answer["id"] == "b-1"


@pytest.mark.parametrize("form", ["json", "jsonl"])
@pytest.mark.usefixtures("stored")
def test_many_bundles_are_answered_one_object_a_line(
    run: Run, work: Path, bundle: Callable[..., str], form: str
) -> None:
    path = work / "many.jsonl"
    path.write_text("".join(bundle(id=f"b-{n}") + "\n" for n in range(3)))
    lines = run("investigate", "--bundle", path, "-o", form).out.splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["b-0", "b-1", "b-2"]


@pytest.mark.usefixtures("stored")
def test_yaml_is_the_same_document(run: Run, bundle_file: Path) -> None:
    text = run("investigate", "--bundle", bundle_file, "-o", "yaml").out
    assert next(yaml.safe_load_all(text))["causes"][0]["entity"] == "x"


@pytest.mark.parametrize(
    ("form", "start"),
    [("markdown", "## b-1"), ("mermaid", "flowchart"), ("dot", "digraph"), ("html", "<!doctype")],
)
@pytest.mark.usefixtures("stored")
def test_an_answer_is_a_document_or_a_picture(
    run: Run, bundle_file: Path, form: str, start: str
) -> None:
    assert run("investigate", "--bundle", bundle_file, "-o", form).out.startswith(start)


@pytest.mark.usefixtures("stored")
def test_a_picture_of_many_incidents_is_wrong_usage(
    run: Run, work: Path, bundle: Callable[..., str]
) -> None:
    path = work / "many.jsonl"
    path.write_text(f"{bundle(id='a')}\n{bundle(id='b')}\n")
    done = run("investigate", "--bundle", path, "-o", "html")
    assert done.code == 2
    assert done.out == "", "half of an answer is none"


@pytest.mark.usefixtures("stored")
def test_evidence_on_strangers_is_left_out_and_said(
    run: Run, work: Path, bundle: Callable[..., str]
) -> None:
    path = work / "b.json"
    rows = [*json.loads(bundle())["observations"]]
    rows.append({"entity": "ghost", "signal": "down", "state": "abnormal"})
    path.write_text(bundle(observations=rows))
    done = run("investigate", "--bundle", path)
    assert done.code == 0
    assert "'ghost': not in the stored graph" in done.err


def test_a_bundle_with_entities_is_answered_while_the_store_is_away(
    run: Run, work: Path, bundle: Callable[..., str]
) -> None:
    path = work / "whole.json"
    row = {"entity": "web", "signal": "down", "state": "abnormal"}
    path.write_text(bundle(entities=[{"id": "web", "kind": "Service"}], observations=[row]))
    away = ("--store", "neo4j://127.0.0.1:1")
    assert "Service web FAILING" in run(*away, "investigate", "--bundle", path).out
    assert "to the byte" in run(*away, "replay", path).err


def test_a_bundle_without_entities_and_without_a_store_is_refused(
    run: Run, bundle_file: Path
) -> None:
    done = run("investigate", "--bundle", bundle_file)
    assert done.code == 1
    assert "there is none" in done.err


@pytest.mark.usefixtures("stored")
def test_detailed_exit_codes_tell_findings_from_inconclusive(
    run: Run, work: Path, bundle_file: Path, bundle: Callable[..., str]
) -> None:
    assert run("investigate", "--bundle", bundle_file, "--detailed-exitcode").code == 10
    quiet = work / "quiet.json"
    rows = [{"entity": "h1", "signal": "down", "state": "healthy"}]
    quiet.write_text(bundle(observations=rows))
    assert run("investigate", "--bundle", quiet, "--detailed-exitcode").code == 0


@pytest.mark.usefixtures("stored")
def test_a_quiet_estate_has_no_incident(run: Run) -> None:
    done = run("investigate", "--detailed-exitcode")
    assert done.code == 0
    assert done.out.startswith("nothing abnormal\n")
    assert json.loads(run("incidents", "list", "-o", "json").out) == []


def test_of_a_kind_that_nobody_knows_the_remedies_are_named_that_any_has(
    run: Run, work: Path
) -> None:
    seen = {"entity": "pot", "signal": "down", "state": "abnormal", "at": "2026-11-23T04:00:00Z"}
    bundle = {
        "format": "kgraph.incident/v1",
        "id": "x",
        "entities": [{"id": "pot", "kind": "Teapot"}],
        "relations": [],
        "observations": [seen],
    }
    (work / "x.json").write_text(json.dumps(bundle))
    told = run("investigate", "--bundle", "x.json").out
    assert "kgraph remedies show any.down" in told
    assert run("remedies", "show", "any.down").out


def test_a_malformed_bundle_is_told_with_its_line(run: Run, work: Path) -> None:
    path = work / "bad.jsonl"
    path.write_text('{"format": "kgraph.incident/v1", "id": }\n')
    done = run("investigate", "--bundle", path)
    assert done.code == 1
    assert "bad.jsonl:1" in done.err
    assert done.err.count("\n") == 1


@pytest.mark.processes
@pytest.mark.usefixtures("stored")
def test_a_bundle_comes_through_a_pipe_too_and_no_colour_reaches_one(
    process: Run, bundle: Callable[..., str]
) -> None:
    done = process("investigate", "--bundle", "-", env={"FORCE_COLOR": ""}, stdin=bundle())
    assert done.code == 0, done.err
    assert "vmstore" in done.out.split("CAUSE", 1)[1].splitlines()[0]
    assert "\x1b" not in done.out
