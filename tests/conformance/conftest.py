"""The stores under test, and how to speak of an estate in few words."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kgraph.schema import Item
from kgraph.store import Diff, GraphStore, ServerStore, open_store
from tests.neo4j.served import Served
from tests.stores import new_store

T0 = datetime(2026, 1, 1, tzinfo=UTC)

StoreFactory = Callable[[], GraphStore]  # each call: one more connection to the same store
Sync = Callable[..., Diff]


def server_of(folder: Path) -> ServerStore:
    """Return the server that a folder names: other processes are told no more than the folder."""
    return ServerStore(**json.loads((folder / "neo4j.json").read_text()))


def _of_file(path: Path) -> GraphStore:
    return open_store(path) if path.exists() else new_store(path)


# One line for each store: name -> how to connect to the store that lives in a folder.
STORES: dict[str, Callable[[Path], GraphStore]] = {
    "sqlite": lambda folder: _of_file(folder / "kgraph.db"),
    "neo4j": lambda folder: open_store(server_of(folder)),
}


@pytest.fixture(params=["sqlite", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def store_name(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "neo4j":
        served: Served = request.getfixturevalue("neo4j_database")
        (tmp_path / "neo4j.json").write_text(json.dumps(dataclasses.asdict(served.target)))
    return str(request.param)


@pytest.fixture
def store_factory(store_name: str, tmp_path: Path) -> Iterator[StoreFactory]:
    opened: list[GraphStore] = []

    def connect() -> GraphStore:
        opened.append(STORES[store_name](tmp_path))
        return opened[-1]

    yield connect
    for store in opened:
        store.close()


@pytest.fixture
def store(store_factory: StoreFactory) -> GraphStore:
    return store_factory()


@pytest.fixture
def sync(store: GraphStore) -> Sync:
    """Sync items, each time a minute later; complete unless said otherwise."""
    minutes = itertools.count()

    def run(
        *items: Item,
        source: str = "doc",
        scope: str = "",
        complete: bool = True,
        priority: int | None = None,
    ) -> Diff:
        at = T0 + timedelta(minutes=next(minutes))
        with store.sync(source, scope, complete=complete, at=at, priority=priority) as sync_run:
            sync_run.stage(items)
            return sync_run.commit()

    return run
