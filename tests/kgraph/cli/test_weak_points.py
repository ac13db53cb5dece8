from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]  # see conftest
GOLDEN = Path(__file__).parents[2] / "golden" / "weak-points-demo.txt"
HIDDEN = """\
format: kgraph.topology/v1
source: cmdb
scope: site:dc1
complete: true
entities:
  - {id: s, kind: Service, name: shop, labels: {owner: team-shop}}
  - {id: v1, kind: VirtualMachine, name: web-1}
  - {id: v2, kind: VirtualMachine, name: web-2}
  - {id: h, kind: Host, name: h1}
relations:
  - {from: s, type: RUNS_ON, to: v1, group: copies, need: 1}
  - {from: s, type: RUNS_ON, to: v2, group: copies, need: 1}
  - {from: v1, type: RUNS_ON, to: h}
  - {from: v2, type: RUNS_ON, to: h}
"""


@pytest.fixture
def hidden(run: Run, work: Path) -> None:
    path = work / "hidden.yaml"
    path.write_text(HIDDEN)
    assert run("ingest", "topology", path).code == 0


@pytest.mark.usefixtures("hidden")
def test_the_table_names_what_fails_what_stops_and_whose_it_is(run: Run) -> None:
    done = run("weak-points")
    assert done.code == 0, done.err
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert lines == [
        "WHAT HITS MEMBERS STOPS TENANTS",
        "single point 1 Host h1 shop team-shop",
        "pair 1 VirtualMachine web-1 + VirtualMachine web-2 shop team-shop",
        "hidden shared cause 1 Host h1, behind shop RUNS_ON web-1 | web-2 shop team-shop",
    ]
    assert (
        "1 looked at: 1 single point of failure, 1 larger set, 1 hidden shared cause\n" in done.err
    )
    assert run("--detailed-exitcode", "weak-points").code == 10


@pytest.mark.usefixtures("hidden")
def test_the_document_has_uids_and_the_group_that_hides_a_cause(run: Run) -> None:
    rows = json.loads(run("weak-points", "shop", "-o", "json").out)
    assert [row["what"] for row in rows] == ["single point", "pair", "hidden shared cause"]
    (behind,) = rows[-1]["behind"]
    assert behind["dependent"]["name"] == "shop"
    assert [one["name"] for one in behind["members"]] == ["web-1", "web-2"]
    assert rows[0]["hits"][0]["uid"] == behind["dependent"]["uid"]


@pytest.mark.usefixtures("hidden")
def test_the_list_is_as_short_and_the_sets_as_small_as_asked(run: Run) -> None:
    done = run("weak-points", "--limit", "1", "-o", "json")
    assert [row["what"] for row in json.loads(done.out)] == [
        "single point",
        "pair",
        "hidden shared cause",
    ]
    assert "not shown" not in done.err
    rows = json.loads(run("weak-points", "--size", "1", "-o", "json").out)
    assert [row["what"] for row in rows] == ["single point", "hidden shared cause"]


def test_many_pairs_hide_no_single_point_and_what_is_not_shown_is_counted(
    run: Run, work: Path
) -> None:
    """Two copies on two hosts each: nine pairs stop it, and one queue that another one needs."""
    path = work / "pairs.yaml"
    path.write_text(
        "format: kgraph.topology/v1\nsource: c\nscope: all\ncomplete: true\nentities:\n"
        "  - {id: shop, kind: Service}\n  - {id: mail, kind: Service}\n  - {id: q, kind: Queue}\n"
        "  - {id: a, kind: VirtualMachine}\n  - {id: b, kind: VirtualMachine}\n"
        "  - {id: h1, kind: Host}\n  - {id: h2, kind: Host}\nrelations:\n"
        "  - {from: shop, type: RUNS_ON, to: a, group: g, need: 1}\n"
        "  - {from: shop, type: RUNS_ON, to: b, group: g, need: 1}\n"
        "  - {from: a, type: RUNS_ON, to: h1}\n  - {from: b, type: RUNS_ON, to: h2}\n"
        "  - {from: mail, type: USES, to: shop}\n  - {from: mail, type: USES, to: q}\n"
    )
    run("ingest", "topology", path)
    done = run("weak-points", "--limit", "2", "-o", "json")
    rows = json.loads(done.out)
    assert [row["what"] for row in rows].count("pair") == 2
    assert {row["members"][0]["name"] for row in rows if row["what"] == "single point"} == {
        "shop",
        "q",
    }
    assert done.err.endswith("; 2 are not shown: --limit\n")


@pytest.mark.usefixtures("hidden")
def test_one_tenants_services_alone_can_be_asked_about(run: Run) -> None:
    assert "1 looked at" in run("weak-points", "--owner", "team-shop").err
    done = run("weak-points", "--owner", "nobody")
    assert done.code == 1
    assert "owner = nobody" in done.err


def test_an_estate_without_services_says_what_to_do(run: Run, work: Path) -> None:
    path = work / "bare.yaml"
    path.write_text(
        "format: kgraph.topology/v1\nsource: c\nscope: all\ncomplete: true\n"
        "entities: [{id: h, kind: Host, name: h1}]\nrelations: []\n"
    )
    run("ingest", "topology", path)
    done = run("weak-points")
    assert done.code == 1
    assert "kgraph weak-points NAME" in done.err
    assert run("weak-points", "h1").code == 0
    assert run("weak-points", "nobody").code == 1
    assert run("weak-points", "--size", "4").code == 2


def test_the_weak_points_of_the_demo_are_as_reviewed(
    run: Run, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("demo", "--keep", "demo").code == 0
    monkeypatch.chdir(work / "demo")
    lines = run("weak-points", "--limit", "8").out.splitlines()
    text = "".join(f"{line.rstrip()}\n" for line in lines)
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text, "utf-8")
    assert text == GOLDEN.read_text("utf-8")
