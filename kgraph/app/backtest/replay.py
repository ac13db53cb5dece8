"""Replaying a stretch of alerts: at each moment that one begins or ends, what is wrong and why.

Incidents are opened, continued, merged and resolved by the rules of `kgraph watch`. What only a
live system would have had is left out: other sources' symptoms, and health where no alert ever
fired, unless the store kept it at the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ingest.prometheus import Firing, Origin, Stretch
from kgraph.app.asking import investigation
from kgraph.app.asking.investigation import Investigation, Toolkit
from kgraph.app.backtest.estates import Estates, Then
from kgraph.app.backtest.quiet import Quiet
from kgraph.app.incidents import placing
from kgraph.incidents import Known, headline, symptoms_of
from kgraph.schema import Fault, Observation, State
from kgraph.signals import Alert, Outcome, Packs, Report, translate_reports
from kgraph.store import GraphStore

_VOUCHES = timedelta(hours=1)  # how long it counts as well what an alert has ended on


@dataclass(frozen=True, slots=True)
class Look:
    """What would have been said of one incident at one moment.

    Attributes:
        symptoms: abnormal (entity, signal) pairs.
        posteriors: entity -> P(it is faulty), the likeliest first.
        blamed: the faults that the best explanation holds; none where it abstains.
        because: why it abstains.
    """

    at: datetime
    symptoms: int
    posteriors: Mapping[str, float]
    modes: Mapping[str, str]
    blamed: tuple[Fault, ...]
    because: str = ""


@dataclass(slots=True)
class Replayed:
    """One incident over its whole life.

    Attributes:
        ended_at: None where it was still open at the end of the stretch.
        merged_into: the incident that took it over.
        looks: oldest first, at least one.
        titles: uid -> kind and name of all that were suspected.
    """

    id: str
    opened_at: datetime
    title: str = ""
    ended_at: datetime | None = None
    merged_into: str = ""
    looks: list[Look] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)

    def look(self, after: timedelta) -> Look:
        """Return what was last said by so long after it was opened."""
        until = self.opened_at + after
        return [look for look in self.looks if look.at <= until][-1]

    def lasts(self, until: datetime) -> timedelta:
        """Return how long it lasted, at most until the end of the stretch."""
        return (self.ended_at or until) - self.opened_at


@dataclass(frozen=True, slots=True)
class Replay:
    """All that would have been said.

    Attributes:
        alerts, lost: alerts that fired; those of them that found no entity.
        unstored: whether a part of the stretch lies before the first reading of the store.
    """

    stretch: Stretch
    incidents: tuple[Replayed, ...]
    alerts: int
    lost: int
    unstored: bool


@dataclass(frozen=True, slots=True)
class Past:
    """What a replay needs.

    Attributes:
        packs: what alerts mean.
        tools: as for any investigation; its moment is that of each look.
        passing: shows progress over the moments.
    """

    store: GraphStore
    packs: Packs
    tools: Toolkit
    passing: Callable[[Sequence[datetime]], Iterable[datetime]] = iter


def replay(stretch: Stretch, past: Past) -> Replay:
    """Replay a stretch of alerts: one investigation a moment."""
    estates, ledger = Estates(past.store), _Ledger()
    quiet, heard = Quiet(past.store, stretch.since), _Heard(stretch.firings)
    lost: set[int] = set()
    unstored = False
    for moment in past.passing(_moments(stretch)):
        then = estates.at(moment)
        unstored |= not then.stored
        rows, missed = _observations(heard.at(moment), then, past.packs, moment)
        lost |= missed
        times = quiet.take(moment, rows, then)
        tools = replace(past.tools, now=moment, topologies=then.topologies, quiet=times)
        ledger.enter(moment, investigation.of_store(then.seeing(rows), tools))
    incidents = tuple(ledger.found.values())
    return Replay(stretch, incidents, len(stretch.firings), len(lost), unstored)


def _moments(stretch: Stretch) -> list[datetime]:
    """Return when anything began or ended."""
    began = {firing.began for firing in stretch.firings}
    ended = {firing.ended for firing in stretch.firings if firing.ended is not None}
    return sorted(began | ended)


class _Heard:
    """The alerts that say anything at a moment, with their numbers; moments are asked in order."""

    def __init__(self, firings: Sequence[Firing]) -> None:
        self._coming = sorted(enumerate(firings), key=lambda row: row[1].began, reverse=True)
        self._live: list[tuple[int, Firing]] = []

    def at(self, moment: datetime) -> list[tuple[int, Firing]]:
        """Return those that fire, or have ended lately."""
        while self._coming and self._coming[-1][1].began <= moment:
            self._live.append(self._coming.pop())
        self._live = [
            row for row in self._live if row[1].ended is None or moment - row[1].ended <= _VOUCHES
        ]
        return sorted(self._live, key=lambda row: row[0])


def _observations(
    firings: Iterable[tuple[int, Firing]], then: Then, packs: Packs, moment: datetime
) -> tuple[tuple[Observation, ...], set[int]]:
    """Return what the alerts say at a moment, and the numbers of those that found no entity."""
    rows: list[Observation] = []
    lost: set[int] = set()
    reports = _reports(firings, moment)
    for number, report in reports:
        told = translate_reports([report], then.index, packs, received_at=moment)
        rows += told.observations
        if any(row.outcome in {Outcome.NOT_FOUND, Outcome.AMBIGUOUS} for row in told.explanations):
            lost.add(number)
    abnormal = symptoms_of(rows)
    kept = (row for row in rows if row.abnormal or (row.entity, row.signal) not in abnormal)
    return tuple(kept), lost


def _reports(
    firings: Iterable[tuple[int, Firing]], moment: datetime
) -> Iterator[tuple[int, Report]]:
    for number, firing in firings:
        ended = firing.ended
        if firing.fires(moment):
            yield number, _report(firing, State.ABNORMAL, firing.began, moment)
        elif ended is not None and timedelta(0) <= moment - ended <= _VOUCHES:
            yield number, _report(firing, State.HEALTHY, ended, moment)


def _report(firing: Firing, state: State, at: datetime, moment: datetime) -> Report:
    name = firing.labels.get("alertname", "")
    return Report(
        Alert(firing.labels, {}),
        state,
        at=at,
        expires_at=moment + _VOUCHES,
        fingerprint="",
        detector=Origin("").rule(name),
    )


class _Ledger:
    """Which incidents there are, as `kgraph watch` would have kept them in its store."""

    def __init__(self) -> None:
        self.found: dict[str, Replayed] = {}
        self._open: dict[str, Known] = {}
        self._resolved: dict[str, tuple[datetime, Known]] = {}

    def enter(self, now: datetime, found: Sequence[Investigation]) -> None:
        """Take what is wrong at a moment, later than all before."""
        lately = [k for at, k in self._resolved.values() if now - at <= placing.REOPENS]
        # The latest first, as a store lists them.
        opened = list(reversed(self._open.values()))
        done = placing.place(found, opened, lately, self.found)
        for incident_id in done.resolved:
            self._end(incident_id, now)
        for incident_id, into in done.merged:
            self._end(incident_id, now)
            self._resolved.pop(incident_id)  # one that was merged never reopens
            self.found[incident_id].merged_into = into
        for kept in done.kept:
            if placing.worth(kept):
                self._keep(now, kept.investigation)

    def _keep(self, now: datetime, found: Investigation) -> None:
        case = found.case
        row = self.found.setdefault(case.id, Replayed(case.id, now))
        row.ended_at = None
        self._resolved.pop(case.id, None)
        self._open[case.id] = placing.knowing(found, case.id)
        look = _look(now, found)
        row.looks.append(look)
        entities = {entity.uid: entity for entity in case.incident.entities}
        row.titles |= {uid: entities[uid].title for uid in look.posteriors if uid in entities}
        if look.symptoms >= max(each.symptoms for each in row.looks):
            row.title = headline(case.incident.observations, entities)

    def _end(self, incident_id: str, now: datetime) -> None:
        self._resolved[incident_id] = now, self._open.pop(incident_id)
        self.found[incident_id].ended_at = now


def _look(now: datetime, found: Investigation) -> Look:
    answer = found.case.answer
    best = next((row.members for row in answer.hypotheses if row.members), ())
    return Look(
        now,
        len(symptoms_of(found.case.incident.observations)),
        {cause.entity: cause.posterior for cause in answer.causes},
        {cause.entity: cause.mode for cause in answer.causes},
        () if answer.abstained else tuple(sorted(best)),
        answer.abstained_because,
    )
