"""Units: each start has an identity of its own. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ingest.detect.changes.happened import Happened, Version, Versions, changed, dated

IN_SECONDS = "--timestamp=unix"  # since systemd 248; one that is older is asked without


def starts_of(names: tuple[str, ...]) -> list[str]:
    """Return the command that shows the last start of units."""
    return [
        "systemctl",
        "show",
        IN_SECONDS,
        "--property=Id,InvocationID,ActiveEnterTimestamp",
        "--",
        *names,
    ]


def units(text: str) -> Versions:
    """Read what `systemctl show` prints: a block for each unit.

    A unit that does not run now has no start: it is left out, and its next start is a change only
    in comparison with the one before.
    """
    found = {}
    for block in text.split("\n\n"):
        told = dict(line.partition("=")[::2] for line in block.splitlines() if "=" in line)
        name, start = told.get("Id", ""), told.get("InvocationID", "")
        since = told.get("ActiveEnterTimestamp", "").removeprefix("@")
        if name and start:
            found[name] = Version(start, float(since) if since.isdigit() else 0.0)
    return found


def units_changed(
    before: Versions | None, after: Versions | None, seen: datetime, last: datetime | None
) -> Iterator[Happened]:
    """Yield what was started anew, between two looks that both saw it run."""
    for name, was, is_ in changed(before, after):
        if was is not None and is_ is not None:
            yield Happened(
                "restart", name, dated(is_.since, seen, last), f"{name} was started anew"
            )
