from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kgraph.store import GraphStore, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    opened = open_store(tmp_path / "repairs.db")
    yield opened
    opened.close()
