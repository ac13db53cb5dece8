"""Where output goes: old locales, closed streams, full disks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFIG = 'site = "Zürich"\n'


def _ran(work: Path, redirection: str, **variables: str) -> subprocess.CompletedProcess[str]:
    (work / "kgraph.toml").write_text(CONFIG, encoding="utf-8")
    command = f'"$0" -m kgraph config show -o json {redirection}'
    return subprocess.run(
        ["sh", "-c", command, sys.executable],
        cwd=work,
        env={**os.environ, **variables},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_programs_read_is_utf_8_whatever_the_locale(work: Path, encoding: str) -> None:
    done = _ran(work, "", PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Zürich" in done.stdout


def test_a_full_disk_below_the_output_is_one_line(work: Path) -> None:
    done = _ran(work, "> /dev/full")
    assert done.returncode == 1
    assert done.stderr == (
        "kgraph: the output cannot be written: No space left on device; make room and try again\n"
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_a_closed_stream_is_no_fault(work: Path, closed: str) -> None:
    done = _ran(work, closed)
    assert (done.returncode, done.stderr) == (0, "")
