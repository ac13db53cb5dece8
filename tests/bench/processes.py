"""Processes of kgraph, measured as an installed one runs: its bytecode is there."""

from __future__ import annotations

import compileall
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

_PACKAGES = ("kgraph", "ingest", "rca", "remedies", "cypher", "tests/bench")


def child(cwd: Path, *command: str) -> tuple[float, float]:
    """Return CPU seconds, user and system, and the largest resident MB (10^6) of a process.

    Args:
        cwd: its working folder.
        command: what Python is to run; it must end well.
    """
    environment = dict(_environment())
    process = subprocess.Popen([sys.executable, *command], cwd=cwd, env=environment,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {status}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6


def used(pid: int) -> float:
    """Return the CPU seconds, user and system, of a process that runs; proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@cache
def _environment() -> tuple[tuple[str, str], ...]:
    """Compile our packages, which pip does when it installs them, and let that be used."""
    for package in _PACKAGES:
        compileall.compile_dir(package, quiet=1)
    return tuple((os.environ | {"PYTHONPATH": str(Path.cwd())}).items())
