"""The index of machines stands until the topology changes, and never longer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kgraph.app.reading.sync import Commitment, Reading, keep, unshown
from kgraph.app.sources.machines import known
from kgraph.schema import Key, Record, Snapshot
from kgraph.sourcekit import Alias
from kgraph.store import GraphStore
from tests.stores import new_store

NOW = datetime(2026, 11, 28, 7, 0, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    found = new_store(tmp_path / "kgraph.db")
    yield found
    found.close()


def _keep(store: GraphStore, *records: Record) -> None:
    reading = Reading(store, NOW, Commitment.COMMIT, unshown)
    keep(reading, Snapshot("cmdb", "all", complete=True, items=iter(records)))


def _host(name: str, kind: str = "Host") -> Record:
    return Record("1", kind, name, (Key("hostname", name),))


def test_nothing_changed_and_nothing_is_asked_again(store: GraphStore) -> None:
    _keep(store, _host("h1"))
    first = known(store, [])
    assert known(store, []) is first
    _keep(store, _host("h1"))
    assert known(store, []) is first


def test_a_machine_that_came_or_was_renamed_is_known_at_once(store: GraphStore) -> None:
    _keep(store, _host("h1"))
    assert known(store, []).named("h1", ("Host",))
    _keep(store, _host("h9"))
    assert known(store, []).named("h9", ("Host",))
    assert not known(store, []).named("h1", ("Host",))


def test_other_kinds_are_there_once_somebody_points_at_them(store: GraphStore) -> None:
    _keep(store, Record("d", "Database", "orders"))
    assert not known(store, []).named("orders")
    pointing = Alias("s", "CALLS", ("orders",), ("Database",))
    assert known(store, [pointing]).named("orders", ("Database",))


def test_two_stores_are_kept_apart(store: GraphStore, tmp_path: Path) -> None:
    _keep(store, _host("h1"))
    other = new_store(tmp_path / "other.db")
    try:
        _keep(other, _host("h2"))
        assert not known(other, []).named("h1")
        assert not known(store, []).named("h2")
    finally:
        other.close()
