"""Looking at a machine, here or by `via`. The only I/O of its kind; it only reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from ingest.detect.changes.files import files, hashes_of, times_of
from ingest.detect.changes.happened import State
from ingest.detect.changes.packages import DPKG, RPM, packages
from ingest.detect.changes.units import IN_SECONDS, starts_of, units
from kgraph.schema import SourceError
from kgraph.sourcekit import run
from kgraph.sourcekit.command import ToolFailedError

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked at.

    Attributes:
        via: what reaches the machine, such as `ssh h1`; empty: this one.
        packages: `dpkg`, `rpm`, or none.
        files: files and folders, absolute.
        units: systemd units.
    """

    via: tuple[str, ...] = ()
    packages: str = ""
    files: tuple[str, ...] = ()
    units: tuple[str, ...] = ()


def look(wanted: Wanted, where: str, patience: timedelta) -> State:
    """Look at all that is wanted; what could not be looked at is None, with a finding.

    Raises:
        SourceError: none of it could.
    """
    failures: list[SourceError] = []

    def tried(work: Callable[[], _T], *, asked: bool) -> _T | None:
        if not asked:
            return None
        try:
            return work()
        except SourceError as error:
            failures.append(error)
            return None

    def ask(argv: list[str] | tuple[str, ...]) -> str:
        return run(argv, patience, via=wanted.via)

    query = DPKG if wanted.packages == "dpkg" else RPM
    state = State(
        tried(lambda: packages(ask(query), where), asked=bool(wanted.packages)),
        tried(
            lambda: files(ask(times_of(wanted.files)), ask(hashes_of(wanted.files)), where),
            asked=bool(wanted.files),
        ),
        tried(lambda: units(_starts(ask, starts_of(wanted.units))), asked=bool(wanted.units)),
        tuple(map(str, failures)),
    )
    if failures and state == State():
        raise failures[0]
    return state


def _starts(ask: Callable[[list[str]], str], asked: list[str]) -> str:
    """Ask for the last starts of units; an older systemd tells of their dates in words alone."""
    try:
        return ask(asked)
    except ToolFailedError as error:
        if "option" not in error.said:
            raise
        return ask([word for word in asked if word != IN_SECONDS])
