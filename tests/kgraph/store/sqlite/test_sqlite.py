"""What only the embedded store can get wrong: its file."""

from __future__ import annotations

import errno
import itertools
import os
import resource
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kgraph.app.views import history
from kgraph.schema import (
    IncidentHead,
    IncidentStatus,
    Item,
    Record,
    RelationRecord,
    StoreBusyError,
    StoreError,
    StoreFullError,
)
from kgraph.store import GraphStore, Shrink, SqliteStore, open_store
from kgraph.store._feed import OF_THE_GRAPH
from kgraph.store.sqlite import known
from kgraph.store.sqlite.ddl import APPLICATION_ID, DDL_1, MIGRATIONS, VERSION
from kgraph.store.sqlite.errors import in_plain_words
from kgraph.store.sqlite.files import earlier

T0 = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kgraph.db"


@pytest.fixture
def store(path: Path) -> Iterator[GraphStore]:
    with closing(open_store(path)) as opened:
        yield opened


def fill(store: GraphStore, count: int = 1, days: int = 0, shrink: Shrink = Shrink.HOLD) -> None:
    with store.sync("doc", "", complete=True, at=T0 + days * DAY, shrink=shrink) as run:
        run.stage([Record(f"h{n}", "Host", f"h{n}", props={"n": n}) for n in range(count)])
        run.commit()


def test_the_file_is_durable_and_holds_its_references(path: Path) -> None:
    store = SqliteStore.open(path)
    sql = store._database.sql
    assert sql.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert sql.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    assert sql.execute("PRAGMA foreign_keys").fetchone() == (1,)
    store.close()


def test_a_new_file_is_for_its_owner_alone_and_an_old_one_keeps_its_mode(path: Path) -> None:
    def modes() -> set[int]:
        return {each.stat().st_mode & 0o777 for each in path.parent.glob("kgraph.db*")}

    before = os.umask(0o022)
    try:
        with closing(open_store(path)) as store:
            fill(store)
            assert len(list(path.parent.glob("kgraph.db*"))) == 3
            assert modes() == {0o600}
        path.chmod(0o640)  # a person lets her group read it
        with closing(open_store(path)) as store:
            assert store.find()
            assert modes() == {0o640}
    finally:
        os.umask(before)


def test_an_empty_table_that_is_filled_has_its_indexes_afterwards(path: Path) -> None:
    def indexes(sql: sqlite3.Connection) -> list[str]:
        return sql.execute(
            "SELECT name || sql FROM sqlite_master WHERE type = 'index' AND sql != '' ORDER BY 1"
        ).fetchall()

    with closing(SqliteStore.open(path)) as store:
        before = indexes(store._database.sql)
        with store.sync("doc", "", complete=True, at=T0) as run:
            run.stage([Record("h", "Host"), Record("v", "VirtualMachine")])
            run.stage([RelationRecord("v", "RUNS_ON", "h")])
            run.preview()
            assert indexes(store._database.sql) == before
            run.commit()
        assert indexes(store._database.sql) == before
        assert "link_b" in str(before)


def test_another_process_that_writes_too_long_gives_one_clear_line(path: Path) -> None:
    open_store(path).close()
    with (
        closing(SqliteStore.open(path, wait=timedelta(milliseconds=10))) as store,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusyError, match=r"kgraph\.db: another process is writing"):
            fill(store)
        assert store.find() == []  # reading goes on
        other.execute("ROLLBACK")
        fill(store)
        assert len(store.find()) == 1


def test_several_who_open_a_new_file_at_once_all_succeed(tmp_path: Path) -> None:
    for attempt in range(10):
        path = tmp_path / f"{attempt}.db"
        with ThreadPoolExecutor(4) as pool:
            checks = [pool.submit(_open_and_check, path) for _ in range(4)]
        assert [check.result() for check in checks] == [[]] * 4


def _open_and_check(path: Path) -> list[str]:
    with closing(open_store(path)) as store:
        return store.check()


def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.write_text("this is my diary, not a database\n" * 100)
    with pytest.raises(StoreError, match=r"kgraph\.db: the store is not an SQLite database"):
        open_store(path)
    assert path.read_text().startswith("this is my diary")


def test_a_damaged_page_is_reported_with_the_file_and_how_to_mend(path: Path) -> None:
    with closing(open_store(path)) as store:
        fill(store, 2000)
    content = bytearray(path.read_bytes())
    content[4096 * 8 : 4096 * 40] = b"\xa5" * 4096 * 32
    path.write_bytes(content)
    with (
        pytest.raises(StoreError, match=r"kgraph\.db: the store is damaged.*restore the last"),
        closing(open_store(path)) as store,
    ):
        store.graph()


