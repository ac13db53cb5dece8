"""How a source is declared: its name, its fields in the configuration, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from kgraph.schema import Key
from kgraph.sourcekit.entry import SourceEntry
from kgraph.sourcekit.looks import Look
from kgraph.sourcekit.machines import Told

E = TypeVar("E", bound=SourceEntry)


@dataclass(frozen=True, slots=True)
class Here:
    """What a source is read with.

    Attributes:
        site: the estate whose identities it speaks of.
        now: what observations are dated.
        resolve: makes a path of the configuration one that can be opened.
    """

    site: str
    now: datetime
    resolve: Callable[[Path], Path]

    def given(self, path: Path | None) -> Path | None:
        """Return a path that may be left out as one that can be opened."""
        return self.resolve(path) if path else None

    def key(self, namespace: str, value: str) -> Key:
        """Return an identity claim within this site."""
        return Key(namespace, value, self.site)

    def look(self, detector: str) -> Look:
        """Return what observations of this reading are made with."""
        return Look(detector, self.now)


@dataclass(frozen=True, slots=True)
class Found:
    """What one reading came to.

    Attributes:
        scope: of which part of the world it speaks; two entries of one type never share one.
        items: may raise SourceError in the middle, after which nothing is kept.
        complete: only then may what is no longer reported close.
        findings: what a person should look at, one line each.
    """

    scope: str
    items: Iterable[Told]
    complete: bool = True
    findings: tuple[str, ...] = ()


class Listening(Protocol):
    """A source's events are being listened to."""

    def stop(self) -> None:
        """Listen no longer."""


@dataclass(frozen=True, slots=True)
class Source(Generic[E]):
    """One type of source.

    Attributes:
        name: its `type` in the configuration, and the source that records are kept under.
        entry: its fields in the configuration.
        read: asks it once; raises SourceError in one line.
        every: between two readings by `kgraph watch`, unless the entry says otherwise.
        listen: begins to listen for changes, where it can; what it is given is to be called, from
            any thread, when the source is to be read anew.
    """

    name: str
    entry: type[E]
    read: Callable[[E, Here], Found]
    every: timedelta = timedelta(minutes=1)
    listen: Callable[[E, Callable[[], None]], Listening] | None = None
