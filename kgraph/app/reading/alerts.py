"""Alerts: from a payload or an Alertmanager to evidence on the stored graph."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path

from ingest.alertmanager import DETECTOR, AlertBatch, fetch, parse_payload, translate
from kgraph.app.reading.sync import Commitment, Reading
from kgraph.app.stored.survey import WHOLE_UP_TO
from kgraph.config import AlertmanagerSource, Configuration
from kgraph.schema import Entity, InputError, Observation, Subgraph
from kgraph.schema.counting import counted
from kgraph.signals import (
    Blind,
    Ending,
    EstateIndex,
    Packs,
    Translation,
    behind_silent,
    endings,
    load_packs,
    nobody_blind,
    said,
    withdrawn,
)
from kgraph.sourcekit.clocks import answered
from kgraph.store import Diff, GraphStore
from kgraph.web import Credentials

_RECENT = timedelta(minutes=1)
_NAMED = 3  # alerts that found no entity, in one line
_MOST_TOUCHED = 20_000  # entities; of more, all are read: that is no slower
DEFAULT_URL = "http://127.0.0.1:9093"


class Listing(Enum):
    """Whether a batch holds every alert that fires; only then the others no longer do."""

    ALL = "all"
    SOME = "some"


def packs_of(configuration: Configuration) -> Packs:
    """Load the mapping packs, the site's own over the shipped ones."""
    folders = configuration.settings.folders.mappings
    return load_packs([configuration.resolve(folder) for folder in folders])


def read(
    source: AlertmanagerSource, configuration: Configuration, now: datetime
) -> tuple[AlertBatch, Listing]:
    """Read one configured Alertmanager, or a payload that is kept in a file."""
    if source.path is not None:
        return from_file(str(configuration.resolve(source.path)), now), Listing.SOME
    # What one of several no longer lists, another may: only a single one may say "over".
    kinds = [other.type for other in configuration.settings.sources]
    listing = Listing.SOME if kinds.count("alertmanager") > 1 else Listing.ALL
    url, credentials = reached(source, configuration)
    return fetched(url, now, credentials), listing


def reached(source: AlertmanagerSource, configuration: Configuration) -> tuple[str, Credentials]:
    """Return where a configured Alertmanager is, and what it wants to see."""
    token = configuration.given(source.token_file)
    return source.url or DEFAULT_URL, Credentials(source.token_env, token)


def from_file(path: str, now: datetime) -> AlertBatch:
    """Read a payload from a file, or from standard input for `-`.

    Raises:
        InputError: not readable, or no payload.
    """
    if path == "-":
        return parse_payload(sys.stdin.buffer.read(), where="stdin", received_at=now)
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=path) from error
    return parse_payload(content, where=path, received_at=now)


def fetched(url: str, now: datetime, credentials: Credentials | None = None) -> AlertBatch:
    """Ask an Alertmanager for its alerts; SourceError when it does not answer."""
    content, date, started = fetch(url, credentials)
    batch = replace(parse_payload(content, where=url, received_at=now), started_at=started)
    return batch.by_our_clock(answered("the Alertmanager", date, now))


