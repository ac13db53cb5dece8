"""Who is hit and what was changed: IMPACT, CHANGE."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from kgraph.incidents import wording
from kgraph.incidents.case import View
from kgraph.incidents.report import Detail, Label, Section, Tone
from kgraph.schema import Change, Hit
from rca.priors import was_done

_RECENT = timedelta(hours=1)
_CHANCE = 0.05  # below it, "will be hit" is noise on a small screen
_GATES = 3


def hit(view: View) -> Section:
    """Say who is hit now, who is next, what has no spare left, and who is safe."""
    radius = view.case.answer.blast_radius
    if view.case.answer.abstained:
        return Section(Label.IMPACT, ())
    lines = [f"now  {line}" for line in _by_state(view, radius.now)][: _limit(view, 3)]
    lines += [f"     {line}" for line in _gates(view)][: _limit(view, _GATES)]
    coming = [h for h in radius.next if h.probability >= _CHANCE or view.detail is Detail.FULL]
    lines += [f"next {line}" for line in _by_state(view, coming)][: _limit(view, 2)]
    if radius.redundancy_lost:
        who = wording.names([view.estate.name(uid) for uid in radius.redundancy_lost], view.room)
        lines.append(f"no spare left: {who}")
    return Section(Label.IMPACT, (*lines, *_safe(view)))


def changes(view: View) -> Section:
    """Name what was changed before, on the suspects and on what they need, nearest first."""
    onset = view.onset or view.case.now
    recent = [
        change
        for change in view.case.incident.changes
        if onset - _RECENT <= change.at <= view.case.now
        and was_done(change, view.estate.kind(change.entity))
    ]
    suspects = {fault.entity for fault in view.blamed}
    near = suspects | {uid for suspect in suspects for uid in view.estate.causes_of(suspect)}
    close = [c for c in recent if c.entity in near]
    close.sort(key=lambda c: (c.entity not in suspects, abs(onset - c.at), c.entity))
    lines = []
    for change in close:
        before = onset - change.at
        when = f"{wording.age(before)} before" if before >= timedelta(0) else "after the onset"
        mark = "  SUSPECT" if before >= timedelta(0) else ""
        lines.append(f"{_change(view, change)} {wording.clock(change.at)}, {when}{mark}")
    far = len(recent) - len(close)
    if far and view.detail is Detail.FULL:
        lines += [_change(view, change) for change in recent if change not in close]
    elif far:
        lines.append(f"{far} elsewhere in the last hour")
    tone = Tone.WARNING if any("SUSPECT" in line for line in lines) else Tone.PLAIN
    shown = lines if view.detail is Detail.FULL else [*lines[:2], *lines[2:][-1:]]
    return Section(Label.CHANGE, tuple(shown), tone)


def _limit(view: View, count: int) -> int | None:
    return count if view.detail is Detail.BRIEF else None


def _by_state(view: View, hits: Iterable[Hit]) -> list[str]:
    """Fold hits of one kind in one state into a line each."""
    groups: dict[tuple[str, str], list[Hit]] = {}
    for row in hits:
        groups.setdefault((view.estate.kind(row.entity), wording.state(row.mode)), []).append(row)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    return [_folded(view, kind, how, rows) for (kind, how), rows in ordered]


def _folded(view: View, kind: str, how: str, rows: Sequence[Hit]) -> str:
    known = view.estate.entities
    entities = [known[row.entity] for row in rows if row.entity in known]
    chance = wording.spread([row.probability for row in rows])
    sure = all(row.probability >= 0.995 for row in rows)
    tail = how if sure else f"{how} P {chance}"
    lead = f"{wording.count(len(rows), kind)} {tail}"
    room = None if view.room is None else view.room - len(lead) - 6
    return f"{lead}: {wording.placed(entities, view.estate.place, room)}"


def _gates(view: View) -> list[str]:
    """Say of each hit dependent with spares how many of them still work."""
    radius = view.case.answer.blast_radius
    gone = {h.entity for h in radius.now} | {fault.entity for fault in view.blamed}
    lines = []
    for uid in sorted({h.entity for h in (*radius.now, *radius.next)}, key=view.estate.name):
        groups: dict[tuple[str, str], list[str]] = {}
        needs: dict[tuple[str, str], int] = {}
        for relation in view.estate.needs.get(uid, ()):
            if relation.group is not None:
                key = (relation.source, relation.group)
                groups.setdefault(key, []).append(relation.dependency)
                needs[key] = relation.need or 1
        for key, members in sorted(groups.items()):
            up = sum(member not in gone for member in members)
            if up < len(members):
                lines.append(
                    f"{view.estate.name(uid)} {up} of {len(members)} up, needs {needs[key]}"
                    f"{_owner(view, uid)}"
                )
    return lines


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
    return f"{view.estate.title(change.entity)} {change.detail or change.type}"
