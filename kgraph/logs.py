"""Loggers of ours, by structlog, which comes with the first line that is written.

It brings asyncio, Rich's tracebacks and a highlighter: a tenth of the start of a command, and most
commands write no line.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

_configure: list[Callable[[], None]] = []  # what the first line still has to do: one, or nothing
_configuring = Lock()  # threads that begin together: none writes before it is done


def configured_by(configure: Callable[[], None]) -> None:
    """Have structlog configured before the next line is written."""
    _configure[:] = [configure]


class Logger:
    """What one module logs with: a method for each level, as structlog has them."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, level: str) -> Callable[..., Any]:
        import structlog  # noqa: PLC0415 - see above

        while _configure:
            with _configuring:
                if _configure:  # nobody else did it meanwhile
                    _configure[0]()
                    _configure.clear()
        written: Callable[..., Any] = getattr(structlog.get_logger(self._name), level)
        return written


def logger(name: str) -> Logger:
    """Return the logger of a module."""
    return Logger(name)
