from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from kgraph.store import GraphStore, open_store


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Keep the log to itself: a test that ran the program has sent it to a stream now closed."""
    with capture_logs():
        yield


@pytest.fixture(scope="session")
def _empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store: a copy of it is there in a fifth of the time that making one takes."""
    path = tmp_path_factory.mktemp("empty") / "repairs.db"
    open_store(path).close()
    return path


@pytest.fixture
def store(tmp_path: Path, _empty: Path) -> Iterator[GraphStore]:
    opened = open_store(shutil.copyfile(_empty, tmp_path / "repairs.db"))
    yield opened
    opened.close()
