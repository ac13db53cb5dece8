"""From verdicts to evidence on the graph: of which entity, said by whom, for how long.

Health is coverage: the detector looked, and found it well. Several series may speak of one entity
(a machine has many file systems): the loudest trouble counts, and it is well only if all are.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from ingest.detect.declared import Labels, Verdict
from kgraph.schema import Coverage, Direction, Item, Observation, State
from kgraph.signals import (
    Alert,
    Ending,
    EstateIndex,
    Mapping,
    caller_of,
    endings,
    labels_read,
    resolve,
    said,
    withdrawn,
)

ROAD = "detect"  # the first part of the names under which detectors report


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the verdicts of one rule say, and of what.

    Attributes:
        detector: who says so: `detect/<rule>`.
        entry: the signal, the kinds it is looked for among, and the labels that name it.
        lasts: how long a verdict stands without being renewed.
    """

    detector: str
    entry: Mapping
    lasts: timedelta


@dataclass(frozen=True, slots=True)
class Told:
    """What verdicts came to.

    Attributes:
        items: observations of what is wrong, coverage of what is well.
        lost: label sets that name no entity, or several; the first few, for a person.
        unmapped: how many there were.
    """

    items: tuple[Observation | Coverage, ...]
    lost: tuple[Labels, ...] = ()
    unmapped: int = 0


_Place = tuple[str, Direction | None, str | None]  # uid, which way, who called
_SHOWN = 5  # label sets that found nothing, to be shown


def told(verdicts: Iterable[Verdict], meaning: Meaning, index: EstateIndex, now: datetime) -> Told:
    """Find the entity of every verdict, and say the worst of each.

    Args:
        verdicts: of one rule.
        meaning: what they say.
        index: the estate by name.
        now: when the look was made.
    """
    finder = _Finder(meaning.entry, index)
    worst: dict[_Place, Verdict] = {}
    seen: dict[str, None] = {}
    for verdict in verdicts:
        uid = finder.uid(verdict.labels)
        if uid is None:
            continue
        seen[uid] = None
        if verdict.abnormal:
            place = uid, verdict.direction, finder.caller(verdict.labels)
            known = worst.get(place)
            if known is None or _loudness(verdict) > _loudness(known):
                worst[place] = verdict
    wrong = {uid for uid, _, _ in worst}
    items: list[Observation | Coverage] = [
        _observation(uid, caller, verdict, meaning, now)
        for (uid, _, caller), verdict in worst.items()
    ]
    items += [
        Coverage(uid, meaning.entry.signal, meaning.detector, now, meaning.lasts)
        for uid in seen
        if uid not in wrong
    ]
    return Told(tuple(items), tuple(finder.lost[:_SHOWN]), len(finder.lost))


def ended(
    standing: Iterable[Observation],
    covered: Iterable[Coverage],
    items: Collection[Observation | Coverage],
    looked: Collection[str],
    now: datetime,
) -> Iterator[Item]:
    """Yield the end of what detectors said before and say no longer.

    What is well now ends as healthy; what could not be judged any longer is unknown.

    Args:
        standing: the observations in the store.
        covered: the coverage there.
        items: what they say now.
        looked: the detectors that did look; a rule that could not be asked ends nothing.
        now: when the look was made.
    """
    rows = {said(item) for item in items if isinstance(item, Observation)}
    well = {_about(item) for item in items if isinstance(item, Coverage)}
    own = [row for row in standing if row.detector in looked]
    # A row of another direction of the same place is over, too, once only one of them is told.
    yield from endings(
        own, rows, now, lambda row: Ending.HEALTHY if said(row) in well else Ending.UNKNOWN
    )
    ways = {(*said(item), item.direction) for item in items if isinstance(item, Observation)}
    for row in own:
        if row.abnormal and said(row) in rows and (*said(row), row.direction) not in ways:
            yield withdrawn(row, now)
    for look in covered:
        if look.detector in looked and look.fresh(now) and _about(look) not in well:
            yield Coverage.withdrawn(look.entity, look.signal, look.detector, now)


def _about(look: Coverage) -> tuple[str, str, str]:
    return look.entity, look.signal, look.detector


def _loudness(verdict: Verdict) -> float:
    return math.inf if verdict.score is None else verdict.score


def _observation(
    uid: str, caller: str | None, verdict: Verdict, meaning: Meaning, now: datetime
) -> Observation:
    return Observation(
        uid,
        meaning.entry.signal,
        State.ABNORMAL,
        score=verdict.score,
        direction=verdict.direction,
        at=verdict.since or now,
        detector=meaning.detector,
        caller=caller,
        received_at=now,
        expires_at=now + meaning.lasts,
        detail=verdict.detail,
        due_at=verdict.due,
    )


class _Finder:
    """Resolves label sets; thousands of series differ in labels that name nothing."""

    def __init__(self, entry: Mapping, index: EstateIndex) -> None:
        self._entry, self._index = entry, index
        self._read = labels_read(entry)
        self._known: dict[tuple[str | None, ...], str | None] = {}
        self.lost: list[Labels] = []

    def uid(self, labels: Labels) -> str | None:
        key = tuple(labels.get(name) for name in self._read)
        if key not in self._known:
            self._known[key] = found = resolve(Alert(labels), self._entry, self._index).uid
            if found is None:
                self.lost.append(labels)
        return self._known[key]

    def caller(self, labels: Labels) -> str | None:
        """Return who made the call, where the entry names labels for it."""
        return caller_of(Alert(labels), self._entry, self._index) if self._entry.caller else None