def test_a_file_cut_short_is_reported(path: Path) -> None:
    with closing(open_store(path)) as store:
        fill(store, 2000)
    path.write_bytes(path.read_bytes()[: 4096 * 20])
    with (
        pytest.raises(StoreError, match=r"kgraph\.db: the store is damaged"),
        closing(open_store(path)) as store,
    ):
        store.graph()


def test_the_database_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE bookmarks (url)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="belongs to another program"):
        open_store(path)
    assert path.read_bytes() == before


def test_a_newer_schema_is_refused_in_one_line(path: Path) -> None:
    open_store(path).close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 99")
    for read_only in (False, True):
        with pytest.raises(StoreError, match=f"schema 99, .* up to {VERSION}; upgrade kgraph"):
            open_store(path, read_only=read_only)


def test_nothing_is_written_into_a_store_that_was_brought_up_meanwhile(
    path: Path, store: GraphStore
) -> None:
    """As by a watch of the old version that still runs while the new one is installed."""
    fill(store, 1)
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match=f"schema 99 by now, .* up to {VERSION}; end this"):
        fill(store, 2)
    with (
        pytest.raises(StoreError, match="schema 99 by now"),
        store.sync("doc", "", complete=True, at=T0) as run,
    ):
        run.preview()


def test_a_part_that_was_read_is_read_anew_once_another_connection_has_written(
    path: Path, store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "MOST", 2)  # all are forgotten each time

    def numbers() -> list[object]:
        return [entity.props["n"] for entity in store.part(uids).entities]

    fill(store, 3)
    uids = [entity.uid for entity in store.find()]
    assert numbers() == numbers() == [0, 1, 2]
    with (
        closing(open_store(path)) as other,
        other.sync("doc", "", complete=True, at=T0 + timedelta(seconds=1)) as run,
    ):
        run.stage([Record(f"h{n}", "Host", f"h{n}", props={"n": n + 5}) for n in range(3)])
        run.commit()
    assert numbers() == [5, 6, 7]


def test_changes_that_may_cause_something_are_found_without_those_of_the_graph_alone(
    path: Path,
) -> None:
    with closing(SqliteStore.open(path)) as store:
        ((definition,),) = store._database.sql.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'change_told'"
        )
        assert all(f"'{type_}'" in definition for type_ in OF_THE_GRAPH)
        asked: list[str] = []
        store._database.sql.set_trace_callback(asked.append)
        store.evidence(now=T0)
        store._database.sql.set_trace_callback(None)
        (query,) = [each for each in asked if " FROM change " in each]
        plan = store._database.sql.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()
    assert any("INDEX change_told" in step[-1] for step in plan)


def test_incidents_of_a_status_are_found_without_looking_at_those_of_others(path: Path) -> None:
    with closing(SqliteStore.open(path)) as store:
        asked: list[str] = []
        store._database.sql.set_trace_callback(asked.append)
        store.heads(IncidentStatus.OPEN, after=IncidentHead("I", IncidentStatus.OPEN, T0, T0, ""))
        store.incidents(IncidentStatus.RESOLVED)
        store.count_incidents(IncidentStatus.CLOSED)
        store._database.sql.set_trace_callback(None)
        queries = [each for each in asked if " FROM incident " in each]
        plans = [
            store._database.sql.execute(f"EXPLAIN QUERY PLAN {q}").fetchall() for q in queries
        ]
    assert len(plans) == 3
    for plan in plans:
        ((*_, step),) = plan
        assert "incident_status (status=?" in step


def test_a_reading_does_not_look_through_what_its_source_told_of_long_ago(path: Path) -> None:
    """As of a cluster whose Pods come and go for years."""

    def steps_of(day: int) -> int:
        steps = itertools.count()
        store._database.sql.set_progress_handler(lambda: next(steps) < 0, 100)
        with store.sync("doc", "", complete=True, at=T0 + day * DAY) as run:
            run.stage([Record("h0", "Host", props={"n": day})])
            run.commit()
        return next(steps)

    with closing(SqliteStore.open(path)) as store:
        fill(store, 1)
        before = steps_of(1)
        fill(store, 4_000, days=2)
        fill(store, 1, days=3, shrink=Shrink.ACCEPT)
        assert steps_of(4) < 2 * before  # and not sixteen times as many
        fill(store, 3, days=5)  # what comes back is what it was
        assert len(store.find()) == 3
        assert len(store.history(store.find()[2].uid).existed) == 2


