"""Looks and effects in threads of their own: a call that hangs for ever holds up nobody."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import timedelta
from time import monotonic
from typing import Protocol

from kgraph.logs import logger
from kgraph.schema.errors import KgraphError, one_line
from remedies.execution.track import NOT_DONE
from remedies.looks import Actuator, EffectError, Look, RefusedError, Standing, Task

_log = logger(__name__)


class Job(Protocol):
    """One call under way."""

    def done(self) -> bool:
        """Tell whether it has come back."""

    def wait(self, patience: timedelta) -> None:
        """Wait for it, at most so long."""


Spawn = Callable[[str, Callable[[], None]], Job]


class _Thread:
    """A call in a daemon thread: one that hangs does not keep the process alive."""

    def __init__(self, name: str, call: Callable[[], None]) -> None:
        self._thread = threading.Thread(target=call, name=name, daemon=True)
        self._thread.start()

    def done(self) -> bool:
        return not self._thread.is_alive()

    def wait(self, patience: timedelta) -> None:
        self._thread.join(max(0.0, patience.total_seconds()))


def in_thread(name: str, call: Callable[[], None]) -> Job:
    """Start a call in a thread of its own."""
    return _Thread(name, call)


def wait_for(jobs: Iterable[Job], patience: timedelta) -> None:
    """Wait for all of them, at most so long together: whoever ends us does not wait for ever."""
    end = monotonic() + patience.total_seconds()
    for job in jobs:
        job.wait(timedelta(seconds=max(0.0, end - monotonic())))


class Looking:
    """A look under way."""

    def __init__(self, spawn: Spawn, actuator: Actuator | None, task: Task) -> None:
        self.look = Look(Standing.UNKNOWN, "no answer")
        self._actuator, self._task = actuator, task
        self._back = monotonic()
        self.job = spawn(f"look {task.action} {task.title}", self._run)

    @property
    def age(self) -> timedelta:
        """How long ago it came back."""
        return timedelta(seconds=monotonic() - self._back)

    def _run(self) -> None:
        if self._actuator is None:
            self.look = Look(Standing.UNKNOWN, "its endpoint is not configured any longer")
            return
        try:
            self.look = self._actuator.look(self._task)
        except Exception as error:  # noqa: BLE001 - whatever went wrong, nothing was seen
            self.look = Look(Standing.UNKNOWN, _told(error, "look", self._task))
        self._back = monotonic()


class Acting:
    """An effect under way."""

    def __init__(self, spawn: Spawn, actuator: Actuator | None, task: Task) -> None:
        self.failure, self.said = "no answer", ""
        self._actuator, self._task = actuator, task
        self.job = spawn(f"{task.action} {task.title}", self._run)

    def _run(self) -> None:
        if self._actuator is None:
            self.failure = "its endpoint is not configured any longer"
            return
        try:
            self.said = self._actuator.act(self._task)
        except RefusedError as error:
            self.failure = f"{NOT_DONE}{one_line(error)}"
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the next look tells
            self.failure = _told(error, "effect", self._task)
        else:
            self.failure = ""


def _told(error: Exception, what: str, task: Task) -> str:
    """Return what went wrong in one line; of what nobody foresaw, the log has the traceback."""
    if not isinstance(error, EffectError | KgraphError | OSError):
        _log.exception(f"fault of the program in the {what} of a step", step=task.title)
    return one_line(error) or type(error).__name__
