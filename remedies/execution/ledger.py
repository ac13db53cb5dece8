"""What was done lately, over all plans: for budgets, attempt memory and flapping.

The store is the truth. A ledger keeps what it has read of it, and reads what has changed since.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kgraph.logs import logger
from kgraph.schema import (
    Document,
    Drawer,
    JournalEntry,
    Outcome,
    Plan,
    PlanRecord,
    PlanState,
    PlanStep,
    Risk,
    Run,
    StepState,
)
from kgraph.store import GraphStore
from remedies.execution.readback import SHADOW, readable, runs_of
from remedies.execution.track import ALREADY, NOT_DONE, Track, reach_of, tracks
from remedies.execution.undone import Undone
from remedies.guards.attempts import MEMORY, in_vain
from remedies.guards.budget import span_of
from remedies.guards.silence import blind
from remedies.lifting import Doubt, lifting
from remedies.world import Facts, Flight, Intent, Past

SKEW = timedelta(minutes=1)  # by which the clocks of processes on one store may differ
_ALL = 1_000_000
_ENDED = frozenset({StepState.DONE, StepState.FAILED, StepState.INDETERMINATE})
_BROKEN_OFF = frozenset({StepState.FAILED, StepState.INDETERMINATE, StepState.COMPENSATED})
_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Remembered:
    """All that a ledger holds at one moment.

    Attributes:
        undone: when runs ended without any effect, since the last that had one.
    """

    intents: Sequence[Intent] = ()
    past: Sequence[Past] = ()
    undone: Sequence[datetime] = ()


class Ledger:
    """Intents of the last hour and repairs of the last day."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store
        self._until: datetime | None = None
        self._read: dict[str, tuple[datetime, PlanState]] = {}
        self._intents: dict[Flight, Intent] = {}
        self._past: dict[str, dict[str, list[Past]]] = {}  # entity -> plan -> rows
        self._of_plan: dict[str, frozenset[str]] = {}  # plan -> entities with rows
        self._undone = Undone()
        self._doubts: dict[str, Doubt] = {}
        self._lifted: dict[str, datetime] = {}

    @property
    def doubts(self) -> bool:
        """Whether anything is remembered that was tried in vain."""
        return bool(self._doubts)

    def follow(self, now: datetime) -> None:
        """Read what has changed; plans that cannot be read any longer are passed over."""
        if self._until is None:
            found = self._store.documents(Drawer.LIFTED, limit=_ALL)
            self._lifted = {each.id: each.at for each in found if now - each.at <= MEMORY}
        since = now - MEMORY if self._until is None else self._until - SKEW
        for record in reversed(self._store.plans(since=since, limit=_ALL)):
            mark = record.updated_at, record.state
            if self._read.get(record.id) != mark:
                self._read.pop(record.id, None)  # the newest are at its end
                self._read[record.id] = mark
                self._take(record, now)
        self._until = now
        self._forget(now)

    def read_anew(self, record: PlanRecord, now: datetime) -> None:
        """Read what another process has done of a plan since: that is in its journal alone."""
        self._take(record, now)

    def note(self, plan: Plan, step: int, at: datetime) -> None:
        """Count an effect that was announced, or is over now, since it may have waited meanwhile.

        Trying it again is the same repair, only later.
        """
        row = plan.steps[step]
        self._count(Intent(plan.id, row.entity, row.kind, row.action, at))

    def intents(self, flying: set[Flight], now: datetime) -> tuple[Intent, ...]:
        """Return what counts against a budget still; what is in `flying` may be happening."""
        kept = self._intents = {
            key: intent
            for key, intent in self._intents.items()
            if key in flying or now - intent.at <= span_of(intent)
        }
        return tuple(
            Intent(*key[:2], intent.kind, intent.action, intent.at, key in flying)
            for key, intent in kept.items()
        )

    def past(self, entities: Iterable[str]) -> tuple[Past, ...]:
        """Return the repairs of these entities, whatever came of them."""
        return tuple(
            row
            for uid in dict.fromkeys(entities)
            for rows in self._past.get(uid, {}).values()
            for row in rows
        )

    def undone(self, plan: Plan) -> tuple[datetime, ...]:
        """Return when what begins as this plan does ended undone, since it last had an effect."""
        return self._undone.of(plan)

    def lifted(self, entities: Iterable[str]) -> dict[str, datetime]:
        """Return since when these may be treated again as they were in vain."""
        return {uid: self._lifted[uid] for uid in entities if uid in self._lifted}

    def tried_in_vain(self, now: datetime) -> frozenset[tuple[str, str]]:
        """Return the (entity, action) whose newest try within a day did not help.

        Those are left out that may be tried again, since what was in the way has changed.
        """
        found = set()
        for uid in self._doubts:
            rows = self.past([uid])
            for action in {row.action for row in rows}:
                mine = [row for row in rows if row.action == action]
                if in_vain(mine, self._lifted.get(uid), now):
                    found.add((uid, action))
        return frozenset(found)

    def observe(self, facts: Facts, now: datetime) -> None:
        """See whether what was in the way of something tried in vain has changed since."""
        dark = bool(self._doubts) and bool(blind(facts))
        for uid, doubt in list(self._doubts.items()):
            self._doubts[uid], why = lifting(doubt, facts, uid, blind=dark)
            if why:
                self._lift(uid, why, now)

    def remembered(self) -> Remembered:
        """Return everything, of all plans."""
        return Remembered(
            tuple(self._intents.values()),
            self.past(self._past),
            self._undone.every(),
        )

    def _lift(self, uid: str, why: str, now: datetime) -> None:
        self._store.put([Document(Drawer.LIFTED, uid, now, json.dumps({"why": why}))])
        old = [each for each, at in self._lifted.items() if now - at > MEMORY]
        for each in old:
            del self._lifted[each]
        if old:
            self._store.drop(Drawer.LIFTED, old)
        self._lifted[uid] = now
        self._doubts[uid] = Doubt(now)
        _log.info("may be tried again", entity=uid, why=why)

    def _take(self, record: PlanRecord, now: datetime) -> None:
        document = readable(record)
        if document is None or not document.runs:
            return
        plan, past = document.plan, list[Past]()
        runs = list(runs_of(document, self._store.journal(record.id)))
        for run, entries in runs:
            came = run.outcome or _unknown(plan, run, entries)
            if came is not None:
                past += past_of(plan, run, entries, came)
            for intent in _intents(plan, entries):
                if now - intent.at <= span_of(intent):
                    self._count(intent)
        self._undone.take(plan, runs)
        self._put(plan.id, past)

    def _put(self, plan: str, rows: Sequence[Past]) -> None:
        before = self._of_plan.get(plan, frozenset())
        for uid in before:
            del self._past[uid][plan]
        for row in rows:
            self._past.setdefault(row.entity, {}).setdefault(plan, []).append(row)
        after = self._of_plan[plan] = frozenset(row.entity for row in rows)
        for uid in before | after:
            self._doubt(uid)

    def _doubt(self, uid: str) -> None:
        """Note what has to change before an entity may be treated again as it was in vain."""
        newest: dict[str, Past] = {}
        for row in self.past([uid]):
            if row.action not in newest or row.at >= newest[row.action].at:
                newest[row.action] = row
        vain = [row for row in newest.values() if row.outcome is not Outcome.HELPED]
        if not vain:
            self._doubts.pop(uid, None)
            return
        at = max(row.at for row in vain)
        if uid not in self._doubts or self._doubts[uid].at < at:
            self._doubts[uid] = Doubt(at, frozenset().union(*(row.blocked for row in vain)))

    def _count(self, intent: Intent) -> None:
        key = intent.plan, intent.entity, intent.action
        if key not in self._intents or self._intents[key].at < intent.at:
            self._intents[key] = intent

    def _forget(self, now: datetime) -> None:
        """Let go of plans that have not changed for longer than anything is remembered."""
        while self._read:
            plan, (at, _) = next(iter(self._read.items()))
            if now - at <= MEMORY + SKEW:
                return
            del self._read[plan]
            self._put(plan, ())
            del self._of_plan[plan]
            self._undone.forget(plan)


