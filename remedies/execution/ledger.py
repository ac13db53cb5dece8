"""What was done lately, over all plans: for budgets, attempt memory and flapping."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache

from kgraph.schema import (
    Actor,
    InputError,
    JournalEntry,
    Outcome,
    Plan,
    PlanDocument,
    PlanRecord,
    PlanState,
    Risk,
    Run,
    StepState,
)
from kgraph.schema.plan_documents import parse_plan
from kgraph.store import GraphStore
from remedies.execution.track import tracks
from remedies.guards.attempts import MEMORY
from remedies.record import Case
from remedies.world import Intent, Past

_MOST = 500  # plans that are read back
HOUR = timedelta(hours=1)
_BROKEN_OFF = frozenset({StepState.FAILED, StepState.INDETERMINATE, StepState.COMPENSATED})


@dataclass
class Ledger:
    """Intents of the last hour and repairs of the last day."""

    intents: list[Intent] = field(default_factory=list)
    past: list[Past] = field(default_factory=list)
    undone: list[tuple[str, datetime]] = field(default_factory=list)

    @classmethod
    def load(cls, store: GraphStore, now: datetime) -> Ledger:
        """Read it back from the journal; plans that cannot be read any longer are passed over."""
        ledger = cls()
        for record in store.plans(limit=_MOST):
            if now - record.updated_at > MEMORY:
                continue
            document = readable(record)
            if document is not None and document.runs:
                ledger._read(document, store.journal(record.id), now)
        return ledger

    def note(self, plan: Plan, step: int, at: datetime) -> None:
        """Count an effect that was announced; trying it again is the same repair, only later."""
        row = plan.steps[step]
        made = Intent(plan.id, row.entity, row.kind, row.action, at)
        self.intents = [
            intent for intent in self.intents if at - intent.at <= HOUR and not _same(intent, made)
        ]
        self.intents.append(made)

    def remember(self, plan: Plan, run: Run, entries: Sequence[JournalEntry]) -> None:
        """Keep what came of a run that is over."""
        if run.outcome is not None:
            self.past += _past(plan, run, entries, run.outcome)
        if run.ended_at is not None and not run.by.startswith(SHADOW) and _idle(plan, entries):
            self.undone.append((plan.id, run.ended_at))

    def undone_since(self, since: datetime) -> tuple[tuple[str, datetime], ...]:
        """Return the runs that ended without any effect from then on."""
        return tuple(row for row in self.undone if row[1] >= since)

    def counted(self, flying: set[tuple[str, str]]) -> tuple[Intent, ...]:
        """Return the intents; those of (plan, entity) in `flying` are in flight."""
        return tuple(
            replace(intent, in_flight=True) if (intent.plan, intent.entity) in flying else intent
            for intent in self.intents
        )

    def _read(
        self, document: PlanDocument, journal: Sequence[JournalEntry], now: datetime
    ) -> None:
        ends = [run.journal_from for run in document.runs[1:]] + [len(journal)]
        for run, end in zip(document.runs, ends, strict=True):
            entries = journal[run.journal_from : end]
            self.remember(document.plan, run, entries)
            self.intents += [
                intent for intent in _intents(document.plan, entries) if now - intent.at <= HOUR
            ]


def tried_in_vain(store: GraphStore, now: datetime) -> frozenset[tuple[str, str]]:
    """Return the (entity, action) whose newest try within a day did not help."""
    newest: dict[tuple[str, str], Past] = {}
    for row in Ledger.load(store, now).past:
        key = (row.entity, row.action)
        if key not in newest or row.at >= newest[key].at:
            newest[key] = row
    return frozenset(key for key, row in newest.items() if row.outcome is not Outcome.HELPED)


def in_repair(store: GraphStore) -> frozenset[str]:
    """Return what the plans under way treat."""
    under_way = {PlanState.RUNNING, PlanState.VERIFYING}
    documents = (readable(record) for record in store.plans(states=under_way))
    return frozenset(
        step.entity
        for document in documents
        if document is not None
        for step in document.plan.steps
        if step.risk is not Risk.NONE
    )


SHADOW = "shadow"  # how a run says by whom it began: nothing of it was done


def cases(store: GraphStore, since: datetime) -> tuple[Case, ...]:
    """Return what every action has come to since then, shadow runs included."""
    found: list[Case] = []
    for record in store.plans(limit=_MOST):
        document = readable(record) if record.updated_at >= since else None
        if document is not None and document.runs:
            found += _cases(document, store.journal(record.id))
    return tuple(row for row in found if row.at >= since)


def _cases(document: PlanDocument, journal: Sequence[JournalEntry]) -> Iterator[Case]:
    kinds = {step.entity: step.kind for step in document.plan.steps}
    ends = [run.journal_from for run in document.runs[1:]] + [len(journal)]
    for run, end in zip(document.runs, ends, strict=True):
        if run.outcome is None:
            continue
        at = run.ended_at or run.begun_at
        if run.by.startswith(SHADOW):
            for step in document.plan.steps:
                if step.actor is Actor.KGRAPH and step.risk is not Risk.NONE:
                    yield Case(step.action, step.kind, step.entity, at, run.outcome, shadow=True)
            continue
        for row in _past(document.plan, run, journal[run.journal_from : end], run.outcome):
            yield Case(row.action, kinds[row.entity], row.entity, at, row.outcome)


def readable(record: PlanRecord) -> PlanDocument | None:
    """Return a kept plan, or None where nobody can read it any longer."""
    try:
        return _parsed(record.document)
    except InputError:
        return None


@lru_cache(maxsize=2 * _MOST)
def _parsed(text: str) -> PlanDocument:
    """Read a plan; a document never changes, and each is read back again and again."""
    return parse_plan(text, where="a kept plan")


def _intents(plan: Plan, entries: Sequence[JournalEntry]) -> Iterator[Intent]:
    newest = {entry.step: entry for entry in entries if entry.state is StepState.RUNNING}
    for number, entry in newest.items():
        if number < len(plan.steps):
            step = plan.steps[number]
            yield Intent(plan.id, step.entity, step.kind, step.action, entry.at)


def _idle(plan: Plan, entries: Sequence[JournalEntry]) -> bool:
    """Tell whether a run had no effect at all, though it was to have one."""
    acting = [
        track
        for step, track in zip(plan.steps, tracks(plan, entries), strict=True)
        if step.actor is Actor.KGRAPH and step.risk is not Risk.NONE
    ]
    return bool(acting) and not any(track.tried for track in acting)


def _same(one: Intent, other: Intent) -> bool:
    """Tell whether two intents are tries of one repair."""
    mine = (one.plan, one.entity, one.action)
    return mine == (other.plan, other.entity, other.action)


def _past(
    plan: Plan, run: Run, entries: Sequence[JournalEntry], outcome: Outcome
) -> Iterator[Past]:
    found = tracks(plan, entries)
    broken_off = any(track.state in _BROKEN_OFF for track in found)
    for step, track in zip(plan.steps, found, strict=True):
        # What worked, in a plan that broke off elsewhere, has not shown that it does not help.
        unproven = broken_off and outcome is Outcome.NO_EFFECT and track.state is StepState.DONE
        if track.tried and not unproven:
            at = run.ended_at or run.begun_at
            yield Past(plan.id, step.entity, step.action, at, outcome)
