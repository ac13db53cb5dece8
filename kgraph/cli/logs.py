"""Logging: to stderr, plain for a person and JSON for a machine."""

from __future__ import annotations

import logging
import re
import sys

import structlog

_SECRET = re.compile(
    r"(kgraph_[0-9a-f]{12}_)[0-9a-f]{16,}|((?:Bearer|Basic) )[^\s\"',]+", re.IGNORECASE
)
QUIET = "warning"  # the level until the configuration says otherwise


def _without_secrets(
    _logger: object, _method: str, event: structlog.types.EventDict
) -> structlog.types.EventDict:
    """Blot out what looks like a token, wherever it got into a line."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = _SECRET.sub(lambda found: f"{found[1] or found[2]}...", value)
    return event


def set_up(level: str) -> None:
    """Configure structlog for the process."""
    plain = sys.stderr.isatty()
    tracebacks = [] if plain else [structlog.processors.format_exc_info]
    renderer: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer() if plain else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *tracebacks,
            _without_secrets,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
