"""Who has run a guest, told by what libvirt logs on every host."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Start:
    """A QEMU process of a guest was started.

    Attributes:
        host: name of the host.
        at: when.
        incoming: to receive a running guest that migrates, and not to boot one.
    """

    host: str
    at: datetime
    incoming: bool = False


def read_starts(host: str, log: str) -> list[Start]:
    """Return the starts that a guest's log tells of: each is one line, then its command line."""
    found: list[Start] = []
    for line in log.splitlines():
        at, starting, _ = line.partition(": starting up ")
        if starting:
            found.append(Start(host, datetime.fromisoformat(at)))
        elif line.startswith("-incoming ") and found:
            found[-1] = replace(found[-1], incoming=True)
    return found
