"""What a Prometheus said before and says no longer is known no longer.

Health is never kept by a row of its own: where the rule still looks, its coverage says it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from ingest.prometheus.origin import Origin
from kgraph.schema import Coverage, Item, Observation
from kgraph.signals import Ending, endings, relayed, said, withdrawn, witness


@dataclass(frozen=True, slots=True)
class Standing:
    """The evidence that stands before a reading, in the names that the reading uses.

    Attributes:
        observations, coverage: entities by uid, but the source's own Probes by their record key.
    """

    observations: tuple[Observation, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    _began: Mapping[tuple[str, str, str], datetime | None] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        observations: Iterable[Observation],
        coverage: Iterable[Coverage],
        spelled: Mapping[str, str],
    ) -> Standing:
        """Take evidence from a store.

        Args:
            observations: what stands.
            coverage: where detectors look.
            spelled: uid -> record key, for the source's own Probes.
        """
        rows = tuple(
            replace(row, entity=spelled[row.entity]) if row.entity in spelled else row
            for row in observations
        )
        looks = tuple(
            replace(row, entity=spelled[row.entity]) if row.entity in spelled else row
            for row in coverage
        )
        return cls(rows, looks, {said(row): row.at for row in rows if row.abnormal})

    def since(self, entity: str, signal: str, detector: str) -> datetime | None:
        """Return since when a detector has called this abnormal."""
        return self._began.get((entity, signal, detector))

    def health(self, origin: Origin) -> Iterator[Observation]:
        """Yield what a Prometheus calls well by a row of its own; coverage has no expiry."""
        for row in self.observations:
            if origin.owns(row.detector) and not row.abnormal and row.expires_at is not None:
                yield row

    def looks(self, origin: Origin, now: datetime) -> Iterator[Coverage]:
        """Yield where the rules of a Prometheus look."""
        for row in self.coverage:
            if origin.owns(row.detector) and row.fresh(now):
                yield row


def ended(
    standing: Standing,
    told: Iterable[Observation],
    covered: Iterable[Coverage],
    origin: Origin,
    now: datetime,
) -> Iterator[Item]:
    """Yield the end of everything that this Prometheus says no longer."""
    rows = {said(row) for row in told}
    looked = {(row.entity, row.signal, row.detector) for row in covered}
    own = [row for row in standing.observations if origin.owns(row.detector)]
    yield from endings(own, rows, now, lambda _row: Ending.UNKNOWN)
    for row in standing.health(origin):
        if said(row) not in rows:
            yield withdrawn(row, now)
    for look in standing.looks(origin, now):
        if (look.entity, look.signal, look.detector) not in looked:
            yield Coverage.withdrawn(look.entity, look.signal, look.detector, now)


def relays_ended(
    standing: Standing,
    blind: Iterable[Observation],
    covered: Iterable[Coverage],
    origin: Origin,
    now: datetime,
) -> Iterator[Observation]:
    """End what was passed on to us of alerts whose rules say otherwise where they are evaluated.

    Alertmanager repeats what it was told, and tells late what is over. A rule that looks and is
    silent since is surer; one that is blind has nothing to say. And that an alert is over is known
    only as long as its rule looks: a host that loses its power would be vouched for by what was
    wrong with a guest of it a moment before, and is not any longer.
    """
    sightless = {_about(row) for row in blind}
    silent = {
        (row.entity, row.signal, witness(row.detector)): row.last_evaluated_at for row in covered
    }
    blinded = {
        (look.entity, look.signal, witness(look.detector)) for look in standing.looks(origin, now)
    } - silent.keys()
    for row in standing.observations:
        if not relayed(row.detector):
            continue
        if not row.abnormal:
            if _about(row) in blinded:
                yield withdrawn(row, now)
            continue
        looked = silent.get(_about(row))
        newer = looked is not None and (row.received_at is None or row.received_at < looked)
        if newer or _about(row) in sightless:
            yield withdrawn(row, now)


def _about(row: Observation) -> tuple[str, str, str]:
    return row.entity, row.signal, witness(row.detector)
