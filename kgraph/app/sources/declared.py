"""Sources of the catalogue: one module each, all read in the same way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from ingest import catalogue
from kgraph.app.reading.sync import Commitment, Job, Keep, Reading, Tell, keep
from kgraph.app.sources.context import Context, Told
from kgraph.app.sources.machines import known
from kgraph.schema import Item, Observation, Record, Snapshot
from kgraph.signals import EstateIndex
from kgraph.sourcekit import Alias, Found, Here, Listening, Machine, SourceEntry, settled
from kgraph.store import Diff


def job(config: SourceEntry, context: Context) -> Job:
    """Make the job that reads one entry."""
    source, site = catalogue.declared(config.type), context.site(config)
    vouched = Vouched(source.name)
    title = f"{config.type} {config.name or config.subject}".rstrip()

    def fetch(at: datetime) -> Keep:
        found = source.read(config, Here(site, at, context.configuration.resolve))
        # Made here, so that what is slow is so in the thread of its source.
        items = list(found.items)
        found = replace(found, scope=context.scope(config, found.scope), items=items)
        keys = frozenset(item.key for item in items if isinstance(item, Record | Machine))
        context.claim(source.name, found.scope, Told(config, title, keys))
        return lambda reading: bring(reading, source.name, site, found, vouched)

    listening = source.listen

    def listen(tell: Tell) -> Listening:
        assert listening is not None  # noqa: S101 - see below
        return listening(config, lambda: tell(None))

    return Job(
        title,
        fetch,
        lambda _store, _error, at: vouched.withdrawn(at),
        listen=listen if listening is not None else None,
    )


class Vouched:
    """What a source called well when it was last read: unknown, once it cannot be read.

    What it called ill stands until it expires: that it fell silent heals nothing.

    Args:
        source: its name.
    """

    def __init__(self, source: str) -> None:
        self._source, self._scope = source, ""
        self._well: tuple[Observation, ...] = ()

    def note(self, scope: str, items: Iterable[Item]) -> None:
        """Take note of a reading that was kept."""
        self._scope = scope
        seen = (item for item in items if isinstance(item, Observation) and not item.abnormal)
        self._well = tuple(each for each in seen if each.expires_at != each.at)

    def withdrawn(self, at: datetime) -> Snapshot | None:
        """Return that nobody vouches any longer; None where nobody has since the last time."""
        well, self._well = self._well, ()
        if not well:
            return None
        # A scope of its own: when the source was last read is not told anew by its silence.
        items = (replace(each, at=at, expires_at=at) for each in well)
        return Snapshot(self._source, f"{self._scope} silence", complete=False, items=items)


def bring(
    reading: Reading, source: str, site: str, found: Found, vouched: Vouched | None = None
) -> Diff:
    """Settle what a source has found in the graph as it is now, and keep it.

    Args:
        reading: the store, and the moment.
        source: who has found it.
        site: the site of the source.
        found: its reading.
        vouched: is told what was kept.

    Raises:
        KgraphError: bad input or a busy store; then nothing was changed.
    """
    items = list(found.items)
    index: EstateIndex = _NOTHING
    own: Mapping[str, Sequence[str]] = {}
    if any(isinstance(item, Machine | Alias) for item in items):
        index, own = known(reading.store, items), reading.store.own_keys(source)
    told = settled(items, index, site, own)
    snapshot = Snapshot(source, found.scope, complete=found.complete, items=iter(told.items))
    diff = keep(reading, snapshot)
    if vouched is not None and reading.commitment is Commitment.COMMIT:
        vouched.note(found.scope, told.items)
    return diff.with_findings((*found.findings, *told.findings))


_NOTHING = EstateIndex({}, {}, frozenset(), {})
