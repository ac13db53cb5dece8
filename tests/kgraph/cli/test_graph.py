from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

Run = Callable[..., Any]  # see conftest


@pytest.fixture(autouse=True)
def _filled(stored: Path) -> None:
    """Every test here looks at the stored estate."""


def test_a_list_of_nothing_says_so(run: Run) -> None:
    assert run("graph", "find", "zzz").err == "nothing of that name or kind\n"
    assert (
        "`kgraph graph find --kind StoragePool` lists" in run("graph", "find", "storagepool").err
    )
    assert run("plan").err == "no plan to list\n"
    assert run("incidents", "list").err == "no incident to list\n"
    assert run("incidents", "list", "-o", "json").err == ""


def test_find_lists_by_kind_and_name(run: Run) -> None:
    lines = run("graph", "find", "--kind", "VirtualMachine").out.splitlines()
    assert lines[0].split() == ["KIND", "NAME", "UID"]
    assert [line.split()[1] for line in lines[1:]] == ["db-1", "web-1", "web-2", "web-3", "web-4"]


def test_find_takes_a_part_of_a_name_in_any_case(run: Run) -> None:
    rows = json.loads(run("graph", "find", "WEB", "-o", "json").out)
    assert len(rows) == 4


@pytest.mark.parametrize(
    ("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load)], ids=["json", "yaml"]
)
def test_rows_are_read_back_by_another_program(
    run: Run, form: str, read: Callable[[str], Any]
) -> None:
    rows = read(run("graph", "find", "shop", "-o", form).out)
    assert (rows[0]["kind"], rows[0]["name"]) == ("Service", "shop")


def test_json_lines_have_one_row_each(run: Run) -> None:
    lines = run("graph", "find", "web", "-o", "jsonl").out.splitlines()
    assert sorted(json.loads(line)["name"] for line in lines) == [f"web-{n}" for n in range(1, 5)]


def test_an_unknown_kind_is_wrong_usage_and_near_names_are_told(run: Run) -> None:
    done = run("graph", "find", "--kind", "hosts")
    assert done.code == 2
    assert "did you mean Host" in done.err


def test_a_list_that_was_cut_says_so(run: Run) -> None:
    assert "--limit" in run("graph", "find", "--limit", "2").err


def test_show_tells_what_an_entity_needs_and_who_needs_it(run: Run) -> None:
    told = run("graph", "show", "web-1").out
    assert "RUNS_ON Host h1.dc1" in told
    assert "STORED_ON StorageExport vmstore" in told
    assert "Service shop RUNS_ON" in told


def test_a_name_that_would_steer_the_terminal_is_shown_and_not_obeyed(
    run: Run, work: Path
) -> None:
    """Who names a guest writes to the terminal of whoever looks at it."""
    head = "format: kgraph.topology/v1\nsource: other\nscope: site\ncomplete: true\n"
    named = f'{head}entities:\n  - {{id: odd, kind: Host, name: "odd\\e]0;owned\\a"}}\n'
    (work / "odd.yaml").write_text(named, "utf-8")
    assert run("ingest", "topology", "odd.yaml").code == 0
    for command in (("show",), ("explain-identity",), ("merge", "h1.dc1")):
        done = run("graph", *command, "odd")
        assert done.code == 0, done.err
        assert "\x1b" not in done.out + done.err, command
        assert "odd\N{REPLACEMENT CHARACTER}]0;owned" in done.out


def test_show_takes_a_name_a_kind_with_name_a_uid_and_a_key(run: Run) -> None:
    uid = json.loads(run("graph", "show", "web-1", "-o", "json").out)["uid"]
    for text in ("VirtualMachine/web-1", uid, "WEB-1", "v1"):
        assert json.loads(run("graph", "show", text, "-o", "json").out)["uid"] == uid


def test_the_id_of_a_document_and_a_host_name_without_its_domain_are_whole_names(
    run: Run, work: Path
) -> None:
    (work / "estate.yaml").write_text(
        "format: kgraph.topology/v1\nsource: s\nscope: site:x\ncomplete: true\nentities: ["
        "{id: erp, kind: Service, name: Resources}, {id: vm1, kind: VirtualMachine, name: erp-db},"
        "{id: n1, kind: Host, name: nas.example.org}, {id: e1, kind: StorageExport, name: nas/vm},"
        "{id: n2, kind: Host, name: db.one}, {id: n3, kind: Host, name: db.two}]"
    )
    assert run("ingest", "topology", work / "estate.yaml").code == 0
    assert run("graph", "show", "erp").out.startswith("Service Resources\n")
    assert run("graph", "show", "NAS").out.startswith("Host nas.example.org\n")
    assert "means 2 entities" in run("graph", "show", "db").err


def test_an_ambiguous_name_lists_its_candidates(run: Run) -> None:
    done = run("graph", "show", "web")
    assert done.code == 1
    assert "means 4 entities in the graph: VirtualMachine/web-1" in done.err


def test_an_unknown_name_tells_near_ones(run: Run) -> None:
    done = run("graph", "show", "web-11")
    assert "did you mean web-1" in done.err


def test_a_path_names_each_hop_with_its_group(run: Run) -> None:
    rows = json.loads(run("graph", "path", "shop", "vmstore", "-o", "json").out)
    assert [row["relation"] for row in rows if row["path"] == 1] == ["RUNS_ON", "STORED_ON"]
    assert rows[0]["group"] == "copies, needs 2"


def test_a_path_asked_the_wrong_way_round_is_shown_and_said(run: Run) -> None:
    done = run("graph", "path", "vmstore", "shop")
    assert "the other way round" in done.err
    assert "STORED_ON" in done.out


def test_two_things_without_a_path_are_told_so(run: Run) -> None:
    assert "no dependency between" in run("graph", "path", "h1.dc1", "h2.dc1").err


def test_the_exported_document_can_be_ingested_again(run: Run, work: Path) -> None:
    exported = work / "export.json"
    exported.write_text(run("graph", "export").out)
    done = run("ingest", "topology", exported, "--store", work / "second.db", "-o", "json")
    assert done.code == 0, done.err
    row = json.loads(done.out)[0]
    assert (row["created"], row["relationsOpened"]) == (9, 12)


@pytest.mark.parametrize(
    ("form", "start"),
    [("mermaid", "flowchart"), ("dot", "digraph"), ("graphml", "<graphml"), ("html", "<!doctype")],
)
def test_the_graph_is_exported_as_a_picture(run: Run, form: str, start: str) -> None:
    assert run("graph", "export", "-o", form).out.startswith(start)


def test_an_export_around_one_entity_holds_only_what_is_near(run: Run) -> None:
    part = json.loads(run("graph", "export", "--around", "db-1", "--depth", "1").out)
    assert sorted(row["name"] for row in part["entities"]) == ["db-1", "h2.dc1", "shop"]


def test_impact_lists_dependents_nearest_first(run: Run) -> None:
    rows = json.loads(run("impact", "vmstore", "-o", "json").out)
    assert [(row["hops"], row["name"]) for row in rows] == [
        (1, "web-1"),
        (1, "web-2"),
        (1, "web-3"),
        (1, "web-4"),
        (2, "shop"),
    ]


def test_predict_counts_redundancy_in(run: Run) -> None:
    one = json.loads(run("predict", "--fail", "web-1", "-o", "json").out)
    two = json.loads(run("predict", "--fail", "web-1", "--fail", "web-2", "-o", "json").out)
    chance = {row["name"]: row["probability"] for row in one}.get("shop", 0)
    assert chance < 0.2
    assert {row["name"]: row["probability"] for row in two}["shop"] > 0.5


def test_predict_takes_a_mode_and_refuses_one_that_the_kind_has_not(run: Run) -> None:
    assert run("predict", "--fail", "vmstore:hung").code == 0
    done = run("predict", "--fail", "vmstore:panicked")
    assert done.code == 1
    assert "StorageExport has no failure mode 'panicked'" in done.err
