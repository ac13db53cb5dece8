"""What is known of an incident once it is over, for those who write its post-mortem. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kgraph.incidents.case import Case, View
from kgraph.incidents.handling import Did
from kgraph.incidents.report import Detail
from kgraph.incidents.timeline import Moment, timeline
from kgraph.schema import (
    IncidentRecord,
    IncidentStatus,
    JournalEntry,
    PlanDocument,
    PlanRecord,
    Ruling,
    Run,
)

_ENDS = frozenset({Did.CLOSED, Did.MERGED})  # by hand, whatever is still abnormal


@dataclass(frozen=True, slots=True)
class Tried:
    """A plan of the incident, with what was done."""

    record: PlanRecord
    document: PlanDocument
    journal: Sequence[JournalEntry]


@dataclass(frozen=True, slots=True)
class PostMortem:
    """An incident from its first symptom to its end.

    Attributes:
        case: explained again, as of its last change.
        begun_at: its first symptom; None: nobody knows.
        over_at: None: it is not over.
        moments: symptoms, changes, what people and kgraph did; oldest first.
        rulings: what people said of causes.
        tried: its plans, oldest first.
    """

    case: Case
    opened_at: datetime
    begun_at: datetime | None
    over_at: datetime | None
    moments: tuple[Moment, ...]
    rulings: tuple[Ruling, ...]
    tried: tuple[Tried, ...]


def post_mortem(
    record: IncidentRecord, case: Case, rulings: Sequence[Ruling], tried: Sequence[Tried]
) -> PostMortem:
    """Put together what is known of an incident.

    Args:
        record: as it is kept.
        case: the same, explained again.
        rulings: on this incident.
        tried: plans for it, oldest first.
    """
    view = View.of(case, Detail.FULL)
    begun = view.onset
    over = None if record.status is IncidentStatus.OPEN else record.updated_at
    start = begun or record.opened_at
    told = [
        (record.opened_at, f"{record.id} is opened"),
        *((row.at, _said(view, row)) for row in rulings),
        *(row for each in tried for row in _of_plan(each)),
    ]
    if over is not None and not any(row.did in _ENDS and row.at <= over for row in case.handled):
        told.append((over, "nothing of it is abnormal any longer"))
    moments = [
        *timeline(view),
        *(
            Moment(_second(at), _second(at) - _second(start), what, changed=True)
            for at, what in told
        ),
    ]
    return PostMortem(
        case,
        record.opened_at,
        begun,
        over,
        tuple(sorted(moments, key=lambda row: row.at)),  # of one second: symptoms first
        tuple(rulings),
        tuple(tried),
    )


def lasted(found: PostMortem) -> timedelta | None:
    """Return how long it lasted; None where it is not over."""
    if found.over_at is None:
        return None
    return found.over_at - (found.begun_at or found.opened_at)


def _of_plan(tried: Tried) -> Iterator[tuple[datetime, str]]:
    plan, id_ = tried.document.plan, tried.record.id
    yield tried.record.created_at, f"{id_} is proposed: {plan.title}"
    for run in tried.document.runs:
        yield run.begun_at, f"{id_} is begun by {run.by}"
        if run.ended_at is not None:
            yield run.ended_at, f"{id_} {came(run)}"
    for row in tried.journal:
        step = plan.steps[row.step] if row.step < len(plan.steps) else None
        what = f"{step.action} {step.name or step.entity}" if step else f"step {row.step + 1}"
        detail = f": {row.detail}" if row.detail else ""
        yield row.at, f"{id_} step {row.step + 1}, {what}, is {row.state.value}{detail}"


def came(run: Run) -> str:
    """Say what came of a run."""
    ended = run.state.value.replace("_", " ") if run.state else "ended"
    return f"{ended}: {run.outcome.value.replace('_', ' ')}" if run.outcome else ended


def _said(view: View, row: Ruling) -> str:
    verb = "confirms" if row.right else "refutes"
    why = f": {row.reason}" if row.reason else ""
    return f"{row.by or 'somebody'} {verb} {view.estate.title(row.entity)} {row.mode}{why}"


def _second(at: datetime) -> datetime:
    return at.replace(microsecond=0)
