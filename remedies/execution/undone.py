"""Runs that ended before they did anything, whatever their plan was called by then.

One more symptom makes another plan of it, and so does another incident; what was in the way of the
first is in the way of all that begin with the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from kgraph.schema import JournalEntry, Plan, Role, Run
from remedies.execution.readback import SHADOW
from remedies.execution.track import tracks

Opening = frozenset[tuple[str, str]]  # (entity, action) that a plan begins with
_Row = tuple[datetime, datetime | None]  # when a run began, and ended undone; None: it did not


class Undone:
    """What the remembered plans have come to, by what they begin with."""

    def __init__(self) -> None:
        self._rows: defaultdict[Opening, dict[str, list[_Row]]] = defaultdict(dict)
        self._read: dict[str, Opening] = {}

    def take(self, plan: Plan, runs: Iterable[tuple[Run, Sequence[JournalEntry]]]) -> None:
        """Note the runs of a plan with the journal of each, in place of what was noted of it."""
        opening = self._read[plan.id] = _opening(plan)
        self._rows[opening][plan.id] = list(_rows(plan, runs))

    def forget(self, plan: str) -> None:
        """Let go of a plan; its runs count as long as one that begins so is remembered."""
        opening = self._read.pop(plan, None)
        if opening is not None and opening not in self._read.values():
            del self._rows[opening]

    def of(self, plan: Plan) -> tuple[datetime, ...]:
        """Return when runs that began with all of this ended undone, since one had an effect."""
        mine = _opening(plan)
        of_each = (rows for opening, rows in self._rows.items() if mine and mine <= opening)
        return tuple(_ends(runs for rows in of_each for runs in rows.values()))

    def every(self) -> tuple[datetime, ...]:
        """Return that of all plans."""
        return tuple(end for rows in self._rows.values() for end in _ends(rows.values()))


def _opening(plan: Plan) -> Opening:
    """Return what is done to the cause, which all else waits for; or all, where nothing is."""
    acting = [step for step in plan.steps if step.ours]
    first = [step for step in acting if step.role is Role.CAUSE] or acting
    return frozenset((step.entity, step.action) for step in first)


def _rows(plan: Plan, runs: Iterable[tuple[Run, Sequence[JournalEntry]]]) -> Iterator[_Row]:
    for run, entries in runs:
        if not _idle(plan, entries):
            yield run.begun_at, None
        elif run.ended_at and not run.by.startswith(SHADOW):
            yield run.begun_at, run.ended_at


def _ends(found: Iterable[Sequence[_Row]]) -> list[datetime]:
    ends: list[datetime] = []
    for _, end in sorted((row for rows in found for row in rows), key=lambda row: row[0]):
        ends = [] if end is None else [*ends, end]
    return ends


def _idle(plan: Plan, entries: Sequence[JournalEntry]) -> bool:
    """Tell whether a run had no effect at all, though it was to have one."""
    rows = zip(plan.steps, tracks(plan, entries), strict=True)
    acting = [track for step, track in rows if step.ours]
    return bool(acting) and not any(track.tried for track in acting)
