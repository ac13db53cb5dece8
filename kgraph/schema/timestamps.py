"""Times at the edges: RFC 3339 with a zone; inside: aware, in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime

# What Go writes for "no time": Alertmanager sends it as the end of an alert that still fires.
NEVER_YEAR = 1
_LEAP_SECOND = re.compile(r":60(?=[.Z+-])")  # RFC 3339 knows it, datetime does not


def parse_time(text: str) -> datetime | None:
    """Return the time in UTC, or None for the year 1 that means "never".

    Raises:
        ValueError: not RFC 3339, without a zone, or beyond the year 9999.
    """
    try:
        parsed = datetime.fromisoformat(_LEAP_SECOND.sub(":59", text.upper()))
    except ValueError:
        raise ValueError(f"{text!r} is no time: write it like 2026-11-23T04:00:00Z") from None
    if parsed.year <= NEVER_YEAR:
        return None
    if parsed.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone: write it like 2026-11-23T04:00:00Z")
    try:
        return parsed.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is out of range: beyond the year 9999") from None


def format_time(at: datetime) -> str:
    """Return RFC 3339 in UTC, with `Z`."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def to_the_second(at: datetime) -> str:
    """Format a time for people, who read no fractions of a second."""
    return format_time(at.replace(microsecond=0))


def moment_of(seconds: float) -> datetime:
    """Return the moment so many seconds after 1970 began, in UTC."""
    return datetime.fromtimestamp(seconds, UTC)
