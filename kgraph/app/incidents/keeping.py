"""Keeping incidents: what was explained is written to its incident, and what is over is ended."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from time import monotonic

from pydantic_core import to_json

from kgraph.app.asking import answers
from kgraph.app.asking.investigation import Investigation, Toolkit, of_bundle
from kgraph.app.incidents import handled
from kgraph.app.incidents.placing import (
    REOPENS,
    Kept,
    Sorted,
    knowing,
    known,
    named,
    place,
    told,
    worth,
)
from kgraph.app.incidents.plans import propose
from kgraph.incidents import Known, Origin, Symptom, headline, next_id
from kgraph.incidents.handling import GROUPING, Did, Handling
from kgraph.incidents.steering import Decided
from kgraph.logs import logger
from kgraph.schema import IncidentHead, IncidentRecord, IncidentStatus
from kgraph.schema.bundles import bundle_of, dump_bundle
from kgraph.store import AHEAD, GraphStore

_log = logger(__name__)
_CLOSES_FOR = 2.0  # seconds
_OPEN = 10_000  # incidents that are open, or were resolved lately
_NEWEST = 100  # incidents of one moment may share it, so one is not enough to find the highest id
_OTHERWISE = "the incident is explained in another way now, for which there is no plan"


class Memory:
    """What is known of the incidents of a store; each version of a document is read once."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[datetime, Known]] = {}

    def of(self, store: GraphStore, heads: Iterable[IncidentHead]) -> list[Known]:
        """Return what is known of some incidents, in their order."""
        found = []
        for head in heads:
            at, row = self._known.get(head.id, (None, None))
            if row is None or at != head.updated_at:
                record = store.incident(head.id)
                if record is None:
                    continue
                row = known(record)
                self._known[head.id] = (head.updated_at, row)
            found.append(row)
        return found

    def note(self, kept: Kept) -> None:
        """Take note of what was just written, which need not be read for that."""
        case = kept.investigation.case
        self._known[case.id] = (case.now, knowing(kept.investigation, case.id))

    def keep_only(self, ids: Collection[str]) -> None:
        """Forget all others."""
        self._known = {id_: row for id_, row in self._known.items() if id_ in ids}


def sort(
    store: GraphStore,
    found: Sequence[Investigation],
    *,
    now: datetime | None = None,
    memory: Memory | None = None,
    held: Collection[str] = (),
    abnormal: frozenset[Symptom] = frozenset(),
) -> Sorted:
    """Decide which incident each investigation belongs to; nothing is written.

    Args:
        store: where incidents are kept.
        found: what was explained now.
        now: the moment; where something was explained, the moment of that.
        memory: what is known of them already.
        held: open incidents that go on as they were explained before.
        abnormal: what else is seen to be wrong now.
    """
    now = now or found[0].case.now
    memory = memory or Memory()
    decisions = handled.decisions(store)
    over_with = {row.incident: row.title for row in decisions if row.decided is not Decided.APART}
    heads = store.heads(IncidentStatus.OPEN, limit=_OPEN)
    lately = [
        row
        for row in store.heads(IncidentStatus.RESOLVED, limit=_OPEN)
        if now - row.updated_at <= REOPENS
    ]
    memory.keep_only({row.id for row in (*heads, *lately)})
    opened = memory.of(
        store, (row for row in heads if row.id not in held and row.id not in over_with)
    )
    closed = [row for row in decisions if row.decided is Decided.OVER]
    done = place(found, opened, memory.of(store, lately), newest_ids(store), abnormal, closed)
    ended = {row.id: over_with[row.id] for row in heads if row.id in over_with}
    return replace(done, kept=_with_traces(store, done.kept), ended=ended)


def newest_ids(store: GraphStore) -> list[str]:
    """Return the ids of the newest incidents, the highest of all among them."""
    ids = [row.id for row in store.heads(limit=_NEWEST)]
    # What was split off is as old as what it was a part of, and may have the highest of all.
    while store.incident(following := next_id(ids)) is not None:
        ids.append(following)
    return ids


def _with_traces(store: GraphStore, kept: Sequence[Kept]) -> tuple[Kept, ...]:
    """Give each incident what people did to it."""
    traces = handled.traces(store, [each.investigation.case.id for each in kept])
    return tuple(
        replace(each, investigation=told(each.investigation, rows))
        if (rows := traces.get(each.investigation.case.id))
        else each
        for each in kept
    )


