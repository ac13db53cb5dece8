"""What every source is read with, and the job of those that yield whole snapshots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from kgraph.app.reading.sync import Job, Keep, keep
from kgraph.config import Configuration
from kgraph.schema import KgraphError, Snapshot, SourceError
from kgraph.sourcekit import SourceEntry
from kgraph.store import GraphStore


@dataclass(frozen=True, slots=True)
class Told:
    """What one source told of a scope: its entry, its title, and the keys of its records."""

    entry: SourceEntry
    title: str
    keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class Context:
    """What sources are read with.

    Attributes:
        scopes: source and scope -> what was told of it by whom; shared by all of one process.
    """

    configuration: Configuration
    scopes: dict[tuple[str, str], Told] = field(default_factory=dict, compare=False)

    def site(self, config: SourceEntry) -> str:
        """Return the site of a source: its own, or the configuration's."""
        return config.site or self.configuration.settings.site

    def scope(self, config: SourceEntry, scope: str) -> str:
        """Return a scope that sources of other sites do not share: both may have a host `h1`."""
        site = self.site(config)
        return scope if site == self.configuration.settings.site else f"{site}/{scope}"

    def claim(self, source: str, scope: str, told: Told) -> None:
        """Let one source tell of a scope: what another one tells would take its place.

        Two that ask for the same thing, by two ways, say the same, and may.

        Raises:
            SourceError: another one tells of other things under that name.
        """
        before = self.scopes.setdefault((source, scope), told)
        if before.entry == told.entry:
            self.scopes[source, scope] = told
            return
        both = len(before.keys & told.keys)
        if 2 * both < min(len(before.keys), len(told.keys)):
            raise SourceError(
                f"{before.title} tells of other things under the name {scope!r}",
                where=told.title,
                mend="give one of them a `cluster`, `host` or `name` of its own, or else a `site`",
            )


def snapshots(
    title: str,
    read: Callable[[datetime], Snapshot],
    silence: Callable[[GraphStore, KgraphError, datetime], Snapshot | None] | None = None,
) -> Job:
    """Make the job of a source that yields snapshots."""

    def fetch(at: datetime) -> Keep:
        snapshot = read(at)
        # Made here, so that a file that hangs does so in the thread of its source.
        items = list(snapshot.items)
        return lambda reading: keep(reading, replace(snapshot, items=iter(items)))

    return Job(title, fetch) if silence is None else Job(title, fetch, silence)
