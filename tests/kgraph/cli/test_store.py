from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]  # see conftest


@pytest.fixture
def store(stored: Path, tmp_path: Path) -> Path:
    """The file of the store that has the estate."""
    assert stored.exists()
    return tmp_path / "data" / "kgraph" / "kgraph.db"


def names(run: Run, *store: str) -> list[str]:
    return [row["name"] for row in json.loads(run(*store, "graph", "find", "-o", "json").out)]


def test_a_backup_is_restored_into_a_new_store(run: Run, store: Path, work: Path) -> None:
    before = names(run)
    done = run("store", "backup", "monday.kgraph.gz")
    assert (done.code, "9 entities, 12 relations" in done.out) == (0, True), done.err
    new = str(work / "new.db")
    done = run("--store", new, "store", "restore", "monday.kgraph.gz")
    assert done.code == 0, done.err
    assert "as of " in done.out
    assert names(run, "--store", new) == before
    assert run("--store", new, "store", "check").code == 0
    assert store.exists()


def test_nothing_is_written_over_unless_it_is_said(run: Run, store: Path, work: Path) -> None:
    assert run("store", "backup", "a.gz").code == 0
    again = run("store", "backup", "a.gz")
    assert (again.code, len(again.err.splitlines())) == (1, 1)
    assert "--overwrite" in again.err
    assert run("store", "backup", "a.gz", "--overwrite").code == 0
    full = run("store", "restore", "a.gz")
    assert (full.code, "not empty" in full.err) == (1, True)
    assert store.exists()
    assert work.exists()


def test_a_damaged_backup_leaves_nothing_behind(run: Run, store: Path, work: Path) -> None:
    assert store.exists()
    assert run("store", "backup", "a.gz").code == 0
    whole = (work / "a.gz").read_bytes()
    (work / "a.gz").write_bytes(whole[:-20])
    done = run("--store", str(work / "new.db"), "store", "restore", "a.gz")
    assert (done.code, len(done.err.splitlines())) == (1, 1)
    assert "damaged" in done.err
    assert not (work / "new.db").exists()


def test_a_store_is_copied(run: Run, store: Path, work: Path) -> None:
    done = run("store", "copy", store, "copy.db")
    assert done.code == 0, done.err
    assert names(run, "--store", str(work / "copy.db")) == names(run)
    assert "not empty" in run("store", "copy", store, "copy.db").err
    assert "same store" in run("store", "copy", store, store).err
    missing = run("store", "copy", "nowhere.db", "other.db")
    assert (missing.code, "no store" in missing.err) == (1, True)
    assert not (work / "other.db").exists()


def test_a_sound_store_is_told_to_be_so_and_a_broken_one_not(run: Run, store: Path) -> None:
    assert run("store", "check").code == 0
    with sqlite3.connect(store) as sql:
        sql.execute("UPDATE record SET live = 0 WHERE id = 1")
    broken = run("store", "check")
    assert broken.code == 1
    assert broken.out.strip()


def test_a_store_of_this_version_has_nothing_to_be_brought_up_to(run: Run, store: Path) -> None:
    done = run("store", "migrate")
    assert (done.code, "already" in done.out) == (0, True)
    none = run("--store", str(store.parent / "none.db"), "store", "migrate")
    assert (none.code, "no store to bring up" in none.err) == (1, True)
    assert not (store.parent / "none.db").exists()


@pytest.mark.parametrize("version", [3])
def test_an_older_store_is_brought_up_and_told_from_where(
    run: Run, store: Path, version: int
) -> None:
    with sqlite3.connect(store) as sql:
        sql.execute("DROP TABLE audit")
        sql.execute("DROP TABLE document")
        for index in ("told", "entity"):
            sql.execute(f"DROP INDEX change_{index}")
        for index in (
            "decision_a",
            "decision_b",
            "entity_merged",
            "incident_status",
            "record_live",
        ):
            sql.execute(f"DROP INDEX {index}")
        sql.execute("DROP TABLE ruling")
        sql.execute("DROP TRIGGER observation_superseded")
        for table in ("observation", "observation_history"):
            sql.execute(f"ALTER TABLE {table} DROP COLUMN due_at")
        trigger = "CREATE TRIGGER observation_superseded AFTER UPDATE ON observation"
        sql.execute(f"{trigger} BEGIN SELECT 1; END")
        for column in ("priority", "interval"):
            sql.execute(f"ALTER TABLE scope DROP COLUMN {column}")
        sql.execute(f"PRAGMA user_version = {version}")
    done = run("store", "migrate")
    assert done.code == 0, done.err
    assert f"schema {version} -> " in done.out
    assert run("store", "check").code == 0
