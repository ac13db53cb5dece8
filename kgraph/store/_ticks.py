"""Times as stores count them: microseconds since 1970, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from kgraph.schema import InputError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
NEVER = -1 << 62  # before any time that a datetime can hold


def to_ticks(at: datetime) -> int:
    """Return microseconds since 1970, exactly.

    Raises:
        InputError: a time without a zone means nothing to other machines.
    """
    if at.tzinfo is None:
        raise InputError(f"time {at.isoformat()} has no zone", mend="write it as RFC 3339 with Z")
    return (at - EPOCH) // TICK


def from_ticks(ticks: int) -> datetime:
    """Return the UTC time of `to_ticks`."""
    return EPOCH + ticks * TICK


def ticks_of(at: datetime | None) -> int | None:
    """Return `to_ticks`, None for no time."""
    return None if at is None else to_ticks(at)


def span_of(ticks: int | None) -> timedelta | None:
    """Return a span of time, None for none."""
    return None if ticks is None else ticks * TICK


def time_of(ticks: int | None) -> datetime | None:
    """Return `from_ticks`, None for no time."""
    return None if ticks is None else from_ticks(ticks)
