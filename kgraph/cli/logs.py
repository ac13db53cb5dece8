"""Logging: to stderr, plain for a person and JSON for a machine."""

from __future__ import annotations

import logging
import re
import sys
from functools import partial
from typing import TYPE_CHECKING

from kgraph.logs import configured_by, logger

if TYPE_CHECKING:  # see kgraph.logs
    import structlog

_SECRET = re.compile(
    r"(kgraph_[0-9a-f]{12}_)[0-9a-f]{16,}|((?:Bearer|Basic) )[^\s\"',]+", re.IGNORECASE
)
QUIET = "warning"  # the level until the configuration says otherwise
# Their failures reach us as exceptions, which a command tells once, in plain words.
_TOLD_BY_US = ("neo4j",)


def _without_secrets(
    _logger: object, _method: str, event: structlog.types.EventDict
) -> structlog.types.EventDict:
    """Blot out what looks like a token, wherever it got into a line."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = _SECRET.sub(lambda found: f"{found[1] or found[2]}...", value)
    return event


class _FromLibraries(logging.Handler):
    """What libraries log by themselves goes the same way, without secrets."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record on."""
        logger(record.name).log(record.levelno, record.getMessage(), exc_info=record.exc_info)


def set_up(level: str) -> None:
    """Configure logging for the process: ours by structlog, and what libraries say."""
    least = getattr(logging, level.upper())
    curious = least < logging.INFO
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each, _FromLibraries)]:
        root.removeHandler(old)
    handler = _FromLibraries(logging.INFO if curious else logging.WARNING)
    handler.addFilter(lambda record: curious or record.name.partition(".")[0] not in _TOLD_BY_US)
    root.addHandler(handler)
    if curious:
        root.setLevel(logging.INFO)
    configured_by(partial(_configure, least))


def _configure(least: int) -> None:
    import structlog

    plain = sys.stderr.isatty()
    # No drawn tracebacks: they show the values of variables, so also secrets, and take seconds.
    renderer: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if plain
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _without_secrets,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
