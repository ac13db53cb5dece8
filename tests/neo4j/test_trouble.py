"""What goes wrong between the store and a server that runs: one line each, and nothing is lost."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from kgraph import store as stores
from kgraph.schema import (
    ConfigurationError,
    InputError,
    NoStoreError,
    Record,
    StoreBusyError,
    StoreError,
)
from kgraph.store import GraphStore, ServerStore, open_store
from tests.neo4j.served import Served
from tools.ports import free_port

if TYPE_CHECKING:
    from kgraph.store.neo4j.statements import Statements

pytestmark = pytest.mark.neo4j
T0 = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(neo4j_database: Served) -> Iterator[GraphStore]:
    with closing(open_store(neo4j_database.target)) as opened:
        yield opened


def fill(store: GraphStore, count: int = 1, day: int = 0) -> None:
    with store.sync("doc", "", complete=True, at=T0 + timedelta(day)) as run:
        run.stage([Record(f"h{n}", "Host", props={"day": day}) for n in range(count)])
        run.commit()


def impatient(served: Served, **how: timedelta) -> GraphStore:
    from kgraph.store.neo4j import Neo4jStore, Patience  # noqa: PLC0415 - needs the driver

    return Neo4jStore.open(served.target, patience=Patience(**how))


@contextmanager
def held(served: Served, statement: str) -> Iterator[None]:
    """Keep a transaction open that has written something, as a query in a Browser may be."""
    from neo4j import GraphDatabase  # noqa: PLC0415 - needs the driver

    auth = ("neo4j", served.password)
    with (
        GraphDatabase.driver(served.server.url, auth=auth) as driver,
        driver.session(database="neo4j") as session,
        session.begin_transaction() as transaction,
    ):
        transaction.run(statement).consume()
        yield
        transaction.rollback()


def test_a_wrong_password_is_told_in_one_line_that_does_not_repeat_it(
    neo4j_server: Served, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = replace(neo4j_server.target, password="hunter2")
    with caplog.at_level(logging.DEBUG), pytest.raises(StoreError) as caught:
        open_store(wrong)
    told = str(caught.value)
    assert "refuses the user or the password" in told
    assert "store.password_env" in told
    assert "\n" not in told
    assert caplog.records
    for text in (told, repr(wrong), caplog.text):
        assert "hunter2" not in text


def test_the_right_password_is_in_no_log(
    neo4j_database: Served, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), closing(open_store(neo4j_database.target)) as store:
        fill(store)
    assert "Bolt" in caplog.text or "neo4j" in caplog.text
    assert neo4j_database.password not in caplog.text


def test_a_password_that_must_be_changed_first_is_told_as_such(neo4j_server: Served) -> None:
    neo4j_server.ask("DROP USER fresh IF EXISTS", "system")
    create = "CREATE USER fresh SET PASSWORD 'changeme1' CHANGE REQUIRED"
    neo4j_server.ask(create, "system")
    target = ServerStore(neo4j_server.server.url, "fresh", "changeme1")
    with pytest.raises(StoreError, match="must be changed before it can be used"):
        open_store(target)


def test_a_database_that_is_not_there_is_told_with_its_name(neo4j_server: Served) -> None:
    target = replace(neo4j_server.target, database="estates")
    with pytest.raises(StoreError, match=r"database estates: the server has no such database"):
        open_store(target)


def test_a_server_that_is_not_there_is_told_within_seconds() -> None:
    target = ServerStore(f"bolt://127.0.0.1:{free_port()}")
    began = time.monotonic()
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        open_store(target)
    assert time.monotonic() - began < 30
    assert "\n" not in str(caught.value)


def test_a_server_that_is_asked_for_tls_and_may_not_speak_it_is_told_so() -> None:
    target = ServerStore(f"bolt+s://127.0.0.1:{free_port()}")
    with pytest.raises(StoreError, match="that it speaks TLS on this port"):
        open_store(target)


def test_the_driver_that_is_missing_is_told_with_the_extra_that_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stores, "find_spec", lambda _name: None)
    with pytest.raises(ConfigurationError, match=r"install the extra: kgraph-rca\[neo4j\]"):
        open_store(ServerStore("neo4j://127.0.0.1"))


def test_a_newer_schema_is_refused_in_one_line(store: GraphStore, neo4j_server: Served) -> None:
    fill(store)
    neo4j_server.ask("MATCH (meta:_KgMeta) SET meta.schema = 99")
    for read_only in (False, True):
        with pytest.raises(StoreError, match=r"schema 99, .* up to \d; upgrade kgraph"):
            open_store(neo4j_server.target, read_only=read_only)
    with pytest.raises(StoreError, match="upgraded meanwhile"):
        fill(store, day=1)


def test_an_older_schema_is_brought_up_by_whoever_may_write(
    store: GraphStore, neo4j_server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kgraph.store.neo4j import schema  # noqa: PLC0415 - needs the driver

    fill(store)
    now = schema.VERSION
    steps = {now + n: (f"MATCH (e:Entity) SET e.step = {n}",) for n in (1, 2)}
    monkeypatch.setattr(schema, "VERSION", now + 2)
    monkeypatch.setattr(schema, "MIGRATIONS", steps)
    with pytest.raises(
        StoreError, match=f"schema {now}, this kgraph reads {now + 2}; `kgraph store migrate`"
    ):
        open_store(neo4j_server.target, read_only=True)
    with closing(open_store(neo4j_server.target)) as opened:
        assert [entity.props["step"] for entity in opened.find()] == [2]
        fill(opened, 2, day=1)
    assert neo4j_server.ask("MATCH (m:_KgMeta) RETURN m.schema AS n") == [{"n": now + 2}]


def test_a_reader_never_makes_a_store(neo4j_database: Served) -> None:
    with pytest.raises(NoStoreError, match="no store in this database yet"):
        open_store(neo4j_database.target, read_only=True)
    assert neo4j_database.ask("MATCH (n) RETURN count(n) AS n") == [{"n": 0}]


def test_a_store_that_was_opened_for_reading_reads_and_refuses_to_write(
    store: GraphStore, neo4j_server: Served
) -> None:
    fill(store)
    with closing(open_store(neo4j_server.target, read_only=True)) as reader:
        assert [entity.name for entity in reader.find()] == ["h0"]
        with pytest.raises(StoreError, match="cannot be written"):
            fill(reader, day=1)


def test_several_who_open_a_new_store_at_once_all_succeed(neo4j_database: Served) -> None:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - here alone

    def check(_: int) -> list[str]:
        with closing(open_store(neo4j_database.target)) as opened:
            return opened.check()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(check, range(4))) == [[]] * 4
    found = neo4j_database.ask("MATCH (n) RETURN labels(n)[0] AS label ORDER BY label")
    assert found == [{"label": "_KgMeta"}, {"label": "_KgTurnstile"}]


def test_another_process_that_writes_too_long_gives_one_clear_line(
    store: GraphStore, neo4j_server: Served
) -> None:
    from neo4j import GraphDatabase  # noqa: PLC0415 - needs the driver

    fill(store)
    target = neo4j_server.target
    with (
        closing(impatient(neo4j_server, lock=timedelta(seconds=0.3))) as waiting,
        GraphDatabase.driver(target.url, auth=(target.user, target.password)) as driver,
        driver.session(database="neo4j") as session,
        session.begin_transaction() as other,
    ):
        other.run("MATCH (meta:_KgMeta) SET meta.lock = true").consume()
        with pytest.raises(StoreBusyError, match="another process is writing"):
            fill(waiting, day=1)
        assert len(waiting.find()) == 1  # reading goes on
        other.rollback()
        fill(waiting, 2, day=1)
        assert len(waiting.find()) == 2


def test_a_transaction_that_takes_too_long_is_given_up_and_changes_nothing(
    store: GraphStore, neo4j_server: Served
) -> None:
    fill(store)
    with closing(impatient(neo4j_server, write=timedelta(seconds=1))) as hasty:
        # Whatever the machine, it takes as long as somebody holds what it needs.
        holding = held(neo4j_server, "MATCH (scope:_KgScope) SET scope.held = true")
        with holding, pytest.raises(StoreError, match="took too long and gave up"):
            fill(hasty, 1, day=1)
        assert [entity.props for entity in hasty.find()] == [{"day": 0}]


def test_a_commit_whose_writer_died_at_the_turnstile_keeps_nobody_out(
    store: GraphStore, neo4j_server: Served
) -> None:
    fill(store)
    neo4j_server.ask(
        "MATCH (turnstile:_KgTurnstile) SET turnstile.entered = turnstile.entered + 1"
    )
    with closing(open_store(neo4j_server.target)) as reader:
        assert len(reader.find()) == 1
    assert neo4j_server.ask("MATCH (t:_KgTurnstile) RETURN t.entered = t.left AS free") == [
        {"free": True}
    ]


@pytest.mark.parametrize("times", [2, 100])
def test_a_server_that_goes_away_just_after_a_commit_does_not_have_it_done_twice(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    from neo4j.exceptions import ServiceUnavailable  # noqa: PLC0415 - needs the driver

    from kgraph.store.neo4j import database  # noqa: PLC0415 - needs the driver

    left, really = itertools.count(), database.leave

    def leave(statements: Statements, ticket: int) -> None:
        if next(left) < times:
            raise ServiceUnavailable("connection reset")
        really(statements, ticket)

    fill(store)
    monkeypatch.setattr(database, "leave", leave)
    with store.sync("doc", "", complete=True, at=T0 + timedelta(days=1)) as run:
        run.stage([Record("h0", "Host"), Record("h1", "Host")])
        assert len(run.commit().created) == 1  # and it is not told to be stale
    monkeypatch.undo()
    assert len(store.find()) == 2


def test_a_reader_that_may_not_free_the_turnstile_is_told_to_try_again(
    store: GraphStore, neo4j_server: Served
) -> None:
    fill(store)
    neo4j_server.ask(
        "MATCH (turnstile:_KgTurnstile) SET turnstile.entered = turnstile.entered + 1"
    )
    with (
        closing(open_store(neo4j_server.target, read_only=True)) as reader,
        pytest.raises(StoreBusyError, match="another process is writing"),
    ):
        reader.find()


def test_a_number_that_no_property_can_hold_is_refused_with_its_name(store: GraphStore) -> None:
    with store.sync("doc", "", complete=True, at=T0) as run:
        run.stage([Record("h1", "Host", props={"serialNumber": 2**64})])
        with pytest.raises(InputError, match="serialNumber of Host h1 does not fit into 64 bits"):
            run.commit()
    assert store.find() == []
