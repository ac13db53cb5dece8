"""Stale sources: what rests on relations that nobody has read lately is said with less certainty.

The witnesses of a cause reach it over relations. One that only stale sources tell of holds with

    (1 - WRONG) ** days since it was last read, a begun first day counting whole, at least `LEAST`

where `WRONG` is the share of relations that are wrong though they are read: each day without a
reading adds as many. A way holds if all of its relations do; of several the surest counts. The
chance of a cause shrinks to the share of its witnesses' weight that is left:

    P' = P * sum(weight * P(way holds)) / sum(weight)

Nothing grows by this, nothing overtakes what was likelier, and no answer becomes an abstention.

A source that was read once is stale after an hour: how often it is read is not known yet.

Blind spots: a relation names its source, not the scope, so one of several connections of a source
that is down goes unnoticed while the others are read; and what should be related by now but was
never read cannot be suspected.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from kgraph.incidents.case import SourceAge
from kgraph.incidents.wording import age
from kgraph.schema import RELATIONS, Answer, Carries, Cause, Hypothesis, Incident, RunnerUp
from kgraph.schema.hypotheses import MOST_ODDS, kept_in_order
from rca.calibration.rivals import groups
from rca.doubts import WRONG

STALE_AFTER = timedelta(hours=1)  # or later, where a source is read less often
MISSED = 2  # intervals of a source without a reading
LEAST = 0.5  # even after years most of an estate is where it was
_WORTH = 0.01  # posterior from which the ways of a cause are looked at
_DAY = timedelta(days=1)


def overdue(read_at: datetime, interval: timedelta | None, now: datetime) -> bool:
    """Tell whether a source is stale.

    Args:
        read_at: when it was last read.
        interval: what usually lies between two readings of it; None: not known.
        now: the moment.
    """
    return now - read_at > max(STALE_AFTER, MISSED * (interval or timedelta(0)))


def stale(ages: Iterable[SourceAge], now: datetime) -> dict[str, timedelta]:
    """Return source -> how long ago it was last read, of those that are stale at a moment."""
    return {
        row.source: now - row.read_at
        for row in newest(ages)
        if overdue(row.read_at, row.interval, now)
    }


def newest(ages: Iterable[SourceAge]) -> list[SourceAge]:
    """Return of each source the scope that was read last, the newest first."""
    rows = sorted(ages, key=lambda row: (row.read_at, row.source), reverse=True)
    found: dict[str, SourceAge] = {}
    for row in rows:
        found.setdefault(row.source, row)
    return list(found.values())


def holds(old: timedelta) -> float:
    """Return the chance that a relation which was read so long ago is still so, in [LEAST, 1)."""
    return max(LEAST, float((1 - WRONG) ** max(1.0, old / _DAY)))


def with_stale(incident: Incident, ages: Iterable[SourceAge], now: datetime) -> Incident:
    """Return an incident that says which sources of its relations are stale."""
    old = stale(ages, now)
    told = {relation.source for relation in incident.relations} & old.keys() if old else ()
    return replace(incident, stale={source: old[source] for source in sorted(told)})


def aged(answer: Answer, incident: Incident) -> Answer:
    """Return an answer whose chances count that some of the relations are stale, and that says so.

    Args:
        answer: with its chances as they would be if all relations held.
        incident: what was asked; `stale` names the sources.
    """
    ways = _Ways.of(incident)
    if not ways:
        return answer
    left = {c.entity: ways.left(c) for c in answer.causes if c.posterior >= _WORTH}
    lowered = [cause for cause in answer.causes if left.get(cause.entity, _WHOLE).share < 1]
    if not lowered:
        return answer
    causes = tuple(_causes(answer.causes, left))
    chances = {cause.entity: cause.posterior for cause in causes}
    said = _line(lowered, {s for c in lowered for s in left[c.entity].sources}, incident, chances)
    return replace(
        answer,
        causes=causes,
        hypotheses=_hypotheses(answer.hypotheses, left, chances),
        runner_up=_runner_up(answer, left),
        ambiguous=groups(answer.ambiguous, answer.causes, causes),
        warnings=(*answer.warnings, said),
    )


@dataclass(frozen=True, slots=True)
class _Left:
    """What is left of a cause's chance, in (0, 1], and the stale sources that took the rest."""

    share: float
    sources: frozenset[str] = frozenset()


_WHOLE = _Left(1.0)
_Way = tuple[float, frozenset[str]]  # nats lost, and to which stale sources
_Hop = tuple[str, int, float, str]  # to, 1 if against what the relation carries, nats, source