def save(
    store: GraphStore,
    done: Sorted,
    frozen: Collection[str] = (),
    now: datetime | None = None,
) -> None:
    """Write the incidents, if anything is wrong, and end those that are over.

    Args:
        store: where to.
        done: what was sorted.
        frozen: incidents whose explanation stands, since a repair is under way: what that has
            already mended must not be explained anew.
        now: the moment; where something was explained, the moment of that.
    """
    now = now or done.kept[0].investigation.case.now
    for incident_id in done.resolved:
        end(store, incident_id, IncidentStatus.RESOLVED, now)
    for incident_id, into in done.merged:
        handled.note_merge(store, incident_id, into, now, GROUPING)
        end(store, incident_id, IncidentStatus.CLOSED, now, f"merged into {into}: ")
    for incident_id, title in done.ended.items():
        end(store, incident_id, IncidentStatus.CLOSED, now, title=title)
    for each in done.kept:
        if worth(each):
            _save(store, each, frozen)
    for incident_id, before in done.split:
        handled.note(store, Handling(before, Did.SPLIT, now, GROUPING, other=incident_id))
        handled.note(store, Handling(incident_id, Did.SPLIT_FROM, now, GROUPING, other=before))


def close_quiet(
    store: GraphStore, now: datetime, stopwatch: Callable[[], float] = monotonic
) -> list[str]:
    """Close what was resolved and did not come back, the oldest first.

    After some seconds the rest is left for the next time: others wait for the incidents.

    Args:
        store: where they are kept.
        now: the moment.
        stopwatch: seconds, ever growing.

    Returns:
        The ids of what is closed.
    """
    closed, ends = list[str](), stopwatch() + _CLOSES_FOR
    # Heads alone: most of what was resolved has been quiet for some minutes only.
    for head in reversed(store.heads(IncidentStatus.RESOLVED, limit=_OPEN)):
        ahead = head.updated_at > now + AHEAD  # as a clock said that was: quiet from now on
        if not ahead and now - head.updated_at <= REOPENS:
            continue
        row = store.incident(head.id)
        if row is None or row.status is not IncidentStatus.RESOLVED:
            continue  # it went on, or went, meanwhile
        if ahead:
            store.save_incident(replace(row, updated_at=now))
        else:
            # Not with a new date: it was over when it was resolved, and reports go by that.
            store.save_incident(replace(row, status=IncidentStatus.CLOSED))
            closed.append(row.id)
        if stopwatch() >= ends:
            break
    return closed


def again(record: IncidentRecord, toolkit: Toolkit) -> Investigation:
    """Explain a kept incident once more, from its own bundle."""
    return as_kept(of_bundle(bundle_of(record), None, toolkit))


def as_kept(found: Investigation) -> Investigation:
    """Say of an answer to a kept incident's own bundle that its plans are in the store."""
    return replace(found, case=replace(found.case, origin=Origin.KEPT))


def as_stored(found: Investigation, store: GraphStore) -> Investigation:
    """Return an answer about the estate that names no incident and no plan which the store lacks.

    Whoever reads it types what it names.
    """
    case, plan = found.case, found.case.plan
    there = plan is None or store.plan(plan.id) is not None
    if store.incident(case.id) is None:
        case = named(found, "").case
    elif there:
        return found
    kept = plan if there else case.plan  # such as one for another incident, which was refused
    return replace(found, case=replace(case, plan=kept, origin=Origin.ASIDE))


def _save(store: GraphStore, kept: Kept, frozen: Collection[str]) -> None:
    """Write an incident as it is explained now, but for one that is being repaired."""
    case = kept.investigation.case
    before = store.incident(case.id)
    if before is not None and case.id in frozen:
        store.save_incident(replace(before, status=IncidentStatus.OPEN, updated_at=case.now))
        return
    _log.info("incident kept", incident=case.id, verdict=kept.verdict.value)
    write(store, kept.investigation, before.opened_at if before else case.now)


def write(store: GraphStore, found: Investigation, opened_at: datetime) -> None:
    """Write an investigation as an open incident, and propose its plan."""
    case = found.case
    entities = {entity.uid: entity for entity in case.incident.entities}
    store.save_incident(
        IncidentRecord(
            id=case.id,
            status=IncidentStatus.OPEN,
            opened_at=opened_at,
            updated_at=case.now,
            title=headline(case.incident.observations, entities),
            # Thousands of rows, in a third of the time that `json` takes.
            bundle=to_json(dump_bundle(case.incident)).decode(),
            answer=to_json(answers.kept(found)).decode(),
        )
    )
    propose(store, case.id, case.plan, case.now, over=_OTHERWISE)


def end(
    store: GraphStore,
    incident_id: str,
    status: IncidentStatus,
    now: datetime,
    why: str = "",
    title: str = "",
) -> None:
    """End an incident; nothing is proposed for it any longer. What was over was over then.

    Args:
        store: where it is kept.
        incident_id: which.
        status: resolved, or closed.
        now: the moment.
        why: what is put in front of its title.
        title: what it is called instead; empty: as before.
    """
    old = store.incident(incident_id)
    if old is not None:
        called = f"{why}{title or old.title}"
        at = old.updated_at if old.status is IncidentStatus.RESOLVED else now
        store.save_incident(replace(old, status=status, updated_at=at, title=called))
        propose(store, incident_id, None, now)
