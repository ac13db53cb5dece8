"""Keeping incidents: which one an investigation belongs to, and which are over."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from kgraph.app.answers import document
from kgraph.app.investigation import Investigation, Toolkit, of_bundle
from kgraph.app.plans import propose
from kgraph.incidents import Case, Known, Symptom, Verdict, headline, match, next_id, over
from kgraph.schema import IncidentHead, IncidentRecord, IncidentStatus
from kgraph.schema.bundles import dump_bundle, parse_bundle
from kgraph.store import GraphStore
from remedies import renamed

_log = structlog.get_logger(__name__)
_OPEN = 10_000  # incidents that are open, or were resolved lately
_NEWEST = 100  # incidents of one moment may share it, so one is not enough to find the highest id
REOPENS = timedelta(minutes=10)  # symptoms that come back within it are the same incident


@dataclass(frozen=True, slots=True)
class Kept:
    """An investigation under the id of the incident that it belongs to."""

    investigation: Investigation
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Sorted:
    """All that is wrong at one moment, sorted into incidents.

    Attributes:
        kept: one for each incident; a single one without symptoms where nothing is wrong.
        resolved: open incidents of which nothing is abnormal any longer.
        merged: an open incident -> the one whose explanation now covers all its symptoms.
        split: a new incident -> the open one that had some of its symptoms until now.
    """

    kept: tuple[Kept, ...]
    resolved: tuple[str, ...] = ()
    merged: tuple[tuple[str, str], ...] = ()
    split: tuple[tuple[str, str], ...] = ()


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
    heads = store.heads(IncidentStatus.OPEN, limit=_OPEN)
    lately = [
        row
        for row in store.heads(IncidentStatus.RESOLVED, limit=_OPEN)
        if now - row.updated_at <= REOPENS
    ]
    memory.keep_only({row.id for row in (*heads, *lately)})
    taken = [row.id for row in store.heads(limit=_NEWEST)]
    opened = memory.of(store, (row for row in heads if row.id not in held))
    return place(found, opened, memory.of(store, lately), taken, abnormal)


def place(
    found: Sequence[Investigation],
    opened: Sequence[Known],
    lately: Sequence[Known],
    taken: Iterable[str],
    abnormal: frozenset[Symptom] = frozenset(),
) -> Sorted:
    """Decide which incident each investigation belongs to.

    Args:
        found: all that is wrong at one moment.
        opened: the incidents that are open, as they were last explained.
        lately: those that were resolved so lately that they may go on.
        taken: ids in use, the highest among them.
        abnormal: what is wrong beside that, and is not explained now.
    """
    names = list(taken)
    kept: list[Kept] = []
    free = [*opened, *lately]
    for each in found:
        fresh = knowing(each, next_id(names))
        verdict, incident_id = match(fresh, free) if fresh.symptoms else (Verdict.NEW, fresh.id)
        free = [row for row in free if row.id != incident_id]
        names.append(incident_id)
        kept.append(Kept(_named(each, incident_id), verdict))
    abnormal = abnormal.union(*(_symptoms(each.case) for each in found))
    still = {row.id for row in opened}
    left = [row for row in free if row.id in still]
    merged = tuple(
        (row.id, into.investigation.case.id)
        for row in left
        for into in kept
        if row.symptoms & abnormal
        and row.symptoms & abnormal <= _symptoms(into.investigation.case)
    )
    resolved = tuple(row.id for row in left if over(row, abnormal))
    return Sorted(tuple(kept), resolved, merged, tuple(_split(kept, opened)))


def _split(kept: Iterable[Kept], opened: Sequence[Known]) -> Iterator[tuple[str, str]]:
    """Yield (new incident, the open one that had most of its symptoms)."""
    for each in kept:
        if each.verdict is Verdict.NEW and opened:
            symptoms = _symptoms(each.investigation.case)
            before = max(opened, key=lambda row: len(symptoms & row.symptoms))
            if symptoms & before.symptoms:
                yield each.investigation.case.id, before.id


def knowing(found: Investigation, incident_id: str) -> Known:
    """Return what is to be known of an incident once it is explained so."""
    return Known(incident_id, _blamed(found.case), _symptoms(found.case))


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
        _end(store, incident_id, IncidentStatus.RESOLVED, now)
    for incident_id, into in done.merged:
        _end(store, incident_id, IncidentStatus.CLOSED, now, f"merged into {into}: ")
    for each in done.kept:
        if worth(each):
            _save(store, each, frozen)


def close_quiet(store: GraphStore, now: datetime) -> list[str]:
    """Close what was resolved and did not come back; return the ids."""
    closed = []
    for row in store.incidents(IncidentStatus.RESOLVED):
        if now - row.updated_at > REOPENS:
            store.save_incident(replace(row, status=IncidentStatus.CLOSED, updated_at=now))
            closed.append(row.id)
    return closed


def worth(kept: Kept) -> bool:
    """Tell whether there is an incident at all."""
    return bool(_symptoms(kept.investigation.case))


def again(record: IncidentRecord, toolkit: Toolkit) -> Investigation:
    """Explain a kept incident once more, from its own bundle."""
    incident = parse_bundle(json.loads(record.bundle), where=f"incident {record.id}")
    return of_bundle(incident, None, toolkit)


def known(record: IncidentRecord) -> Known:
    """Read back what an incident was last explained by."""
    answer, bundle = json.loads(record.answer), json.loads(record.bundle)
    best = next((row["members"] for row in answer.get("hypotheses", ()) if row["members"]), ())
    symptoms = frozenset(
        (row["entity"], row["signal"])
        for row in bundle.get("observations", ())
        if row["state"] == "abnormal"
    )
    blamed = frozenset(str(member["entity"]) for member in best) if not answer["abstained"] else ()
    return Known(record.id, frozenset(blamed), symptoms)


def _save(store: GraphStore, kept: Kept, frozen: Collection[str]) -> None:
    case = kept.investigation.case
    before = store.incident(case.id)
    if before is not None and case.id in frozen:
        store.save_incident(replace(before, status=IncidentStatus.OPEN, updated_at=case.now))
        return
    _log.info("incident kept", incident=case.id, verdict=kept.verdict.value)
    entities = {entity.uid: entity for entity in case.incident.entities}
    store.save_incident(
        IncidentRecord(
            id=case.id,
            status=IncidentStatus.OPEN,
            opened_at=before.opened_at if before else case.now,
            updated_at=case.now,
            title=headline(case.incident.observations, entities),
            bundle=json.dumps(dump_bundle(case.incident)),
            answer=json.dumps(document(kept.investigation)),
        )
    )
    propose(store, case.id, case.plan, case.now)


def _end(
    store: GraphStore, incident_id: str, status: IncidentStatus, now: datetime, why: str = ""
) -> None:
    old = store.incident(incident_id)
    if old is not None:
        store.save_incident(replace(old, status=status, updated_at=now, title=f"{why}{old.title}"))
        propose(store, incident_id, None, now)


def _named(found: Investigation, incident_id: str) -> Investigation:
    case = found.case
    return replace(
        found,
        case=replace(
            case,
            id=incident_id,
            incident=replace(case.incident, id=incident_id),
            answer=replace(case.answer, id=incident_id),
            plan=renamed(case.plan, incident_id) if case.plan else None,
        ),
    )


def _symptoms(case: Case) -> frozenset[Symptom]:
    return frozenset((r.entity, r.signal) for r in case.incident.observations if r.abnormal)


def _blamed(case: Case) -> frozenset[str]:
    if case.answer.abstained:
        return frozenset()
    best = next((h.members for h in case.answer.hypotheses if h.members), ())
    return frozenset(fault.entity for fault in best)