def test_forgetting_an_entity_looks_at_no_others(path: Path) -> None:
    """Else a watch of a large estate holds the writers' lock for seconds, every half minute."""
    with closing(SqliteStore.open(path)) as store:
        fill(store, 400)
        with store.sync("doc", "", complete=True, at=T0 + DAY, shrink=Shrink.ACCEPT) as run:
            run.stage([Record(f"h{n}", "Host", f"h{n}", props={"n": n}) for n in range(200)])
            run.commit()
        steps = itertools.count()
        store._database.sql.set_progress_handler(lambda: next(steps) < 0, 100)
        removed = history.prune(store, T0 + 2 * DAY)
        assert removed.entities == 200 + 200  # what was there, and that it was
        assert next(steps) < 1_000  # a hundred of the machine's each; all pairs would be 5,000


@pytest.mark.parametrize("version", range(1, VERSION))
def test_a_store_of_each_earlier_version_is_brought_up_and_keeps_what_it_had(
    path: Path, version: int
) -> None:
    with closing(sqlite3.connect(path)) as old:
        old.executescript(DDL_1 + "".join(MIGRATIONS[step] for step in range(2, version + 1)))
        old.execute("INSERT INTO scope (source, scope, generation) VALUES ('doc', '', 1)")
        old.execute("INSERT INTO entity (uid, kind, name, since) VALUES ('u', 'Host', 'h0', 1)")
        body = '{"keys":[],"labels":{},"props":{},"watched":[]}'
        old.execute(
            "INSERT INTO record (scope, key, kind, name, entity, hash, body, since, live)"
            " VALUES (1, 'h0', 'Host', 'h0', 1, x'00', ?, 1, 1)",
            (body,),
        )
        old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        old.execute(f"PRAGMA user_version = {version}")
        old.commit()
    with pytest.raises(
        StoreError, match=f"schema {version}, this kgraph reads {VERSION}; `kgraph store"
    ):
        open_store(path, read_only=True)
    with closing(open_store(path)) as store:
        assert [entity.name for entity in store.find()] == ["h0"]
        assert store.plans() == []
        assert store.check() == []
    (kept,) = path.parent.glob("kgraph.db.*")
    assert kept == earlier(path, version)
    assert kept.stat().st_mode & 0o077 == 0
    with closing(sqlite3.connect(kept)) as old:
        assert old.execute("PRAGMA user_version").fetchone() == (version,)
        assert old.execute("SELECT name FROM entity").fetchall() == [("h0",)]


def of_schema_1(path: Path) -> None:
    with closing(sqlite3.connect(path)) as old:
        old.executescript(DDL_1)
        old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        old.execute("PRAGMA user_version = 1")


def test_what_was_kept_of_an_earlier_migration_stays(path: Path) -> None:
    for _ in range(3):
        of_schema_1(path)
        open_store(path).close()
        path.unlink()
    kept = sorted(each.name for each in path.parent.glob("kgraph.db.schema-*"))
    assert kept == ["kgraph.db.schema-1", "kgraph.db.schema-1.2", "kgraph.db.schema-1.3"]


@pytest.mark.parametrize(
    ("number", "mend"),
    [(errno.ENOSPC, "make room"), (errno.EACCES, "check that its folder is yours to write in")],
)
def test_why_there_is_no_copy_says_how_to_mend_that(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int, mend: str
) -> None:
    of_schema_1(path)

    def fails(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "touch", fails)
    with pytest.raises(StoreError, match=mend):
        open_store(path)


def test_a_migration_that_breaks_off_leaves_the_store_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_schema_1(path)
    monkeypatch.setitem(MIGRATIONS, VERSION, "INSERT INTO nowhere VALUES (1)")
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        open_store(path)
    assert SqliteStore.schema_version(path) == 1
    monkeypatch.undo()
    with closing(open_store(path)) as store:
        assert store.check() == []


def test_a_missing_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nowhere/kgraph\.db: the store cannot be opened"):
        open_store(tmp_path / "nowhere" / "kgraph.db")


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="the store is a folder; name a file in it"):
        open_store(tmp_path)


def test_odd_characters_in_the_path_are_taken_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "50% #1? store ü.db"
    open_store(path).close()
    assert path.exists()
    open_store(path, read_only=True).close()


def test_a_reader_never_makes_a_file(path: Path) -> None:
    with pytest.raises(StoreError, match=r"no store here; run `kgraph init`"):
        open_store(path, read_only=True)
    assert not path.exists()


