"""Running a command: an argv without a shell, its output and its time bounded.

Secrets go in on standard input, never in the argv, which everybody on the machine can read.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from select import select
from threading import Thread
from time import monotonic
from typing import IO

from remedies.looks import EffectError

MOST_BYTES = 64 << 10
_LOOK = 0.1  # seconds between two looks whether it is over


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended, with what it printed on either stream."""

    code: int
    said: str


Run = Callable[[Sequence[str], timedelta], Ran]


def run(argv: Sequence[str], deadline: timedelta, fed: str = "") -> Ran:
    """Run a command to its end, its output bounded.

    Args:
        argv: the command, each word as it is.
        deadline: how long it may take.
        fed: what it reads on standard input.

    Raises:
        EffectError: it did not come back in time and was killed, or could not be started.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 - no shell, and no word of it comes from data
            argv,
            stdin=subprocess.PIPE if fed else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise EffectError(f"{argv[0]}: {error.strerror}") from error
    # Nobody else closes it: a command that ends without a look at it would seem to fail here.
    stdin, process.stdin = process.stdin, None
    with process:
        if stdin is not None:
            Thread(target=_feed, args=(stdin, fed), daemon=True).start()
        try:
            said = _read(process, monotonic() + deadline.total_seconds())
        except TimeoutError:
            # Its children, too: what stands before `systemctl` may have some.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise EffectError(f"{argv[0]} did not come back in time") from None
    return Ran(process.returncode, said)


def _feed(stdin: IO[bytes], fed: str) -> None:
    """Write in a thread of its own: one that reads nothing must not hold us up."""
    with suppress(OSError), stdin:
        stdin.write(fed.encode())


def _read(process: subprocess.Popen[bytes], end: float) -> str:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    content = bytearray()
    while True:
        over, left = process.poll() is not None, end - monotonic()
        ready, _, _ = select([process.stdout], [], [], 0.0 if over else max(0.0, min(left, _LOOK)))
        if over and (not ready or left <= 0):
            break  # what it has left behind has its output still, and need not end
        if left <= 0:
            raise TimeoutError  # also of what goes on printing
        if ready:
            chunk = os.read(process.stdout.fileno(), 4096)
            if not chunk:
                break
            content += chunk[: MOST_BYTES - len(content)]
    try:
        process.wait(max(0.1, end - monotonic()))
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    return content.decode("utf-8", "replace")


def last_line(said: str) -> str:
    """Return the last line with something in it: that is where commands tell what went wrong."""
    lines = [" ".join(line.split()) for line in said.splitlines() if line.strip()]
    return lines[-1][:200] if lines else ""
