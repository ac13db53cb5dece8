"""Replayed incidents against labelled ones: was it right, how early, and did it stay so."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, model_validator

from kgraph.app.backtest.replay import Look, Replay, Replayed
from kgraph.app.measuring.labels import Label, read_labels
from kgraph.app.measuring.scoring import Figure, mean
from kgraph.app.stored.lookup import entity
from kgraph.schema import InputError
from kgraph.store import Ambiguous, Estate, GraphStore
from rca.evaluation.measures import place

_FORM = '{"id": …, "from": TIME, "to": TIME, "truth": [entity, …]}'


class PastLabel(Label):
    """What really was the cause between two moments.

    Attributes:
        truth: names, `Kind/name`, keys or uids; with `source`, the ids of that source.
    """

    since: Annotated[AwareDatetime, Field(alias="from")]
    until: Annotated[AwareDatetime, Field(alias="to")]
    source: str | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until < self.since:
            raise ValueError("it ends before it begins")
        return self


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one label.

    Attributes:
        truth: uids.
        incident: the replayed one that it is compared with; None where none was opened.
        first_alert: when that first told something within the label's time.
        places: span after the first alert -> (P(true cause is first), P(among three)).
        right_after: after the first alert, from when on it was right until the most symptoms were
            seen; None: it was not right then. What is said while alerts end one by one is no
            answer that anybody waits for.
    """

    label: PastLabel
    truth: frozenset[str]
    incident: Replayed | None
    first_alert: datetime
    places: Mapping[timedelta, tuple[float, float]]
    right_after: timedelta | None


@dataclass(frozen=True, slots=True)
class Scored:
    """Means over labels; a label without an incident counts as wrong.

    Attributes:
        first, three: span -> AC@1, AC@3 with intervals.
        found: labels with an incident.
        right: labels that were right when the most symptoms were seen.
        median_right: of those, the median time until they were; None where none was.
        unlabelled: ids of incidents that no label overlaps.
    """

    labels: int
    found: int
    first: Mapping[timedelta, Figure]
    three: Mapping[timedelta, Figure]
    right: int
    median_right: timedelta | None
    unlabelled: tuple[str, ...]


def past_labels(path: str, store: GraphStore) -> list[tuple[PastLabel, frozenset[str]]]:
    """Read labels and find their causes in the graph as it was when each began.

    Raises:
        InputError: a row that is no label, or names nothing, or more than one thing.
    """
    found = []
    for row in read_labels(Path(path), PastLabel, _FORM).values():
        past = store.at(row.since)
        then: Estate = past if past.graph().entities else store
        where = f"{path}, label {row.id!r}"
        found.append((row, frozenset(_uid(then, row, name, where) for name in row.truth)))
    if not found:
        raise InputError("no label in it", where=path, mend=f"write {_FORM}, one a line")
    return found


def _uid(store: Estate, row: PastLabel, name: str, where: str) -> str:
    if row.source is not None:
        uid = store.locate(row.source, name)
        if isinstance(uid, str):
            return uid
        why = "more than one entity" if isinstance(uid, Ambiguous) else "no entity"
        raise InputError(f"{name!r} of {row.source!r} is {why}", where=where, mend="correct it")
    try:
        return entity(store, name).uid
    except InputError as error:
        raise InputError(error.what, where=where, mend=error.mend) from None


def judged(
    replayed: Replay,
    labels: Sequence[tuple[PastLabel, frozenset[str]]],
    spans: Sequence[timedelta],
) -> list[Verdict]:
    """Compare every label with the incident that it is about.

    That is, of those that overlap it in time, one that was opened within it before one that was
    not, and then the one with the most symptoms: what was answered plays no part.
    """
    return [_verdict(replayed, row, truth, spans) for row, truth in labels]


def score(replayed: Replay, verdicts: Sequence[Verdict], spans: Sequence[timedelta]) -> Scored:
    """Return the means over labels, at least one."""
    right = [v.right_after for v in verdicts if v.right_after is not None]
    return Scored(
        len(verdicts),
        sum(v.incident is not None for v in verdicts),
        {span: mean([v.places[span][0] for v in verdicts]) for span in spans},
        {span: mean([v.places[span][1] for v in verdicts]) for span in spans},
        len(right),
        statistics.median_low(right) if right else None,
        tuple(
            row.id
            for row in replayed.incidents
            if not any(_overlaps(row, v.label, replayed.stretch.until) for v in verdicts)
        ),
    )


def _verdict(
    replayed: Replay, row: PastLabel, truth: frozenset[str], spans: Sequence[timedelta]
) -> Verdict:
    end = replayed.stretch.until
    near = [each for each in replayed.incidents if _overlaps(each, row, end)]
    if not near:
        return Verdict(row, truth, None, row.since, dict.fromkeys(spans, (0.0, 0.0)), None)
    chosen = max(near, key=lambda each: (_opened_in(each, row), _size(each), each.id))
    looks = [look for look in chosen.looks if row.since <= look.at <= row.until]
    began = looks[0].at if looks else row.since
    places = {
        span: _place(truth, chosen.look(began + span - chosen.opened_at).posteriors)
        for span in spans
    }
    return Verdict(row, truth, chosen, began, places, _right_after(looks, truth))


def _overlaps(each: Replayed, row: PastLabel, end: datetime) -> bool:
    return each.opened_at <= row.until and (each.ended_at or end) >= row.since


def _opened_in(each: Replayed, row: PastLabel) -> bool:
    return row.since <= each.opened_at <= row.until


def _size(each: Replayed) -> int:
    return max(look.symptoms for look in each.looks)


def _place(truth: frozenset[str], posteriors: Mapping[str, float]) -> tuple[float, float]:
    """Return P(first) and P(among three); who was not ranked at all is in no place."""
    if not truth & posteriors.keys():
        return 0.0, 0.0
    at = place(truth, tuple(posteriors), posteriors)
    return at.at(1), at.at(3)


def _right_after(looks: Sequence[Look], truth: frozenset[str]) -> timedelta | None:
    most = max((look.symptoms for look in looks), default=0)
    since: datetime | None = None
    right: timedelta | None = None
    for look in looks:
        first = _place(truth, look.posteriors)[0] >= 1.0
        since = (since or look.at) if first else None
        if look.symptoms == most:
            right = None if since is None else since - looks[0].at
    return right
