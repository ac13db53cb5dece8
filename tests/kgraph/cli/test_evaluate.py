"""`kgraph evaluate`, as a process would see it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.kgraph.cli.conftest import Run


def _bundle(name: str, hit: str) -> str:
    services = ["web", "api", "db"]
    return json.dumps(
        {
            "format": "kgraph.incident/v1",
            "id": name,
            "entities": [{"id": uid, "kind": "Service"} for uid in services],
            "relations": [
                {"from": "web", "type": "CALLS", "to": "api"},
                {"from": "api", "type": "CALLS", "to": "db"},
            ],
            "observations": [
                {
                    "entity": uid,
                    "signal": "errors",
                    "state": "abnormal" if uid == hit else "healthy",
                    "score": 40.0 if uid == hit else None,
                }
                for uid in services
            ],
        }
    )


@pytest.fixture
def cases(work: Path) -> tuple[str, str]:
    (work / "set.bundles.jsonl").write_text(
        "\n".join([_bundle("one", "db"), _bundle("two", "api")]) + "\n"
    )
    (work / "truth.jsonl").write_text(
        '{"id": "one", "truth": ["db"]}\n\n{"id": "two", "truth": ["web"], "note": "wrong"}\n'
    )
    return "set.bundles.jsonl", "truth.jsonl"


def test_every_method_has_a_row_and_luck_finds_one_in_three(
    run: Run, cases: tuple[str, str]
) -> None:
    bundle, truth = cases
    done = run("evaluate", bundle, "--truth", truth, "--output", "json")
    assert done.code == 0
    (one,) = json.loads(done.out)
    assert (one["set"], one["incidents"]) == ("set", 2)
    by_name = {row["method"]: row["figures"] for row in one["methods"]}
    assert by_name["random"]["AC@1"]["value"] == pytest.approx(1 / 3, abs=1e-6)
    assert by_name["kgraph"]["AC@1"]["value"] == 0.5
    low, high = by_name["kgraph"]["AC@1"]["interval90"]
    assert low <= 0.5 <= high
    assert "ECE" in by_name["kgraph"]
    assert "ECE by chance" in by_name["kgraph"]
    assert not {"ECE", "ECE by chance"} & by_name["traversal"].keys()


def test_two_sets_have_a_mean_and_the_table_names_both(run: Run, cases: tuple[str, str]) -> None:
    bundle, truth = cases
    done = run(
        "evaluate", bundle, bundle, "--truth", truth, "--truth", truth, "--method", "kgraph"
    )
    rows = [line.split()[0] for line in done.out.splitlines()]
    assert rows == ["SET", "set", "set", "mean"]


def test_the_page_has_a_plot_intervals_and_no_outside_host(
    run: Run, cases: tuple[str, str]
) -> None:
    bundle, truth = cases
    text = run("evaluate", bundle, "--truth", truth, "--output", "html").out
    # AC@1 of all methods, and reliability of the two with chances
    assert text.count("<svg") == 3
    assert "Reliability of kgraph on set" in text
    assert "came true" in text
    assert "90 % interval" in text
    assert "default-src &" not in text
    assert "default-src 'none'" in text
    assert "http:" not in text
    assert "https:" not in text
    assert "<script" not in text


def test_the_page_of_two_sets_has_their_mean_and_a_plot_for_each(
    run: Run, work: Path, cases: tuple[str, str]
) -> None:
    bundle, truth = cases
    (work / "<b>x.bundles.jsonl").write_text((work / bundle).read_text())
    both = (bundle, "<b>x.bundles.jsonl", "--truth", truth, "--truth", truth)
    text = run("evaluate", *both, "--method", "kgraph", "--output", "html").out
    assert "Mean of 2 sets" in text
    assert text.count("<svg") == 4
    assert "<b>x" not in text
    assert "&lt;b&gt;x, 2 incidents" in text


def test_at_most_so_many_incidents_are_asked(run: Run, cases: tuple[str, str]) -> None:
    bundle, truth = cases
    done = run("evaluate", bundle, "--truth", truth, "--at-most", "1", "--output", "json")
    assert json.loads(done.out)[0]["incidents"] == 1


def test_a_label_may_name_what_one_alone_is_called(run: Run, work: Path) -> None:
    bundle = json.loads(_bundle("one", "db"))
    names = {"web": "shop", "api": "shop", "db": "orders"}
    for row in bundle["entities"]:
        row["name"] = names[row["id"]]
    (work / "b.json").write_text(json.dumps(bundle))
    label = {"id": "one", "truth": ["orders"], "modes": {"orders": "failing"}}
    (work / "truth.jsonl").write_text(json.dumps(label))
    done = run("evaluate", "b.json", "--truth", "truth.jsonl", "-o", "json")
    by_name = {row["method"]: row["figures"] for row in json.loads(done.out)[0]["methods"]}
    assert by_name["kgraph"]["AC@1"]["value"] == 1
    (work / "truth.jsonl").write_text('{"id": "one", "truth": ["shop"]}')
    refused = run("evaluate", "b.json", "--truth", "truth.jsonl")
    assert "'shop' is no candidate of incident 'one'" in refused.err, "two are called so"


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ('{"id": "one", "truth": ["db"]}', "incident 'two' has no label"),
        ('{"id": "one", "truth": ["db"]}\n{"id": "two"}', "truth.jsonl:2"),
        ('{"id": "one", "truth": []}', "truth.jsonl:1"),
        ("{", "not JSON"),
        ('{"id": "one", "truth": ["nobody"]}', "'nobody' is no candidate of incident 'one'"),
        (
            '{"id": "one", "truth": ["db"]}\n{"id": "one", "truth": ["db"]}',
            "'one' is labelled twice",
        ),
        (
            "\n".join(f'{{"id": "{name}", "truth": ["db"]}}' for name in ("one", "two", "three")),
            "1 label without an incident, the first is 'three'",
        ),
    ],
)
def test_a_wrong_label_is_one_clear_line(
    run: Run, work: Path, cases: tuple[str, str], label: str, said: str
) -> None:
    (work / "truth.jsonl").write_text(label + "\n")
    done = run("evaluate", cases[0], "--truth", "truth.jsonl")
    assert done.code == 1
    assert said in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_two_incidents_of_one_id_are_told_as_that_and_not_as_a_missing_label(
    run: Run, work: Path, cases: tuple[str, str]
) -> None:
    bundle, truth = cases
    lines = (work / bundle).read_text().splitlines()
    (work / bundle).write_text("\n".join([*lines, lines[0]]) + "\n")
    done = run("evaluate", bundle, "--truth", truth)
    assert (done.code, len(done.err.strip().splitlines())) == (1, 1)
    assert f"{bundle}: two incidents are called 'one'" in done.err


def test_every_file_of_incidents_needs_its_labels(run: Run, cases: tuple[str, str]) -> None:
    bundle, truth = cases
    done = run("evaluate", bundle, bundle, "--truth", truth)
    assert done.code == 2
    assert "give each its --truth" in done.err


def test_an_unknown_method_names_those_there_are(run: Run, cases: tuple[str, str]) -> None:
    bundle, truth = cases
    done = run("evaluate", bundle, "--truth", truth, "--method", "luck")
    assert done.code == 2
    assert "random" in done.err
