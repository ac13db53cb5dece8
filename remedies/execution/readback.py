"""Kept plans as they are read back: who is being treated, and what remedies have come to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from kgraph.schema import (
    InputError,
    JournalEntry,
    PlanDocument,
    PlanRecord,
    PlanState,
    Risk,
    Run,
    StepState,
)
from kgraph.schema.plan_documents import parse_plan
from kgraph.store import PlanStore
from remedies.execution.track import tracks
from remedies.proof.does import Does

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


def taken_out(store: PlanStore, since: datetime, does: Mapping[str, Does]) -> frozenset[str]:
    """Return what repairs have taken out of service since then, and none has brought back.

    Monitoring may see it well still: it runs, and nobody is sent to it.

    Args:
        store: where plans are kept.
        since: from when on.
        does: what each action does.
    """
    kept = [(record, readable(record)) for record in store.plans(since=since, limit=_ALL)]
    found = [(record, document) for record, document in kept if document and document.runs]
    steps = (step for _, document in found for step in document.plan.steps)
    if not any(does.get(step.action) is Does.STOPS for step in steps):
        return frozenset()
    done = sorted(row for record, document in found for row in _done(store, record, document))
    out: set[str] = set()
    for _, entity, action in done:
        if does.get(action) is Does.STOPS:
            out.add(entity)
        elif does.get(action) in {Does.STARTS, Does.INTERRUPTS, Does.STARTS_ELSEWHERE}:
            out.discard(entity)
    return frozenset(out)


def _done(
    store: PlanStore, record: PlanRecord, document: PlanDocument
) -> Iterator[tuple[datetime, str, str]]:
    """Yield (when, entity, action) of what the runs of a plan have done, and not taken back."""
    for _, entries in runs_of(document, store.journal(record.id)):
        tracked = zip(document.plan.steps, tracks(document.plan, entries), strict=True)
        for step, track in tracked:
            if track.state is StepState.DONE and track.since is not None:
                yield track.since, step.entity, step.action


def shadowed(document: PlanDocument) -> Iterator[tuple[str, str, str]]:
    """Yield (action, kind, entity) of what a shadow run would have done."""
    for step in document.plan.steps:
        if step.ours:
            yield step.action, step.kind, step.entity


def ended_at(run: Run) -> datetime:
    """Return when a run was over, or when it began where that is not known."""
    return run.ended_at or run.begun_at


@lru_cache(maxsize=_KEPT)
def _parsed(text: str) -> PlanDocument:
    """Read a plan; a document never changes, and each is read back again and again."""
    return parse_plan(text, where="a kept plan")
