"""What a person may do to an incident: take it on, close it, merge it, split it.

All of it is kept in the incident's trace; what is about its symptoms steers the grouping from then
on, so that the next explanation does not undo it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from operator import attrgetter

from kgraph.app.asking.investigation import Investigation, Toolkit, of_bundle
from kgraph.app.asking.seeing_all import seeing_all
from kgraph.app.incidents import keeping, placing
from kgraph.app.incidents.handled import note, note_merge, trace
from kgraph.app.incidents.plans import REPAIRS, set_aside
from kgraph.app.stored import turns
from kgraph.app.stored.lookup import entity_among
from kgraph.incidents import next_id, part, symptoms_of
from kgraph.incidents.handling import Did, Handling, acknowledgement
from kgraph.incidents.identity import Symptom, as_kept
from kgraph.incidents.steering import Decided, Decision
from kgraph.schema import Drawer, Incident, IncidentRecord, IncidentStatus, InputError
from kgraph.schema.bundles import bundle_of
from kgraph.store import GraphStore


def find(
    store: GraphStore, incident: str, mend: str = "`kgraph incidents list` shows them"
) -> IncidentRecord:
    """Return a kept incident.

    Args:
        store: where it is kept.
        incident: its id, with or without `INC-` and zeros.
        mend: where whoever asked sees which there are.

    Raises:
        InputError: there is none of this id.
    """
    record = store.incident(incident) or store.incident(as_kept(incident))
    if record is None:
        raise InputError(f"no incident {incident!r}", mend=mend)
    return record


def acknowledge(
    store: GraphStore, record: IncidentRecord, by: str, text: str, now: datetime
) -> Handling:
    """Say that somebody has taken an incident on: nobody is told of it again and again.

    Raises:
        InputError: it is over.
    """
    _still_open(record)
    return note(store, Handling(record.id, Did.ACKNOWLEDGED, now, by, text))


def withdraw(
    store: GraphStore, record: IncidentRecord, by: str, text: str, now: datetime
) -> Handling:
    """Take the acknowledgement back, whoever gave it.

    Raises:
        InputError: nobody has it.
    """
    if acknowledgement(trace(store, record.id)) is None:
        raise InputError(f"nobody has acknowledged {record.id}")
    return note(store, Handling(record.id, Did.WITHDRAWN, now, by, text))


def close(
    store: GraphStore, record: IncidentRecord, by: str, reason: str, now: datetime
) -> Handling:
    """Close an incident: its symptoms raise no other as long as they are there; new ones do.

    Raises:
        InputError: it is closed already, a repair of it is under way, or no reason is given.
    """
    if not reason.strip():
        raise InputError("why is it closed?", mend="give a reason: people read it later")
    with turns.waited_for(store, now):
        record = find(store, record.id)
        _not_closed(record)
        _not_in_repair(store, record)
        symptoms = placing.known(record).symptoms
        _nothing_begins(store, [record], now)
        store.put([Decision(Decided.OVER, record.id, now, symptoms, record.title).document])
        keeping.end(store, record.id, IncidentStatus.CLOSED, now)
        return note(store, Handling(record.id, Did.CLOSED, now, by, reason))


def remark(
    store: GraphStore, record: IncidentRecord, by: str, text: str, now: datetime
) -> Handling:
    """Add something that was said of an incident to its trace; nothing else comes of it."""
    return note(store, Handling(record.id, Did.NOTED, now, by, text))


def merge(
    store: GraphStore,
    record: IncidentRecord,
    into: IncidentRecord,
    by: str,
    text: str,
    tools: Toolkit,
) -> Handling:
    """Make an incident a part of another one, which is explained anew with all of both.

    Args:
        store: where they are kept.
        record: which ends by it.
        into: which goes on.
        by: who wants it.
        text: why.
        tools: of the engine, at this moment.

    Raises:
        InputError: they are one, one of them is closed, or a repair of one is under way.
    """
    now = tools.now
    if record.id == into.id:
        raise InputError(f"{record.id} cannot be merged into itself")
    with turns.waited_for(store, now):
        record, into = find(store, record.id), find(store, into.id)
        for each in (record, into):
            _not_closed(each)
            _not_in_repair(store, each)
        first, second = bundle_of(into), bundle_of(record)
        found = placing.named(_explained(store, joined(first, second), tools), into.id)
        title = f"merged into {into.id}: {record.title}"
        symptoms = symptoms_of((*first.observations, *second.observations))
        _nothing_begins(store, [record, into], now)
        # A split of the very same is taken back by it.
        apart = [f"{Decided.APART.value} {each.id}" for each in (record, into)]
        store.drop(Drawer.STEERING, apart)
        row = note_merge(store, record.id, into.id, now, by, text)
        store.put([Decision(Decided.TOGETHER, record.id, now, symptoms, title).document])
        keeping.end(store, record.id, IncidentStatus.CLOSED, now, title=title)
        # What was said no to in either is not proposed.
        keeping.write(store, found, into.opened_at)
        return row


def split(
    store: GraphStore,
    record: IncidentRecord,
    entities: Sequence[str],
    by: str,
    text: str,
    tools: Toolkit,
) -> Handling:
    """Make an incident of its own of what is wrong with some entities; both are explained anew.

    Args:
        store: where it is kept.
        record: which keeps the rest.
        entities: by uid, name or `Kind/name`; what will be wrong with them belongs there, too.
        by: who wants it.
        text: why.
        tools: of the engine, at this moment.

    Returns:
        The trace of the old incident; `other` is the new one.

    Raises:
        InputError: it is not open, or in repair; nothing is wrong with one of the entities, or
            nothing would be left.
    """
    now = tools.now
    with turns.waited_for(store, now):
        record = find(store, record.id)
        _still_open(record)
        _not_in_repair(store, record)
        incident = bundle_of(record)
        taken = _of(incident, record.id, entities)
        left = symptoms_of(incident.observations) - taken
        if not left:
            raise InputError(
                f"nothing of {record.id} would be left",
                mend="name only those of its entities that are another matter",
            )
        parts = [
            _explained(store, part(incident, frozenset(each)), tools) for each in (left, taken)
        ]
        titles = {each.uid: each.title for each in incident.entities}
        names = tuple(sorted({titles.get(entity, entity) for entity, _ in taken}))
        _nothing_begins(store, [record], now)
        fresh = next_id(keeping.newest_ids(store))
        store.put([Decision(Decided.APART, fresh, now, taken).document])
        for id_, found in zip((record.id, fresh), parts, strict=True):
            keeping.write(store, placing.named(found, id_), record.opened_at)
        row = note(store, Handling(record.id, Did.SPLIT, now, by, text, fresh, names))
        note(store, Handling(fresh, Did.SPLIT_FROM, now, by, text, record.id, names))
        return row


def joined(first: Incident, second: Incident) -> Incident:
    """Return one incident of all that two hold; of one thing, the first's word counts."""
    entities = {each.uid: each for each in (*second.entities, *first.entities)}
    # What either calls abnormal is so: the other may have left it out, or seen it earlier.
    told = sorted((*second.observations, *first.observations), key=attrgetter("abnormal"))
    rows = {(row.entity, row.signal, row.detector, row.caller, row.direction): row for row in told}
    return replace(
        first,
        entities=tuple(entities.values()),
        relations=tuple(dict.fromkeys((*first.relations, *second.relations))),
        observations=tuple(rows.values()),
        changes=tuple(dict.fromkeys((*first.changes, *second.changes))),
        strays=tuple(dict.fromkeys((*first.strays, *second.strays))),
        warnings=tuple(dict.fromkeys((*first.warnings, *second.warnings))),
    )


