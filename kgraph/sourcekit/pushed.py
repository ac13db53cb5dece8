"""Tools that print a line whenever something changes: who runs one need not wait for its turn.

What is printed is not read: it only says that it is time to ask. So nothing that is missed or cut
off can do harm, and a source that is told of changes is still asked now and then.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from kgraph.logs import logger
from kgraph.sourcekit.command import environment, through

_CHUNK = 1 << 16
_END_SECONDS = 2.0

_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds.

    Attributes:
        settle: a change is told so long after it came: those that come together are one.
        gap: between two that are told.
        again: until a tool that has ended is started again; doubles each time it lives no longer
            than that.
        longest: the longest of these.
    """

    settle: float = 0.1
    gap: float = 1.0
    again: float = 1.0
    longest: float = 60.0


class Pushed:
    """Keeps some tools running, a thread each, and tells when one of them has printed something.

    Args:
        commands: each the program and its arguments; it prints nothing while nothing changes.
        tell: called from other threads, also when a tool has been started again: what changed
            meanwhile was not seen.
        via: what reaches their machine.
        pace: how often.
    """

    def __init__(
        self,
        commands: Sequence[Sequence[str]],
        tell: Callable[[], None],
        *,
        via: Sequence[str] = (),
        pace: Pace | None = None,
    ) -> None:
        self._tell, self._pace = tell, pace or Pace()
        self._stopping, self._lock = threading.Event(), threading.Lock()
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        words = [through(via, command) for command in commands]
        self._threads = [
            threading.Thread(target=self._keep, args=(number, each), name=each[0], daemon=True)
            for number, each in enumerate(words)
        ]

    def start(self) -> None:
        """Begin to listen."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Listen no longer; nothing is told after it."""
        with self._lock:
            self._stopping.set()
            for process in self._running.values():
                _kill(process)
        for thread in self._threads:
            thread.join(_END_SECONDS)

    def _keep(self, number: int, words: Sequence[str]) -> None:
        pause = self._pace.again
        first = True
        while not self._stopping.is_set():
            process = self._started(number, words)
            if process is None:
                return
            if not first:
                self._tell()
            first = False
            told = self._follow(process)
            pause = self._pace.again if told else min(2 * pause, self._pace.longest)
            self._stopping.wait(pause)

    def _started(self, number: int, words: Sequence[str]) -> subprocess.Popen[bytes] | None:
        """Return the tool; None where there is none, or nobody listens any more."""
        with self._lock:
            if self._stopping.is_set():
                return None
            try:
                process = subprocess.Popen(  # noqa: S603 - no shell; words of the configuration
                    words,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env=environment(),
                    start_new_session=True,
                )
            except OSError as error:
                # The source is asked now and then all the same, and tells what it lacks.
                _log.warning("changes are not followed", tool=words[0], why=error.strerror)
                return None
            self._running[number] = process
            return process

    def _follow(self, process: subprocess.Popen[bytes]) -> bool:
        """Tell of what a tool prints until it ends; return whether it printed anything."""
        told = False
        assert process.stdout is not None  # noqa: S101 - it was asked for
        with process, process.stdout as lines:
            try:
                while os.read(lines.fileno(), _CHUNK):
                    told = True
                    if self._stopping.wait(self._pace.settle):
                        break
                    _drain(lines.fileno())  # what came meanwhile is the same news
                    self._tell()
                    if self._stopping.wait(self._pace.gap):
                        break
            finally:
                _kill(process)
        return told


def _drain(stream: int) -> None:
    """Read what is there, without waiting for more."""
    while select.select([stream], [], [], 0)[0] and os.read(stream, _CHUNK):
        continue


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a tool with what it has started; harmless where it has ended and was waited for."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
