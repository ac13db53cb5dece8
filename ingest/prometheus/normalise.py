"""From one reading to Probes, observations and coverage, and why alerts map as they do. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ingest.prometheus.coverage import Sight, coverage, live, said_by, sights, stale
from ingest.prometheus.ending import Standing, ended, relays_ended
from ingest.prometheus.origin import LASTS, Origin
from ingest.prometheus.probes import Watched, homes, probes, server, watched_by
from ingest.prometheus.reading import Labels, Reading, Rule
from ingest.prometheus.scrapes import probes_answer, reached
from ingest.prometheus.targets import Alias, Silence, Vantage, aliases, explained, vantage
from kgraph.schema import Coverage, Item, Observation, Snapshot, State
from kgraph.schema.counting import counted
from kgraph.signals import (
    Alert,
    AlertExplanation,
    EstateIndex,
    Packs,
    Report,
    Translation,
    translate_reports,
    withdrawn,
)
from kgraph.sourcekit.clocks import Clock

SOURCE = "prometheus"


@dataclass(frozen=True, slots=True)
class Estate:
    """What is known before a reading.

    Attributes:
        index: the open graph by name.
        packs: what alerts mean.
        watched: uid and Probe's record key of each relation that this Prometheus holds.
        standing: evidence that stands.
    """

    index: EstateIndex
    packs: Packs
    watched: tuple[Watched, ...] = ()
    standing: Standing = field(default_factory=Standing)


@dataclass(frozen=True, slots=True)
class Normalised:
    """What one reading comes to.

    Attributes:
        items: Probes and their relations, observations, coverage; entities of others by uid.
        translation: what became of the firing alerts.
        aliases: what became of the targets.
        findings: what a person should look at, one line each.
        complete: whether targets that are not listed are gone.
    """

    items: tuple[Item, ...]
    translation: Translation
    aliases: tuple[Alias, ...]
    vantage: Vantage
    findings: tuple[str, ...]
    complete: bool

    def targets(self) -> tuple[AlertExplanation, ...]:
        """Return what became of the targets, in the form in which alerts are explained."""
        return tuple(explained(alias) for alias in self.aliases)

    def snapshot(self, origin: Origin) -> Snapshot:
        """Return it as what a sync run takes."""
        return Snapshot(SOURCE, origin.address, complete=self.complete, items=iter(self.items))


def normalise(reading: Reading, estate: Estate, origin: Origin, now: datetime) -> Normalised:
    """Turn the answers of one Prometheus into what is kept. O(alerts + series + targets)."""
    found = aliases(reading.targets, estate.index)
    home = homes(found)
    seen = tuple(sights(reading, estate.index, estate.packs))
    translation = _translated(reading, estate, origin, now)
    busy = said_by(reading.rules, estate.index, estate.packs)
    covered = coverage(seen, busy, reading, origin, now)
    told = [
        *probes_answer(found, estate.standing, origin, now),
        *reached(found, home, estate.standing, origin, now),
        *translation.observations,
    ]
    jobs = {origin.target(alias.target): alias.target.job for alias in found}
    items: list[Item] = [
        *probes(found, home, origin),
        *watched_by(_watched(reading, found, seen, origin), estate.watched, jobs),
        *ended(estate.standing, told, covered, origin, now),
        *relays_ended(estate.standing, translation.blind, covered, origin, now),
        *told,
        *covered,
    ]
    findings = tuple(_findings(reading, found, translation, now))
    seen_from = vantage(reading, origin.title)
    return Normalised(
        tuple(items), translation, tuple(found), seen_from, findings, reading.settled
    )


def unreachable(origin: Origin, standing: Standing, now: datetime, why: str) -> Snapshot:
    """Say what it proves that a Prometheus does not answer: that nobody hears it, no more.

    Partial, so it closes nothing. What it called well is known no longer; what it called wrong
    stands until it expires.
    """
    silent = Observation(
        origin.key,
        "unreachable",
        State.ABNORMAL,
        at=standing.since(origin.key, "unreachable", origin.reach) or now,
        detector=origin.reach,
        received_at=now,
        expires_at=now + LASTS,
        detail=why,
    )
    items: list[Item] = [
        server(origin),
        silent,
        *(withdrawn(row, now) for row in standing.health(origin)),
        *(
            Coverage.withdrawn(row.entity, row.signal, row.detector, now)
            for row in standing.looks(origin, now)
        ),
    ]
    return Snapshot(SOURCE, origin.address, complete=False, items=iter(items))


def _translated(reading: Reading, estate: Estate, origin: Origin, now: datetime) -> Translation:
    """Translate what fires; an alert whose target is silent has seen nothing."""
    silence, clock = Silence.of(reading.targets), Clock("Prometheus", reading.clock - now)
    seen: dict[str, list[Labels]] = {}
    if any(target.health == "down" for target in reading.targets):
        for rule in reading.rules:
            seen.setdefault(rule.name, []).extend(live(reading, rule, estate.packs))

    def blind(alert: Alert) -> str:
        target = silence.behind(alert.labels, seen.get(alert.name, ()))
        if target is None:
            return ""
        return f"its target {target.job} {target.instance} does not answer, and that is evidence"

    return translate_reports(
        (report for rule in reading.rules for report in _reports(rule, origin, clock, now)),
        estate.index,
        estate.packs,
        received_at=now,
        blind=blind,
    )


def _reports(rule: Rule, origin: Origin, clock: Clock, now: datetime) -> Iterator[Report]:
    for each in rule.alerts:
        if each.firing:
            detail = each.annotations.get("summary") or each.annotations.get("description", "")
            yield Report(
                Alert(each.labels, each.annotations),
                State.ABNORMAL,
                at=None if each.active_at is None else clock.ours(each.active_at),
                expires_at=now + LASTS,
                fingerprint=_spelled(each.labels),
                detector=origin.rule(rule.name),
                detail=detail,
            )


def _spelled(labels: Mapping[str, str]) -> str:
    named = (item for item in sorted(labels.items()) if item[0] != "alertname")
    return ",".join(f"{name}={value}" for name, value in named)


def _watched(
    reading: Reading, found: Iterable[Alias], seen: Iterable[Sight], origin: Origin
) -> set[Watched]:
    """Return what this reading shows through which target."""
    silence = Silence.of(reading.targets)
    rows = {(alias.uid, origin.target(alias.target)) for alias in found if alias.uid is not None}
    for sight in seen:
        target = silence.target(sight.labels)
        if target is not None:
            rows.add((sight.uid, origin.target(target)))
    return rows


def _findings(
    reading: Reading, found: Iterable[Alias], translation: Translation, now: datetime
) -> Iterator[str]:
    lost = sum(row.lost for row in translation.explanations)
    if lost:
        share = f"{translation.unmapped_share:.0%}"
        told = f"{counted(lost, 'alert')} ({share}) found no entity"
        yield f"{told}: see --explain or `kgraph doctor --alerts`"
    nameless = [alias for alias in found if alias.uid is None]
    if nameless:
        told = f"{counted(len(nameless), 'target')} without an entity"
        yield f"{told}: --explain tells which and how to mend it"
    for rule in reading.rules:
        why = stale(rule, reading.clock)
        if why:
            yield f"rule {rule.name} vouches for nothing: {' '.join(why.split())}"
    yield from reading.troubles
    yield from Clock("Prometheus", reading.clock - now).findings()
