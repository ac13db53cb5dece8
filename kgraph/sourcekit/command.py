"""Asking a tool on this machine or, by `via`, on another; never through a shell."""

from __future__ import annotations

import atexit
import os
import selectors
import shlex
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import PurePath
from typing import IO, cast

from kgraph.schema import SourceError
from kgraph.schema.errors import one_line

PATIENCE = timedelta(seconds=20)
MOST_BYTES = 256 * 2**20  # of an answer, as over HTTP
_CHUNK = 1 << 16
_LOOK = 0.1  # seconds between two looks whether it is over
_LONGEST_COMPLAINT = 300
_asked: set[subprocess.Popen[bytes]] = set()  # tools that somebody waits for
_starting = threading.Lock()
_STARTED = timedelta(seconds=5)  # one that lies on a disk that hangs is not waited for at the end
# Of `cat` and `find`, and of a shell that finds no such tool; ssh itself ends with 255.
_NOTHING_TO_TELL = frozenset({1, 126, 127})
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
        SourceError: it is missing, takes too long, prints no UTF-8 or no end.
    """
    argv = through(via, argv)
    where = " ".join(argv)
    with started(argv, subprocess.PIPE, more) as tool:
        try:
            printed, complaint = _said(tool, patience)
        except subprocess.TimeoutExpired:
            raise unanswered(argv, patience) from None
        except OverflowError:
            mend = "ask for less, or look for what goes mad there"
            raise SourceError(
                f"more than {MOST_BYTES >> 20} MiB", where=where, mend=mend
            ) from None
    if tool.returncode:
        raise ToolFailedError(tool.returncode, shortened(complaint or printed), where)
    try:
        return printed.decode("utf-8").replace("\0", "\ufffd")  # no text is kept with a NUL
    except UnicodeDecodeError as error:
        raise SourceError(f"its answer is not UTF-8: {one_line(error)}", where=where) from None


def if_told(argv: Sequence[str], *, via: Sequence[str] = ()) -> str:
    """Return what a command prints; "" where it says that it has nothing to tell.

    There is no such file or tool, or it is not for us. That is another thing than a way that has
    just broken off: then nobody knows, and what is read without it would be another machine.

    Raises:
        SourceError: as `run`, for any other reason.
    """
    try:
        return run(argv, via=via)
    except ToolFailedError as error:
        if error.status not in _NOTHING_TO_TELL:
            raise
        return ""


def _said(tool: subprocess.Popen[bytes], patience: timedelta) -> tuple[bytes, bytes]:
    """Return what a tool prints and what it complains of, once it has ended.

    Raises:
        subprocess.TimeoutExpired: it has not ended in time.
        OverflowError: it prints more than anybody can hold.
    """
    heard = {pipe: bytearray() for pipe in (tool.stdout, tool.stderr)}
    for pipe, chunk in chunks(tool, patience):
        heard[pipe] += chunk
        if len(heard[pipe]) > MOST_BYTES:
            raise OverflowError
    printed, complaint = map(bytes, heard.values())
    return printed, complaint


def chunks(
    tool: subprocess.Popen[bytes], patience: timedelta
) -> Iterator[tuple[IO[bytes], bytes]]:
    """Yield what a tool writes into its pipes, until it has ended.

    What it has left behind, such as the master of an `ssh` with ControlPersist, has the pipes
    still: their end is not waited for.

    Raises:
        subprocess.TimeoutExpired: it has not ended in time.
    """
    end = time.monotonic() + patience.total_seconds()
    late = subprocess.TimeoutExpired(tool.args, patience.total_seconds())
    with selectors.DefaultSelector() as pipes:
        for pipe in filter(None, (tool.stdout, tool.stderr)):
            pipes.register(pipe, selectors.EVENT_READ)
        while pipes.get_map():
            over, left = tool.poll() is not None, end - time.monotonic()
            if left <= 0 and not over:
                raise late
            ready = pipes.select(0.0 if over else min(left, _LOOK))
            if over and (not ready or left <= 0):
                return
            for key, _ in ready:
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    pipes.unregister(key.fileobj)
                yield cast("IO[bytes]", key.fileobj), chunk
    tool.wait(max(0.0, end - time.monotonic()))


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
