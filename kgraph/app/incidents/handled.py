"""The trace of incidents, and the decisions that steer their grouping, in the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from kgraph.incidents import handling, steering, symptoms_of
from kgraph.incidents.handling import GROUPING, Did, Handling
from kgraph.incidents.steering import Decided, Decision
from kgraph.schema import Drawer, InputError
from kgraph.store import GraphStore

_AT_ONCE = 16  # of one incident, in one question to the store: hardly any has more
_MOST = 1_000  # things that are done to one incident
_DECISIONS = 1_000  # in force at once
LINGERS = timedelta(minutes=10)  # a decision outlives its symptoms by that: they may come back


def traces(store: GraphStore, incidents: Iterable[str]) -> dict[str, tuple[Handling, ...]]:
    """Return incident -> what was done to it, oldest first; without those that nobody touched."""
    found: dict[str, list[Handling]] = {}
    left, begin = set(incidents), 0
    while left and begin < _MOST:
        numbers = range(begin, begin + _AT_ONCE)
        ids = [handling.key(incident, number) for incident in sorted(left) for number in numbers]
        rows = sorted(store.named(Drawer.HANDLING, ids), key=lambda row: row.id)
        for row in map(handling.read, rows):
            found.setdefault(row.incident, []).append(row)
        begin += _AT_ONCE
        left = {each for each in left if len(found.get(each, ())) == begin}
    return {incident: tuple(rows) for incident, rows in found.items()}


def trace(store: GraphStore, incident: str) -> tuple[Handling, ...]:
    """Return what was done to one incident, oldest first."""
    return traces(store, [incident]).get(incident, ())


def acknowledgements(store: GraphStore, incidents: Iterable[str]) -> Mapping[str, Handling]:
    """Return incident -> who has it, of those that somebody has."""
    found = (
        (each, handling.acknowledgement(rows)) for each, rows in traces(store, incidents).items()
    )
    return {incident: taken for incident, taken in found if taken is not None}


def note(store: GraphStore, row: Handling) -> Handling:
    """Add to an incident's trace, and return what was added; of several who do so, none is lost.

    Raises:
        InputError: too much was done to it already. What the grouping does is left out then: that
            must not end the watch.
    """
    number = len(trace(store, row.incident))
    while number < _MOST and not store.claim(row.document(number)):
        number += 1
    if number >= _MOST and row.by != GROUPING:
        raise InputError(f"{row.incident}: more than {_MOST} things were done to it")
    return row


def note_merge(
    store: GraphStore, incident: str, into: str, at: datetime, by: str, text: str = ""
) -> Handling:
    """Say of an incident that it is a part of another one from now on; before it is ended.

    What a person has said no to in it holds for the whole by this alone: whoever is killed in
    between must not have lost it. What was said before that is not said twice.
    """
    rows = (
        Handling(into, Did.TOOK_IN, at, by, text, incident),
        Handling(incident, Did.MERGED, at, by, text, into),
    )
    for row in rows:
        said = {(known.did, known.other) for known in trace(store, row.incident)}
        if (row.did, row.other) not in said:
            note(store, row)
    return rows[1]


def decisions(store: GraphStore) -> list[Decision]:
    """Return the decisions that are in force, oldest first."""
    return [steering.read(row) for row in store.documents(Drawer.STEERING, limit=_DECISIONS)]


def marks(rows: Iterable[Decision]) -> tuple[tuple[str, datetime], ...]:
    """Return what differs once people decide something else; not when it was last quiet."""
    return tuple((row.id, row.at) for row in rows)


def grouping(rows: Iterable[Decision]) -> tuple[tuple[str, datetime], ...]:
    """Return what differs once people want other symptoms together or apart.

    What was explained before that is of no use any longer; a close only ends what was explained.
    """
    return marks(row for row in rows if row.decided is not Decided.OVER)


def expire(store: GraphStore, now: datetime) -> None:
    """Forget decisions whose symptoms are over."""
    standing = decisions(store)
    if not standing:
        return
    abnormal = symptoms_of(store.symptoms(now=now))
    for before in standing:
        after = before.quiet(now, abnormal)
        if after.quiet_since and now - after.quiet_since >= LINGERS:
            store.drop(Drawer.STEERING, [before.id])
        elif after != before:
            store.put([after.document])
