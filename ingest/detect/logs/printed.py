"""The first lines that a command prints: one that would print for ever is ended. The only I/O."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from tempfile import TemporaryFile

from kgraph.schema import SourceError
from kgraph.sourcekit.command import chunks, shortened, started, unanswered


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
    late, printed, count = False, bytearray(), 0
    with TemporaryFile() as complaints:
        with started(argv, complaints) as process:
            try:
                for _, chunk in chunks(process, patience):
                    printed += chunk
                    count += chunk.count(b"\n")
                    if count >= most:
                        break
            except subprocess.TimeoutExpired:
                late = True
            status = process.poll()
        complaints.seek(0)
        said = shortened(complaints.read())
    lines = bytes(printed).removesuffix(b"\n").split(b"\n")[:most] if printed else []
    if late and not lines:
        raise unanswered(argv, patience)
    if late:
        return Printed(lines, f"it took longer than {patience.total_seconds():g} s")
    if count >= most:
        return Printed(lines, f"more than {most} at once")
    if status:
        raise SourceError(f"it ended with {status}: {said}", where=" ".join(argv))
    return Printed(lines)
