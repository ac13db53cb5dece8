"""Does somebody listen there? Connects and leaves."""

from __future__ import annotations

import time
from datetime import timedelta

from ingest.detect.checks.connecting import Left, connected
from ingest.detect.checks.seen import Seen, Target, slow, unanswered, well


def look(target: Target, patience: timedelta) -> tuple[Seen, ...]:
    """Look once."""
    begin = time.monotonic()
    try:
        with connected(target, Left(patience)):
            taken = time.monotonic() - begin
            told = f"{target.address} accepts connections, {taken * 1000:.0f} ms"
            return (*well("down", "unreachable", detail=told), *slow(target, taken))
    except OSError as error:
        return unanswered(target, error)
