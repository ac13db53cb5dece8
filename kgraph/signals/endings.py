"""What an earlier reading said and this one says no longer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from enum import Enum

from kgraph.schema import Observation, State

Said = tuple[str, str, str]  # entity, signal, detector


class Ending(Enum):
    """What it means that something is said no longer."""

    HEALTHY = "healthy"  # whoever said it still looks, and sees nothing
    UNKNOWN = "unknown"  # nobody looks there any longer


def said(row: Observation) -> Said:
    """Return what a row is about, and who says so."""
    return row.entity, row.signal, row.detector


def endings(
    standing: Iterable[Observation],
    told: Collection[Said],
    at: datetime,
    ending: Callable[[Observation], Ending],
) -> Iterator[Observation]:
    """Yield the end of every abnormal row that is not told again.

    Args:
        standing: what the same source has said before.
        told: what it says now.
        at: when it was read.
        ending: what its silence on a row means.
    """
    for row in standing:
        if not row.abnormal or said(row) in told:
            continue
        unknown = withdrawn(row, at)
        if ending(row) is Ending.HEALTHY:
            yield replace(unknown, expires_at=None, detail="no longer listed")
        else:
            yield unknown


def withdrawn(row: Observation, at: datetime) -> Observation:
    """Return: unknown from now on.

    It has expired when it is made: it takes the place of what the same detector said before, and
    counts for nothing itself.
    """
    return replace(
        row, state=State.HEALTHY, score=None, at=at, received_at=at, expires_at=at, detail=""
    )
