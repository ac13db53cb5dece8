"""Asking a tool on this machine or, by `via`, on another; never through a shell."""

from __future__ import annotations

import atexit
import os
import shlex
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import PurePath
from typing import IO

from kgraph.schema import SourceError
from kgraph.schema.errors import one_line

PATIENCE = timedelta(seconds=20)
_LONGEST_COMPLAINT = 300
_asked: set[subprocess.Popen[bytes]] = set()  # tools that somebody waits for
_starting = threading.Lock()
_STARTED = timedelta(seconds=5)  # one that lies on a disk that hangs is not waited for at the end
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
        with started(argv, subprocess.PIPE, more) as tool:
            printed, complaint = tool.communicate(timeout=patience.total_seconds())
    except subprocess.TimeoutExpired:
        raise unanswered(argv, patience) from None
    if tool.returncode:
        raise ToolFailedError(tool.returncode, shortened(complaint or printed), where)
    try:
        return printed.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SourceError(f"its answer is not UTF-8: {one_line(error)}", where=where) from None


def unanswered(argv: Sequence[str], patience: timedelta) -> SourceError:
    """Return the error of a tool that hangs."""
    what = f"no answer within {patience.total_seconds():g} s"
    return SourceError(what, where=" ".join(argv), mend="look for what hangs there")


@contextmanager
def started(
    argv: Sequence[str], complaints: int | IO[bytes], more: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a tool that outlives neither whoever waits for it, nor this process.

    The thread that asks one that hangs is left behind where its time is over: it does not run to
    its end, and what it has started would hang on for ever.

    Args:
        argv: the program and its arguments, never through a shell.
        complaints: where what it complains about goes; what it prints goes to a pipe.
        more: further variables of its environment.

    Raises:
        SourceError: it can't be run.
    """
    with _starting:  # it may be running before its thread hears of it, and we may end then
        try:
            tool = subprocess.Popen(  # noqa: S603 - no shell, and words of the configuration
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=complaints,
                env=environment() | dict(more or {}),
            )
        except OSError as error:
            what = f"{argv[0]} can't be run: {error.strerror or error}"
            mend = "install it, or correct `via`"
            raise SourceError(what, where=" ".join(argv), mend=mend) from None
        _asked.add(tool)
    try:
        with tool:
            try:
                yield tool
            finally:
                tool.kill()  # one that has ended is left alone
    finally:
        _asked.discard(tool)


@atexit.register
def _end_all() -> None:
    _starting.acquire(
        timeout=_STARTED.total_seconds()
    )  # and never let go: nothing starts any more
    for tool in list(_asked):
        tool.kill()


def shortened(told: bytes) -> str:
    """Return what a tool complains of as one line; of a long one its end, which says why."""
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
