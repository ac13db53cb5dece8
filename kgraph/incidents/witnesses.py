"""Many witnesses as few lines: what was seen, of whom, and who was spared."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from kgraph.incidents import wording
from kgraph.incidents.case import View
from kgraph.schema import Observation, Witness

_SUSPECTED = 0.05  # posterior from which nobody calls a thing well
_ROOM = 30  # characters for the names of one kind
_CLEARED = 12  # of what is well, so many are named


def grouped(view: View, witnesses: Sequence[Witness]) -> list[str]:
    """Fold witnesses of one kind that show the same into a line each, the weightiest first."""
    groups: dict[tuple[str, str, bool], dict[str, Witness]] = {}
    for witness in witnesses:
        row = witness.observation
        # Several signals say one thing: errors and lost requests are both "failing".
        key = (view.estate.kind(row.entity), wording.state(row.signal), row.abnormal)
        groups.setdefault(key, {}).setdefault(row.entity, witness)
    heavy = sorted(
        groups.items(), key=lambda item: (-sum(abs(w.weight) for w in item[1].values()), item[0])
    )
    return [_line(view, *key, list(rows.values())) for key, rows in heavy]


def _line(view: View, kind: str, state: str, abnormal: bool, rows: list[Witness]) -> str:  # noqa: FBT001 - half of a group's key
    told = [row.observation for row in rows]
    how = state if abnormal else f"not {state}"
    said = f"{_share(view, kind, told)} {how}{_within(told)}" if len(told) > 1 else ""
    entities = [
        view.estate.entities[row.entity] for row in told if row.entity in view.estate.entities
    ]
    if not said:
        return f"{view.estate.title(told[0].entity)} {how}{_source(told[0])}{_due(view, told)}"
    room = None if view.room is None else view.room - len(said) - 2
    return f"{said}: {wording.placed(entities, view.estate.place, room)}{_due(view, told)}"


def _due(view: View, told: Sequence[Observation]) -> str:
    """Say when the first of what is foreseen comes to pass."""
    coming = min(((r.due_at, r.signal) for r in told if r.due_at), default=None)
    return f", {wording.due(coming[0], view.case.now, coming[1])}" if coming else ""


def spared(view: View, witnesses: Sequence[Witness]) -> list[str]:
    """Fold the well: those of one kind that were spared the same are a line, heaviest first."""
    of: dict[str, list[Witness]] = {}
    for witness in witnesses:
        of.setdefault(witness.observation.entity, []).append(witness)
    alike: dict[tuple[str, tuple[str, ...]], list[Witness]] = {}
    for uid, rows in of.items():
        signals = sorted({wording.state(row.observation.signal) for row in rows})
        alike.setdefault((view.estate.kind(uid), tuple(signals)), []).extend(rows)
    heavy = sorted(alike.items(), key=lambda item: (-sum(abs(w.weight) for w in item[1]), item[0]))
    return [_spared_line(view, kind, states, rows) for (kind, states), rows in heavy]


def _spared_line(view: View, kind: str, states: Sequence[str], rows: Sequence[Witness]) -> str:
    once = list({row.observation.entity: row.observation for row in rows}.values())
    how = " nor ".join((f"not {states[0]}", *states[1:]))
    if len(once) == 1:
        details = {row.observation.detail or row.observation.detector for row in rows}
        source = _source(once[0]) if len(details) == 1 else ""
        return f"{view.estate.title(once[0].entity)} {how}{source}"
    said = f"{_share(view, kind, once)} {how}"
    known = [view.estate.entities[r.entity] for r in once if r.entity in view.estate.entities]
    room = None if view.room is None else view.room - len(said) - 2
    return f"{said}: {wording.placed(known, view.estate.place, room)}"


def over(view: View) -> list[str]:
    """Say which alarms at the suspects themselves have ended: what is blamed may be back.

    The engine keeps an alarm that is over, since what it told of may go on elsewhere.
    """
    own = dict.fromkeys(
        _look(witness.observation)
        for cause in view.suspects
        for witness in cause.supporting
        if witness.observation.entity == cause.entity
    )
    seen = [row for row in view.case.incident.observations if row.at and _look(row) in own]
    last = {_look(row): row for row in sorted(seen, key=lambda row: (row.at, row.abnormal))}
    ended = [last[look] for look in own if look in last]
    return [
        f"{view.estate.title(row.entity)} no longer {wording.state(row.signal)}"
        f" since {wording.clock(row.at)}"
        for row in ended
        if row.at and not row.abnormal
    ]


def _look(seen: Observation) -> tuple[str, str, str, str | None]:
    return seen.entity, seen.signal, seen.detector, seen.caller


def cleared(view: View) -> tuple[str, ...]:
    """Return what several of those who are hit need, and what was looked at and is well.

    Such a thing could have been the cause, and is not: who asks "is it the host?" has his answer.
    What most of them need comes first.
    """
    suspected = {uid for uid, row in view.causes.items() if row.posterior >= _SUSPECTED}
    ill = {row.entity for row in view.abnormal} | {fault.entity for fault in view.blamed}
    well = {row.entity for row in view.case.incident.observations} - ill - suspected
    needed: dict[str, int] = {}
    for uid in ill:
        for dependency in {relation.dependency for relation in view.estate.needs.get(uid, ())}:
            if dependency in well:
                needed[dependency] = needed.get(dependency, 0) + 1
    several = [uid for uid, count in needed.items() if count > 1]
    several.sort(key=lambda uid: (-needed[uid], view.estate.name(uid)))
    return tuple(several[:_CLEARED])


def cleared_line(view: View) -> str:
    """Say who is cleared, in one line."""
    kinds: dict[str, list[str]] = {}
    for uid in cleared(view):
        kinds.setdefault(view.estate.kind(uid), []).append(view.estate.name(uid))
    said = [
        f"{wording.kind(kind, len(names))} {wording.names(names, _ROOM if view.room else None)}"
        for kind, names in kinds.items()
    ]
    return f"looked at and well: {', '.join(said)}" if said else ""


def _share(view: View, kind: str, told: Sequence[Observation]) -> str:
    """Say `4 of 5 VMs`: how many of those that could be hit are."""
    could: set[str] = set()
    for fault in view.blamed:
        could |= {
            u for u in view.estate.dependents_of(fault.entity) if view.estate.kind(u) == kind
        }
    hit = {row.entity for row in told}
    if not hit <= could:
        return wording.count(len(hit), kind)
    return f"{len(hit)} of {wording.count(len(could), kind)}"


def _within(told: Sequence[Observation]) -> str:
    times = [row.at for row in told if row.at is not None]
    if len(times) < 2 or not told[0].abnormal:
        return ""
    spread = max(times) - min(times)
    if spread > timedelta(minutes=10):  # then one may have brought about the other
        return f", the first {wording.age(spread)} before the last"
    return f" within {wording.age(spread)}" if spread else " at once"


def _source(row: Observation) -> str:
    told = ", ".join(part for part in (row.detector, row.detail) if part)
    return f" ({told})" if told else ""
