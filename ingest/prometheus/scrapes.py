"""What scrapes say: of each Probe, and of the machine that a target stands for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from ingest.prometheus.answers import Target
from ingest.prometheus.ending import Standing
from ingest.prometheus.origin import LASTS, Origin, lasts
from ingest.prometheus.targets import Alias
from kgraph.schema import Observation, State


def probes_answer(
    found: Iterable[Alias], standing: Standing, origin: Origin, now: datetime
) -> Iterator[Observation]:
    """Yield that the Prometheus answers us, and of each of its Probes whether that answers it."""
    yield Observation(
        origin.key,
        "unreachable",
        State.HEALTHY,
        at=now,
        detector=origin.reach,
        received_at=now,
        expires_at=now + LASTS,
    )
    for alias in found:
        if _tells(alias.target):
            key = origin.target(alias.target)
            yield _scrape(key, "unreachable", alias.target, standing, origin, now)


def reached(
    found: Iterable[Alias], standing: Standing, origin: Origin, now: datetime
) -> list[Observation]:
    """Return whether the machines behind the targets were reached.

    An exporter that asks others on behalf of Prometheus says nothing of them by its own `up`.
    """
    rows: dict[tuple[str, str], Observation] = {}
    for alias in found:
        if alias.uid is None or alias.target.proxied or not _tells(alias.target):
            continue
        row = _scrape(alias.uid, "unreachable", alias.target, standing, origin, now)
        pair = row.entity, row.detector
        if row.abnormal or pair not in rows:
            rows[pair] = row
    return list(rows.values())


def _tells(target: Target) -> bool:
    """Tell whether its scrapes say something: they have begun, and not just missed one."""
    return target.health != "unknown" and not target.blinks


def _scrape(
    entity: str, signal: str, target: Target, standing: Standing, origin: Origin, now: datetime
) -> Observation:
    down, detector = target.health == "down", origin.path(target.job)
    # Each scrape that fails again is no new trouble: it began when the first one did.
    began = standing.since(entity, signal, detector) if down else None
    return Observation(
        entity,
        signal,
        State.ABNORMAL if down else State.HEALTHY,
        at=began or target.scraped_at or now,
        detector=detector,
        received_at=now,
        expires_at=now + (LASTS if down else lasts(target.interval)),
        detail=" ".join(target.last_error.split()) if down else "",
    )
