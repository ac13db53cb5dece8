"""Keeping incidents: which one an investigation belongs to, and which are over."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import structlog

from kgraph.app.answers import document
from kgraph.app.investigation import Investigation, Toolkit, of_bundle
from kgraph.app.plans import propose
from kgraph.incidents import Case, Known, Verdict, headline, match, next_id, over
from kgraph.schema import IncidentRecord, IncidentStatus
from kgraph.schema.bundles import dump_bundle, parse_bundle
from kgraph.store import GraphStore
from remedies import renamed

_log = structlog.get_logger(__name__)
_ALL = 1_000_000  # incidents are few; an id must never be given twice


@dataclass(frozen=True, slots=True)
class Kept:
    """An investigation under the id of the incident that it belongs to."""

    investigation: Investigation
    verdict: Verdict
    resolved: tuple[str, ...]


def name(store: GraphStore, found: Investigation) -> Kept:
    """Decide which incident an investigation belongs to; nothing is written."""
    records = store.incidents(limit=_ALL)
    opened = [known(record) for record in records if record.status is IncidentStatus.OPEN]
    symptoms = frozenset(
        (row.entity, row.signal) for row in found.case.incident.observations if row.abnormal
    )
    fresh = Known(next_id(record.id for record in records), _blamed(found.case), symptoms)
    verdict, incident_id = match(fresh, opened) if symptoms else (Verdict.NEW, fresh.id)
    resolved = tuple(row.id for row in opened if row.id != incident_id and over(row, symptoms))
    case = replace(
        found.case,
        id=incident_id,
        incident=replace(found.case.incident, id=incident_id),
        answer=replace(found.case.answer, id=incident_id),
        plan=renamed(found.case.plan, incident_id) if found.case.plan else None,
    )
    return Kept(replace(found, case=case), verdict, resolved)


def save(store: GraphStore, kept: Kept) -> None:
    """Write the incident with its plan, if anything is wrong, and close those that are over."""
    case = kept.investigation.case
    for incident_id in kept.resolved:
        old = store.incident(incident_id)
        if old is not None:
            store.save_incident(replace(old, status=IncidentStatus.RESOLVED, updated_at=case.now))
            propose(store, incident_id, None, case.now)
    if not any(row.abnormal for row in case.incident.observations):
        return
    before = store.incident(case.id)
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


def worth(kept: Kept) -> bool:
    """Tell whether there is anything to write."""
    rows = kept.investigation.case.incident.observations
    return bool(kept.resolved) or any(row.abnormal for row in rows)


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


def _blamed(case: Case) -> frozenset[str]:
    if case.answer.abstained:
        return frozenset()
    best = next((h.members for h in case.answer.hypotheses if h.members), ())
    return frozenset(fault.entity for fault in best)
