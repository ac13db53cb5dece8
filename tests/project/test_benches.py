"""`make bench` comes to its end whatever this machine lacks."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.bench.lacking import left_out

MAKEFILE = Path(__file__).parents[2] / "Makefile"


def test_a_bench_that_does_not_run_takes_no_other_with_it(tmp_path: Path) -> None:
    if shutil.which("make") is None:
        pytest.skip("make is missing")
    benches = tmp_path / "tests" / "bench"
    benches.mkdir(parents=True)
    for name in ("a", "b", "c"):
        benches.joinpath(f"bench_{name}.py").touch()
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text('#!/bin/sh\necho "$2"; [ "$2" != tests.bench.bench_b ]\n')
    python.chmod(0o700)
    command = ["make", "-s", "-f", str(MAKEFILE), "-o", ".venv/dev", "BIN=bin", "bench"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.split() == [
        "tests.bench.bench_a",
        "tests.bench.bench_b",
        "tests.bench.bench_c",
    ]
    assert "these did not come to their end: tests/bench/bench_b.py\n" in done.stderr
    assert done.returncode != 0


def test_what_a_bench_lacks_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert not left_out("OVN", [])
    assert left_out("OVN", ["ovn-nbctl", "ovsdb-server"])
    assert capsys.readouterr().out == (
        "left out: OVN needs ovn-nbctl, ovsdb-server: make test-deps\n"
    )
