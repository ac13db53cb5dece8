"""What a store knows of one source's scope, and what follows for a new reading. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kgraph.schema import StaleReadingError
from kgraph.store._staging import Reading
from kgraph.store._ticks import NEVER, from_ticks
from kgraph.store.results import HELD, Shrink


@dataclass(frozen=True, slots=True)
class Scope:
    """One scope as the last committed reading left it.

    Attributes:
        completed_at: in ticks; NEVER before the first reading.
        records: how many are live.
        digest: of the last complete reading; None when something came in since.
        findings: of that reading, repeated while nothing changes.
        priority: whom to believe where sources differ: the higher.
    """

    id: int
    generation: int = 0
    completed_at: int = NEVER
    records: int = 0
    digest: bytes | None = None
    findings: tuple[str, ...] = ()
    priority: int = 0

    def outranked(self, reading: Reading) -> bool:
        """Tell whether the scope's source has another priority now."""
        return reading.priority is not None and reading.priority != self.priority

    def repeats(self, reading: Reading) -> bool:
        """Tell whether a reading says what the last one did, and counts as much."""
        same = reading.complete and self.digest == reading.staged.digest()
        return same and not self.outranked(reading)


def refuse_stale(reading: Reading, scope: Scope) -> None:
    """Refuse a reading that a newer one has overtaken."""
    overtaken = scope.generation != reading.began and scope.completed_at >= reading.at
    if overtaken or scope.completed_at > reading.at:
        raise StaleReadingError(
            f"this reading of {from_ticks(reading.at):%Y-%m-%dT%H:%M:%SZ} is stale: one of"
            f" {from_ticks(scope.completed_at):%Y-%m-%dT%H:%M:%SZ} has been committed",
            where=f"{reading.source} {reading.scope}".strip(),
            mend="read the source again",
        )


def with_what_is_held(reading: Reading, scope: Scope, findings: Sequence[str]) -> tuple[str, ...]:
    """Return a reading's findings; a partial one leaves what a whole one had held as it is."""
    held = () if reading.complete else (f for f in scope.findings if f.startswith(HELD))
    return tuple(dict.fromkeys((*held, *findings)))


def may_close(reading: Reading, scope: Scope) -> tuple[Sequence[str], bool]:
    """Tell whether what isn't reported is gone; an empty answer is more likely a sick source."""
    staged = reading.staged
    if reading.complete and not staged.records and scope.records:
        if reading.shrink is Shrink.ACCEPT:
            return [], True
        name = f"{reading.source} {reading.scope}".strip()
        line = f"empty_reading {name}: it had {scope.records} records; nothing was closed"
        return [f"{line}; --accept-shrink closes all"], False
    return [], reading.complete and bool(staged.records or staged.links)
