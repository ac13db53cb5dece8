"""`kgraph rules`, as a process would see it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.kgraph.cli.conftest import ESTATE, Run

RULES = (
    "format: kgraph.rules/v1\ndomain: own\npropagation:\n"
    '  - {effect: hung, path: "(Host)-[:DEPENDS_ON]->(Site)", causes: [down],'
    " strength: 0.99, where: {label: {name: a, equals: b}}}\n"
)
TESTS = (
    "format: kgraph.rule-tests/v1\ntests:\n  - test: a room\n    fails: [s.down]\n"
    "    relations: [h DEPENDS_ON s]\n    entities: {s: Site, h: {kind: Host, labels: {a: b}}}\n"
    "    expect: {derived: [h.%s]}\n"
)


@pytest.fixture
def folder(work: Path) -> Path:
    own = work / "own"
    own.mkdir()
    (own / "own.yaml").write_text(RULES)
    return own


def test_the_shipped_tests_pass_one_line_each(run: Run) -> None:
    done = run("rules", "test")
    rows = done.out.splitlines()[1:]
    assert done.code == 0
    assert rows
    assert all(row.startswith("passed ") for row in rows)
    assert f"{len(rows)} passed, 0 failed" in done.err


def test_the_tests_of_a_folder_run_with_its_rules(run: Run, folder: Path) -> None:
    (folder / "own.test.yaml").write_text(TESTS % "hung")
    done = run("rules", "test", folder)
    assert (done.code, done.err) == (0, "1 passed, 0 failed\n")


def test_a_test_that_fails_says_how_and_ends_as_a_finding_does(run: Run, folder: Path) -> None:
    (folder / "own.test.yaml").write_text(TESTS % "down")
    done = run("rules", "test", folder, "-o", "json")
    (row,) = json.loads(done.out)
    assert done.code == 1
    assert row["outcome"] == "failed"
    assert row["differs"] == "derived: expected h.down, got h.hung"
    assert run("rules", "test", folder, "--detailed-exitcode").code == 10


def test_a_folder_without_tests_is_told(run: Run, folder: Path) -> None:
    done = run("rules", "test", folder)
    assert (done.code, done.out, done.err) == (0, "", "no tests there\n")


def test_a_folder_without_rules_is_not_called_sound(run: Run, work: Path) -> None:
    (work / "empty").mkdir()
    done = run("rules", "lint", "empty")
    assert (done.code, done.out) == (1, "")
    assert done.err == "kgraph: empty: no rules in there; rule files end with .yaml\n"


def test_a_mode_that_no_cause_has_is_told_with_the_one_that_is_near(
    run: Run, folder: Path
) -> None:
    (folder / "own.yaml").write_text(RULES.replace("causes: [down]", "causes: [dwon]"))
    assert "no kind on the path has the mode 'dwon'  did you mean down?" in (
        run("rules", "lint", folder).out
    )


def test_conditions_and_checks_are_shown(run: Run, work: Path, folder: Path) -> None:
    (work / "kgraph.toml").write_text(f'[folders]\nrules = ["{folder}"]\n')
    shown = run("rules", "show", "propagation", "--kind", "Site").out
    assert "where label a = b" in shown
    checks = json.loads(run("rules", "show", "checks", "--kind", "Disk", "-o", "json").out)
    assert [row["says"] for row in checks] == [
        "(Disk) failed to see failed: smartctl -H '{name}'",
        "(Disk) wearing to see wearing: smartctl -A '{name}'",
    ]


def test_rules_of_a_kind_that_there_is_not_are_asked_for_in_vain(run: Run) -> None:
    done = run("rules", "show", "--kind", "Hots")
    assert done.code == 2
    assert "unknown kind 'Hots'; did you mean Host?" in done.err


def test_coverage_counts_what_can_fail_unseen_worst_first(run: Run, work: Path) -> None:
    (work / "estate.yaml").write_text(ESTATE)
    assert run("ingest", "topology", "estate.yaml").code == 0
    rows = json.loads(run("rules", "coverage", "-o", "json").out)
    rates = [row["unseenPerYear"] for row in rows]
    assert rates == sorted(rates, reverse=True)
    down = next(row for row in rows if (row["kind"], row["mode"]) == ("Host", "down"))
    assert (down["entities"], down["unseen"]) == (2, 2)
    assert down["signals"][:2] == ["down", "unreachable"]
    assert "VirtualMachine" in run("rules", "coverage").out


def test_what_a_source_watches_is_covered(run: Run, work: Path) -> None:
    watched = ESTATE.replace("h2, kind: Host,", "h2, kind: Host, watched: [down],")
    (work / "estate.yaml").write_text(watched)
    assert run("ingest", "topology", "estate.yaml").code == 0
    rows = json.loads(run("rules", "coverage", "-o", "json").out)
    down = next(row for row in rows if (row["kind"], row["mode"]) == ("Host", "down"))
    assert (down["entities"], down["unseen"]) == (2, 1)


def test_live_coverage_counts_what_is_delivered_and_not_what_is_promised(
    run: Run, work: Path
) -> None:
    watched = ESTATE.replace("h2, kind: Host,", "h2, kind: Host, watched: [down],")
    (work / "estate.yaml").write_text(watched)
    source = '[[sources]]\ntype = "topology"\npath = "estate.yaml"\n'
    (work / "kgraph.toml").write_text(f'[store]\nurl = "sqlite:///kgraph.db"\n{source}')
    rows = json.loads(run("rules", "coverage", "--live", "-o", "json").out)
    down = next(row for row in rows if (row["kind"], row["mode"]) == ("Host", "down"))
    assert (down["entities"], down["unseen"], down["promised"]) == (2, 2, 1)


def test_live_coverage_names_a_source_that_cannot_be_read(run: Run, work: Path) -> None:
    source = '[[sources]]\ntype = "topology"\npath = "gone.yaml"\n'
    (work / "kgraph.toml").write_text(f'[store]\nurl = "sqlite:///kgraph.db"\n{source}')
    told = run("rules", "coverage", "--live")
    assert told.code == 1
    assert "gone.yaml" in told.err


def test_of_an_empty_graph_no_coverage_is_claimed(run: Run, work: Path) -> None:
    (work / "empty.yaml").write_text(
        "format: kgraph.topology/v1\nsource: cmdb\nscope: here\nentities: []\nrelations: []\n"
    )
    run("ingest", "topology", "empty.yaml")
    told = run("rules", "coverage")
    assert "nothing is in the graph" in told.err
    assert "pass unseen" not in told.err


def test_live_coverage_has_no_other_time(run: Run) -> None:
    assert run("rules", "coverage", "--live", "--at", "-1h").code == 2
