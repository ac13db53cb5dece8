"""What happened when: symptoms as they began, changes, what people did; oldest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from kgraph.incidents import wording
from kgraph.incidents.case import View
from kgraph.schema import Observation

_BEFORE = timedelta(hours=1)  # changes that are older explain little, and crowd the rest out


@dataclass(frozen=True, slots=True)
class Moment:
    """One second of an incident, in words.

    Attributes:
        at: the second; UTC.
        offset: since the onset, negative before it.
        changed: whether it tells of a change, and not of a symptom.
        deed: whether it tells of what was done to the incident.
    """

    at: datetime
    offset: timedelta
    what: str
    changed: bool = False
    deed: bool = False


def timeline(view: View) -> tuple[Moment, ...]:
    """Return the moments of an incident; what began in one second alike is one of them."""
    onset = view.onset
    if onset is None:
        return ()
    started = onset.replace(microsecond=0)
    begun: dict[tuple[datetime, str, str], dict[str, None]] = {}
    for row in view.abnormal:
        if row.at is not None:
            begun.setdefault(_key(view, row), {})[view.estate.name(row.entity)] = None
    found = [
        Moment(at, at - started, _told(kind, list(names), how))
        for (at, kind, how), names in begun.items()
    ]
    for change in view.case.incident.changes:
        at = change.at.replace(microsecond=0)
        if onset - _BEFORE <= change.at <= view.case.now:
            what = f"{view.estate.title(change.entity)}: {change.detail or change.type}"
            found.append(Moment(at, at - started, what, changed=True))
    for deed in view.case.handled:
        at = deed.at.replace(microsecond=0)
        found.append(Moment(at, at - started, deed.line, deed=True))
    return tuple(sorted(found, key=lambda row: (row.at, not row.changed, row.what)))


def _key(view: View, row: Observation) -> tuple[datetime, str, str]:
    at = (row.at or view.case.now).replace(microsecond=0)
    return at, view.estate.kind(row.entity), wording.state(row.signal)


def _told(kind: str, names: list[str], how: str) -> str:
    if len(names) == 1:
        return f"{kind} {names[0]} {how}"
    return f"{wording.count(len(names), kind)} {how}: {wording.names(names, None)}"
