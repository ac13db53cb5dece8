"""A new store in a seventh of the time: a copy of an empty one that each process makes once.

That an empty one is made as it should be is for `tests/kgraph/store` and `test_processes`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from kgraph.store import GraphStore, open_store


def new_store(path: Path) -> GraphStore:
    """Open a store where there was none."""
    with path.open("xb") as file:
        file.write(_empty())
    return open_store(path)


@cache
def _empty() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        open_store(path).close()
        return path.read_bytes()
