"""The tests of a fresh clone are compiled once, whether the page can be built here or not."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parents[2] / "Makefile"
_INSTALLED = (
    "pyproject.toml",
    *(f"requirements/{name}.txt" for name in ("base", "build", "dev", "libvirt")),
    *(f".venv/{name}" for name in ("base", "dev", "libvirt")),
)


@pytest.mark.parametrize("flags", [(), ("-j4",)])
def test_where_the_page_cannot_be_built_the_tests_are_compiled_once_all_the_same(
    tmp_path: Path, flags: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("make") is None:
        pytest.skip("make is missing")
    monkeypatch.delenv("CI", raising=False)  # where the page has to be built
    monkeypatch.delenv("MAKEFLAGS", raising=False)
    shutil.copy(MAKEFILE, tmp_path / "Makefile")
    for name in _INSTALLED:  # and nothing of the page
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text('#!/bin/sh\necho "$*" >> asked\n')
    python.chmod(0o700)
    command = ["make", "-s", *flags, "BIN=bin", "unit"]
    for _ in range(2):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    collected, *ran = (tmp_path / "asked").read_text("utf-8").splitlines()
    assert collected == "-m pytest -q --collect-only"
    assert len(ran) == 2
    assert all("-m not (" in line for line in ran)
