"""A new file is whole or not there: who tries again is not refused by the half of it."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kgraph.app.setup import initialise
from kgraph.app.setup.new_file import write_new
from kgraph.schema import ConfigurationError


@contextmanager
def no_room() -> Iterator[None]:
    """No file grows meanwhile."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_where_there_is_no_room_no_half_is_left(tmp_path: Path) -> None:
    path = tmp_path / "kgraph.toml"
    with pytest.raises(ConfigurationError, match="cannot be written"), no_room():
        initialise.write(path, "text")
    assert list(tmp_path.iterdir()) == []
    initialise.write(path, "text")
    assert path.read_text() == "text"


def test_one_that_is_there_is_never_touched(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("mine")
    with pytest.raises(FileExistsError):
        write_new(path, "yours")
    with pytest.raises(ConfigurationError, match="there is a configuration already"):
        initialise.write(path, "yours")
    assert path.read_text() == "mine"
