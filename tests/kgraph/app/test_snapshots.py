"""The copy that is read while a server is away; on a real one in `tests/neo4j`."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from kgraph.app.snapshots import opened_snapshot, snapshot_path
from kgraph.config import load
from kgraph.store import SqliteStore
from kgraph.store._ddl import APPLICATION_ID, DDL_1, MIGRATIONS

TAKEN = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_copy_of_before_an_upgrade_is_brought_up_and_is_no_younger(tmp_path: Path) -> None:
    (tmp_path / "kgraph.toml").write_text('[store]\nurl = "neo4j://127.0.0.1:1"\n')
    configuration = load(cwd=tmp_path, environ={"XDG_DATA_HOME": str(tmp_path / "data")})
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