def test_a_reader_on_a_read_only_disk_needs_no_file_beside_the_store(
    path: Path, store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after an error of the disk, when the graph is needed most; only the flag is made up."""
    fill(store)
    store.close()
    said = os.statvfs(path)
    still = os.statvfs_result([*said[:8], said.f_flag | os.ST_RDONLY, said.f_namemax])
    monkeypatch.setattr(os, "statvfs", lambda _: still)
    with closing(open_store(path, read_only=True)) as reader:
        assert [entity.name for entity in reader.find()] == ["h0"]
        assert [each.name for each in path.parent.glob(f"{path.name}-*")] == []


@contextmanager
def no_room() -> Iterator[None]:
    """No file of this process grows, as on a full disk; what is written already can be changed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_reader_on_a_full_disk_needs_no_room_beside_the_store(
    path: Path, store: GraphStore
) -> None:
    fill(store)
    store.close()
    with no_room(), closing(open_store(path, read_only=True)) as reader:
        assert [entity.name for entity in reader.find()] == ["h0"]
        with pytest.raises(StoreError, match="cannot be written"):
            fill(reader)
    with no_room(), pytest.raises(StoreError, match="the disk is full"):
        open_store(path)


def test_an_empty_file_is_no_store_to_a_reader(path: Path) -> None:
    path.touch()
    with pytest.raises(StoreError, match="the store is empty"):
        open_store(path, read_only=True)


def test_who_may_read_the_file_and_not_write_in_its_folder_is_told_what_is_in_the_way(
    path: Path,
) -> None:
    """That SQLite makes such an error of a read cannot be shown to root, whom nothing hinders."""
    error = sqlite3.OperationalError("attempt to write a readonly database")
    error.sqlite_errorcode = sqlite3.SQLITE_READONLY_DIRECTORY
    with (
        pytest.raises(
            StoreError, match=r"cannot be opened: .* you may not .* write in its folder"
        ),
        in_plain_words(path),
    ):
        raise error


def test_a_read_only_store_reads_and_refuses_to_write(path: Path, store: GraphStore) -> None:
    fill(store)
    with closing(open_store(path, read_only=True)) as reader:
        assert [entity.name for entity in reader.find()] == ["h0"]
        with pytest.raises(StoreError, match="cannot be written"):
            fill(reader)


def test_a_full_disk_keeps_the_old_state(store: GraphStore) -> None:
    fill(store)
    assert isinstance(store, SqliteStore)
    sql = store._database.sql
    (pages,) = sql.execute("PRAGMA page_count").fetchone()
    sql.execute(f"PRAGMA max_page_count = {pages + 5}")
    with store.sync("big", "", complete=True, at=T0) as run:
        run.stage([Record(f"x{n}", "Host", props={"text": "x" * 500}) for n in range(500)])
        with pytest.raises(StoreFullError, match="disk is full"):
            run.commit()
    assert [entity.name for entity in store.find()] == ["h0"]
    assert store.check() == []


def test_history_keeps_what_was_closed_and_changed(store: GraphStore) -> None:
    assert isinstance(store, SqliteStore)
    runs = RelationRecord("v1", "RUNS_ON", "h1")
    first: list[Item] = [
        Record("h1", "Host", props={"n": 1}),
        Record("v1", "VirtualMachine"),
        runs,
    ]
    second: list[Item] = [Record("h1", "Host", props={"n": 2})]
    for day, items in enumerate((first, second)):
        with store.sync("doc", "", complete=True, at=T0 + timedelta(days=day)) as run:
            run.stage(items)
            run.commit()
    sql = store._database.sql
    day = 86_400_000_000
    since = int(T0.timestamp()) * 1_000_000
    for table in ("entity_history", "record_history", "link_history"):
        rows = sql.execute(f"SELECT DISTINCT since, until FROM {table}").fetchall()  # noqa: S608
        assert rows == [(since, since + day)], table


def test_check_reports_a_broken_promise(store: GraphStore) -> None:
    fill(store)
    assert isinstance(store, SqliteStore)
    store._database.sql.execute("UPDATE record SET live = 0")
    (line,) = store.check()
    assert "open without a live record" in line


@pytest.mark.parametrize(
    ("section", "column", "value"),
    [
        ("entity", 0, ["a"]),  # its uid
        ("record", 4, "nobody"),  # whose it is
        ("record", 5, "no digits"),  # its hash
        ("record", 6, "no JSON"),
        ("scope", 2, 2**70),
        ("scope", 1, "\ud800"),
    ],
)
def test_rows_that_no_store_has_written_are_told_and_leave_the_store_empty(
    store: GraphStore, tmp_path: Path, section: str, column: int, value: object
) -> None:
    fill(store)
    with store.dump() as dumped:
        rows = [(name, list(values)) for name, values in dumped]
    for name, values in rows:
        if name == section:
            values[column] = value
    with closing(open_store(tmp_path / "copy.db")) as copy:
        with pytest.raises(StoreError, match="the archive contradicts itself: "):
            copy.load(lambda: rows)
        assert copy.find() == []