def _explained(store: GraphStore, incident: Incident, tools: Toolkit) -> Investigation:
    return keeping.as_kept(of_bundle(incident, None, seeing_all(tools, store, lambda: tools.now)))


def _of(incident: Incident, incident_id: str, entities: Iterable[str]) -> frozenset[Symptom]:
    """Return the symptoms of some entities, by name; each of them must have one."""
    symptoms = symptoms_of(incident.observations)
    taken: set[Symptom] = set()
    for text in entities:
        found = entity_among(incident.entities, text, incident_id)
        theirs = {row for row in symptoms if row[0] == found.uid}
        if not theirs:
            raise InputError(
                f"nothing is wrong with {text!r} in {incident_id}",
                mend=f"`kgraph incidents show {incident_id} --verbose` names what is",
            )
        taken |= theirs
    return frozenset(taken)


def _still_open(record: IncidentRecord) -> None:
    if record.status is not IncidentStatus.OPEN:
        raise InputError(f"{record.id} is {record.status.value}", mend="only open ones can be")


def _not_closed(record: IncidentRecord) -> None:
    if record.status is IncidentStatus.CLOSED:
        raise InputError(f"{record.id} is closed already")


def _not_in_repair(store: GraphStore, record: IncidentRecord) -> None:
    """Leave an incident alone whose repair is under way: it must see what it has begun with."""
    found = store.plans(incident=record.id, states=REPAIRS, limit=1)
    if found:
        raise InputError(
            f"{record.id} is being repaired by {found[0].id}",
            mend="wait for its end; `kgraph halt` lets nothing new begin",
        )


def _nothing_begins(store: GraphStore, records: Sequence[IncidentRecord], now: datetime) -> None:
    """Keep repairs from beginning in the middle of it; what fits is proposed anew at its end."""
    for record in records:
        set_aside(store, record.id, now, "a person is sorting the incident anew")
    for record in records:  # before that it may have begun, or been approved
        _not_in_repair(store, record)
