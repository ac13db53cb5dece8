from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cypher import queries
from kgraph.cli.cypher import _cell

Run = Callable[..., Any]  # see conftest


def test_every_query_is_listed_with_what_it_asks_for(run: Run) -> None:
    rows = json.loads(run("cypher", "list", "-o", "json").out)
    assert [row["name"] for row in rows] == list(queries())
    asked = {row["name"]: row["parameters"] for row in rows}
    assert asked["impact/dependency_path"] == "$dependent $dependency"
    few = json.loads(run("cypher", "list", "--topic", "impact", "-o", "json").out)
    assert {row["name"].partition("/")[0] for row in few} == {"impact"}


def test_whoever_writes_a_query_is_told_in_a_line_what_it_lacks(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def written() -> Iterator[tuple[str, str]]:
        yield "impact/mine", "// Mine.\nRETURN 1 AS one\n"

    monkeypatch.setattr("cypher.loader._texts", written)
    queries.cache_clear()
    try:
        done = run("cypher", "list")
    finally:
        queries.cache_clear()
    assert (done.code, len(done.err.splitlines())) == (1, 1)
    assert "cypher/impact/mine.cypher: the header does not say params" in done.err


def test_a_query_is_written_as_it_is_shipped(run: Run) -> None:
    for name, query in queries().items():
        assert run("cypher", "show", name).out == query.text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("list", "--topic", "impcat"), "no topic 'impcat'; there are:"),
        (("show", "impact/blast"), "did you mean impact/blast_radius?"),
        (("run", "impact/blast_radius", "--param", "uid"), "write NAME=VALUE"),
        (("run", "incident/open_incidents", "--at", "-1h"), "is of now alone"),
    ],
)
def test_what_is_not_there_is_wrong_usage_in_one_line(
    run: Run, arguments: tuple[str, ...], told: str
) -> None:
    done = run("cypher", *arguments)
    assert done.code == 2
    assert told in done.err
    assert len(done.err.splitlines()) == 1


def test_a_query_that_needs_a_server_says_so(run: Run, stored: Path) -> None:  # noqa: ARG001 - the store
    done = run("cypher", "run", "schema/properties_in_use")
    assert (done.code, len(done.err.splitlines())) == (1, 1)
    assert "needs a Neo4j server" in done.err


def test_what_needs_no_server_is_answered_by_the_embedded_store(run: Run, stored: Path) -> None:  # noqa: ARG001 - the store
    listed = json.loads(run("cypher", "list", "-o", "json").out)
    anywhere = {row["name"] for row in listed if row["store"] == "any"}
    assert {"impact/blast_radius", "weak_points/single_points_of_failure"} <= anywhere
    done = run("cypher", "run", "impact/blast_radius", "--param", "uid=h1.dc1", "-o", "json")
    assert done.code == 0, done.err
    assert [(row["name"], row["hops"]) for row in json.loads(done.out)] == [
        ("web-1", 1),
        ("web-2", 1),
        ("shop", 2),
    ]
    counted = run("cypher", "run", "inventory/count_by_kind").out
    assert ["VirtualMachine", "5"] in [line.split() for line in counted.splitlines()]


def test_a_table_names_nodes_and_leads_along_paths() -> None:
    export = {"labels": ["Cause", "StorageExport"], "kind": "StorageExport", "name": "vmstore"}
    guest = {
        "labels": ["VirtualMachine"],
        "kind": "VirtualMachine",
        "name": "v1",
        "watched": ["a"],
    }
    incident = {"labels": ["Incident"], "id": "INC-1", "title": "1 VM paused"}
    cells = {
        "StorageExport vmstore": export,
        "INC-1 1 VM paused": incident,
        "EXPLAINED_BY down": {"type": "EXPLAINED_BY", "mode": "down", "posterior": 0.9},
        "VirtualMachine v1 STORED_ON StorageExport vmstore": [
            guest,
            {"type": "STORED_ON"},
            export,
        ],
        '["v1", "v2"]': ["v1", "v2"],
    }
    assert {shown: _cell(value) for shown, value in cells.items()} == {
        each: each for each in cells
    }
