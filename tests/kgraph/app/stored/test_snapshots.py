"""The copy that is read while a server is away; on a real one in `tests/neo4j`."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kgraph.app.stored.snapshots import keep_snapshot, opened_snapshot, snapshot_path
from kgraph.config import Configuration, load
from kgraph.store import SqliteStore
from kgraph.store.sqlite.ddl import APPLICATION_ID, DDL_1, MIGRATIONS
from tests.stores import new_store

TAKEN = datetime(2026, 1, 1, tzinfo=UTC)


def of_a_server(folder: Path) -> Configuration:
    (folder / "kgraph.toml").write_text('[store]\nurl = "neo4j://127.0.0.1:1"\n')
    return load(cwd=folder, environ={"XDG_DATA_HOME": str(folder / "data")})


def test_what_a_killed_process_left_of_a_copy_is_removed_by_the_next(tmp_path: Path) -> None:
    configuration = of_a_server(tmp_path)
    path = snapshot_path(configuration)
    path.parent.mkdir(parents=True)
    killed, at_work = path.with_name(f".{path.name}.4711"), path.with_name(f".{path.name}.4712")
    for left in (killed, killed.with_name(f"{killed.name}-wal"), at_work):
        left.write_bytes(b"SQLite")
        if left is not at_work:
            os.utime(left, (TAKEN.timestamp(), TAKEN.timestamp()))
    with closing(new_store(tmp_path / "kgraph.db")) as store:
        assert keep_snapshot(configuration, store, datetime.now(UTC))
    assert {each.name for each in path.parent.iterdir()} == {path.name, at_work.name}


def test_a_copy_by_a_clock_that_was_ahead_is_made_anew(tmp_path: Path) -> None:
    configuration = of_a_server(tmp_path)
    with closing(new_store(tmp_path / "kgraph.db")) as store:
        assert keep_snapshot(configuration, store, TAKEN + timedelta(days=365))
        assert keep_snapshot(configuration, store, TAKEN)
        assert not keep_snapshot(configuration, store, TAKEN + timedelta(minutes=5))
        assert keep_snapshot(configuration, store, TAKEN + timedelta(minutes=15))


def test_a_copy_of_before_an_upgrade_is_brought_up_and_is_no_younger(tmp_path: Path) -> None:
    configuration = of_a_server(tmp_path)
    path = snapshot_path(configuration)
    path.parent.mkdir(parents=True)
    old = SqliteStore.SCHEMA - 1
    with closing(sqlite3.connect(path)) as sql:
        sql.executescript(DDL_1 + "".join(MIGRATIONS[step] for step in range(2, old + 1)))
        sql.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        sql.execute(f"PRAGMA user_version = {old}")
    os.utime(path, (TAKEN.timestamp(), TAKEN.timestamp()))
    with opened_snapshot(configuration) as found:
        assert found is not None
        store, taken = found
        assert store.find() == []
        assert taken == TAKEN
    assert SqliteStore.schema_version(path) == SqliteStore.SCHEMA
