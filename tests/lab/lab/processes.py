"""Processes that can't outlive us.

Each is started through setpriv, so that the kernel kills it when this process dies, however it
dies. Network, mount and process namespaces are never given names, so they end with their last
process: nothing is left to clean up but one folder.
"""

from __future__ import annotations

import contextlib
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


def first_child(process: subprocess.Popen[bytes], log: Path) -> int | None:
    """Return the pid, as we see it, of the only child: pid 1 of a namespace that `process` holds.

    Raises:
        LabError: the process has ended; says what it logged.
    """
    if process.poll() is not None:
        raise LabError(f"{log.parent.name}: {log.read_text()}")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(children[0]) if children else None


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


def wait_for(
    what: str, look: Callable[[], T | None], seconds: float = 120, every: float = 0.05
) -> T:
    """Ask until the answer is true, and return it.

    Patient, as the machine may do much else: who gets the answer has not waited for the rest.

    Raises:
        LabError: it was not within `seconds`.
    """
    end_at = time.monotonic() + seconds
    while time.monotonic() < end_at:
        answer = look()
        if answer:
            return answer
        time.sleep(every)
    raise LabError(f"{what}: not within {seconds:g} s")


def pids_with(argument: str, program: str) -> list[int]:
    """Return the processes of a program, in whatever namespace, that have this argument."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if Path(words[0]).name == program and argument in words:
                found.append(int(folder.name))
    return found
