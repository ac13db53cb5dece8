"""Periodic reports: what the store knows of the incidents of a span of time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from kgraph.app.incidents.plans import document_of
from kgraph.app.service.tally import Group, counted
from kgraph.app.views.blindspots import blind_spots
from kgraph.incidents import Case
from kgraph.incidents.aging import overdue
from kgraph.incidents.case import blamed_as_kept
from kgraph.incidents.period import Blind, Came, Effort, Episode, Period
from kgraph.incidents.postmortem import PostMortem, Tried, post_mortem
from kgraph.schema import (
    Drawer,
    IncidentHead,
    IncidentRecord,
    IncidentStatus,
    InputError,
    Outcome,
    Ruling,
    Run,
)
from kgraph.schema.timestamps import parse_time
from kgraph.store import GraphStore
from rca import Model
from remedies.execution.readback import SHADOW

_PAGE = 200
_PLANS = 100_000
_BLIND = 15  # failure modes that are told
_HIT = 0.5  # from this probability on a service counts as hit
_CAME = {
    Outcome.HELPED: Came.HEALED,
    Outcome.NO_EFFECT: Came.NO_EFFECT,
    Outcome.MADE_WORSE: Came.WORSE,
    None: Came.OPEN,
}


def period(
    store: GraphStore, model: Model, since: datetime, until: datetime, now: datetime
) -> Period:
    """Sum up the incidents that were opened from `since` on, before `until`.

    Args:
        store: incidents, plans, rulings and counts.
        model: says what could fail, for the blind spots.
        since: the span's beginning.
        until: its end.
        now: as of when blind spots and sources are told.
    """
    rulings = store.rulings()
    rejected = store.documents(Drawer.REJECTED, limit=_PLANS)
    return Period(
        since=since,
        until=until,
        episodes=tuple(_episode(record, rulings) for record in _opened(store, since, until)),
        efforts=tuple(_efforts(store, since, until)),
        refused=counted(store, Group.REFUSED, since, until),
        rejected=sum(since <= row.at < until for row in rejected),
        unmapped=counted(store, Group.UNMAPPED, since, until),
        blind=tuple(_blind(store, model, now)),
        stale=tuple(
            f"{row.source} {row.scope}".strip()
            for row in store.scopes()
            if row.tells and overdue(row.completed_at, row.interval, now)
        ),
    )


def mortem(store: GraphStore, record: IncidentRecord, case: Case) -> PostMortem:
    """Return what is known of an incident.

    Args:
        store: plans, their journals, and what people said.
        record: as it is kept.
        case: the same, explained again.
    """
    rulings = [row for row in store.rulings() if row.incident == record.id]
    tried: list[Tried] = []
    for plan in reversed(store.plans(incident=record.id, limit=_PLANS)):
        try:
            tried.append(Tried(plan, document_of(plan), store.journal(plan.id)))
        except InputError:
            continue  # of an earlier version; its journal is in the audit log
    return post_mortem(record, case, rulings, tried)


def _opened(store: GraphStore, since: datetime, until: datetime) -> Iterator[IncidentRecord]:
    """Yield the incidents of a span, oldest first."""
    found: list[IncidentHead] = []
    last: IncidentHead | None = None
    while page := store.heads(limit=_PAGE, after=last):
        found += [row for row in page if since <= row.opened_at < until]
        last = page[-1]
        if last.opened_at < since:
            break
    for head in reversed(found):
        record = store.incident(head.id)
        if record is not None:
            yield record


def _episode(record: IncidentRecord, rulings: Sequence[Ruling]) -> Episode:
    answer, bundle = json.loads(record.answer), json.loads(record.bundle)
    uid, cause, entity = _blamed(answer)
    said = [row.right for row in rulings if row.incident == record.id and row.entity == uid]
    begun = [
        at
        for row in bundle.get("observations", ())
        if row["state"] == "abnormal" and (at := parse_time(row.get("at") or ""))
    ]
    names = {row["uid"]: row for row in answer.get("entities", ())}
    hit = [row for row in answer["blastRadius"]["now"] if row["probability"] >= _HIT]
    return Episode(
        id=record.id,
        title=record.title,
        opened_at=record.opened_at,
        begun_at=min(begun, default=None),
        over_at=None if record.status is IncidentStatus.OPEN else record.updated_at,
        cause=cause,
        entity=entity,
        said=said[-1] if said else None,
        services=sum(names.get(row["entity"], {}).get("kind") == "Service" for row in hit),
    )


def _blamed(answer: dict[str, Any]) -> tuple[str, str, str]:
    """Return uid, what failed how, and name of what is blamed first; empty where nothing is."""
    blamed = blamed_as_kept(answer)
    if answer["abstained"] or not blamed:
        return "", "", ""
    first = blamed[0]
    for row in answer.get("entities", ()):
        if row["uid"] == first.entity:
            return row["uid"], f"{row['kind']} {first.mode}", str(row["name"])
    return first.entity, f"Thing {first.mode}", first.entity


def _efforts(store: GraphStore, since: datetime, until: datetime) -> Iterator[Effort]:
    for record in store.plans(since=since, limit=_PLANS):
        try:
            document = document_of(record)
        except InputError:
            continue  # of an earlier version; its journal is in the audit log
        for run in document.runs:
            if since <= run.begun_at < until:
                title = document.plan.title
                yield _effort(record.id, record.incident, title, run)


def _effort(plan: str, incident: str, title: str, run: Run) -> Effort:
    came = _CAME[run.outcome]
    shadow = run.by.startswith(SHADOW)
    by = run.by.partition(": ")[2] if shadow else run.by
    return Effort(plan, incident, title, run.begun_at, by, came, shadow)


def _blind(store: GraphStore, model: Model, now: datetime) -> Iterator[Blind]:
    for gap in blind_spots(store, model, now)[:_BLIND]:
        yield Blind(gap.kind, gap.mode, gap.unseen, gap.entities, gap.unseen_per_year, gap.signals)
