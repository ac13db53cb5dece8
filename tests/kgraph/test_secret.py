"""A secret is read from where it is kept, and from nothing else that stands there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kgraph.schema import ConfigurationError
from kgraph.secret import secret


def test_a_secret_is_what_a_variable_or_a_file_holds_without_its_line_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERE", "hunter2\n")
    assert secret("HERE", None) == ("environment variable HERE", "hunter2")
    kept, link = tmp_path / "kept", tmp_path / "token"
    kept.write_text("hunter2\n")
    link.symlink_to(kept)  # as Kubernetes lays them
    assert secret("", link) == (str(link), "hunter2")
    assert secret("", None) is None


def test_what_never_ends_or_never_begins_is_no_secret(tmp_path: Path) -> None:
    pipe, long = tmp_path / "pipe", tmp_path / "long"
    os.mkfifo(pipe)
    long.write_bytes(b"x" * (2**16 + 1))
    for path, told in ((pipe, "no regular file"), (Path("/dev/zero"), "no regular file")):
        with pytest.raises(ConfigurationError, match=told):
            secret("", path)
    with pytest.raises(ConfigurationError, match="no secret is so long"):
        secret("", long)
    with pytest.raises(ConfigurationError, match="No such file"):
        secret("", tmp_path / "nowhere")
