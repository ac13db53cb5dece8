"""Processes that can't outlive us.

Each is started through setpriv, so that the kernel kills it when this process dies, however it
dies. Network, mount and process namespaces are never given names, so they end with their last
process: nothing is left to clean up but one folder.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


class LabError(Exception):
    """The lab itself does not work; says nothing of what is tested in it."""


def spawn(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a process that dies with us; what it prints goes to `log`."""
    with log.open("ab") as out:
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill one process that we started, and everything in the PID namespace that it holds."""
    process.kill()
    process.wait(timeout=10)


def run(*command: str) -> str:
    """Run to the end and return what it printed.

    Raises:
        LabError: it failed.
    """
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode:
        raise LabError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def wait_for(what: str, look: Callable[[], T | None], seconds: float = 20) -> T:
    """Ask until the answer is true, and return it.

    Raises:
        LabError: it was not within `seconds`.
    """
    end_at = time.monotonic() + seconds
    while time.monotonic() < end_at:
        answer = look()
        if answer:
            return answer
        time.sleep(0.05)
    raise LabError(f"{what}: not within {seconds:g} s")
