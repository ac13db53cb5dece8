"""What scrapes say: of each Probe, and of the machine that a target stands for.

How a scrape fails tells more than that it does. A refused connection is an answer of the machine:
it is there, and nobody listens. A scrape that runs out of time, while another one of the same
address is answered, hangs in the exporter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from ingest.prometheus.ending import Standing
from ingest.prometheus.origin import LASTS, Origin, lasts
from ingest.prometheus.probes import place
from ingest.prometheus.reading import Target
from ingest.prometheus.targets import Alias
from kgraph.schema import Observation, State

_REFUSED = "refused"  # as every operating system words it
_OUT_OF_TIME = ("deadline exceeded", "timeout")  # as Go words it, of the answer and of the way


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
    rows = [alias.target for alias in found]
    alive = {place(target) for target in rows if target.health == "up"}
    for target in filter(_tells, rows):
        for signal in _shown(target, alive):
            yield _scrape(origin.target(target), signal, target, standing, origin, now)


def reached(
    found: Iterable[Alias],
    home: Mapping[str, str],
    standing: Standing,
    origin: Origin,
    now: datetime,
) -> list[Observation]:
    """Return whether the machines behind the targets were reached; a refusal is an answer.

    An exporter that asks others on behalf of Prometheus says nothing of them by its own `up`.
    `home` is what `homes` returns.
    """
    rows: dict[tuple[str, str], Observation] = {}
    for alias in found:
        target = alias.target
        if alias.uid is None or target.proxied or not _tells(target):
            continue
        row = _scrape(alias.uid, "unreachable", target, standing, origin, now)
        if _refused(target) and home.get(place(target)) == alias.uid:
            row = replace(row, state=State.HEALTHY, at=target.scraped_at or now)
        pair = row.entity, row.detector
        if row.abnormal or pair not in rows:
            rows[pair] = row
    return list(rows.values())


def _tells(target: Target) -> bool:
    """Tell whether its scrapes say something: they have begun, and not just missed one."""
    return target.health != "unknown" and not target.blinks


def _shown(target: Target, alive: Collection[str]) -> tuple[str, ...]:
    """Return which signals of the exporter itself a scrape speaks of; one that fails is one."""
    if target.health != "down":
        return ("unreachable", "down", "hung")
    if _refused(target):
        return ("down",)
    late = any(words in target.last_error for words in _OUT_OF_TIME)
    return ("hung",) if late and place(target) in alive else ("unreachable",)


def _refused(target: Target) -> bool:
    return target.health == "down" and _REFUSED in target.last_error


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
