"""Kept plans as they are read back: who is being treated, and what remedies have come to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache

from kgraph.schema import (
    Actor,
    InputError,
    JournalEntry,
    PlanDocument,
    PlanRecord,
    PlanState,
    Risk,
    Run,
)
from kgraph.schema.plan_documents import parse_plan
from kgraph.store import PlanStore

SHADOW = "shadow"  # how a run says by whom it began: nothing of it was done
_KEPT = 1_000  # documents that are kept parsed
_ALL = 1_000_000


def readable(record: PlanRecord) -> PlanDocument | None:
    """Return a kept plan, or None where nobody can read it any longer."""
    try:
        return _parsed(record.document)
    except InputError:
        return None


def runs_of(
    document: PlanDocument, journal: Sequence[JournalEntry]
) -> Iterator[tuple[Run, Sequence[JournalEntry]]]:
    """Yield each run with the entries that it has written, oldest first."""
    ends = [run.journal_from for run in document.runs[1:]] + [len(journal)]
    for run, end in zip(document.runs, ends, strict=True):
        yield run, journal[run.journal_from : end]


def in_repair(store: PlanStore) -> frozenset[str]:
    """Return what the plans under way treat."""
    under_way = {PlanState.RUNNING, PlanState.VERIFYING}
    documents = (readable(record) for record in store.plans(states=under_way, limit=_ALL))
    return frozenset(
        step.entity
        for document in documents
        if document is not None
        for step in document.plan.steps
        if step.risk is not Risk.NONE
    )


def shadowed(document: PlanDocument) -> Iterator[tuple[str, str, str]]:
    """Yield (action, kind, entity) of what a shadow run would have done."""
    for step in document.plan.steps:
        if step.actor is Actor.KGRAPH and step.risk is not Risk.NONE:
            yield step.action, step.kind, step.entity


def ended_at(run: Run) -> datetime:
    """Return when a run was over, or when it began where that is not known."""
    return run.ended_at or run.begun_at


@lru_cache(maxsize=_KEPT)
def _parsed(text: str) -> PlanDocument:
    """Read a plan; a document never changes, and each is read back again and again."""
    return parse_plan(text, where="a kept plan")
