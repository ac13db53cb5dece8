"""What every action has come to on this estate, read back for the policy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from kgraph.schema import JournalEntry, PlanDocument
from kgraph.store import PlanStore
from remedies.execution.ledger import past_of
from remedies.execution.readback import SHADOW, ended_at, readable, runs_of, shadowed
from remedies.record import Case

_MOST = 5_000  # plans that are read back, the newest


def cases(store: PlanStore, since: datetime) -> tuple[Case, ...]:
    """Return what every action has come to since then, shadow runs included."""
    found: list[Case] = []
    for record in store.plans(since=since, limit=_MOST):
        document = readable(record)
        if document is not None and document.runs:
            found += _cases(document, store.journal(record.id))
    return tuple(row for row in found if row.at >= since)


def _cases(document: PlanDocument, journal: Sequence[JournalEntry]) -> Iterator[Case]:
    kinds = {step.entity: step.kind for step in document.plan.steps}
    for run, entries in runs_of(document, journal):
        if run.outcome is None:
            continue
        if run.by.startswith(SHADOW):
            for action, kind, entity in shadowed(document):
                at, plan = ended_at(run), document.plan.id
                yield Case(action, kind, entity, at, run.outcome, shadow=True, plan=plan)
            continue
        for row in past_of(document.plan, run, entries, run.outcome):
            kind = kinds[row.entity]
            yield Case(row.action, kind, row.entity, row.at, row.outcome, plan=row.plan)