@dataclass(frozen=True, slots=True)
class _Ways:
    """The ways on which failures spread, and how surely each hop is still there.

    What causes rules may carry against a relation; a way that does is taken where no other is.
    """

    hops: Mapping[str, Collection[_Hop]]

    @classmethod
    def of(cls, incident: Incident) -> _Ways | None:
        """Return them; None where all relations were read lately."""
        lost = {source: -math.log(holds(old)) for source, old in incident.stale.items()}
        if not any(relation.source in lost for relation in incident.relations):
            return None
        hops: dict[str, list[_Hop]] = {}
        for row in incident.relations:
            nats = lost.get(row.source, 0.0)
            source = row.source if row.source in lost else ""
            odd = int(RELATIONS[row.type].carries is Carries.NOTHING)
            hops.setdefault(row.dependency, []).append((row.dependent, odd, nats, source))
            hops.setdefault(row.dependent, []).append((row.dependency, 1, nats, source))
        return cls(hops)

    def left(self, cause: Cause) -> _Left:
        """Return how much of what speaks for a cause reaches it surely."""
        weights: dict[str, float] = {}
        for row in cause.supporting:
            if row.observation.abnormal:
                seen = row.observation.entity
                weights[seen] = weights.get(seen, 0.0) + row.weight
        total = math.fsum(weights.values())
        if total <= 0:
            return _WHOLE
        found = self._from(cause.entity, weights.keys())
        kept = math.fsum(
            weight * (math.exp(-found[seen][0]) if seen in found else 1.0)
            for seen, weight in weights.items()
        )
        sources = frozenset(source for _, used in found.values() for source in used)
        return _Left(kept / total, sources) if sources else _WHOLE

    def _from(
        self, start: str, wanted: Collection[str]
    ) -> dict[str, tuple[float, frozenset[str]]]:
        """Return wanted entity -> nats lost on the surest way there, and the stale sources on it.

        Dijkstra's algorithm; O(R log R) for R relations.
        """
        waiting: list[tuple[int, float, str, tuple[str, ...]]] = [(0, 0.0, start, ())]
        done: set[str] = set()
        found: dict[str, _Way] = {}
        while waiting and len(found) < len(wanted):
            odd, nats, here, used = heapq.heappop(waiting)
            if here in done:
                continue
            done.add(here)
            if here in wanted:
                found[here] = nats, frozenset(used)
            for there, turned, more, source in self.hops.get(here, ()):
                if there not in done:
                    told = used if not source or source in used else (*used, source)
                    heapq.heappush(waiting, (odd + turned, nats + more, there, told))
        return found


def _causes(before: Iterable[Cause], left: Mapping[str, _Left]) -> Iterator[Cause]:
    most = 1.0
    for cause in before:
        most = min(most, cause.posterior * left.get(cause.entity, _WHOLE).share)
        scale = most / cause.posterior if cause.posterior > 0 else 0.0
        modes = {mode: part * scale for mode, part in cause.modes.items()}
        yield replace(cause, posterior=most, modes=modes)


def _hypotheses(
    before: Sequence[Hypothesis], left: Mapping[str, _Left], chances: Mapping[str, float]
) -> tuple[Hypothesis, ...]:
    """Return the sets: none is likelier than a member, or than one that was likelier."""
    most, found = 1.0, list(before)
    for i in sorted(range(len(found)), key=lambda i: -before[i].posterior):
        row = before[i]
        if row.members:
            own = row.posterior * _share(row, left)
            most = min(most, own, *(chances.get(f.entity, 1.0) for f in row.members))
            found[i] = replace(row, posterior=most)
    return tuple(kept_in_order(found))


def _runner_up(answer: Answer, left: Mapping[str, _Left]) -> RunnerUp | None:
    row = answer.runner_up
    if row is None:
        return None
    own = _share(row, left)
    best = next((each for each in answer.hypotheses if each.members), None)
    winner = 1.0 if best is None or answer.abstained else _share(best, left)
    odds = max(min(1.0, row.odds), min(MOST_ODDS, row.odds * winner / own))
    return replace(row, posterior=row.posterior * own, odds=odds)


def _share(row: Hypothesis | RunnerUp, left: Mapping[str, _Left]) -> float:
    return min((left.get(f.entity, _WHOLE).share for f in row.members), default=1.0)


def _line(
    lowered: list[Cause], sources: Collection[str], incident: Incident, now: Mapping[str, float]
) -> str:
    titles = {entity.uid: entity.title for entity in incident.entities}
    first, more = lowered[0], len(lowered) - 1
    old = ", ".join(f"{source} {age(incident.stale[source])} ago" for source in sorted(sources))
    loss = 1 - now[first.entity] / first.posterior
    who = f"{titles[first.entity]} and {more} more are" if more else f"{titles[first.entity]} is"
    return (
        f"last read {old}, and nobody else tells of these relations:"
        f" {who} believed {max(1, round(100 * loss))} % less"
    )
