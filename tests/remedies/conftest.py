from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from kgraph.store import GraphStore
from tests.stores import new_store


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Keep the log to itself: a test that ran the program has sent it to a stream now closed."""
    with capture_logs():
        yield


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    opened = new_store(tmp_path / "repairs.db")
    yield opened
    opened.close()
