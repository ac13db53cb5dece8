"""Moments as people write them: RFC 3339, or how long ago."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli.session import usage

if TYPE_CHECKING:
    from kgraph.cli.session import Session
    from kgraph.store import Estate, GraphStore

At = Annotated[
    str | None,
    typer.Option(help="As it was at this time: RFC 3339, or -15m, -2h, -3d.", metavar="TIME"),
]
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_EPOCH = datetime.fromtimestamp(0, UTC)
_INSTANT = "write RFC 3339 with a zone (2026-01-31T12:00:00Z)"
_FORMS = f"{_INSTANT}, or how long ago (-15m, -2h, -3d)"


def moment(text: str, now: datetime) -> datetime:
    """Return the moment that somebody wrote, in UTC; end with a usage error if it is none."""
    found = until(text, now)
    if found > now:
        usage(f"{text!r} lies in the future")
    if found < _EPOCH:  # nothing was read then, and spans before it have an end
        usage(f"{text!r} lies before 1970")
    return found


def until(text: str, now: datetime) -> datetime:
    """Return the end of a span, which may be to come; end with a usage error if it is no time."""
    if text == "now":
        return now
    back = _SPAN.fullmatch(text.removeprefix("-"))
    return ago(now, _length(back)) if back else instant(text, _FORMS)


def ago(now: datetime, age: timedelta) -> datetime:
    """Return the moment so long ago; end with a usage error before the first year."""
    try:
        return now - age
    except OverflowError:
        usage(f"{age.days} days ago there was no calendar")


def instant(text: str, forms: str = _INSTANT) -> datetime:
    """Return a time with a zone, past or future, in UTC; end with a usage error if it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        usage(f"{text!r} is no time; {forms}")
    if found.tzinfo is None:
        usage(f"{text!r} has no zone; {forms}")
    try:
        return found.astimezone(UTC)
    except OverflowError:
        usage(f"{text!r} is before the first year or after the last; {forms}")


def span(text: str) -> timedelta:
    """Return a length of time such as 90d; end with a usage error if it is none."""
    found = _SPAN.fullmatch(text)
    if not found:
        usage(f"{text!r} is no length of time; write 90d, 12h or 30m")
    return _length(found)


@contextmanager
def looking(session: Session, at: str | None) -> Iterator[Estate]:
    """Open the store to read, as it is, or as it was at a time that somebody asks for."""
    from kgraph.app.stored.stores import Access, opened

    with opened(session.configuration, Access.READ, session.remark) as store:
        yield estate_at(session, store, at)


def estate_at(session: Session, store: GraphStore, at: str | None) -> Estate:
    """Return the store itself, or what it held at a time that somebody asks for."""
    if at is None:
        return store
    when = moment(at, session.now())
    past = store.at(when)
    # Of each source only the last reading is kept, which may be later than what is there.
    if not past.scopes() and not past.find(limit=1):
        session.remark(f"nothing had been read yet at {when:%Y-%m-%dT%H:%M:%SZ}", style="yellow")
    return past


def _length(found: re.Match[str]) -> timedelta:
    try:
        return timedelta(**{_UNITS[found[2]]: float(found[1])})
    except OverflowError:
        usage(f"{found[0]!r} is longer than anything lasts")
