"""`kgraph ingest nbd`: only what a person types; the checks themselves are tested below it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.exports import LOOKS, NBD, Look

Run = Callable[..., Any]  # see conftest
ADDRESS = "nbd://127.0.0.1:1/disk"  # nobody listens there


def test_a_named_export_that_refuses_is_seen_down(run: Run) -> None:
    done = run("ingest", "nbd", ADDRESS, "--output", "json")
    assert done.code == 0, done.err
    assert json.loads(done.out)[0]["created"] == 2
    shown = json.loads(run("graph", "find", "--kind", "StorageExport", "-o", "json").out)
    assert shown[0]["name"] == ADDRESS


def test_accepting_nothing_in_particular_is_refused(run: Run) -> None:
    done = run("ingest", "nbd", "--accept")
    assert done.code == 2
    assert "an empty list never means all" in done.err


def test_a_disk_that_could_not_be_read_is_not_accepted_in_silence(run: Run) -> None:
    done = run("ingest", "nbd", ADDRESS, "--accept")
    assert f"{ADDRESS}: not accepted, as it could not be read" in done.err
    assert "not accepted" not in run("ingest", "nbd", ADDRESS).err


def test_a_wrong_address_is_one_line_that_says_what_to_write(run: Run) -> None:
    done = run("ingest", "nbd", "rbd://mon:6789/pool")
    assert done.code == 1
    assert "write nbd://host:port/export" in done.err


def test_a_wrong_address_in_the_configuration_is_told_with_its_place(run: Run, work: Path) -> None:
    (work / "kgraph.toml").write_text('[[sources]]\ntype = "nbd"\naddresses = ["vmstore"]\n')
    done = run("sync")
    assert done.code == 1
    assert "sources.0.addresses" in done.err
    assert "write nbd://host:port/export" in done.err


def test_sync_checks_once_the_graph_was_read(
    run: Run, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LOOKS, NBD, lambda *_, **__: Look(1 << 20, "none"))
    estate = """{"format": "kgraph.topology/v1", "source": "cmdb", "scope": "all",
        "complete": true, "entities": [{"id": "x", "kind": "StorageExport",
        "keys": {"exportAddress": "nbd://store1:10809/disk"}}], "relations": []}"""
    (work / "estate.json").write_text(estate)
    (work / "kgraph.toml").write_text(
        '[[sources]]\ntype = "nbd"\n[[sources]]\ntype = "topology"\npath = "estate.json"\n'
    )
    done = run("sync", "--output", "json")
    assert done.code == 0, done.err
    rows = {row["source"]: row for row in json.loads(done.out)}
    assert list(rows) == ["topology estate.json", "nbd exports"]
    assert rows["nbd exports"]["observations"] == 6