def tried_in_vain(store: GraphStore, now: datetime) -> frozenset[tuple[str, str]]:
    """Return what `Ledger.tried_in_vain` does, for who looks only once."""
    ledger = Ledger(store)
    ledger.follow(now)
    return ledger.tried_in_vain(now)


def past_of(
    plan: Plan, run: Run, entries: Sequence[JournalEntry], outcome: Outcome
) -> Iterator[Past]:
    """Yield what a run has done to whom, and what came of it."""
    found = tracks(plan, entries)
    broken_off = any(track.state in _BROKEN_OFF for track in found)
    unseen = frozenset(run.unseen)
    speaks = _speaks_against(plan, run, found)
    for step, track in zip(plan.steps, found, strict=True):
        # What worked, in a plan that broke off elsewhere, has not shown that it does not help.
        unproven = broken_off and outcome is Outcome.NO_EFFECT and track.state is StepState.DONE
        if track.tried and not unproven and step.risk is not Risk.NONE:  # a look is no repair
            at = run.ended_at or run.begun_at
            blocked = unseen & frozenset(plan.stands_on.get(step.entity, ()))
            cause = plan.cause.entity
            came = outcome if speaks(step) else Outcome.HELPED
            yield Past(plan.id, step.entity, step.action, at, came, blocked, cause)


def _speaks_against(plan: Plan, run: Run, found: Sequence[Track]) -> Callable[[PlanStep], bool]:
    """Return whether what is left, or was broken, speaks against a step.

    It does not where it is out of the step's reach: of forty guests that were resumed, one that
    stays as it was says nothing of the others. What is out of all reach speaks against all.
    """
    against = set(run.against)
    rows = zip(plan.steps, found, strict=True)
    acted = [step for step, track in rows if track.tried and step.risk is not Risk.NONE]
    near = {
        (step.entity, step.action)
        for step in acted
        if not against.isdisjoint(reach_of(plan, step))
    }
    return lambda step: not near or (step.entity, step.action) in near


def _intents(plan: Plan, entries: Sequence[JournalEntry]) -> Iterator[Intent]:
    newest: dict[int, JournalEntry] = {}
    for entry in entries:
        done = entry.state in _ENDED and not entry.detail.startswith((NOT_DONE, ALREADY))
        if entry.state is StepState.RUNNING or (done and entry.step in newest):
            newest[entry.step] = entry
    for number, entry in newest.items():
        if number < len(plan.steps):
            step = plan.steps[number]
            yield Intent(plan.id, step.entity, step.kind, step.action, entry.at)


def _unknown(plan: Plan, run: Run, entries: Sequence[JournalEntry]) -> Outcome | None:
    """Return what counts for a run that was done to its end, and of which nobody saw what it did.

    What was ill is ill still, or its memory would be lifted: it is no reason to do it once more.
    """
    done = run.state is PlanState.NEEDS_HUMAN and not run.by.startswith(SHADOW)
    over = done and all(each.state is StepState.DONE for each in tracks(plan, entries))
    return Outcome.NO_EFFECT if over else None