class Directory:
    """The estate by name, looked up in again and again.

    Making it takes seconds for a large estate, so that is done once; from then on what the store
    says was touched is put onto it. Where the store cannot say, it is made anew: then it may be a
    little old, for whoever looks again for what it does not find.
    """

    def __init__(self) -> None:
        self._version = -1
        self._made_at: datetime | None = None
        self._index: EstateIndex | None = None
        self._probes: tuple[Entity, ...] = ()

    def of(self, store: GraphStore, now: datetime) -> tuple[EstateIndex, Blind]:
        """Return the look-ups as of now, and which alerts are blind."""
        self.index(store, now)
        return self.recent(store, now)

    def index(self, store: GraphStore, now: datetime) -> EstateIndex:
        """Return the look-ups as of now."""
        index = None if self.stale(store) else self._index
        return index or self.refresh(store, now)

    def recent(self, store: GraphStore, now: datetime) -> tuple[EstateIndex, Blind]:
        """Return the look-ups as they were made last, if that is not long ago."""
        index = self._index
        if index is None or self._old(index, now, store):
            index = self.refresh(store, now)
        if not self._probes:
            return index, nobody_blind
        evidence = store.evidence((entity.uid for entity in self._probes), now=now)
        return index, behind_silent(self._probes, evidence.observations)

    def stale(self, store: GraphStore) -> bool:
        """Tell whether the topology has changed since it was made."""
        return store.version() != self._version

    def refresh(self, store: GraphStore, now: datetime) -> EstateIndex:
        """Bring it up to now: patched by what was touched since, or made anew."""
        self._made_at = now
        index = self._patched(store)
        if index is None:
            self._version = store.version()
            index = EstateIndex.of(store.graph())
        self._index = index
        self._probes = tuple(e for e in index.entities.values() if e.kind == "Probe")
        return index

    def _patched(self, store: GraphStore) -> EstateIndex | None:
        """Return what it is by now; None where the store does not know what was touched."""
        if self._index is None:
            return None
        delta = store.delta(self._version)
        touched = [bare.uid for bare in delta.entities]
        if delta.whole or delta.version < self._version or len(touched) > _MOST_TOUCHED:
            return None
        # Something may have been touched again meanwhile: then it is newer than its version, and
        # the next look patches it once more.
        fresh = Subgraph(tuple(store.get(touched)), tuple(delta.relations))
        index = self._index.patched(delta.gone, fresh)
        self._version = delta.version
        return index

    def _old(self, index: EstateIndex, now: datetime, store: GraphStore) -> bool:
        small = len(index.entities) <= WHOLE_UP_TO
        long_ago = self._made_at is None or now - self._made_at > _RECENT
        return (small or long_ago) and self.stale(store)


def translated(
    batch: AlertBatch, store: GraphStore, packs: Packs, directory: Directory | None = None
) -> Translation:
    """Find the entity and the signal of every alert; what a silent target raises is left out."""
    index, blind = (directory or Directory()).of(store, batch.received_at)
    return translate(batch, index, packs, blind)


def observe(
    reading: Reading,
    translation: Translation,
    listing: Listing,
    restarted: datetime | None = None,
) -> Diff:
    """Keep what the alerts say; return the counts, with a finding for what was lost.

    Args:
        reading: where to.
        translation: what they say.
        listing: whether these are all.
        restarted: when whoever lists them was started, if it may lack what was told before.
    """
    rows = list(translation.observations)
    rows += [withdrawn(row, reading.at) for row in translation.blind]
    if listing is Listing.ALL:
        rows += _silent(reading, rows, restarted)
    if reading.commitment is Commitment.COMMIT:
        reading.store.observe(rows)
    findings = _findings(translation)
    if findings and not reading.store.find(limit=1):
        findings.append("the graph is empty: read what there is first, then the alerts again")
    return Diff(observed=len(rows), findings=tuple(findings))


def _silent(
    reading: Reading, rows: Iterable[Observation], restarted: datetime | None
) -> list[Observation]:
    """Return as healthy what an earlier alert said and no alert says any longer."""
    standing = reading.store.evidence(now=reading.at).observations
    ours = [row for row in standing if row.detector.startswith(f"{DETECTOR}/")]
    if restarted is not None:
        ours = [row for row in ours if row.received_at and row.received_at >= restarted]
    told = {said(row) for row in rows}
    return list(endings(ours, told, reading.at, lambda _row: Ending.HEALTHY))


def _findings(translation: Translation) -> list[str]:
    lost = Counter(row.alert for row in translation.explanations if row.lost)
    told = []
    if lost:
        share = f"{translation.unmapped_share:.0%}"
        names = " ".join(name for name, _ in lost.most_common(_NAMED))
        more = " …" if len(lost) > _NAMED else ""
        told.append(
            f"{counted(lost.total(), 'alert')} ({share}) found no entity: {names}{more}: "
            "see --explain or `kgraph doctor --alerts`"
        )
    if translation.truncated:
        left_out = counted(translation.truncated, "alert")
        told.append(f"the sender left out {left_out}: evidence is incomplete")
    return told
