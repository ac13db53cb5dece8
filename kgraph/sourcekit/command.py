"""Asking a tool on this machine or, by `via`, on another; never through a shell."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import PurePath

from kgraph.schema import SourceError
from kgraph.schema.errors import one_line

PATIENCE = timedelta(seconds=20)
_LONGEST_COMPLAINT = 300
_ADMIN = "/usr/sbin:/sbin"  # where tools for administrators are, also for who is none


class ToolFailedError(SourceError):
    """A tool ended with a status that tells of failure.

    Attributes:
        status: negative: the signal that killed it.
        said: what it said, in one line.
    """

    def __init__(self, status: int, said: str, where: str) -> None:
        super().__init__(f"it ended with {status}: {said}", where=where)
        self.status, self.said = status, said


def run(
    argv: Sequence[str],
    patience: timedelta = PATIENCE,
    more: Mapping[str, str] | None = None,
    *,
    via: Sequence[str] = (),
) -> str:
    """Return what a command prints.

    Args:
        argv: the program and its arguments, as they are.
        patience: how long it may take.
        more: further variables of its environment, on this machine.
        via: what reaches another machine, such as `ssh h1`, to run it there.

    Raises:
        ToolFailedError: it ended with a status that tells of failure.
        SourceError: it is missing, takes too long, or prints no UTF-8.
    """
    argv = through(via, argv)
    where = " ".join(argv)
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and the words come from the configuration
            list(argv),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=patience.total_seconds(),
            check=False,
            env=environment() | dict(more or {}),
        )
    except subprocess.TimeoutExpired:
        what = f"no answer within {patience.total_seconds():g} s"
        raise SourceError(what, where=where, mend="look for what hangs there") from None
    except OSError as error:
        what = f"{argv[0]} can't be run: {error.strerror or error}"
        raise SourceError(what, where=where, mend="install it, or correct `via`") from None
    if done.returncode:
        told = done.stderr or done.stdout
        raise ToolFailedError(done.returncode, _shortened(told), where)
    try:
        return done.stdout.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SourceError(f"its answer is not UTF-8: {one_line(error)}", where=where) from None


def _shortened(told: bytes) -> str:
    """Return a complaint as one line; of a long one the end, where most tools say why."""
    said = " ".join(told.decode("utf-8", "replace").split())
    return said if len(said) <= _LONGEST_COMPLAINT else f"… {said[-_LONGEST_COMPLAINT:]}"


def environment() -> dict[str, str]:
    """Return what tools are run with: English words, and a path to administrators' tools."""
    path = f"{os.environ.get('PATH', '')}:{_ADMIN}"
    # English, and any name as it is: Ansible refuses to work where text is not UTF-8.
    return {**os.environ, "LC_ALL": "C.UTF-8", "PATH": path}


def through(via: Sequence[str], argv: Sequence[str]) -> list[str]:
    """Lead a command by what reaches its machine; ssh has a shell read it there: it is quoted."""
    if via and PurePath(via[0]).name == "ssh":
        return [*via, shlex.join(argv)]
    return [*via, *argv]
