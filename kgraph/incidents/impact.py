"""Who is hit and what was changed: IMPACT, CHANGE."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from kgraph.incidents import wording
from kgraph.incidents.case import View
from kgraph.incidents.report import Detail, Label, Section, Tone
from kgraph.schema import Change, Hit, Severity
from rca.rules.compile import severity_of
from rca.suspects.priors import may_be_undone, passes, was_done

_RECENT = timedelta(hours=1)
_LASTS = timedelta(minutes=15)  # in which a reboot or a maintenance may still go on
_CHANCE = 0.05  # below it, "will be hit" is noise on a small screen
_GATES = 3
_CHANGES = 2


def hit(view: View) -> Section:
    """Say who is hit now, who is next, what has no spare left, and who is safe."""
    radius = view.case.answer.blast_radius
    if view.case.answer.abstained:
        return Section(Label.IMPACT, ())
    lines = _told(view, "now ", radius.now, 3)
    lines += [f"     {line}" for line in _spares(view)]
    coming = [h for h in radius.next if h.probability >= _CHANCE or view.detail is Detail.FULL]
    lines += _told(view, "next", coming, 2)
    if radius.redundancy_lost:
        who = wording.names([view.estate.name(uid) for uid in radius.redundancy_lost], view.room)
        lines.append(f"no spare left: {who}")
    return Section(Label.IMPACT, (*lines, *_safe(view)))


def changes(view: View) -> Section:
    """Name what was changed before, on the suspects and on what they need, nearest first."""
    onset, recent = view.onset or view.case.now, _recent(view)
    suspects = {fault.entity for fault in view.blamed}
    near = suspects | {uid for suspect in suspects for uid in view.estate.causes_of(suspect)}
    close = [c for c in recent if c.entity in near]
    close.sort(key=lambda c: (c.entity not in suspects, abs(onset - c.at), c.entity))
    tone = Tone.WARNING if any(change.at <= onset for change in close) else Tone.PLAIN
    shown = _fits(view, len(close), _CHANGES)
    left = len(close) - shown
    lines = [_dated(view, change, onset) for change in close[:shown]]
    if left:
        lines.append(f"{left} more on what is suspected or needed")
    far = [change for change in recent if change.entity not in near]
    if far and view.detail is Detail.FULL:
        lines += [_change(view, change) for change in far]
    elif far:
        lines.append(f"{len(far)} elsewhere in the last hour")
    return Section(Label.CHANGE, tuple(lines), tone)


def _dated(view: View, change: Change, onset: datetime) -> str:
    said = f"{_change(view, change)} {wording.clock(change.at)}"
    if change.at > onset:
        return f"{said}, after the onset"
    return f"{said}, {wording.age(onset - change.at)} before  SUSPECT"


def undone(view: View) -> str:
    """Say which change of what is blamed, made before it began, is undone before all else.

    A reboot or a maintenance of just before is waited for: nobody takes that back.
    """
    onset, blamed = view.onset or view.case.now, {fault.entity for fault in view.blamed}
    made = [
        change
        for change in _recent(view)
        if change.entity in blamed
        and change.at <= onset
        and (may_be_undone(change) or (passes(change) and onset - change.at <= _LASTS))
        and view.estate.kind(change.entity) != "ConfigItem"  # its remedy is to restore it
    ]
    if not made:
        return ""
    last = max(made, key=lambda change: change.at)
    said = f"{_what(last)}, {wording.age(onset - last.at)} before"
    if passes(last):
        return f"wait for it, if that is why: {said}"
    return f"undo {said}, if that can be it"


def _recent(view: View) -> list[Change]:
    onset = view.onset or view.case.now
    return [
        change
        for change in view.case.incident.changes
        if onset - _RECENT <= change.at <= view.case.now
        and was_done(change, view.estate.kind(change.entity))
    ]


def _fits(view: View, lines: int, count: int) -> int:
    """Return how many lines are shown whole; one that is left out alone is no line saved."""
    return lines if view.detail is Detail.FULL or lines <= count + 1 else count


def _told(view: View, when: str, hits: Iterable[Hit], count: int) -> list[str]:
    """Say who is hit, those of one kind in one state in a line; the last counts the rest."""
    groups: dict[tuple[str, str], list[Hit]] = {}
    for row in hits:
        groups.setdefault((view.estate.kind(row.entity), wording.state(row.mode)), []).append(row)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    shown = _fits(view, len(ordered), count)
    lines = [f"{when} {_folded(view, kind, how, rows)}" for (kind, how), rows in ordered[:shown]]
    rest = [f"{wording.count(len(rows), kind)} {how}" for (kind, how), rows in ordered[shown:]]
    return [*lines, f"{when} also {wording.names(rest, view.room, ', ')}"] if rest else lines


def _folded(view: View, kind: str, how: str, rows: Sequence[Hit]) -> str:
    known = view.estate.entities
    entities = [known[row.entity] for row in rows if row.entity in known]
    chance = wording.spread([row.probability for row in rows])
    sure = all(row.probability >= 0.995 for row in rows)
    tail = how if sure else f"{how} P {chance}"
    lead = f"{wording.count(len(rows), kind)} {tail}"
    room = None if view.room is None else view.room - len(lead) - 6
    return f"{lead}: {wording.placed(entities, view.estate.place, room)}"


def _spares(view: View) -> list[str]:
    """Say of each hit dependent with spares how many still work, those that have too few first."""
    found = sorted(_groups(view))
    shown = _fits(view, len(found), _GATES)
    lines = [
        f"{name} {up} of {size} up, needs {need}{_owner(view, uid)}"
        for _, name, _, up, size, need, uid in found[:shown]
    ]
    rest = list(dict.fromkeys(name for _, name, *_ in found[shown:]))
    return [*lines, f"also short of copies: {wording.names(rest, view.room)}"] if rest else lines


def _groups(view: View) -> Iterator[tuple[bool, str, str, int, int, int, str]]:
    """Yield (has enough, name, group, up, size, need, uid) of each group that has lost members."""
    radius = view.case.answer.blast_radius
    hurt = [(hit.entity, hit.mode) for hit in radius.now]
    hurt += [(fault.entity, fault.mode) for fault in view.blamed]
    kind = view.estate.kind
    gone = {uid for uid, mode in hurt if severity_of(kind(uid), mode) is Severity.HARD}
    for uid in {h.entity for h in (*radius.now, *radius.next)}:
        groups: dict[tuple[str, str], list[str]] = {}
        needs: dict[tuple[str, str], int] = {}
        for relation in view.estate.needs.get(uid, ()):
            if relation.group is not None:
                key = (relation.source, relation.group)
                groups.setdefault(key, []).append(relation.dependency)
                needs[key] = relation.need or 1
        for key, members in groups.items():
            up, need = sum(member not in gone for member in members), needs[key]
            if up < len(members):
                name = view.estate.name(uid)
                yield up >= need, name, key[1], up, len(members), need, uid


def _owner(view: View, uid: str) -> str:
    entity = view.estate.entities.get(uid)
    owner = entity.labels.get("owner", "") if entity else ""
    return f" ({owner})" if owner else ""


def _safe(view: View) -> list[str]:
    radius = view.case.answer.blast_radius
    touched = {h.entity for h in (*radius.now, *radius.next)}
    kinds: dict[str, int] = {}
    for uid in touched:
        kinds[view.estate.kind(uid)] = kinds.get(view.estate.kind(uid), 0) + 1
    if not kinds:
        return []
    kind = max(sorted(kinds), key=lambda name: kinds[name])
    alike = {uid for uid, entity in view.estate.entities.items() if entity.kind == kind}
    untouched = len(alike - touched - {row.entity for row in view.abnormal})
    return [f"safe {untouched} other {wording.kind(kind, untouched)}"] if untouched else []


def _change(view: View, change: Change) -> str:
    return f"{view.estate.title(change.entity)} {_what(change)}"


def _what(change: Change) -> str:
    """Say what was done, with its type unless the detail says it: `deploy v2.41 bob`."""
    kind = change.type.replace("_", " ")
    known = kind.lower() in change.detail.lower()
    return change.detail if known else f"{kind} {change.detail}".rstrip()
