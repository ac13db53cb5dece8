"""Logging: to stderr, plain for a person and JSON for a machine."""

from __future__ import annotations

import logging
import sys

import structlog

QUIET = "warning"  # the level until the configuration says otherwise


def set_up(level: str) -> None:
    """Configure structlog for the process."""
    plain = sys.stderr.isatty()
    renderer: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer() if plain else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
