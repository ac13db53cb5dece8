"""What is remembered of a machine, and what has happened to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple


class Version(NamedTuple):
    """How one thing is: which version, and since when (seconds since 1970; 0: nobody says)."""

    version: str
    since: float


Versions = Mapping[str, Version]


@dataclass(frozen=True, slots=True)
class Happened:
    """One change.

    Attributes:
        type: `package`, `config` or `restart`.
        what: the package, the path, the unit.
        at: when, by the machine's own word; else when it was seen.
        detail: one phrase for people.
    """

    type: str
    what: str
    at: datetime
    detail: str


@dataclass(frozen=True, slots=True)
class State:
    """How a machine is; None: that was not looked at, or could not be."""

    packages: Versions | None = None
    files: Versions | None = None
    units: Versions | None = None
    findings: tuple[str, ...] = field(default=(), compare=False)

    def document(self) -> dict[str, Any]:
        """Return what must be kept, as JSON has it."""
        return {name: getattr(self, name) for name in ("packages", "files", "units")}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> State:
        """Return the state that a document was made of."""
        return cls(_versions(kept["packages"]), _versions(kept["files"]), _versions(kept["units"]))

    def over(self, last: State) -> State:
        """Return this state, with the last one where this one could not look."""
        return State(
            last.packages if self.packages is None else self.packages,
            last.files if self.files is None else self.files,
            last.units if self.units is None else self.units,
            self.findings,
        )


def _versions(rows: Mapping[str, Any] | None) -> Versions | None:
    return None if rows is None else {name: Version(*row) for name, row in rows.items()}


def changed(
    before: Versions | None, after: Versions | None
) -> list[tuple[str, Version | None, Version | None]]:
    """Return (name, before, after) of what differs; nothing where either was not looked at."""
    if before is None or after is None:
        return []
    found = []
    for name in sorted({*before, *after}):
        was, is_ = before.get(name), after.get(name)
        if (was.version if was else None) != (is_.version if is_ else None):
            found.append((name, was, is_))
    return found


def dated(since: float, seen: datetime, last: datetime | None) -> datetime:
    """Return when a change was: as the machine says, if that lies between the looks.

    A file may be put in place with an old date, and clocks may be wrong.
    """
    try:
        said = datetime.fromtimestamp(since, seen.tzinfo)
    except (ValueError, OverflowError, OSError):
        return seen
    return said if said <= seen and (last is None or said >= last) else seen
