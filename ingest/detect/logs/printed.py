"""The first lines that a command prints: one that would print for ever is ended. The only I/O."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from tempfile import TemporaryFile

from kgraph.schema import SourceError
from kgraph.sourcekit.command import shortened, started, unanswered


@dataclass(frozen=True, slots=True)
class Printed:
    """What a command printed.

    Attributes:
        lines: without their ends.
        rest: why there may be more; empty: it ended by itself.
    """

    lines: list[bytes]
    rest: str = ""


def first_lines(argv: Sequence[str], most: int, patience: timedelta) -> Printed:
    """Run a command, never through a shell, until it ends, has printed enough, or takes too long.

    Args:
        argv: the program and its arguments.
        most: so many lines.
        patience: how long it may take.

    Raises:
        SourceError: it is missing, fails, or has printed nothing in time.
    """
    where = " ".join(argv)
    late = threading.Event()
    with TemporaryFile() as complaints:
        with started(argv, complaints) as process:
            timer = threading.Timer(patience.total_seconds(), _give_up, (process, late))
            timer.daemon = True  # whoever ends meanwhile does not wait for it
            timer.start()
            lines = _taken(process, most)
            timer.cancel()
            enough = len(lines) >= most
            if enough:
                process.kill()
            status = process.wait()
        complaints.seek(0)
        said = shortened(complaints.read())
    if late.is_set() and not lines:
        raise unanswered(argv, patience)
    if late.is_set():
        return Printed(lines, f"it took longer than {patience.total_seconds():g} s")
    if enough:
        return Printed(lines, f"more than {most} at once")
    if status:
        raise SourceError(f"it ended with {status}: {said}", where=where)
    return Printed(lines)


def _taken(process: subprocess.Popen[bytes], most: int) -> list[bytes]:
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    with process.stdout as printed:
        return [line.rstrip(b"\n") for line in islice(printed, most)]


def _give_up(process: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    process.kill()
